"""The official MCP Python SDK: its client meets an MCP server that takes our tokens, and goes on from the 401 alone.

Discovery, registration, `resource`, PKCE, refresh: all of it is the SDK's own, with its defaults. The person alone is
ours, who goes where the client says and fills in the forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import jwt
import pytest
from attrs import define, field, frozen
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp_types import TextContent
from pydantic import AnyUrl

from entrypoints.http import server
from tests.http.signing_in import Browser
from tests.http.support import Watched
from tests.interop.support import signed_in_at
from tests.support import TLS, serving

SCOPE = "notes:read"
CALLBACK = "http://127.0.0.1:3030/callback"  # nobody listens: the person's browser is asked where it ended


# An MCP server


@frozen
class OurTokens:
    """A `TokenVerifier` of the SDK, by our published keys."""

    issuer: str
    resource: str
    keys: jwt.PyJWKClient

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            claims = await asyncio.to_thread(self._claims, token)
        except jwt.PyJWTError:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims.get("scope", "").split(),
            expires_at=claims["exp"],
            resource=claims["aud"],
            subject=claims["sub"],
        )

    def _claims(self, token: str) -> dict[str, Any]:
        if jwt.get_unverified_header(token).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        key = self.keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["ES256"], audience=self.resource, issuer=self.issuer)


@pytest.fixture(scope="module")
def notes(people: Watched) -> Iterator[str]:
    """The URL of an MCP server with one tool, registered as a resource."""
    listener = server.listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    people.run(people.container.create_resource()(url, (SCOPE,)))
    keys = jwt.PyJWKClient(f"{people.url}/.well-known/jwks.json")
    # URLs as texts: those that were made to objects before have lost what the issuer is compared by, byte for byte.
    texts = {"issuer_url": people.url, "resource_server_url": url, "required_scopes": [SCOPE]}
    auth = AuthSettings.model_validate({**texts, "validate_token_resource": True})
    protected = MCPServer("Notes", token_verifier=OurTokens(people.url, url, keys), auth=auth)

    @protected.tool()
    def whoami() -> str:
        """Whose notes these are."""
        token = get_access_token()
        return (token.subject if token is not None else None) or "nobody"

    with serving(protected.streamable_http_app(), listener):
        yield url


# An MCP client


@define
class Kept:
    """A `TokenStorage` of the SDK."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@define
class Person:
    """Opens the URL that the client hands over, signs in, agrees or not."""

    live: Watched
    agrees: bool = True
    sent_to: list[str] = field(factory=list)
    ended_at: str = ""

    async def go(self, url: str) -> None:
        self.sent_to.append(url)
        self.ended_at = await asyncio.to_thread(self._walk, url)

    def _walk(self, url: str) -> str:
        if self.agrees:
            return signed_in_at(self.live, url)
        browser = Browser(self.live, origin=self.live.url)
        asked = browser.sign_in(browser.open(url), "alice")
        location: str = browser.press(asked, "deny").headers["location"]
        return location

    async def come_back(self) -> AuthorizationCodeResult:
        said = {name: values[0] for name, values in parse_qs(urlsplit(self.ended_at).query).items()}
        return AuthorizationCodeResult(code=said.get("code", ""), state=said.get("state"), iss=said.get("iss"))

    @property
    def asked(self) -> dict[str, list[str]]:
        """The last authorization request."""
        return parse_qs(urlsplit(self.sent_to[-1]).query)


@asynccontextmanager
async def connected(url: str, kept: Kept, person: Person) -> AsyncIterator[Client]:
    said = OAuthClientMetadata(client_name="Note taker", redirect_uris=[AnyUrl(CALLBACK)])
    auth = OAuthClientProvider(url, said, kept, person.go, person.come_back)
    async with (
        httpx.AsyncClient(auth=auth, verify=TLS, timeout=20) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def said_by(client: Client) -> str:
    answer = await client.call_tool("whoami", {})
    assert not answer.is_error
    (content,) = answer.content
    assert isinstance(content, TextContent)
    return content.text


async def test_a_client_finds_registers_asks_and_calls_a_tool(people: Watched, notes: str) -> None:
    kept, person = Kept(), Person(people)
    async with connected(notes, kept, person) as client:
        assert await said_by(client) == "alice"
    assert len(person.sent_to) == 1
    assert person.asked["resource"] == [notes]
    assert person.asked["scope"] == [f"{SCOPE} offline_access"]
    assert person.asked["code_challenge_method"] == ["S256"]
    assert kept.client is not None
    assert kept.tokens is not None
    assert jwt.decode(kept.tokens.access_token, options={"verify_signature": False})["aud"] == notes


async def test_a_token_that_is_refused_is_replaced_and_the_registration_kept(people: Watched, notes: str) -> None:
    kept, person = Kept(), Person(people)
    async with connected(notes, kept, person) as client:
        await said_by(client)
    assert kept.client is not None
    assert kept.tokens is not None
    first, kept.tokens = kept.client, kept.tokens.model_copy(update={"access_token": "ended"})
    async with connected(notes, kept, person) as client:
        assert await said_by(client) == "alice"
    assert kept.client.client_id == first.client_id
    assert len(person.sent_to) == 2  # the SDK refreshes when a token has expired, and starts over when it is refused


async def test_it_refreshes_what_has_expired(people: Watched, notes: str) -> None:
    kept, person = Kept(), Person(people)
    said = OAuthClientMetadata(client_name="Note taker", redirect_uris=[AnyUrl(CALLBACK)])
    auth = OAuthClientProvider(notes, said, kept, person.go, person.come_back)
    async with (
        httpx.AsyncClient(auth=auth, verify=TLS, timeout=20) as http,
        Client(streamable_http_client(notes, http_client=http)) as client,
    ):
        await said_by(client)
        first = kept.tokens
        auth.context.token_expiry_time = 1.0  # long ago
        assert await said_by(client) == "alice"
        second = kept.tokens
    assert first is not None
    assert second is not None
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert jwt.decode(second.access_token, options={"verify_signature": False})["aud"] == notes
    assert len(person.sent_to) == 1


async def test_a_person_who_says_no_ends_it(people: Watched, notes: str) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with connected(notes, Kept(), Person(people, agrees=False)) as client:
            await said_by(client)
    assert raised.group_contains(OAuthFlowError, match="No authorization code")


async def test_a_token_for_another_api_is_refused(people: Watched, notes: str) -> None:
    answer = httpx.post(notes, headers={"Authorization": f"Bearer {people.token('alice')}"}, json={}, verify=TLS)
    assert answer.status_code == 401
    assert 'resource_metadata="' in answer.headers["www-authenticate"]
