"""What the database holds that is measured: clients, an API, and tokens. Made by the server's own use cases."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import frozen

from adapters.jose.key_pair import REMEMBERED
from container import Container, load
from core.clients.register import NewSecret
from core.tokens.model import Permission

USERNAME, PASSWORD = "testuser", "testpass"

SERVICE, WEB, API = "service", "web", "api"
RESOURCE = "https://api.example.com/v1"
SCOPES = ("reports:read", "reports:write")

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


async def furnish(container: Container, *, families: int) -> Furniture:
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
    return Furniture(basic(service), basic(api), introspected.reveal(), tuple(unseen), tuple(refresh), trial)


def permission(container: Container, client_id: str, audience: str | None = None) -> Permission:
    """What the user grants a client."""
    meant_for = audience or container.settings().audience
    return Permission(client_id, USERNAME, SCOPES, (meant_for,), container.clock().now())


def basic(client: NewSecret) -> dict[str, str]:
    assert client.secret is not None
    pair = f"{client.client.client_id}:{client.secret.reveal()}"  # neither has anything to encode
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
