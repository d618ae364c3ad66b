"""What apps in a browser may read from another origin, and what they may not (Fetch, "CORS protocol")."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from core.protocol.secret import Secret
from tests.http.clients import CLIENTS, INTROSPECT, JWKS, METADATA, REVOKE, register
from tests.http.support import ME, TOKEN, USERS, Watched, watching
from tests.support import settings_for

ISSUER = "https://auth.example.com/tenant"
ORIGIN = {"Origin": "https://app.example"}

SHARED = {TOKEN: "POST", REVOKE: "POST", JWKS: "GET", METADATA: "GET", f"{METADATA}/tenant": "GET"}
OWN = {
    INTROSPECT: "POST",
    USERS: "GET",
    ME: "GET",
    f"{ME}/password": "PUT",
    CLIENTS: "GET",
    f"{CLIENTS}/any": "GET",
    f"{CLIENTS}/any/rotate-secret": "POST",
    "/docs": "GET",
    "/openapi.yaml": "GET",
    "/healthz": "GET",
    "/readyz": "GET",
    "/nothing": "GET",
    "/.well-known/webfinger": "GET",
}


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("data"), issuer=ISSUER, audience=ISSUER)
    with watching(settings) as server:
        yield server


def send(live: Watched, method: str, path: str, **headers: str) -> httpx.Response:
    with live.client() as client:
        return client.request(method, path, headers={**ORIGIN, **headers})


def shared_with(answer: httpx.Response) -> str | None:
    """The origin that may read the answer. Nobody is ever let in with credentials."""
    assert "access-control-allow-credentials" not in answer.headers
    return answer.headers.get("access-control-allow-origin")


def preflight(live: Watched, path: str, method: str, headers: str = "authorization,content-type") -> httpx.Response:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return send(live, "OPTIONS", path, **asked)


@pytest.mark.parametrize("origin", ["https://app.example", "http://127.0.0.1:5173", "null", "app://x"])
@pytest.mark.parametrize("path", SHARED)
def test_any_origin_may_read(live: Watched, path: str, origin: str) -> None:
    assert shared_with(send(live, SHARED[path], path, Origin=origin)) == "*"


@pytest.mark.parametrize("path", SHARED)
def test_a_cookie_gets_no_origin_more(live: Watched, path: str) -> None:
    """A wildcard is never good for a request with credentials, and this origin is not named in its place."""
    assert shared_with(send(live, SHARED[path], path, Cookie="session=1")) == "*"


@pytest.mark.parametrize("path", SHARED)
def test_a_preflight_lets_through_what_apps_send(live: Watched, path: str) -> None:
    answer = preflight(live, path, SHARED[path])
    assert (answer.status_code, shared_with(answer)) == (200, "*")
    methods = {name.strip() for name in answer.headers["access-control-allow-methods"].split(",")}
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert SHARED[path] in methods
    assert methods <= {"GET", "HEAD", "POST", "OPTIONS"}
    assert {"authorization", "content-type"} <= allowed
    assert answer.headers["access-control-max-age"] == "600"


@pytest.mark.parametrize(("method", "headers"), [("DELETE", ""), ("PUT", ""), ("POST", "x-custom")])
def test_a_preflight_for_anything_else_is_refused(live: Watched, method: str, headers: str) -> None:
    answer = preflight(live, TOKEN, method, headers)
    assert answer.status_code == 400
    shared_with(answer)


def test_errors_can_be_read_as_well(live: Watched) -> None:
    """Or else an app sees a failed request, and cannot tell a wrong password from a broken network."""
    live.add_user("browser-user")
    form = {"Content-Type": "application/x-www-form-urlencoded", **ORIGIN}
    with live.client() as client:
        answers = [
            client.post(TOKEN, content="", headers=form),
            client.post(TOKEN, content="username=browser-user&password=wrong+password", headers=form),
            client.post(TOKEN, content="x" * 70_000, headers=form),
            client.post(TOKEN, content="grant_type=client_credentials", headers={**form, "Authorization": "Basic x"}),
            client.post(REVOKE, content="", headers=form),
            client.get(TOKEN, headers=ORIGIN),
            client.post(JWKS, headers=ORIGIN),
        ]
    assert [answer.status_code for answer in answers] == [400, 401, 413, 400, 400, 405, 405]
    for answer in answers:
        assert shared_with(answer) == "*"
    exposed = {name.strip().lower() for name in answers[1].headers["access-control-expose-headers"].split(",")}
    assert exposed == {"www-authenticate", "retry-after", "x-request-id"}


def test_an_app_gets_a_token_and_revokes_it(live: Watched) -> None:
    client = register(live, "spa", grants=("client_credentials",))
    headers, _ = client.proof()
    with live.client() as browser:
        sent = {**headers, **ORIGIN}
        answer = browser.post(TOKEN, data={"grant_type": "client_credentials"}, headers=sent)
        assert (answer.status_code, shared_with(answer)) == (200, "*")
        answer = browser.post(REVOKE, data={"token": answer.json()["access_token"]}, headers=sent)
        assert (answer.status_code, shared_with(answer)) == (200, "*")


@pytest.mark.parametrize("path", OWN)
def test_no_other_origin_reads_anything_else(live: Watched, path: str) -> None:
    answers = [send(live, OWN[path], path), preflight(live, path, OWN[path]), send(live, "OPTIONS", path)]
    with live.admin() as admin:
        answers.append(admin.request(OWN[path], path, headers=ORIGIN))
    for answer in answers:
        assert shared_with(answer) is None
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answers[1].status_code in {404, 405}


def test_an_answer_from_a_cache_is_not_taken_for_that_of_another_origin(live: Watched) -> None:
    """RFC 9110 §12.5.5: what was asked for without an origin lacks the headers that a browser wants."""
    with live.client() as client:
        answers = [client.request(method, path) for path, method in SHARED.items()]
    for answer in answers:
        assert shared_with(answer) is None
        assert "no-store" in answer.headers["cache-control"] or answer.headers["vary"] == "Origin"
