"""Headers that every answer carries, and headers of requests that change nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from core.protocol.secret import Secret
from tests.http.support import ME, PROBLEM, TOKEN, USERS, Watched, eventually, head, me, post_form, record, watching
from tests.support import PASSWORD, settings_for


@pytest.fixture(scope="module")
def token(live: Watched) -> str:
    live.add_user("headers")
    return live.token("headers")


@pytest.fixture
def broken(database_url: Secret, tmp_path: Path) -> Iterator[tuple[Watched, str]]:
    """A server whose table of users somebody has changed behind its back, and a token that was good."""
    with watching(settings_for(database_url, tmp_path)) as server:
        server.add_user("unlucky")
        token = server.token("unlucky")
        with psycopg.connect(database_url.reveal(), autocommit=True) as connection:
            connection.execute("ALTER TABLE users RENAME COLUMN roles TO rolls")
        yield server, token


def assert_safe(headers: Mapping[str, str]) -> None:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "cache-control" in headers
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", headers["x-request-id"])
    assert "server" not in headers
    assert "x-powered-by" not in headers
    assert "access-control-allow-origin" not in headers
    assert "set-cookie" not in headers
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/.well-known/jwks.json", 200),
        ("GET", "/openapi.yaml", 200),
        ("GET", "/docs", 200),
        ("GET", ME, 200),
        ("PATCH", ME, 415),
        ("GET", USERS, 403),
        ("POST", TOKEN, 400),
        ("GET", TOKEN, 405),
        ("OPTIONS", ME, 405),
        ("GET", "/nowhere", 404),
        ("DELETE", "/", 404),
    ],
)
def test_every_answer_is_safe(live: Watched, token: str, method: str, path: str, status: int) -> None:
    with live.client(token) as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert_safe(answer.headers)


def test_a_401_a_204_and_a_413_are_safe_too(live: Watched, token: str) -> None:
    with live.client() as client:
        assert_safe(client.get(ME).headers)
        large = client.post(TOKEN, content=b"x" * 70000)
        assert large.status_code == 413
        assert_safe(large.headers)
    user = live.add_user("short-lived")
    with live.admin() as admin:
        answer = admin.delete(f"{USERS}/{user.id}")
        assert answer.status_code == 204
        assert_safe(answer.headers)


def test_what_goes_wrong_here_is_a_plain_500_that_says_nothing(broken: tuple[Watched, str]) -> None:
    server, token = broken
    with server.client(token) as client:
        answer = client.get(ME, headers={"X-Request-ID": "went-wrong"})
        assert answer.status_code == 500
        assert_safe(answer.headers)
        assert answer.headers["x-request-id"] == "went-wrong"
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["status"] == 500
        assert not any(word in answer.text for word in ("Traceback", "roles", "asyncpg", "SELECT", "Undefined"))


def test_a_500_leaves_the_server_and_the_connection_in_order(broken: tuple[Watched, str]) -> None:
    server, token = broken
    with server.wire() as wire:
        for _ in range(2):
            assert wire.send(head("GET", ME, f"Authorization: Bearer {token}")).answer().status == 500
        assert wire.send(head("GET", "/healthz")).answer().status == 200


def test_a_500_is_logged_once_with_its_cause_and_its_id(broken: tuple[Watched, str]) -> None:
    server, token = broken
    before = len(record.lines)
    with server.client(token) as client:
        client.get(ME, headers={"X-Request-ID": "find-me"})
    eventually(lambda: any('"request"' in line for line in record.lines[before:]), within=2)
    time.sleep(0.2)  # for what should not follow
    lines = [json.loads(line) for line in record.lines[before:]]
    causes = [line for line in lines if "exc_info" in line]
    assert [line.get("request_id") for line in causes] == ["find-me"]
    assert "UndefinedColumnError" in causes[0]["exc_info"]
    assert [line["status"] for line in lines if line["event"] == "request"] == [500]


def test_an_https_issuer_brings_strict_transport_security(database_url: Secret, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path, issuer="https://auth.example.com")
    with watching(settings) as server, server.client() as client:
        for path in ("/healthz", "/nowhere"):
            assert "max-age=" in client.get(path).headers["strict-transport-security"]


@pytest.mark.parametrize("sent", ["a", "abc-DEF_1.2", "0" * 128, "123e4567-e89b-12d3-a456-426614174000"])
def test_a_safe_request_id_comes_back(live: Watched, sent: str) -> None:
    with live.client() as client:
        for path in ("/healthz", "/nowhere", ME):
            assert client.get(path, headers={"X-Request-ID": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"a b",
        b"x" * 129,
        "é".encode(),
        "ключ".encode(),
        b"a,b",
        b"<script>",
        b'a"b',
        b"a\\nb",
        b"a%0d%0aSet-Cookie:x",
        b"{}",
        b"\xff",
        b"a\tb",
    ],
)
def test_an_unsafe_request_id_is_replaced(live: Watched, sent: bytes) -> None:
    with live.wire() as wire:
        answer = wire.send(head("GET", "/healthz", b"X-Request-ID: " + sent)).answer()
    assert answer.status == 200
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("sent", [b"a\rb", b"a\x00b", b"a\r\n b", b"a\nSet-Cookie: x=y"])
def test_a_line_break_in_a_request_id_never_comes_back(live: Watched, sent: bytes) -> None:
    with live.wire() as wire:
        answer = wire.send(head("GET", "/healthz", b"X-Request-ID: " + sent)).answer()
    assert answer.status in {200, 400}
    assert "set-cookie" not in answer.headers
    assert answer.headers.get("x-request-id") in {None, "a"} or re.fullmatch(
        r"[0-9a-f]{32}", answer.headers["x-request-id"]
    )


def test_every_request_without_an_id_gets_one_of_its_own(live: Watched) -> None:
    with live.client() as client:
        assert len({client.get("/healthz").headers["x-request-id"] for _ in range(5)}) == 5


HOSTS = ["", "evil.example", "[", "[::1", "[::1]:80", "a?b", "a#b", "a/b", "a@b", "x:99999", "a:b:c", "x" * 3000, "é"]


@pytest.mark.parametrize("host", HOSTS)
def test_the_host_header_changes_nothing(live: Watched, token: str, host: str) -> None:
    line = f"Host: {host}"
    with live.wire() as wire:
        answer = wire.send(head("GET", ME, line, f"Authorization: Bearer {token}")).answer()
        assert answer.status == 200
        assert answer.json()["username"] == "headers"
        form = f"username=headers&password={PASSWORD.replace(' ', '+')}".encode()
        answer = wire.send(post_form(form, line)).answer("POST")
        assert answer.status == 200
        assert me(live, answer.json()["access_token"]).status_code == 200
        assert wire.send(head("GET", USERS + "/", line)).answer().status == 404


def test_location_does_not_repeat_the_host(live: Watched) -> None:
    with live.admin() as admin:
        body = {"username": "located", "email": "located@example.com", "password": PASSWORD}
        headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        answer = admin.post(USERS, json=body, headers=headers)
    assert answer.status_code == 201
    assert "evil" not in str(answer.headers)


def test_other_origins_are_given_no_permission(live: Watched, token: str) -> None:
    with live.client(token) as client:
        assert_safe(client.get(ME, headers={"Origin": "https://evil.example"}).headers)
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
        assert client.options(ME, headers=asked).status_code == 405


def test_head_is_get_without_a_body(live: Watched, token: str) -> None:
    with live.client(token) as client:
        for path in (ME, "/healthz", "/readyz", "/.well-known/jwks.json", "/openapi.yaml", "/docs"):
            got, asked = client.get(path), client.head(path)
            assert (asked.status_code, asked.content) == (got.status_code, b"")
            for name in ("content-type", "content-length"):
                assert asked.headers[name] == got.headers[name]
        assert client.head(USERS).status_code == 403
