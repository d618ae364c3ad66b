"""RFC 7592, OAuth 2.0 Dynamic Client Registration Management Protocol."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx
import pytest

from core.protocol.secret import Secret
from tests.http.clients import Keyholder, Timed, assert_error, clocked, register
from tests.http.registering import REGISTER, Newcomer, assert_refused
from tests.http.signing_in import CALLBACK, Browser, assert_page, userinfo
from tests.http.support import ISSUER, PROBLEM, Watched
from tests.support import SetClock, settings_for


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with clocked(settings_for(module_database_url, tmp_path_factory.mktemp("data"), registration="open")) as server:
        server.add_user("alice")
        yield server


@pytest.fixture(autouse=True)
def clock(live: Timed) -> SetClock:
    live.clock.forward(days=1, seconds=1)
    return live.clock


def assert_shut_out(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM), answer.text
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert answer.json()["detail"] == "Could not validate credentials"


# Section 2: the client configuration endpoint


def test_section_2_the_endpoint_is_the_one_that_was_told(live: Watched) -> None:
    """ "The client MUST use its registration access token in all calls to this endpoint as an OAuth 2.0 Bearer
    Token".
    """
    newcomer = Newcomer.of(live)
    assert newcomer.told["registration_client_uri"] == f"{ISSUER}{REGISTER}/{newcomer.client_id}"
    for method in ("GET", "PUT", "DELETE"):
        answer = newcomer.manage(method, {}, token=None)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="watchword"')
    with live.client() as client:  # RFC 6750 §2: in no other way
        assert client.get(newcomer.path, params={"access_token": newcomer.token}).status_code == 401
        basic = httpx.BasicAuth(newcomer.client_id, newcomer.told["client_secret"])
        assert client.get(newcomer.path, auth=basic).status_code == 401
        assert client.post(newcomer.path).status_code == 405
    assert newcomer.manage("GET").status_code == 200


def test_section_2_a_token_is_good_for_its_own_client_alone(live: Watched) -> None:
    newcomer, other = Newcomer.of(live), Newcomer.of(live)
    for token in (other.token, newcomer.told["client_secret"], newcomer.token[:-1], newcomer.token.upper(), "x" * 43):
        for answer in (
            newcomer.manage("GET", token=token),
            newcomer.manage("PUT", {"client_id": newcomer.client_id, "redirect_uris": [CALLBACK]}, token=token),
            newcomer.manage("DELETE", token=token),
        ):
            assert_shut_out(answer)
    assert newcomer.manage("GET").status_code == 200


def test_section_2_a_registration_access_token_opens_nothing_else(live: Watched) -> None:
    token = Newcomer.of(live).token
    with live.client(token) as client:
        for path in ("/api/v1/users/me", "/api/v1/auth/userinfo", "/api/v1/clients", "/api/v1/users"):
            assert client.get(path).status_code == 401


def test_section_2_an_access_token_opens_no_registration(live: Watched) -> None:
    newcomer = Newcomer.of(live)
    access = newcomer.app().tokens(Browser(live))["access_token"]
    assert_shut_out(newcomer.manage("GET", token=access))


@pytest.mark.parametrize("client_id", ["nobody", "by-admin", "A", "a" * 65, "%00", "%2e%2e", "\u00e9", "a%2Fb"])
def test_section_2_1_a_client_that_is_not_there_is_a_401(live: Watched, client_id: str) -> None:
    """ "If the client does not exist on this server, the server MUST respond with HTTP 401 Unauthorized". Also one that
    an administrator registered, and what is no client's id at all: nobody learns which there are.
    """
    if not live.run(live.container.clients().get("by-admin")):
        register(live, "by-admin")
    newcomer = Newcomer.of(live)
    with live.client(newcomer.token) as client:
        for method in ("GET", "PUT", "DELETE"):
            answer = client.request(method, f"{REGISTER}/{client_id}", json={"client_id": client_id})
            if client_id == "a%2Fb":  # which is no path here
                assert answer.status_code == 404
            else:
                assert_shut_out(answer)


def test_section_2_1_read(live: Watched) -> None:
    """All that is registered, and the token that was presented; of the secret only a digest is kept."""
    newcomer = Newcomer.of(live, client_name="Notes", scope="openid notes:read", contacts=["me@example.com"])
    answer = newcomer.manage("GET")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    secret = {name: newcomer.told[name] for name in ("client_secret", "client_secret_expires_at")}
    assert {**answer.json(), **secret} == newcomer.told


def test_section_2_1_a_client_that_was_deactivated_has_no_say(live: Watched) -> None:
    newcomer = Newcomer.of(live)
    live.run(live.container.update_client()(newcomer.client_id, is_active=False))
    for answer in (newcomer.manage("GET"), newcomer.put(), newcomer.manage("DELETE")):
        assert_shut_out(answer)


# Section 2.2: update


def test_section_2_2_an_update_replaces_everything(live: Timed) -> None:
    """ "Valid values of client metadata fields in this request MUST replace, not augment, the values previously
    associated with this client. Omitted fields MUST be treated as null or empty values by the server".
    """
    newcomer = Newcomer.of(live, client_name="Notes", scope="openid", contacts=["me@example.com"], default_max_age=60)
    live.clock.forward(minutes=5)
    answer = newcomer.put(redirect_uris=["https://app.example.com/new"], tos_uri="https://example.com/tos")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert told["redirect_uris"] == ["https://app.example.com/new"]
    assert told["tos_uri"] == "https://example.com/tos"
    assert not {"client_name", "scope", "contacts", "default_max_age"} & told.keys()
    same = ("client_id", "client_id_issued_at", "registration_access_token", "registration_client_uri")
    assert {name: told[name] for name in same} == {name: newcomer.told[name] for name in same}
    assert newcomer.manage("GET").json() == told


def test_section_2_2_null_is_left_out(live: Watched) -> None:
    newcomer = Newcomer.of(live, contacts=["me@example.com"])
    assert "contacts" not in newcomer.put(contacts=None).json()


def test_section_2_2_what_was_told_can_be_sent_back(live: Watched) -> None:
    """All metadata "as returned to the client", but for what is the server's own."""
    newcomer = Newcomer.of(
        live, client_name="Notes", token_endpoint_auth_method="private_key_jwt", jwks=Keyholder.new().jwks
    )
    own = {"client_id_issued_at", "client_secret_expires_at", "registration_access_token", "registration_client_uri"}
    said = {name: value for name, value in newcomer.told.items() if name not in own}
    assert newcomer.manage("PUT", said).json() == newcomer.told


@pytest.mark.parametrize(
    "name",
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"],
)
def test_section_2_2_what_the_server_says_is_not_the_clients_to_say(live: Watched, name: str) -> None:
    """ "The ... request MUST NOT include the "registration_access_token", "registration_client_uri",
    "client_secret_expires_at", or "client_id_issued_at" fields".
    """
    newcomer = Newcomer.of(live)
    assert_refused(newcomer.put(**{name: newcomer.told[name]}), "invalid_client_metadata", name)


def test_section_2_2_the_client_id_is_its_own(live: Watched) -> None:
    """ "The client MUST include its "client_id" field in the request, and it MUST be the same as its currently issued
    client identifier."
    """
    newcomer, other = Newcomer.of(live), Newcomer.of(live)
    for wrong in (None, other.client_id, "", 1, newcomer.client_id.upper()):
        assert_refused(newcomer.put(client_id=wrong), "invalid_client_metadata", "client_id")


def test_section_2_2_the_secret_is_the_one_it_has(live: Watched) -> None:
    """ "If the client includes the "client_secret" field in the request, the value of this field MUST match the
    currently issued client secret for that client. The client MUST NOT be allowed to overwrite its existing client
    secret with its own chosen value."
    """
    newcomer = Newcomer.of(live)
    secret = newcomer.told["client_secret"]
    told = newcomer.put(client_secret=secret).json()
    assert (told["client_secret"], told["client_secret_expires_at"]) == (secret, 0)
    assert not {"client_secret", "client_secret_expires_at"} & newcomer.put().json().keys()
    for wrong in ("chosen-by-the-client-itself", secret[:-1], secret + "x", "", 1):
        assert_refused(newcomer.put(client_secret=wrong), "invalid_client_metadata", "client_secret")
    newcomer.app().tokens(Browser(live))  # the old one is still good


def test_section_2_2_a_client_stays_with_its_method(live: Watched) -> None:
    public = Newcomer.of(live, token_endpoint_auth_method="none")
    for method in ("client_secret_basic", "private_key_jwt"):
        assert_refused(public.put(token_endpoint_auth_method=method), "invalid_client_metadata")
    assert public.put().json()["token_endpoint_auth_method"] == "none"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"redirect_uris": ["http://app.example.com/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"grant_types": ["authorization_code", "client_credentials"]}, "invalid_client_metadata"),
        ({"client_name": 1}, "invalid_client_metadata"),
    ],
)
def test_section_2_2_an_update_keeps_to_the_rules_and_changes_nothing_otherwise(
    live: Watched, said: dict[str, Any], code: str
) -> None:
    newcomer = Newcomer.of(live, client_name="Notes")
    before = newcomer.manage("GET").json()
    assert_refused(newcomer.put(**said), code)
    assert newcomer.manage("GET").json() == before


def test_section_2_2_a_redirect_uri_that_was_taken_away_is_no_longer_gone_to(live: Timed) -> None:
    newcomer = Newcomer.of(live, redirect_uris=[CALLBACK, "https://old.example.com/cb"])
    app = newcomer.app()
    assert newcomer.put().status_code == 200
    assert_page(Browser(live).get(app.url(redirect_uri="https://old.example.com/cb")))


# Section 2.3: delete


def test_section_2_3_delete(live: Watched) -> None:
    """ "A successful delete action will invalidate the "client_id", "client_secret", and "registration_access_token"
    for this client". The answer is a 204. The server "SHOULD immediately invalidate all existing authorization grants
    and currently active access tokens, all refresh tokens, and all other tokens associated with this client".
    """
    newcomer = Newcomer.of(live, grant_types=["authorization_code", "refresh_token"])
    app, browser = newcomer.app(), Browser(live)
    tokens, code = app.tokens(browser, scope="openid offline_access"), app.code(browser)
    assert userinfo(live, tokens["access_token"]).status_code == 200
    answer = newcomer.manage("DELETE")
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (204, b"", "no-store")
    for again in (newcomer.manage("DELETE"), newcomer.manage("GET"), newcomer.put()):
        assert_shut_out(again)
    assert userinfo(live, tokens["access_token"]).status_code == 401
    assert_error(app.refresh(tokens["refresh_token"]), 401, "invalid_client")
    assert_error(app.exchange(code), 401, "invalid_client")
    assert_page(browser.get(app.url()))


def test_section_2_3_of_many_at_once_one_deletes(live: Watched) -> None:
    newcomer = Newcomer.of(live)
    with ThreadPoolExecutor(8) as threads:
        found = [answer.status_code for answer in threads.map(lambda _: newcomer.manage("DELETE"), range(16))]
    assert sorted(found) == [204] + [401] * 15


def test_a_browser_may_manage_from_any_origin(live: Watched) -> None:
    newcomer = Newcomer.of(live)
    for method in ("GET", "PUT", "DELETE"):
        asking = {"Origin": "https://spa.example", "Access-Control-Request-Method": method}
        with live.client() as client:
            asked = client.options(newcomer.path, headers={**asking, "Access-Control-Request-Headers": "authorization"})
        assert asked.status_code == 200
        assert method in asked.headers["access-control-allow-methods"]
