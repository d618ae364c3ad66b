"""Who lives there, and what they do."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from core.authorization.authorize import Waiting
from core.authorization.model import Seen
from core.authorization.proceed import Answer, Step
from core.authorization.request import Parameters
from core.authorization.sessions import Browser
from core.clients.application import Application
from core.clients.authenticate import AuthenticatedClient, ClientCredential, PublicCredential, SecretCredential
from core.clients.model import AuthMethod
from core.clients.register import NewSecret
from core.grants.contract import CodeRequest, Presented, TokenRequest, TokenResponse
from core.protocol.secret import Secret
from core.tokens.model import ACCESS_TOKEN_TYP, Permission
from core.users.model import User
from core.users.password import Password
from core.users.ports import PasswordHasher
from tests.support import PASSWORD
from tests.unit.house.grants import Grants
from tests.unit.house.ground import AUDIENCE, ISSUER
from tests.unit.noting import NotingHasher

ADDRESS = "192.0.2.1"
CALLBACK = "https://app.example.com/cb"

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

APP = PublicCredential("app")
NOBODY = Browser(None, ADDRESS)


@frozen(kw_only=True)
class House(Grants):
    """The core on memory adapters. Use cases are made when they are asked for."""

    @classmethod
    def over(cls, hasher: PasswordHasher, **others: Any) -> House:
        return cls(hasher=NotingHasher(hasher), **others)

    # People

    async def alice(self, **others: Any) -> User:
        return await self.person("alice", **others)

    async def person(self, username: str, **others: Any) -> User:
        own: dict[str, Any] = {"email": f"{username}@example.com", "password": Password.typed(PASSWORD)}
        return await self.create_user(username=username, **(own | others))

    async def log_in(self, username: str = "alice", password: str = PASSWORD) -> Secret:
        proof = await self.authenticate(username, Password.typed(password), address=ADDRESS)
        allowed = Permission(None, proof.user.username, (), (self.policy.audience,), proof.at)
        return (await self.issue(allowed, roles=proof.user.roles)).access_token

    async def signed_in(self, username: str = "alice", browser: Browser = NOBODY) -> Browser:
        """The browser after that."""
        cookie = await self.sign_in(username, Password.typed(PASSWORD), browser)
        return evolve(browser, cookie=cookie)

    async def seen(self, browser: Browser, client_id: str | None = None) -> Seen:
        found = await self.current_session(browser.cookie, client_id=client_id)
        assert found is not None
        return found

    # Clients

    async def client(self, client_id: str = "reports", **others: Any) -> NewSecret:
        """A client that may do everything but sign people in, but for `others`."""
        own = () if others.get("auth_method") is AuthMethod.NONE else ("client_credentials",)
        everything = {"grant_types": ("refresh_token", "password", *own)}
        return await self.create_client(client_id=client_id, **(everything | others))

    async def app(
        self,
        client_id: str = "app",
        *,
        auth_method: AuthMethod = AuthMethod.NONE,
        itself: bool = False,
        grant_types: tuple[str, ...] = (),
        scopes: tuple[str, ...] = (),
        resources: tuple[str, ...] = (),
        first_party: bool = False,
        **members: Any,
    ) -> NewSecret:
        """An application that signs people in; `members` are those of `Application`. With `itself` it is one that
        registered itself.
        """
        application = Application(**{"redirect_uris": (CALLBACK,), **members})
        made = await self.create_client(
            client_id=f"{client_id}-of-somebody" if itself else client_id,
            auth_method=auth_method,
            grant_types=grant_types,
            scopes=scopes,
            resources=resources,
            application=application,
            first_party=first_party,
        )
        if not itself:
            return made
        own = evolve(made.client, client_id=client_id, name=client_id, scopes=scopes, registration=b"r" * 32)
        await self.clients.create(own)
        return NewSecret(await self.find_client(client_id), made.secret)

    async def proof_of(self, client_id: str = "reports") -> AuthenticatedClient:
        """The client as it is stored now."""
        return AuthenticatedClient(await self.find_client(client_id))

    # Signing in to an application

    async def begin(self, browser: Browser = NOBODY, **changes: Any) -> Answer | Waiting:
        return await self.authorize.begin(asking(**changes), browser)

    async def waiting(self, browser: Browser = NOBODY, **changes: Any) -> Waiting:
        """A request for which a person has to do something."""
        outcome = await self.begin(browser, **changes)
        assert isinstance(outcome, Waiting), outcome
        return outcome

    async def answered(self, browser: Browser, **changes: Any) -> Answer:
        """The answer to a request of `app`, when somebody who is signed in has allowed everything."""
        outcome = await self.begin(browser, **changes)
        if isinstance(outcome, Waiting) and outcome.step is Step.CONSENT:
            outcome = await self.authorize.allow(outcome.id, browser)
        assert isinstance(outcome, Answer), outcome
        return outcome

    async def code(self, browser: Browser, **changes: Any) -> Secret:
        return code_in(await self.answered(browser, **changes))

    async def exchange(self, code: Secret, credential: ClientCredential = APP, **changes: Any) -> TokenResponse:
        own: dict[str, Any] = {"redirect_uri": CALLBACK, "code_verifier": Secret(VERIFIER)}
        return await self.ask(CodeRequest(code=code, **(own | changes)), credential)

    async def ask(self, request: TokenRequest, credential: ClientCredential | None = None) -> TokenResponse:
        return await self.token_endpoint(Presented(request, credential, ADDRESS))

    # Tokens of any kind

    async def signed(self, claims: dict[str, object], typ: str = ACCESS_TOKEN_TYP) -> Secret:
        return await self.tokens.sign(claims, typ=typ)

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


def asking(*, resources: tuple[str, ...] = (), repeated: tuple[str, ...] = (), **changes: str | None) -> Parameters:
    """A request of the client `app`, but for what is changed; None leaves a parameter out."""
    own = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "state": "a state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    values = {name: value for name, value in {**own, **changes}.items() if value is not None}
    return Parameters(values, resources, frozenset(repeated))


def said(answer: Answer) -> dict[str, str]:
    """What an application is told."""
    return dict(answer.parameters)


def code_in(answer: Answer) -> Secret:
    assert "code" in said(answer), said(answer)
    return Secret(said(answer)["code"])
