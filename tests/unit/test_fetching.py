"""Documents that strangers name: what is one, and how much of what is none is borne."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Sequence
from time import monotonic

import pytest

from adapters.fetching.guarded import LARGEST, MOST_AT_ONCE, GuardedFetcher
from tests.unit.strangers import BODY, DOCUMENT, Writer, chunked, fetcher, head, refused, stranger, whole

# What goes well


async def test_a_document_is_fetched_with_a_plain_request() -> None:
    async with stranger(whole(BODY, "200 OK", "Set-Cookie: a=b", "Content-Type: application/json")) as there:
        one = fetcher()
        for _ in range(2):
            assert await one.json(there.url("/a/b?c=d")) == DOCUMENT
    lines = there.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /a/b?c=d HTTP/1.1"
    assert {line.partition(":")[0].lower() for line in lines[1:] if line} == {
        *("host", "user-agent", "accept", "accept-encoding", "connection"),
    }
    assert f"Host: 127.0.0.1:{there.port}" in lines
    assert there.requests[0] == there.requests[1]  # no cookie comes back


async def test_without_a_path_it_is_the_root_that_is_fetched() -> None:
    async with stranger(whole()) as there:
        assert await fetcher().json(there.url("")) == DOCUMENT
        assert await fetcher().json(there.url("?x=1")) == DOCUMENT
    assert [request.split(b" ")[1] for request in there.requests] == [b"/", b"/?x=1"]


@pytest.mark.parametrize(
    "answer",
    [
        chunked(BODY),
        chunked(*(BODY[at : at + 1] for at in range(len(BODY)))),
        head() + BODY,  # until the connection ends
        head("103 Early Hints", "Link: <x>") + head("100 Continue") + whole(),
        b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
        whole(BODY, "200 OK", "Content-Encoding: identity"),
    ],
    ids=["one chunk", "many chunks", "no length", "hints before", "an old version", "identity"],
)
async def test_every_way_to_send_a_document_is_understood(answer: bytes) -> None:
    async with stranger(answer) as there:
        assert await fetcher().json(there.url()) == DOCUMENT


@pytest.mark.parametrize("send", [whole, chunked, lambda body: head() + body], ids=["length", "chunked", "neither"])
async def test_a_document_may_be_so_large(send: Callable[[bytes], bytes]) -> None:
    for size in (LARGEST, LARGEST + 1):
        async with stranger(send(b'"' + b"a" * (size - 2) + b'"')) as there:
            if size == LARGEST:
                assert len(str(await fetcher().json(there.url()))) == size - 2
            else:
                assert await refused(there.url()) == "the document is too large"


# What is no document


@pytest.mark.parametrize("status", ["300 Choose", "301 Moved", "302 Found", "303 See", "307 Now", "308 Moved"])
async def test_nothing_is_followed(status: str) -> None:
    async with stranger(whole()) as elsewhere:
        for body in (b"", BODY):
            async with stranger(whole(body, status, f"Location: {elsewhere.url()}", "Refresh: 0")) as there:
                assert await refused(there.url()) == f"status {status[:3]}"
                assert there.connections == 1
    assert elsewhere.connections == 0


@pytest.mark.parametrize("status", ["201 Created", "204 None", "206 Partial", "401 Who", "404 Not here", "500 Broken"])
async def test_only_200_is_an_answer(status: str) -> None:
    async with stranger(whole(BODY, status)) as there:
        assert await refused(there.url()) == f"status {status[:3]}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"{",
        b'{"a": 1, "a": 2}',
        b'[{"keys": [{"kty": "EC", "kty": "RSA"}]}]',
        b"NaN",
        b'{"a": Infinity}',
        b"[-Infinity]",
        b"1e999",
        b"[-1e999]",
        b"1" * 5000,  # which Python reads for long, and then refuses
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        json.dumps(DOCUMENT).encode("utf-16"),
        b"[" * 30000 + b"]" * 30000,
        b'{"a":' * 10000,
        b"{} {}",
        b"'a'",
        b"\x1f\x8b\x08\x00",
    ],
    ids=range(19),
)
async def test_what_is_not_json_in_utf_8_is_refused(body: bytes) -> None:
    async with stranger(whole(body)) as there:
        assert await refused(there.url()) == "the document is no JSON"


@pytest.mark.parametrize("value", [None, 1, 1.5, "a", [], {}, True])
async def test_any_value_is_json_and_what_it_is_good_for_is_for_others_to_say(value: object) -> None:
    async with stranger(whole(json.dumps(value).encode())) as there:
        assert await fetcher().json(there.url()) == value


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
async def test_a_compressed_document_is_refused_before_it_unfolds(encoding: str) -> None:
    async with stranger(whole(b"\x1f\x8b" * 10, "200 OK", f"Content-Encoding: {encoding}")) as there:
        assert await refused(there.url()) == "an encoding that was not asked for"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"220 mail.example.com ESMTP the-secret-greeting\r\n",
        b"ICY 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\0: x\r\n\r\n{}",
    ],
    ids=range(16),
)
async def test_whatever_speaks_otherwise_is_refused_and_not_quoted(answer: bytes) -> None:
    async with stranger(answer) as there:
        reason = await refused(there.url())
    assert reason in {"the answer is not HTTP/1.1", "the document is too large", "there was no answer"}
    assert "secret" not in reason


# Slow and endless ones


async def endlessly(writer: Writer, piece: bytes, every: float = 0) -> None:
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(every)


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (head(), b" " * 4096),
        (head("200 OK", "Transfer-Encoding: chunked"), b"1000\r\n" + b" " * 4096 + b"\r\n"),
        (head("200 OK", "Transfer-Encoding: chunked"), b"1\r\n \r\n" * 1000),
        (head("200 OK", "Transfer-Encoding: chunked"), b"1;" + b"x" * 4000 + b"\r\n \r\n"),
        (head("200 OK", "Transfer-Encoding: chunked"), b"1;" + b"x" * 40000),
        (head("200 OK", "Transfer-Encoding: chunked"), b"0" * 4096),
        (head("200 OK", "Transfer-Encoding: chunked") + b"0\r\n", b"X-Trailer: x\r\n" * 300),
        (head("200 OK", "Content-Length: 60000"), b" " * 4096),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n" * 300),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 4096),
        (b"", head("100 Continue") * 100),
        (b"", b"x" * 4096),
        (b"", b"\r\n" * 2048),
    ],
    ids=range(13),
)
async def test_an_answer_without_an_end_is_given_up_long_before_one(begin: bytes, piece: bytes) -> None:
    async def answer(writer: Writer) -> None:
        writer.write(begin)
        await endlessly(writer, piece)

    async with stranger(answer) as there:
        began = monotonic()
        reason = await refused(there.url(), fetcher(slowest=30))
        assert monotonic() - began < 10  # it is the size that ended it
    assert reason != "it took too long"


@pytest.mark.parametrize(
    ("begin", "piece", "every"),
    [
        (b"", b"", 1),
        (b"HTTP/1.1 200 OK\r\n", b"X: x\r\n", 0.05),
        (head(), b" ", 0.05),
        (head("200 OK", "Content-Length: 5"), b"", 1),
        (head("200 OK", "Transfer-Encoding: chunked"), b"1\r\n \r\n", 0.05),
        (b"", head("100 Continue"), 0.05),
    ],
    ids=["silent", "headers", "body", "stuck", "chunks", "hints"],
)
async def test_a_slow_answer_is_given_up_in_time(begin: bytes, piece: bytes, every: float) -> None:
    async def answer(writer: Writer) -> None:
        writer.write(begin)
        await endlessly(writer, piece, every)

    async with stranger(answer) as there:
        began = monotonic()
        assert await refused(there.url(), fetcher(slowest=0.3)) == "it took too long"
        assert monotonic() - began < 1.5


async def test_a_name_that_nobody_finds_is_given_up_in_time() -> None:
    async def never(host: str) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    slow = GuardedFetcher(resolve=never, slowest=0.2)
    assert await refused("https://app.test/", slow) == "it took too long"


async def test_a_handshake_that_never_ends_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # and nobody accepts
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        assert await refused(url, fetcher(slowest=0.3)) == "it took too long"


async def test_only_so_many_are_fetched_at_once_and_the_loop_goes_on_meanwhile() -> None:
    async def answer(writer: Writer) -> None:
        await asyncio.sleep(0.05)
        writer.write(whole())

    async with stranger(answer) as there:
        one = fetcher(slowest=10)
        asked = asyncio.gather(*(one.json(there.url()) for _ in range(3 * MOST_AT_ONCE)))
        longest = 0.0
        while not asked.done():
            before = monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, monotonic() - before)
        assert await asked == [DOCUMENT] * 3 * MOST_AT_ONCE
    assert there.most_at_once == MOST_AT_ONCE
    assert longest < 0.5


async def test_who_waits_for_a_turn_waits_no_longer_than_for_an_answer() -> None:
    async def answer(writer: Writer) -> None:
        await asyncio.sleep(5)

    async with stranger(answer) as there:
        one = fetcher(slowest=0.3)
        began = monotonic()
        outcomes = await asyncio.gather(
            *(one.json(there.url()) for _ in range(5 * MOST_AT_ONCE)), return_exceptions=True
        )
        assert monotonic() - began < 1
    assert {str(outcome) for outcome in outcomes} == {"it took too long"}
    async with stranger(whole()) as there:
        assert await one.json(there.url()) == DOCUMENT  # every turn was given back
