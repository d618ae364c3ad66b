"""One JSON line per request, with what an operator needs and nothing that a thief could use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http.signing_in import ACCOUNT, SIGN_IN, Browser, read
from tests.http.support import ME, TOKEN, Forge, Watched, eventually, head, me, post_form, record
from tests.support import PASSWORD


def lines_of(request_id: str) -> list[dict[str, Any]]:
    """The request lines with this id. The line follows the answer, so it may be a moment late."""

    def found() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in record.lines[:] if request_id in line]
        return [line for line in lines if line["request_id"] == request_id and line["event"] == "request"]

    eventually(lambda: bool(found()), within=2)
    return found()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz", 200), ("GET", "/nowhere", 404), ("GET", ME, 401), ("GET", TOKEN, 405), ("POST", TOKEN, 400)],
)
def test_every_request_leaves_one_line(live: Watched, method: str, path: str, status: int) -> None:
    request_id = f"log-{method}{path.replace('/', '-')}"
    with live.client() as client:
        client.request(method, path + "?secret=in-the-query", headers={"X-Request-ID": request_id})
    (line,) = lines_of(request_id)
    assert (line["method"], line["path"], line["status"]) == (method, path, status)
    assert line["logger"] == "watchword.http"
    assert line["level"] == "INFO"
    assert line["client"] == "127.0.0.1"
    assert line["duration_ms"] >= 0
    assert "time" in line
    assert "in-the-query" not in json.dumps(line)


def test_the_id_that_was_made_here_is_the_id_in_the_log(live: Watched) -> None:
    with live.client() as client:
        request_id = client.get("/healthz").headers["x-request-id"]
    assert len(lines_of(request_id)) == 1


def test_a_path_cannot_forge_a_line(live: Watched) -> None:
    before = len(record.lines)
    with live.wire() as wire:
        wire.send(head("GET", "/a%0A%7B%22event%22:%22request%22%7D%0D", "X-Request-ID: forged-path")).answer()
    (line,) = lines_of("forged-path")
    assert line["path"] == '/a\n{"event":"request"}\r'
    assert all("\n" not in text and "\r" not in text for text in record.lines[before:])


def test_a_very_long_path_is_cut(live: Watched) -> None:
    with live.client() as client:
        client.get("/" + "x" * 5000, headers={"X-Request-ID": "long-path"})
    (line,) = lines_of("long-path")
    assert len(line["path"]) <= 256


def test_the_log_says_why_a_token_was_refused(live: Watched, forge: Forge) -> None:
    """RFC 6750 §3.1 leaves the sender with one word; the operator needs more."""
    user = live.add_user("logged")
    live.run(live.container.delete_user()(user.id))
    reasons = set()
    for number, token in enumerate(
        ["x", forge.token("logged"), forge.token("logged", exp=1), forge.token("x", aud="y")]
    ):
        request_id = f"reason-{number}"
        with live.client(token) as client:
            client.get(ME, headers={"X-Request-ID": request_id})
        (line,) = lines_of(request_id)
        reasons.add(line["reason"])
        assert token not in json.dumps(line) or token == "x"
    assert len(reasons) == 4


def test_a_refused_body_leaves_a_line_too(live: Watched) -> None:
    with live.wire() as wire:
        wire.send(post_form(b"x" * 70000, "X-Request-ID: too-large")).answer("POST")
    (line,) = lines_of("too-large")
    assert line["status"] == 413


def test_no_credential_is_logged(live: Watched) -> None:
    live.add_user("discreet", password="a password of its own")
    before = len(record.lines)
    token = live.token("discreet", "a password of its own")
    me(live, token)
    with live.client() as client:
        client.post(TOKEN, data={"username": "discreet", "password": "a mistyped password"})
        client.get(f"{TOKEN}?username=discreet&password=a+password+in+the+address")
    with live.wire() as wire:
        wire.send(head("GET", f"{ME}?access_token={token}")).answer()
    text = "\n".join(record.lines[before:])
    assert text
    for secret in (token, token.split(".")[2], PASSWORD, "of its own", "mistyped", "in+the+address", "in the address"):
        assert secret not in text


def test_why_a_page_said_no_is_told_as_well(live: Watched) -> None:
    """The page itself is an answer like any other: only the log can say that somebody is guessing."""
    live.add_user("page.log")
    browser = Browser(live)
    form = read(browser.open(SIGN_IN)).form("signin")
    typed = {"choice": "signin", "username": "page.log", "password": "a guess"}
    browser.submit(form, headers={"X-Request-ID": "page-guess"}, **typed)
    (line,) = lines_of("page-guess")
    assert (line["status"], line["reason"]) == (400, "WrongCredentials")
    browser.sign_in(browser.open(SIGN_IN), "page.log")
    form = read(browser.open(ACCOUNT)).form(action="/account/email")
    browser.submit(form, headers={"X-Request-ID": "page-email"}, email="nowhere")
    (line,) = lines_of("page-email")
    assert (line["status"], line["reason"]) == (400, "InvalidFields")
    live.forgive("page.log")
