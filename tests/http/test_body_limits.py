"""Bodies: 64 KiB at most however they are framed, and they must arrive."""

from __future__ import annotations

import itertools

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from entrypoints.http.envelope import Envelope
from entrypoints.http.limits import BodyLimits
from tests.http.support import FORM, ME, PROBLEM, TOKEN, USERS, Answer, Watched, Wire, chunked, head, post_form
from tests.support import PASSWORD, serving

LIMIT = 64 * 1024
KIND = f"Content-Type: {FORM['Content-Type']}"
CHUNKED = "Transfer-Encoding: chunked"


def form_of(size: int, username: str = "somebody") -> bytes:
    form = f"username={username}&password={PASSWORD.replace(' ', '+')}&pad=".encode()
    return form + b"x" * (size - len(form))


def assert_too_large(answer: Answer) -> None:
    assert answer.status == 413
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["status"] == 413
    assert str(LIMIT) in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_body_of_exactly_64_kib_is_read(live: Watched) -> None:
    live.add_user("exactly")
    with live.wire() as wire:
        assert wire.send(post_form(form_of(LIMIT, "exactly"))).answer("POST").status == 200
    with live.wire() as wire:
        body = form_of(LIMIT, "exactly")
        wire.send(head("POST", TOKEN, KIND, CHUNKED), chunked(body[:1], body[1:1000], body[1000:]))
        assert wire.answer("POST").status == 200


def test_one_byte_more_is_413_and_the_connection_is_closed_cleanly(live: Watched) -> None:
    with live.wire() as wire:
        assert_too_large(wire.send(post_form(form_of(LIMIT + 1))).answer("POST"))
        assert wire.ended()


def test_one_byte_more_in_chunks_is_413_and_the_connection_is_closed_cleanly(live: Watched) -> None:
    body = form_of(LIMIT + 1)
    with live.wire() as wire:
        wire.send(head("POST", TOKEN, KIND, CHUNKED), chunked(body[:-1], body[-1:]))
        assert_too_large(wire.answer("POST"))
        assert wire.ended()


@pytest.mark.parametrize("size", [LIMIT * 2, 1024 * 1024, 4 * 1024 * 1024])
def test_whoever_sends_a_large_body_to_its_end_reads_the_answer(live: Watched, size: int) -> None:
    for framing in ("length", "chunks"):
        body = form_of(size)
        with live.wire() as wire:
            if framing == "length":
                wire.send(post_form(body))
            else:
                pieces = [body[start : start + 16384] for start in range(0, size, 16384)]
                wire.send(head("POST", TOKEN, KIND, CHUNKED), chunked(*pieces))
            assert_too_large(wire.answer("POST"))
            assert wire.ended()


def test_an_enormous_declared_length_is_refused_before_the_body_comes(live: Watched) -> None:
    with live.wire() as wire:
        wire.send(head("POST", TOKEN, KIND, f"Content-Length: {10**12}"))
        assert_too_large(wire.answer("POST"))
        assert wire.ended()


def test_an_endless_chunked_body_is_cut_off(live: Watched) -> None:
    """No answer may reach somebody who never stops sending; the connection ends, though."""
    with live.wire() as wire:
        wire.send(head("POST", TOKEN, KIND, CHUNKED))
        endless = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        with pytest.raises(OSError, match=r"(?i)reset|broken pipe"):
            wire.send(*itertools.repeat(endless, 4096))


@pytest.mark.parametrize(
    ("method", "path"), [("POST", TOKEN), ("GET", "/healthz"), ("PATCH", ME), ("POST", USERS), ("POST", "/nowhere")]
)
def test_every_endpoint_gives_the_same_answer_to_a_large_body(live: Watched, method: str, path: str) -> None:
    body = b"x" * (LIMIT + 1)
    with live.wire() as wire:
        wire.send(head(method, path, f"Content-Length: {len(body)}"), body)
        assert_too_large(wire.answer(method))


def test_the_server_serves_others_after_a_large_body(live: Watched) -> None:
    with live.wire() as wire:
        assert_too_large(wire.send(post_form(form_of(LIMIT + 1))).answer("POST"))
    with live.client() as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("line", ["Content-Length: -1", "Content-Length: 1e3", "Content-Length: 0x10"])
def test_a_length_that_is_no_number_is_400(live: Watched, line: str) -> None:
    with live.wire() as wire:
        assert wire.send(head("POST", TOKEN, KIND, line)).answer("POST").status == 400


def test_two_lengths_or_a_length_beside_chunks_are_400(live: Watched) -> None:
    """RFC 9112 §6.3: two readings of where a request ends are two requests."""
    for lines in (
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", CHUNKED],
        [CHUNKED, "Content-Length: 5"],
    ):
        with live.wire() as wire:
            assert wire.send(head("POST", TOKEN, KIND, *lines), b"0\r\n\r\n").answer("POST").status == 400


def test_a_bad_chunk_is_400(live: Watched) -> None:
    with live.wire() as wire:
        wire.send(head("POST", TOKEN, KIND, CHUNKED), b"zz\r\nabc\r\n")
        assert wire.answer("POST").status == 400


def test_a_sender_who_leaves_half_way_does_no_harm(live: Watched) -> None:
    for _ in range(3):
        with live.wire() as wire:
            wire.send(head("POST", TOKEN, KIND, "Content-Length: 500"), b"username=")
    with live.client() as client:
        assert client.get("/healthz").status_code == 200


def test_more_bytes_than_declared_are_another_request(live: Watched) -> None:
    """What follows is read as the next request, which it is not: it never becomes part of this one's form."""
    live.add_user("pipelined")
    form = f"username=pipelined&password={PASSWORD.replace(' ', '+')}".encode()
    with live.wire() as wire:
        wire.send(head("POST", TOKEN, KIND, f"Content-Length: {len(form)}") + form + b"&scope=openid\r\n\r\n")
        assert wire.answer("POST").status in {200, 400}
        assert wire.ended()


def test_the_connection_is_usable_after_an_ordinary_request(live: Watched) -> None:
    with live.wire() as wire:
        for _ in range(3):
            assert wire.send(post_form(b"username=somebody")).answer("POST").status == 400


def test_expect_100_continue_is_answered_before_the_body_is_sent(live: Watched) -> None:
    live.add_user("expecting")
    form = f"username=expecting&password={PASSWORD.replace(' ', '+')}".encode()
    with live.wire() as wire:
        wire.send(head("POST", TOKEN, KIND, f"Content-Length: {len(form)}", "Expect: 100-continue"))
        assert wire.socket.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.send(form).answer("POST").status == 200


def test_expect_100_continue_with_an_enormous_body_is_refused_without_asking_for_it(live: Watched) -> None:
    with live.wire() as wire:
        wire.send(head("POST", TOKEN, KIND, f"Content-Length: {10**9}", "Expect: 100-continue"))
        assert_too_large(wire.answer("POST"))


async def _read(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.mark.parametrize("framing", ["Content-Length: 10", CHUNKED])
def test_a_body_that_does_not_arrive_in_time_is_408_and_the_connection_closes(framing: str) -> None:
    app = Starlette(routes=[Route("/", _read, methods=["POST"])])
    limited = Envelope(BodyLimits(app, largest=100, slowest=0.3), https=False)
    sent = b"12345" if framing.startswith("Content") else b"5\r\n12345\r\n"
    with serving(limited) as (url, _), Wire(url) as wire:
        answer = wire.send(head("POST", "/", framing), sent).answer("POST")
        assert answer.status == 408
        assert answer.headers["content-type"] == PROBLEM
        assert wire.ended()
