"""The core on memory adapters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import Factory, field, frozen

from adapters.jose.assertions import JoseAssertions
from adapters.jose.making import SealedKeyMaker
from adapters.jose.sealing import Sealer, fresh_key
from adapters.jose.shared_secret import SharedSecretDeriver, SharedSecretTokens
from adapters.memory.clients import MemoryClients, MemoryResources, MemorySpentAssertions
from adapters.memory.epoch import Epoch
from adapters.memory.expired import MemoryExpiredRows
from adapters.memory.keys import MemorySealedSecrets, MemorySigningKeys
from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from adapters.system import SystemEntropy
from core.clients.authenticate import (
    AssertionPolicy,
    AuthenticateClient,
    AuthenticatedClient,
    ClientCredential,
    SecretCredential,
)
from core.clients.model import AuthMethod
from core.clients.register import (
    CreateClient,
    CreateResource,
    DeleteClient,
    DeleteResource,
    EndClientsTokens,
    FindClient,
    ListClients,
    ListResources,
    NewSecret,
    Registry,
    RotateSecret,
    UpdateClient,
    UpdateResource,
)
from core.grants.client_credentials import ClientCredentialsGrant
from core.grants.contract import (
    ClientCredentialsRequest,
    Grant,
    PasswordRequest,
    Presented,
    RefreshRequest,
    TokenRequest,
    TokenResponse,
)
from core.grants.narrowing import Narrow
from core.grants.password import PasswordGrant
from core.grants.refresh import RefreshGrant
from core.grants.token_endpoint import TokenEndpoint
from core.housekeeping import Prune
from core.keys.model import KeyPolicy
from core.keys.rotate import ListKeys, MaintainKeys, ResealKeys, RetireKey, RotateKeys
from core.protocol.secret import Secret
from core.tokens.explain import ExplainToken
from core.tokens.introspect import Introspect, LookAtRefreshToken
from core.tokens.issue import IssueAccessToken
from core.tokens.model import ACCESS_TOKEN_TYP, AccessTokenPolicy, Permission, RefreshPolicy
from core.tokens.refresh import RefreshTokens, RotateFamily, StartFamily
from core.tokens.revoke import EndAllTokens, RevokeToken
from core.tokens.verify import CurrentUser, VerifyToken
from core.users.accounts import (
    ChangeEmail,
    ChangePassword,
    CreateUser,
    DeleteUser,
    EndUsersTokens,
    FindUser,
    ListUsers,
    UpdateUser,
)
from core.users.authenticate import AuthenticateUser
from core.users.model import User
from core.users.password import Password
from core.users.ports import PasswordHasher
from core.users.throttle import Throttle
from tests.support import PASSWORD, SetClock
from tests.unit.noting import NotingAudit, NotingHasher

ISSUER = "https://auth.example.com"
AUDIENCE = "https://api.example.com"
POLICY = AccessTokenPolicy(issuer=ISSUER, audience=AUDIENCE, lifetime=timedelta(minutes=30))
KEY_POLICY = KeyPolicy(
    algorithms=("ES256",), ahead=timedelta(minutes=5), period=timedelta(days=90), token_lifetime=timedelta(minutes=30)
)
ASSERTIONS = AssertionPolicy(frozenset({ISSUER, f"{ISSUER}/api/v1/auth/token"}))
SHARED = Secret("k" * 32)

ADDRESS = "192.0.2.1"


@frozen(kw_only=True)
class House:
    """What is kept and what outlives a call are fields; use cases are made when they are asked for."""

    hasher: NotingHasher
    clock: SetClock = field(factory=SetClock)
    entropy: SystemEntropy = field(factory=SystemEntropy)
    audit: NotingAudit = field(factory=NotingAudit)
    policy: AccessTokenPolicy = POLICY
    refresh_policy: RefreshPolicy = field(factory=RefreshPolicy)
    key_policy: KeyPolicy = KEY_POLICY
    refresh_without_client: bool = False
    names: set[str] = field(factory=set)
    epoch: Epoch = field(factory=Epoch)
    users: MemoryUsers = Factory(lambda house: MemoryUsers(house.names, house.epoch), takes_self=True)
    resources: MemoryResources = field(factory=MemoryResources)
    clients: MemoryClients = Factory(
        lambda house: MemoryClients(house.resources, house.names, AUDIENCE, house.epoch), takes_self=True
    )
    spent: MemorySpentAssertions = Factory(lambda house: MemorySpentAssertions(house.clock), takes_self=True)
    families: MemoryRefreshFamilies = Factory(
        lambda house: MemoryRefreshFamilies(house.epoch, house.users), takes_self=True
    )
    ledger: MemoryAccessTokens = Factory(
        lambda house: MemoryAccessTokens(house.users, house.clients, house.families, house.epoch),
        takes_self=True,
    )
    tallies: MemoryTallies = field(factory=MemoryTallies)
    signing_keys: MemorySigningKeys = field(factory=MemorySigningKeys)
    sealed_secrets: MemorySealedSecrets = field(factory=MemorySealedSecrets)
    sealer: Sealer = field(factory=lambda: Sealer(fresh_key()))
    assertions: JoseAssertions = field(factory=JoseAssertions)
    tokens: SharedSecretTokens = field(factory=lambda: SharedSecretTokens(SHARED, "HS256"))
    deriver: SharedSecretDeriver = field(factory=lambda: SharedSecretDeriver(SHARED))

    @classmethod
    def over(cls, hasher: PasswordHasher, **others: Any) -> House:
        return cls(hasher=NotingHasher(hasher), **others)

    # core/users

    @property
    def throttle(self) -> Throttle:
        return Throttle(self.tallies, self.clock)

    @property
    def authenticate(self) -> AuthenticateUser:
        return AuthenticateUser(self.users, self.hasher, self.throttle, self.clock)

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
        return ChangePassword(self.users, self.hasher, self.throttle, self.clock)

    @property
    def end_users_tokens(self) -> EndUsersTokens:
        return EndUsersTokens(self.users, self.clock, self.audit)

    @property
    def delete_user(self) -> DeleteUser:
        return DeleteUser(self.users)

    # core/clients

    @property
    def registry(self) -> Registry:
        return Registry(self.resources, self.assertions)

    @property
    def create_client(self) -> CreateClient:
        return CreateClient(self.clients, self.registry, self.clock, self.entropy, self.audit)

    @property
    def find_client(self) -> FindClient:
        return FindClient(self.clients)

    @property
    def list_clients(self) -> ListClients:
        return ListClients(self.clients)

    @property
    def update_client(self) -> UpdateClient:
        return UpdateClient(self.clients, self.registry, self.clock, self.audit)

    @property
    def rotate_secret(self) -> RotateSecret:
        return RotateSecret(self.clients, self.clock, self.entropy, self.audit)

    @property
    def end_clients_tokens(self) -> EndClientsTokens:
        return EndClientsTokens(self.clients, self.clock, self.audit)

    @property
    def delete_client(self) -> DeleteClient:
        return DeleteClient(self.clients, self.audit)

    @property
    def create_resource(self) -> CreateResource:
        return CreateResource(self.resources, self.clock)

    @property
    def list_resources(self) -> ListResources:
        return ListResources(self.resources)

    @property
    def update_resource(self) -> UpdateResource:
        return UpdateResource(self.resources)

    @property
    def delete_resource(self) -> DeleteResource:
        return DeleteResource(self.resources)

    @property
    def authenticate_client(self) -> AuthenticateClient:
        return AuthenticateClient(self.clients, self.assertions, self.spent, self.throttle, self.clock, ASSERTIONS)

    # core/keys

    @property
    def maintain_keys(self) -> MaintainKeys:
        maker = SealedKeyMaker(self.sealer)
        return MaintainKeys(self.signing_keys, maker, self.clock, self.key_policy, self.audit)

    @property
    def rotate_keys(self) -> RotateKeys:
        return RotateKeys(self.signing_keys, self.maintain_keys, self.clock, self.key_policy, self.audit)

    @property
    def retire_key(self) -> RetireKey:
        return RetireKey(self.signing_keys, self.maintain_keys, self.clock, self.audit)

    @property
    def list_keys(self) -> ListKeys:
        return ListKeys(self.signing_keys, self.clock, self.key_policy)

    def reseal_keys(self, sealer: Sealer) -> ResealKeys:
        return ResealKeys(self.signing_keys, self.sealed_secrets, sealer, self.audit)

    # core/tokens

    @property
    def issue(self) -> IssueAccessToken:
        return IssueAccessToken(self.tokens, self.clock, self.entropy, self.policy)

    @property
    def verify(self) -> VerifyToken:
        return VerifyToken(self.tokens, self.clock, self.policy)

    @property
    def current_user(self) -> CurrentUser:
        return CurrentUser(self.verify, self.ledger)

    @property
    def refresh_tokens(self) -> RefreshTokens:
        return RefreshTokens(self.deriver, self.entropy)

    @property
    def start_family(self) -> StartFamily:
        return StartFamily(self.families, self.refresh_tokens, self.entropy, self.clock, self.refresh_policy)

    @property
    def rotate_family(self) -> RotateFamily:
        return RotateFamily(self.families, self.refresh_tokens, self.clock, self.refresh_policy, self.audit)

    @property
    def look_at_refresh_token(self) -> LookAtRefreshToken:
        return LookAtRefreshToken(
            self.families, self.refresh_tokens, self.ledger, self.users, self.clock, self.refresh_policy
        )

    @property
    def introspect(self) -> Introspect:
        return Introspect(self.verify, self.ledger, self.look_at_refresh_token, self.policy)

    @property
    def revoke(self) -> RevokeToken:
        return RevokeToken(self.families, self.refresh_tokens, self.verify, self.ledger, self.clock, self.audit)

    @property
    def end_all_tokens(self) -> EndAllTokens:
        return EndAllTokens(self.ledger, self.clock, self.audit)

    @property
    def explain(self) -> ExplainToken:
        return ExplainToken(self.verify, self.ledger, self.look_at_refresh_token, self.clients, self.clock)

    # core/grants

    @property
    def narrow(self) -> Narrow:
        return Narrow(self.policy.audience)

    @property
    def password_grant(self) -> PasswordGrant:
        return PasswordGrant(self.authenticate, self.narrow, self.start_family, self.refresh_without_client)

    @property
    def client_credentials_grant(self) -> ClientCredentialsGrant:
        return ClientCredentialsGrant(self.narrow, self.clock)

    @property
    def refresh_grant(self) -> RefreshGrant:
        return RefreshGrant(self.rotate_family, self.narrow, self.clock)

    @property
    def token_endpoint(self) -> TokenEndpoint:
        grants: dict[type[TokenRequest], Grant[Any]] = {
            PasswordRequest: self.password_grant,
            ClientCredentialsRequest: self.client_credentials_grant,
            RefreshRequest: self.refresh_grant,
        }
        without_client = {"password", "refresh_token"} if self.refresh_without_client else {"password"}
        return TokenEndpoint(grants, self.authenticate_client, self.clock, self.issue, frozenset(without_client))

    @property
    def prune(self) -> Prune:
        return Prune(MemoryExpiredRows(self.families, self.ledger, self.tallies, self.clock))

    # Who lives there, and what they do

    async def alice(self, *, roles: tuple[str, ...] = (), is_active: bool = True) -> User:
        return await self.create_user(
            username="alice",
            email="alice@example.com",
            password=Password.typed(PASSWORD),
            roles=roles,
            is_active=is_active,
        )

    async def log_in(self, username: str = "alice", password: str = PASSWORD) -> Secret:
        proof = await self.authenticate(username, Password.typed(password), address=ADDRESS)
        allowed = Permission(None, proof.user.username, (), (self.policy.audience,), proof.at)
        return (await self.issue(allowed, roles=proof.user.roles)).access_token

    async def client(self, client_id: str = "reports", **others: Any) -> NewSecret:
        """A client that may do everything, but for `others`."""
        own = () if others.get("auth_method") is AuthMethod.NONE else ("client_credentials",)
        everything = {"grant_types": ("refresh_token", "password", *own)}
        return await self.create_client(client_id=client_id, **(everything | others))

    async def proof_of(self, client_id: str = "reports") -> AuthenticatedClient:
        """The client as it is stored now."""
        return AuthenticatedClient(await self.find_client(client_id))

    async def ask(self, request: TokenRequest, credential: ClientCredential | None = None) -> TokenResponse:
        return await self.token_endpoint(Presented(request, credential, ADDRESS))

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


def basic(made: NewSecret) -> SecretCredential:
    """What the client presents by `client_secret_basic`."""
    assert made.secret is not None
    return SecretCredential(made.client.client_id, made.secret, AuthMethod.SECRET_BASIC)
