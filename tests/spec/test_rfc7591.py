"""RFC 7591, OAuth 2.0 Dynamic Client Registration Protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.protocol.secret import Secret
from core.users.throttle import REGISTRATIONS
from tests.http.clients import METADATA, Keyholder, Timed, add_resource, assert_error, clocked, opened
from tests.http.registering import REGISTER, Newcomer, assert_refused, register
from tests.http.signing_in import CALLBACK, Browser, in_memory, in_memory_clocked
from tests.http.support import ISSUER, PROBLEM, Watched, head
from tests.support import SetClock, settings_for

API = "https://api.example.com"
INITIAL = "an-initial-access-token-for-the-tests"


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with clocked(
        settings_for(module_database_url, tmp_path_factory.mktemp("data"), registration="open", fetch_loopback=True)
    ) as server:
        server.add_user("alice")
        add_resource(server, API, "notes:read", "notes:write")
        yield server


@pytest.fixture(autouse=True)
def clock(live: Timed) -> SetClock:
    """Another day for each test: who registered in the one before is not counted."""
    live.clock.forward(days=1, seconds=1)
    return live.clock


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data"), registration="token", registration_token=Secret(INITIAL)) as server:
        yield server


def kept(live: Watched) -> int:
    return len(live.run(live.container.clients().page(after=None, limit=1000)).clients)


# Section 2: client metadata


def test_section_2_the_defaults(live: Watched) -> None:
    """ "If unspecified or omitted, the default is "client_secret_basic" ... the client will use only the
    "authorization_code" Grant Type ... only the "code" response type."
    """
    told = Newcomer.of(live).told
    assert told["token_endpoint_auth_method"] == "client_secret_basic"
    assert told["grant_types"] == ["authorization_code"]
    assert told["response_types"] == ["code"]


def test_section_2_unknown_metadata_are_ignored(live: Watched) -> None:
    """ "The authorization server MUST ignore any client metadata sent by the client that it does not understand"."""
    told = Newcomer.of(live, wibble={"wobble": [1]}, first_party=True, require_pkce=False, client_id="me").told
    assert not {"wibble", "first_party", "require_pkce"} & told.keys()
    assert told["client_id"] != "me"


def test_section_2_jwks_and_jwks_uri_exclude_each_other(live: Watched) -> None:
    """ "The "jwks_uri" and "jwks" parameters MUST NOT both be present in the same request or response."."""
    both = {"jwks": Keyholder.new().jwks, "jwks_uri": "https://app.example.com/jwks"}
    for method in ("private_key_jwt", "client_secret_basic"):
        answer = register(live, {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": method, **both})
        assert_refused(answer, "invalid_client_metadata", "jwks")


def test_section_2_urls_are_web_pages(live: Watched) -> None:
    """ "The value of this field MUST point to a valid web page." As far as one can tell by its URL."""
    for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri"):
        for url in ("javascript:alert(1)", "data:text/html,x", "not a url", "https://user@example.com/"):
            assert_refused(register(live, {"redirect_uris": [CALLBACK], name: url}), "invalid_client_metadata", name)


@pytest.mark.parametrize(
    ("grant_types", "response_types"),
    [(["authorization_code"], ["token"]), (["authorization_code"], ["code", "token"]), (["implicit"], ["token"])],
)
def test_section_2_1_grant_types_and_response_types_correspond(
    live: Watched, grant_types: list[str], response_types: list[str]
) -> None:
    """ "The authorization server ... SHOULD take steps to ensure that a client cannot register itself into an
    inconsistent state".
    """
    said = {"redirect_uris": [CALLBACK], "grant_types": grant_types, "response_types": response_types}
    assert_refused(register(live, said), "invalid_client_metadata")


def test_section_2_2_names_in_other_languages_do_no_harm(live: Watched) -> None:
    told = Newcomer.of(live, **{"client_name": "Notes", "client_name#ja-Jpan-JP": "クライアント名"}).told
    assert told["client_name"] == "Notes"


def test_section_2_3_a_software_statement_may_be_ignored(live: Watched) -> None:
    """ "The authorization server MAY ignore the software statement if it does not support this feature." It gives the
    client nothing.
    """
    told = Newcomer.of(live, software_statement="eyJhbGciOiJub25lIn0.eyJzY29wZSI6ImFkbWluIn0.").told
    assert not {"software_statement", "scope"} & told.keys()


# Section 3: the endpoint


def test_section_3_whoever_may_register_is_the_servers_to_say(live: Watched, guarded: Watched, tmp_path: Path) -> None:
    """ "The client registration endpoint MAY be an OAuth 2.0 protected resource and it MAY accept an initial access
    token". Without one this server says who may not.
    """
    said = {"redirect_uris": [CALLBACK]}
    assert register(live, said).status_code == 201
    assert register(guarded, said, INITIAL).status_code == 201
    before = kept(guarded)
    for token, challenge in {None: 'Bearer realm="watchword"', "wrong" * 10: 'Bearer error="invalid_token"'}.items():
        answer = register(guarded, said, token)
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
        assert answer.headers["www-authenticate"].startswith(challenge)
    assert kept(guarded) == before
    with in_memory(tmp_path) as closed:
        assert register(closed, said).status_code == 404
        with closed.client() as client:
            assert "registration_endpoint" not in client.get(METADATA).json()
            assert client.get(f"{REGISTER}/nobody", headers={"Authorization": "Bearer x"}).status_code == 404
    with live.client() as client:
        assert client.get(METADATA).json()["registration_endpoint"] == ISSUER + REGISTER


def test_section_3_several_tokens_are_none(guarded: Watched) -> None:
    bearer = f"Authorization: Bearer {INITIAL}"
    body = json.dumps({"redirect_uris": [CALLBACK]}).encode()
    request = head("POST", REGISTER, bearer, bearer, "Content-Type: application/json", f"Content-Length: {len(body)}")
    with guarded.wire() as wire:
        assert wire.send(request, body).answer("POST").status == 401


def test_section_3_who_guesses_the_initial_access_token_has_to_wait(guarded: Watched) -> None:
    """And whoever has it has not."""
    for _ in range(REGISTRATIONS.free + 1):
        answer = register(guarded, {"redirect_uris": [CALLBACK]}, "a-guess" * 5)
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert register(guarded, {"redirect_uris": [CALLBACK]}, INITIAL).status_code == 201


def test_section_3_an_open_endpoint_is_rate_limited(live: Watched) -> None:
    """ "These requests MAY be rate-limited or otherwise limited to prevent a denial-of-service attack on the client
    registration endpoint."
    """
    for _ in range(REGISTRATIONS.free):
        assert register(live, {"redirect_uris": [CALLBACK]}).status_code == 201
    before = kept(live)
    answer = register(live, {"redirect_uris": [CALLBACK]})
    assert (answer.status_code, "retry-after" in answer.headers) == (429, True)
    assert kept(live) == before


def test_section_3_1_the_request_is_json(live: Watched) -> None:
    """ "To register, the client or developer sends an HTTP POST to the client registration endpoint with a content type
    of "application/json"."
    """
    document = json.dumps({"redirect_uris": [CALLBACK]}).encode()
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        assert register(live, document, **{"Content-Type": kind}).status_code == 201
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/jsonx", "multipart/form-data", ""):
        assert_refused(register(live, document, **{"Content-Type": kind}), "invalid_client_metadata", "content type")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"a"',
        b"1",
        b"NaN",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"redirect_uris": ["https://a.example/"], "redirect_uris": ["https://evil.example/"]}',
        b'{"redirect_uris": ["https://a.example/"], "jwks": {"keys": [], "keys": []}}',
        b'{"redirect_uris": ["https://a.example/"], "default_max_age": Infinity}',
        b'{"redirect_uris": ["https://a.example/"], "x": ' + b"[" * 20000 + b"]" * 20000 + b"}",
        b'{"redirect_uris": ["https://a.example/"], "x": ' + b"9" * 5000 + b"}",
    ],
    ids=range(14),
)
def test_section_3_1_what_is_no_json_object_or_reads_in_two_ways_is_refused(live: Watched, body: bytes) -> None:
    assert_refused(register(live, body), "invalid_client_metadata")


def test_section_3_1_an_oversize_document_is_not_read(live: Watched) -> None:
    assert register(live, {"redirect_uris": [CALLBACK], "x": "a" * 70_000}).status_code == 413


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redirect_uris", [{"a": 1}]),
        ("client_name", ["Notes"]),
        ("grant_types", "authorization_code"),
        ("scope", ["openid"]),
        ("contacts", "me@example.com"),
        ("jwks", "keys"),
        ("jwks_uri", 1),
        ("token_endpoint_auth_method", {"a": "none"}),
        ("default_max_age", "60"),
        ("default_max_age", 1e999),
        ("require_auth_time", "yes"),
        ("client_name", "a\0b"),
        ("software_id", "\ud800"),
    ],
)
def test_section_3_1_a_value_of_another_type_is_no_server_error(live: Watched, name: str, value: Any) -> None:
    code = "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
    body = json.dumps({"redirect_uris": [CALLBACK], name: value}).encode()
    expected = name if b"Infinity" not in body else None
    assert_refused(register(live, body), code, expected)


# Section 3.2: the answer


def test_section_3_2_1_client_information_response(live: Timed) -> None:
    """ "The server responds with an HTTP 201 Created status code and a body of type "application/json"" with client_id,
    client_secret, client_id_issued_at, client_secret_expires_at, and "all registered metadata about this client,
    including any fields provisioned by the authorization server itself".
    """
    said = {
        "client_name": "Notes",
        "redirect_uris": [CALLBACK, "http://localhost:3000/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": "openid notes:read",
        "logo_uri": "https://example.com/logo.png",
        "contacts": ["me@example.com"],
        "software_id": "4NRB1",
    }
    answer = register(live, said)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    told = answer.json()
    proofs = {name: told.pop(name) for name in ("client_id", "client_secret", "registration_access_token")}
    assert told.pop("registration_client_uri") == f"{ISSUER}{REGISTER}/{proofs['client_id']}"
    assert all(len(proof) >= 26 for proof in proofs.values())
    assert told == {
        **said,
        "client_id_issued_at": int(live.clock.now().timestamp()),
        "client_secret_expires_at": 0,
        "response_types": ["code"],
        "application_type": "web",
        "id_token_signed_response_alg": "RS256",
        "subject_type": "public",
        "require_auth_time": False,
        "require_pushed_authorization_requests": False,
    }


def test_section_3_2_1_a_client_id_is_nobody_elses(live: Watched) -> None:
    """ "It SHOULD NOT be currently valid for any other registered client"."""
    assert len({Newcomer.of(live).client_id for _ in range(10)}) == 10


def test_section_3_2_1_a_client_without_a_secret_gets_none(live: Watched) -> None:
    keys = Keyholder.new().jwks
    for said in (
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": keys},
    ):
        assert not {"client_secret", "client_secret_expires_at"} & Newcomer.of(live, **said).told.keys()


def test_section_3_2_1_what_has_no_use_is_not_registered_and_the_answer_shows_it(live: Watched) -> None:
    """ "The authorization server MAY reject or replace any of the client's requested metadata values submitted during
    the registration and substitute them with suitable values."
    """
    assert "jwks" not in Newcomer.of(live, jwks=Keyholder.new().jwks).told
    assert "jwks_uri" not in Newcomer.of(live, jwks_uri="https://app.example.com/jwks").told


def test_section_3_2_2_error_response(live: Watched) -> None:
    """ "invalid_redirect_uri: The value of one or more redirection URIs is invalid. invalid_client_metadata: The value
    of one of the client metadata fields is invalid". Nothing is registered.
    """
    before = kept(live)
    for uris in (["http://app.example.com/cb"], ["https://app.example.com/#x"], [], ["myapp:/cb"]):
        assert_refused(register(live, {"redirect_uris": uris}), "invalid_redirect_uri", "redirect_uris")
    assert_refused(register(live, {}), "invalid_redirect_uri", "redirect_uris")
    said = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_jwt"}
    assert_refused(register(live, said), "invalid_client_metadata", "token_endpoint_auth_method")
    assert kept(live) == before


# What a registered client is worth


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_a_registered_client_signs_people_in_and_has_no_roles(live: Watched, method: str) -> None:
    keyholder = Keyholder.new()
    keys = {"jwks": keyholder.jwks} if method == "private_key_jwt" else {}
    newcomer = Newcomer.of(live, token_endpoint_auth_method=method, **keys)
    newcomer.keyholder = keyholder
    tokens = newcomer.app().tokens(Browser(live), scope="openid")
    assert opened(tokens["access_token"])["client_id"] == newcomer.client_id
    assert "roles" not in opened(tokens["access_token"]) or opened(tokens["access_token"])["roles"] == []


def test_section_5_a_stranger_gets_nothing_for_itself(live: Watched) -> None:
    """In the open nobody is asked who registers: tokens come from people alone, by consent."""
    said = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "client_credentials"]}
    assert_refused(register(live, said), "invalid_client_metadata", "grant_types")
    said["grant_types"] = ["authorization_code", "password"]
    assert_refused(register(live, said), "invalid_client_metadata", "grant_types")
    app = Newcomer.of(live).app()
    for grant in ("client_credentials", "password"):
        answer = app.ask(grant, username="alice", password="correct horse battery")
        assert_error(answer, 400, "unauthorized_client")


def test_a_client_that_acts_for_itself_is_in_use_as_well(tmp_path: Path) -> None:
    """Who registered and got no token for a while is forgotten; whose tokens were its own is not."""
    with in_memory_clocked(tmp_path, registration="token", registration_token=Secret(INITIAL)) as server:
        said = {"grant_types": ["client_credentials"]}
        busy, idle = Newcomer.of(server, INITIAL, **said), Newcomer.of(server, INITIAL, **said)
        assert busy.app().ask("client_credentials").status_code == 200
        server.clock.forward(hours=73)
        server.run(server.container.prune()())
        assert busy.app().ask("client_credentials").status_code == 200
        assert_error(idle.app().ask("client_credentials"), 401, "invalid_client")


def test_a_browser_may_register_from_any_origin(live: Watched) -> None:
    origin = {"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"}
    with live.client() as client:
        asked = client.options(REGISTER, headers={**origin, "Access-Control-Request-Headers": "content-type"})
    assert asked.headers["access-control-allow-origin"] == "*"
    assert register(live, {"redirect_uris": [CALLBACK]}, Origin="https://spa.example").headers[
        "access-control-allow-origin"
    ] == "*"  # fmt: skip
