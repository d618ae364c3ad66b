"""A load generator that costs little: keep-alive connections which send one fixed request again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import cast

WARM_UP = 0.3  # seconds in which answers are checked and not counted
LAST_ANSWERS = 30.0  # seconds that requests under way get at the end

OK = b"HTTP/1.1 200 "
LENGTH = b"content-length: "


class Broken(Exception):
    """Something did not work. A benchmark of wrong answers says nothing, so it ends here."""


def request(method: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii")


class Load:
    """So many connections that repeat a request without pause. Every answer must be a 200 that contains `expected`."""

    def __init__(self, name: str, port: int, request: bytes, *, connections: int, expected: bytes) -> None:
        self.name = name
        self.port = port
        self.request = request
        self.connections = connections
        self.expected = expected
        self.all_answers = 0  # those included that are not counted
        self.stopped = False
        self.reset()

    def reset(self) -> None:
        self._count = 0
        self._first = self._last = 0.0

    def count(self) -> None:
        self.all_answers += 1
        if self.stopped:  # the last ones come while the load goes down
            return
        self._last = perf_counter()
        if not self._count:
            self._first = self._last
        self._count += 1

    @property
    def rate(self) -> float:
        """Answers in a second, between the first that was counted and the last."""
        if self._count < 2:
            raise Broken(f"{self.name}: {self._count} answers in a round are too few; give it more --seconds")
        return (self._count - 1) / (self._last - self._first)


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load, ended: asyncio.Future[None]) -> None:
        self._load = load
        self._ended = ended
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's derives from another class
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        head = received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = received.find(LENGTH, 0, head)
        if length < 0:
            self._end(Broken(f"{self._load.name}: an answer without a length: {received[:200]!r}"))
            return
        size = int(received[length + len(LENGTH) : received.index(b"\r", length)])
        if len(received) < head + 4 + size:
            return
        if not received.startswith(OK) or received.find(self._load.expected, head) < 0:
            self._end(Broken(f"{self._load.name}: not the answer that was expected: {received[:600]!r}"))
            return
        self._received = b""
        self._load.count()
        if self._load.stopped:
            self._end(None)
        else:
            self._transport.write(self._load.request)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(Broken(f"{self._load.name}: the server closed the connection ({error})"))

    def _end(self, error: Broken | None) -> None:
        if not self._ended.done():
            if error is None:
                self._ended.set_result(None)
            else:
                self._ended.set_exception(error)
        self._transport.close()


async def drive(*loads: Load, seconds: float) -> None:
    """Put all loads on at once, and count for so many seconds. Afterwards nothing is left under way."""
    loop = asyncio.get_running_loop()
    ends: set[asyncio.Future[None]] = set()
    for load in loads:
        load.stopped = False
        for _ in range(load.connections):
            ended = loop.create_future()
            await loop.create_connection(partial(_Connection, load, ended), "127.0.0.1", load.port)
            ends.add(ended)
    await _hold(ends, WARM_UP)
    for load in loads:
        load.reset()
    await _hold(ends, seconds)
    for load in loads:
        load.stopped = True
    await _hold(ends, LAST_ANSWERS, all_end=True)


async def _hold(ends: set[asyncio.Future[None]], seconds: float, *, all_end: bool = False) -> None:
    """Wait, while no connection ends, or until all have. Raises what ended one too early."""
    until = asyncio.FIRST_EXCEPTION if all_end else asyncio.FIRST_COMPLETED
    done, pending = await asyncio.wait(ends, timeout=seconds, return_when=until)
    for end in done:
        end.result()
    if all_end and pending:
        raise Broken(f"{len(pending)} requests got no answer within {seconds} seconds")
