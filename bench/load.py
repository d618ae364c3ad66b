"""A load generator that costs little: keep-alive connections, each of which sends its next request at every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import cast

from bench.scripts import Script

WARM_UP = 0.3  # seconds in which answers are checked and not counted
LAST_ANSWERS = 30.0  # seconds that requests under way get at the end

OK = b"HTTP/1.1 200 "
SEE_OTHER = b"HTTP/1.1 303 "
LENGTH = b"content-length: "


class Broken(Exception):
    """Something did not work. A benchmark of wrong answers says nothing, so it ends here."""


class Load:
    """A connection for each script, without pause. Every answer must be a 200 that contains `expected`.

    With `by_way_of`, a redirect to an address that contains this may come before it, and the two count as one answer.
    It may be driven again and again: scripts go on where they stopped.
    """

    def __init__(
        self, name: str, port: int, scripts: Sequence[Script], *, expected: bytes, by_way_of: bytes | None = None
    ) -> None:
        self.name = name
        self.port = port
        self.scripts = scripts
        self.expected = expected
        self.by_way_of = by_way_of
        self.all_answers = 0  # of the last drive, those included that are not counted
        self.latencies: list[float] = []  # seconds, one for each answer that is counted
        self.stopped = False
        self.reset()

    def begin(self) -> None:
        self.all_answers = 0
        self.stopped = False
        self.reset()

    def reset(self) -> None:
        self.latencies = []
        self._first = self._last = 0.0

    def count(self, at: float, sent: float) -> None:
        self.all_answers += 1
        if self.stopped:  # the last ones come while the load goes down
            return
        self._last = at
        if not self.latencies:
            self._first = at
        self.latencies.append(at - sent)

    @property
    def rate(self) -> float:
        """Answers in a second, between the first that was counted and the last."""
        counted = len(self.latencies)
        if counted < 2:
            raise Broken(f"{self.name}: {counted} answers in a round are too few; give it more --seconds")
        return (counted - 1) / (self._last - self._first)


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load, script: Script, ended: asyncio.Future[None]) -> None:
        self._load = load
        self._script = script
        self._ended = ended
        self._received = b""
        self._sent = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's derives from another class
        self._sent = perf_counter()
        self._transport.write(self._script.first())

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
        by_way_of = self._load.by_way_of
        if by_way_of is not None and received.startswith(SEE_OTHER) and received.find(by_way_of, 0, head) >= 0:
            self._received = b""
            self._transport.write(self._script.following(received))
            return
        if not received.startswith(OK) or received.find(self._load.expected, head) < 0:
            self._end(Broken(f"{self._load.name}: not the answer that was expected: {received[:1200]!r}"))
            return
        self._received = b""
        now = perf_counter()
        self._load.count(now, self._sent)
        following = self._script.following(received)  # also at the end: what it learned is for the next drive
        if self._load.stopped:
            self._end(None)
        else:
            self._sent = now
            self._transport.write(following)

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
        load.begin()
        for script in load.scripts:
            ended = loop.create_future()
            await loop.create_connection(partial(_Connection, load, script, ended), "127.0.0.1", load.port)
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
