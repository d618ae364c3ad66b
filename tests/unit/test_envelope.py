"""Around every request: an id, headers, one log line, and a 500 that tells nothing."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adapters.memory.store import MemoryStore
from container import Container, Settings
from entrypoints.http.app import build
from entrypoints.http.envelope import Envelope
from entrypoints.http.refusals import refusal_handlers
from entrypoints.logs import requests
from tests.support import CHEAP
from tests.unit.asgi import Answer, call, scope

SECRET = "hunter2"
plain = PlainTextResponse("served")


async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ZeroDivisionError(SECRET)


async def half_done(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ZeroDivisionError(SECRET)


def enveloped(app: object = plain, *, https: bool = False) -> Envelope:
    return Envelope(app, https=https)  # type: ignore[arg-type]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="watchword")
    return caplog


@pytest.fixture
def noted() -> Iterator[io.StringIO]:
    """Where requests are noted."""
    stream = io.StringIO()
    requests.open(stream)
    yield stream
    requests.open(None)


def lines(noted: io.StringIO) -> list[dict[str, object]]:
    requests.flush()
    return [json.loads(line) for line in noted.getvalue().splitlines()]


@pytest.mark.parametrize("sent", ["a", "0123-abc.DEF_9", "x" * 128])
async def test_a_request_id_that_is_safe_is_kept(sent: str, noted: io.StringIO) -> None:
    answer = await call(enveloped(), scope([("x-request-id", sent)]))
    assert answer.headers["x-request-id"] == sent
    assert [line["request_id"] for line in lines(noted)] == [sent]


@pytest.mark.parametrize("sent", [None, "", "a b", "x" * 129, "é", "a\x1b[31m", '"', "a,b", "a\n"])
async def test_any_other_request_id_is_replaced(sent: str | None) -> None:
    answer = await call(enveloped(), scope([] if sent is None else [("x-request-id", sent)]))
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_every_request_gets_an_id_of_its_own() -> None:
    ids = {(await call(enveloped(), scope())).headers["x-request-id"] for _ in range(10)}
    assert len(ids) == 10


async def test_every_answer_has_the_security_headers() -> None:
    headers = (await call(enveloped(), scope())).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_what_an_answer_says_about_caching_and_content_stays() -> None:
    own = PlainTextResponse("x", headers={"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'self'"})
    answer = await call(enveloped(own), scope())
    names = [name for name, _ in answer.messages[0]["headers"]]
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert len(names) == len(set(names))


@pytest.mark.parametrize("https", [True, False])
async def test_transport_security_is_strict_where_the_issuer_is_https(https: bool) -> None:
    assert ("strict-transport-security" in (await call(enveloped(https=https), scope())).headers) is https


async def test_one_line_is_logged_for_a_request(noted: io.StringIO) -> None:
    sent = scope([("authorization", SECRET)], method="GET", path="/x" * 500)
    sent["query_string"] = SECRET.encode()
    await call(enveloped(), sent)
    (line,) = lines(noted)
    assert (line["method"], line["status"], line["client"]) == ("GET", 200, "192.0.2.1")
    assert line["path"] == ("/x" * 500)[:256]
    assert SECRET not in str(line)


def plain_500(answer: Answer) -> None:
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert json.loads(answer.body)["title"] == "Internal Server Error"
    assert answer.headers["x-request-id"]
    assert not re.search(rb"hunter2|ZeroDivision|Traceback|\.py", answer.body)


async def test_an_exception_becomes_a_500_that_tells_nothing(log: pytest.LogCaptureFixture, noted: io.StringIO) -> None:
    plain_500(await call(enveloped(broken), scope([("x-request-id", "id-1")])))
    assert [line["status"] for line in lines(noted)] == [500]
    (trace,) = [record for record in log.records if record.exc_info]
    assert vars(trace)["request_id"] == "id-1"


async def test_an_exception_within_an_answer_is_left_to_the_server(noted: io.StringIO) -> None:
    answer = Answer()
    with pytest.raises(ZeroDivisionError):
        await call(enveloped(half_done), scope(), into=answer)
    assert [message["type"] for message in answer.messages] == ["http.response.start"]
    assert [line["status"] for line in lines(noted)] == [200]


async def test_an_exception_of_an_endpoint_becomes_the_same_500(log: pytest.LogCaptureFixture) -> None:
    async def endpoint(_request: Request) -> Response:
        raise ZeroDivisionError(SECRET)

    app = Starlette(routes=[Route("/", endpoint)], exception_handlers=refusal_handlers)
    answer = Answer()
    await call(enveloped(app), scope(method="GET"), into=answer)
    plain_500(answer)


class BrokenStore(MemoryStore):
    async def ready(self) -> None:
        raise ZeroDivisionError(SECRET)


async def test_an_exception_in_the_whole_application_becomes_the_same_500(log: pytest.LogCaptureFixture) -> None:
    box = Container(settings=Settings(storage="memory", **CHEAP))  # type: ignore[arg-type]
    box.store.override(BrokenStore())
    try:
        plain_500(await call(build(box), scope(method="GET", path="/readyz")))
    finally:
        box.hasher().close()


async def test_other_protocols_pass_untouched() -> None:
    seen: list[str] = []

    async def lifespan(sent: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(sent["type"])

    await call(enveloped(lifespan), {"type": "lifespan"})
    assert seen == ["lifespan"]
