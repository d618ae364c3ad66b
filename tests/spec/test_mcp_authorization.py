"""What the authorization specification of the Model Context Protocol asks of an authorization server (versions
2025-03-26 to 2025-11-25), but for client id metadata documents. The headings are those of the specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.clients import add_resource, assert_error, opened
from tests.http.signing_in import App, Browser, add_app, assert_page, assert_told, in_memory, read, told
from tests.http.support import ISSUER, USERS, Watched

SERVER = "https://mcp.example.com/mcp"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        add_resource(server, SERVER, "tools:read", "tools:call")
        server.add_user("boss", roles=("admin",))
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    """As such clients register themselves: public, on this machine, without a list of scopes."""
    return add_app(live, "client", name="Some Agent", self_registered=True, redirect_uris=["http://127.0.0.1:33418/cb"])


@pytest.fixture(scope="module")
def web(live: Watched) -> App:
    return add_app(live, "web", name="Some Web Agent", self_registered=True)


def metadata(live: Watched, path: str) -> dict[str, Any]:
    with live.client() as client:
        found: dict[str, Any] = client.get(path).raise_for_status().json()
    return found


def test_authorization_server_metadata_discovery(live: Watched) -> None:
    """ "MCP authorization servers MUST provide at least one of the following discovery mechanisms: OAuth 2.0
    Authorization Server Metadata (RFC 8414), OpenID Connect Discovery 1.0."
    """
    oauth = metadata(live, "/.well-known/oauth-authorization-server")
    assert oauth == metadata(live, "/.well-known/openid-configuration")


def test_authorization_server_metadata_discovery_with_a_path(tmp_path: Path) -> None:
    """ "For issuer URLs with path components, e.g. https://auth.example.com/tenant1, clients MUST try endpoints in the
    following priority order: 1. /.well-known/oauth-authorization-server/tenant1, 2.
    /.well-known/openid-configuration/tenant1, 3. /tenant1/.well-known/openid-configuration."
    """
    issuer = "https://auth.example.com/tenant1"
    with in_memory(tmp_path, issuer=issuer, audience=issuer) as live:
        for path in (
            "/.well-known/oauth-authorization-server/tenant1",
            "/.well-known/openid-configuration/tenant1",
            "/tenant1/.well-known/openid-configuration",
        ):
            assert metadata(live, path)["issuer"] == issuer


def test_authorization_code_protection(live: Watched, app: App) -> None:
    """ "MCP clients MUST verify PKCE support before proceeding with authorization: ... If
    code_challenge_methods_supported is absent, ... MCP clients MUST refuse to proceed. ... MCP clients MUST use the
    S256 code challenge method".
    """
    for path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
        assert metadata(live, path)["code_challenge_methods_supported"] == ["S256"]
    answer = Browser(live).open(app.url(code_challenge=None, code_challenge_method=None))
    assert "error=invalid_request" in answer.headers["location"]


def test_public_clients_are_supported(live: Watched) -> None:
    """OAuth 2.1, which the specification requires, "for both confidential and public clients"."""
    document = metadata(live, "/.well-known/oauth-authorization-server")
    assert "none" in document["token_endpoint_auth_methods_supported"]
    assert {"authorization_code", "refresh_token"} <= set(document["grant_types_supported"])


def test_resource_parameter_implementation(app: App, live: Watched) -> None:
    """ "The resource parameter: MUST be included in both authorization requests and token requests. MUST identify the
    MCP server that the client intends to use the token with." And the token is for that server.
    """
    browser = Browser(live)
    code = app.code(browser, "alice", ("resource", SERVER), scope=None)
    answer = app.exchange(code, resource=SERVER)
    claims = opened(answer.json()["access_token"])
    assert claims["aud"] == SERVER
    assert claims["scope"].split() == ["tools:call", "tools:read"]
    later = app.refresh(answer.json()["refresh_token"], resource=SERVER).json()
    assert opened(later["access_token"])["aud"] == SERVER


def test_scope_selection_strategy(app: App, live: Watched) -> None:
    """A client names what the server of its choice told it, or else all that it finds: unknown scopes are left out, so
    that it gets what there is.
    """
    browser = Browser(live)
    everything = " ".join(metadata(live, "/.well-known/oauth-authorization-server")["scopes_supported"])
    tokens = app.tokens(browser, "alice", ("resource", SERVER), scope=f"{everything} tools:unheard-of")
    assert set(tokens["scope"].split()) == set(everything.split())


def test_an_unknown_server_is_an_invalid_target(web: App, live: Watched) -> None:
    """RFC 8707 §2: nobody gets tokens for a server that is not registered here."""
    for resource in ("https://mcp.example.com", SERVER + "/", "https://MCP.example.com/mcp"):
        assert_told(Browser(live).open(web.url(("resource", resource))), "invalid_target")


def test_communication_security(live: Watched, app: App) -> None:
    """ "All redirect URIs MUST be either localhost or use HTTPS." The port of one on this machine is the client's own
    business (RFC 8252 §7.3); all else is compared exactly.
    """
    browser = Browser(live)
    answer = browser.agree(browser.open(app.url(redirect_uri="http://127.0.0.1:50000/cb")))
    assert answer.headers["location"].startswith("http://127.0.0.1:50000/cb?code=")
    for uri in ("http://127.0.0.1:50000/other", "http://localhost:33418/cb", "http://127.0.0.2/cb", "http://[::1]/cb"):
        assert_page(browser.open(app.url(redirect_uri=uri)))


def test_open_redirection_and_consent(live: Watched, app: App, web: App) -> None:
    """ "Authorization servers MUST take precautions to prevent redirecting user agents to untrusted URI's". Of a client
    that nobody vouched for, the person is told so, and where they will be sent; on this machine every time anew.
    """
    browser = Browser(live)
    shown = browser.open(web.url())
    assert "app.example.com" in read(shown).text
    shown = browser.sign_in(shown, "alice")
    page = read(shown).text
    assert "This application registered itself." in page
    assert "You will be sent to app.example.com" in page.replace(" .", ".")
    browser.press(shown, "allow")
    assert "code" in told(browser.open(web.url()))
    shown = browser.open(app.url())
    assert "127.0.0.1" in read(shown).text
    browser.press(shown, "allow")
    assert read(browser.open(app.url())).heading == "Allow access?"


def test_mix_up_prevention(web: App, live: Watched) -> None:
    """RFC 9207, which the specification recommends: `iss` in every answer."""
    assert metadata(live, "/.well-known/oauth-authorization-server")["authorization_response_iss_parameter_supported"]
    browser = Browser(live)
    assert told(browser.agree(browser.open(web.url())))["iss"] == ISSUER


def test_access_token_privilege_restriction(web: App, live: Watched) -> None:
    """ "MCP servers MUST only accept tokens specifically intended for themselves". Nor does a client that registered
    itself get the roles of a person, and what manages accounts takes nothing of it, not even of an administrator.
    """
    tokens = web.tokens(Browser(live), "boss", scope="openid profile")
    assert not opened(tokens["access_token"]).get("roles")
    with live.client(tokens["access_token"]) as client:
        for path in (USERS, f"{USERS}/me", "/api/v1/clients"):
            answer = client.get(path)
            assert answer.status_code == 403, path
            assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_token_theft(app: App, live: Watched) -> None:
    """ "Authorization servers SHOULD issue short-lived access tokens ... For public clients, authorization servers MUST
    rotate refresh tokens".
    """
    tokens = app.tokens(Browser(live))
    assert tokens["expires_in"] <= 3600
    later = app.refresh(tokens["refresh_token"]).json()
    assert later["refresh_token"] != tokens["refresh_token"]
    app.refresh(later["refresh_token"])
    assert_error(app.refresh(tokens["refresh_token"]), 400, "invalid_grant")
