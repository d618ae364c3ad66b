"""Request bodies are bounded in size and in time, chunked or not."""

from __future__ import annotations

import json

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from entrypoints.http.limits import LARGEST_BODY, PATIENCE, BodyLimits
from tests.unit.asgi import Answer, call, chunks, scope

CHUNKED = [("transfer-encoding", "chunked")]


async def echo(sent: Scope, receive: Receive, send: Send) -> None:
    await Response(await Request(sent, receive).body())(sent, receive, send)


def length(size: int) -> list[tuple[str, str]]:
    return [("content-length", str(size))]


def refused(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert json.loads(answer.body)["status"] == status


async def test_a_body_at_the_limit_passes_unchanged() -> None:
    body = b"x" * LARGEST_BODY
    answer = await call(BodyLimits(echo), scope(length(len(body))), chunks(body))
    assert (answer.status, answer.body) == (200, body)


async def test_a_body_of_one_byte_more_is_refused() -> None:
    body = b"x" * (LARGEST_BODY + 1)
    refused(await call(BodyLimits(echo), scope(length(len(body))), chunks(body)), 413)


@pytest.mark.parametrize(
    "parts", [[b"12345678"], [b"1234", b"5678"], [b"1"] * 8, [b"12345678", b""], [b"", b"12345678"]]
)
async def test_a_chunked_body_at_the_limit_passes_unchanged(parts: list[bytes]) -> None:
    answer = await call(BodyLimits(echo, largest=8), scope(CHUNKED), chunks(*parts))
    assert (answer.status, answer.body) == (200, b"".join(parts))


@pytest.mark.parametrize("parts", [[b"123456789"], [b"1234", b"56789"], [b"1"] * 9, [b"12345678", b"9", b""]])
async def test_a_chunked_body_of_one_byte_more_is_refused(parts: list[bytes]) -> None:
    refused(await call(BodyLimits(echo, largest=8), scope(CHUNKED), chunks(*parts)), 413)


async def test_a_body_that_lies_about_its_length_is_refused() -> None:
    refused(await call(BodyLimits(echo, largest=8), scope(length(1)), chunks(b"123456789")), 413)


async def test_a_body_declared_huge_is_refused_unread() -> None:
    refused(await call(BodyLimits(echo), scope(length(PATIENCE + 1))), 413)


async def test_a_body_somewhat_too_large_is_read_to_its_end_so_that_the_sender_reads_the_answer() -> None:
    read: list[int] = []

    def parts() -> list[Message]:
        return chunks(*[b"x" * 1024] * 100)

    def counted() -> object:
        for message in parts():
            read.append(1)
            yield message

    refused(await call(BodyLimits(echo, largest=8), scope(CHUNKED), counted()), 413)  # type: ignore[arg-type]
    assert len(read) == 100


async def test_a_body_without_end_is_not_read_for_ever() -> None:
    def endless() -> object:
        while True:
            yield {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    refused(await call(BodyLimits(echo), scope(CHUNKED), endless()), 413)  # type: ignore[arg-type]


async def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    begun: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}]
    refused(await call(BodyLimits(echo, slowest=0.01), scope(length(2)), begun), 408)


async def test_an_endpoint_that_reads_no_body_is_protected_as_well() -> None:
    async def deaf(sent: Scope, receive: Receive, send: Send) -> None:
        await Response("served")(sent, receive, send)

    refused(await call(BodyLimits(deaf, largest=8), scope(CHUNKED), chunks(b"123456789")), 413)


async def test_a_request_without_a_body_is_not_waited_for() -> None:
    async def deaf(sent: Scope, receive: Receive, send: Send) -> None:
        await Response("served")(sent, receive, send)

    assert (await call(BodyLimits(deaf, slowest=0.01), scope())).body == b"served"


async def test_after_the_body_the_application_hears_of_a_disconnect() -> None:
    heard: list[Message] = []

    async def listening(_sent: Scope, receive: Receive, _send: Send) -> None:
        heard.extend([await receive(), await receive()])

    await call(BodyLimits(listening), scope(length(1)), [*chunks(b"a"), {"type": "http.disconnect"}])
    assert [message["type"] for message in heard] == ["http.request", "http.disconnect"]


async def test_a_disconnect_within_the_body_reaches_the_application() -> None:
    begun: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    with pytest.raises(ClientDisconnect):
        await call(BodyLimits(echo), scope(length(2)), begun)


async def test_other_protocols_pass_untouched() -> None:
    seen: list[str] = []

    async def lifespan(sent: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(sent["type"])

    await call(BodyLimits(lifespan), {"type": "lifespan"})
    assert seen == ["lifespan"]
