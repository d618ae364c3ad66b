"""Servers that answer as no honest one does, and a fetcher that finds them."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from attrs import Factory, define

from adapters.fetching.guarded import GuardedFetcher
from core.clients.ports import FetchFailed

DOCUMENT = {"keys": [], "text": "é"}
BODY = json.dumps(DOCUMENT).encode()

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Answering = Callable[[Writer], Awaitable[None]]


def head(status: str = "200 OK", *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def whole(body: bytes = BODY, status: str = "200 OK", *lines: str) -> bytes:
    return head(status, f"Content-Length: {len(body)}", *lines) + body


def chunked(*chunks: bytes) -> bytes:
    parts = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head("200 OK", "Transfer-Encoding: chunked") + parts + b"0\r\n\r\n"


@define
class Stranger:
    """A server of the tests: where it is, and what it was asked."""

    port: int
    requests: list[bytes] = Factory(list)
    connections: int = 0
    most_at_once: int = 0
    open: int = 0

    def url(self, path: str = "/doc.json", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def stranger(
    answer: bytes | Answering, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Stranger]:
    """Gives one answer to everybody, and ends the connection."""
    known: list[Stranger] = []
    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: Reader, writer: Writer) -> None:
        here = known[0]
        here.connections += 1
        here.open += 1
        here.most_at_once = max(here.most_at_once, here.open)
        try:
            here.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            here.open -= 1
            writer.transport.abort()

    server = await asyncio.start_server(lambda *both: talking.add(asyncio.create_task(talk(*both))), host, 0, ssl=tls)
    known.append(Stranger(server.sockets[0].getsockname()[1]))
    try:
        yield known[0]
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


def fetcher(
    *addresses: str, loopback: bool = True, tls: ssl.SSLContext | None = None, slowest: float = 2
) -> GuardedFetcher:
    """Which finds these addresses whatever the name, each time the next of them would come up."""

    async def resolve(host: str) -> Sequence[str]:
        return addresses

    return GuardedFetcher(loopback=loopback, resolve=resolve if addresses else None, tls=tls, slowest=slowest)


async def refused(url: str, by: GuardedFetcher | None = None) -> str:
    with pytest.raises(FetchFailed) as caught:
        await (by or fetcher()).json(url)
    return str(caught.value)
