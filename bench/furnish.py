"""What the database holds that is measured: clients, an API, and tokens. Made by the server's own use cases."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import frozen

from adapters.jose.key_pair import REMEMBERED
from container import Container, load
from core.authorization.authorize import Waiting
from core.authorization.request import Parameters
from core.authorization.sessions import Browser
from core.clients.application import Application
from core.clients.register import NewSecret
from core.protocol.pkce import challenge_of
from core.protocol.secret import Secret
from core.tokens.model import Permission
from core.users.password import Password

ADDRESS = "127.0.0.1"
USERNAME, PASSWORD = "testuser", "testpass"

SERVICE, WEB, API, APP = "service", "web", "api", "app"
RESOURCE = "https://api.example.com/v1"
SCOPES = ("reports:read", "reports:write")

REDIRECT_URI = "https://app.example.com/callback"
VERIFIER = "v" * 43  # RFC 7636 §4.1

# What an application asks for, again and again (RFC 6749 §4.1.1).
ASKED = {
    "response_type": "code",
    "client_id": APP,
    "redirect_uri": REDIRECT_URI,
    "scope": "openid profile email",
    "state": "s" * 22,
    "nonce": "n" * 22,
    "code_challenge": challenge_of(Secret(VERIFIER)) or "",
    "code_challenge_method": "S256",
}

UNSEEN = REMEMBERED + 1000  # so many that each is forgotten before its turn comes again


@frozen
class Furniture:
    """Headers by which a client authenticates (RFC 6749 §2.3.1), and tokens."""

    service: Mapping[str, str]  # of a client that gets tokens for itself and for users
    api: Mapping[str, str]  # of one that introspects what others bring
    introspected: str  # an access token for that API, of a user
    unseen: tuple[str, ...]  # access tokens of the user
    refresh: tuple[str, ...]  # of as many families
    trial: str  # the refresh token of one more
    app: Mapping[str, str]  # of a client that signs people in
    cookies: tuple[Mapping[str, str], ...]  # headers of browsers on which the user is signed in


@asynccontextmanager
async def opened(environment: Mapping[str, str], folder: Path) -> AsyncIterator[Container]:
    """The server's own parts, on its database and with its settings."""
    container = Container(settings=load(environment, dotenv=folder / "none"))
    await container.store().open()
    try:
        yield container
    finally:
        await container.store().close()
        container.hasher().close()


async def furnish(container: Container, *, families: int, sessions: int) -> Furniture:
    await container.create_resource()(RESOURCE, SCOPES)
    made = container.create_client()
    grants = ("client_credentials", "password", "refresh_token")
    service = await made(client_id=SERVICE, grant_types=grants, scopes=SCOPES)
    await made(client_id=WEB, grant_types=("password", "refresh_token"), scopes=SCOPES, resources=(RESOURCE,))
    api = await made(client_id=API, serves=(RESOURCE,))

    for_api = permission(container, WEB, RESOURCE)
    issue, start = container.issue_access_token(), container.start_family()
    introspected = (await issue(for_api, grant_id=(await start(for_api)).family)).access_token
    first_party = Permission(None, USERNAME, (), (container.settings().audience,), container.clock().now())
    unseen = [(await issue(first_party)).access_token.reveal() for _ in range(UNSEEN)]
    trial, *refresh = [(await start(permission(container, SERVICE))).text.reveal() for _ in range(families + 1)]
    app = await made(client_id=APP, application=Application(redirect_uris=(REDIRECT_URI,)))
    cookies = [{"Cookie": f"watchword={cookie.reveal()}"} for cookie in await signed_in(container, sessions)]
    return Furniture(
        basic(service),
        basic(api),
        introspected.reveal(),
        tuple(unseen),
        tuple(refresh),
        trial,
        basic(app),
        tuple(cookies),
    )


async def signed_in(container: Container, sessions: int) -> list[Secret]:
    """Cookies of as many browsers. On the first the user allows the client what it is going to ask for."""
    proof = await container.authenticate_user()(USERNAME, Password.typed(PASSWORD), address=ADDRESS)
    start, authorize = container.start_session(), container.authorize()
    browsers = [Browser((await start(proof, Browser(None, ADDRESS)))[0], ADDRESS) for _ in range(sessions)]
    asked = await authorize.begin(Parameters(ASKED), browsers[0])
    assert isinstance(asked, Waiting)
    await authorize.allow(asked.id, browsers[0])
    return [browser.cookie for browser in browsers if browser.cookie is not None]


def permission(container: Container, client_id: str, audience: str | None = None) -> Permission:
    """What the user grants a client."""
    meant_for = audience or container.settings().audience
    return Permission(client_id, USERNAME, SCOPES, (meant_for,), container.clock().now())


def basic(client: NewSecret) -> dict[str, str]:
    assert client.secret is not None
    pair = f"{client.client.client_id}:{client.secret.reveal()}"  # neither has anything to encode
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
