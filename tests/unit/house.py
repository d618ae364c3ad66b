"""The core on memory adapters, with a hasher that notes its calls and can be overtaken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from attrs import Factory, define, field, frozen

from adapters.jose.shared_secret import SharedSecretTokens
from adapters.memory.users import MemoryUsers
from adapters.system import SystemEntropy
from core.protocol.secret import Secret
from core.tokens.issue import IssueAccessToken
from core.tokens.model import ACCESS_TOKEN_TYP, AccessTokenPolicy
from core.tokens.verify import CurrentUser, VerifyToken
from core.users.accounts import ChangeEmail, ChangePassword, CreateUser, DeleteUser, FindUser, ListUsers, UpdateUser
from core.users.authenticate import AuthenticateUser
from core.users.model import User
from core.users.password import Password
from core.users.ports import PasswordHasher
from tests.support import PASSWORD, SetClock

ISSUER = "https://auth.example.com"
AUDIENCE = "https://api.example.com"
POLICY = AccessTokenPolicy(issuer=ISSUER, audience=AUDIENCE, lifetime=timedelta(minutes=30))


async def nothing() -> None:
    return None


@define
class NotingHasher:
    """The real hasher. It notes what it was asked, and lets a test act right after the next answer."""

    inner: PasswordHasher
    calls: list[str] = Factory(list)
    after_verify: Callable[[], Awaitable[None]] = nothing

    async def hash(self, password: Password) -> str:
        self.calls.append("hash")
        return await self.inner.hash(password)

    async def verify(self, password: Password, hashed: str | None) -> bool:
        self.calls.append("verify")
        answer = await self.inner.verify(password, hashed)
        then, self.after_verify = self.after_verify, nothing
        await then()
        return answer

    def outdated(self, hashed: str) -> bool:
        return self.inner.outdated(hashed)


_: type[PasswordHasher] = NotingHasher


@frozen
class House:
    users: MemoryUsers
    hasher: NotingHasher
    clock: SetClock
    policy: AccessTokenPolicy = POLICY
    entropy: SystemEntropy = field(factory=SystemEntropy)
    tokens: SharedSecretTokens = field(factory=lambda: SharedSecretTokens(Secret("k" * 32), "HS256"))

    @classmethod
    def over(cls, hasher: PasswordHasher) -> House:
        return cls(MemoryUsers(), NotingHasher(hasher), SetClock())

    @property
    def authenticate(self) -> AuthenticateUser:
        return AuthenticateUser(self.users, self.hasher, self.clock)

    @property
    def create_user(self) -> CreateUser:
        return CreateUser(self.users, self.hasher, self.clock, self.entropy)

    @property
    def find_user(self) -> FindUser:
        return FindUser(self.users)

    @property
    def list_users(self) -> ListUsers:
        return ListUsers(self.users)

    @property
    def update_user(self) -> UpdateUser:
        return UpdateUser(self.users, self.hasher, self.clock)

    @property
    def change_email(self) -> ChangeEmail:
        return ChangeEmail(self.users, self.clock)

    @property
    def change_password(self) -> ChangePassword:
        return ChangePassword(self.users, self.hasher, self.clock)

    @property
    def delete_user(self) -> DeleteUser:
        return DeleteUser(self.users)

    @property
    def issue(self) -> IssueAccessToken:
        return IssueAccessToken(self.tokens, self.clock, self.entropy, self.policy)

    @property
    def verify(self) -> VerifyToken:
        return VerifyToken(self.tokens, self.clock, self.policy)

    @property
    def current_user(self) -> CurrentUser:
        return CurrentUser(self.verify, self.users)

    async def alice(self, *, roles: tuple[str, ...] = (), is_active: bool = True) -> User:
        return await self.create_user(
            username="alice",
            email="alice@example.com",
            password=Password.typed(PASSWORD),
            roles=roles,
            is_active=is_active,
        )

    async def log_in(self, username: str = "alice", password: str = PASSWORD) -> Secret:
        proof = await self.authenticate(username, Password.typed(password))
        return (await self.issue(proof)).access_token

    async def signed(self, claims: dict[str, object]) -> Secret:
        return await self.tokens.sign(claims, typ=ACCESS_TOKEN_TYP)

    def claims(self, **others: object) -> dict[str, object]:
        """Claims of an acceptable token, but for `others`."""
        now = int(self.clock.now().timestamp())
        acceptable: dict[str, object] = {
            "iss": ISSUER,
            "sub": "alice",
            "aud": AUDIENCE,
            "exp": now + 60,
            "iat": now,
            "jti": "a",
            "client_id": "watchword",
            "roles": ["reader"],
        }
        return acceptable | others
