"""A small pool of connections to PostgreSQL.

asyncpg's own pool wraps each connection anew for every use, and sets a timer for every statement: together they cost
more than a simple statement. Here a connection is taken, used and put back, and one timer watches over all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

import asyncpg

Connect = Callable[[], Awaitable[asyncpg.Connection]]

LOOK_EVERY = 0.2  # seconds


class PoolClosed(asyncpg.InterfaceError):
    pass


class Pool:
    """Opens a connection when one is needed and none is idle, up to `largest`; whoever comes then waits in line.

    From the wish for a connection to the end of a statement at most `patience` seconds pass, give or take one look: a
    wait ends with `TimeoutError`, a statement with its connection. A connection that the server closed is never given
    out. The one used last is given out first, so that a pool which was busy once keeps warm what it needs.
    """

    def __init__(self, connect: Connect, *, largest: int, patience: float) -> None:
        self._connect = connect
        self._largest = largest
        self._patience = patience
        self._idle: list[asyncpg.Connection] = []
        self._used: dict[asyncpg.Connection, float] = {}  # since when somebody waits for what it does
        self._opening = 0
        self._waiting: deque[tuple[float, asyncio.Future[asyncpg.Connection | None]]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self) -> asyncpg.Connection:
        """Cancel it to give up waiting. Raises `PoolClosed`, `TimeoutError`, and what connecting raises."""
        started = monotonic()
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)
        again = False
        while True:
            if self._closed:
                raise PoolClosed("the pool is closed")
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    self._used[connection] = started
                    return connection
            if len(self._used) + self._opening < self._largest:
                return await self._open(started)
            handed = await self._turn(started, again=again)
            again = True
            if handed is not None and handed.is_closed():  # on its way here
                self.drop(handed)
            elif handed is not None:
                self._used[handed] = started
                return handed

    def give_back(self, connection: asyncpg.Connection) -> None:
        """To whoever waits longest, or to the idle ones."""
        if self._closed or connection.is_closed():
            self.drop(connection)
        elif not self._next(connection):
            del self._used[connection]
            self._idle.append(connection)

    def drop(self, connection: asyncpg.Connection) -> None:
        """For one that was closed, or that somebody gave up on in the middle of a statement."""
        self._used.pop(connection, None)
        connection.terminate()
        self._next()

    def expire(self) -> None:
        """Every connection that is idle now leads to a server that is no use any more."""
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()

    async def close(self) -> None:
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        while self._next():
            pass
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close(timeout=2) for connection in idle), return_exceptions=True)
        for connection in self._used:
            connection.terminate()

    async def _open(self, started: float) -> asyncpg.Connection:
        self._opening += 1
        try:
            connection = await self._connect()
        except BaseException:
            self._opening -= 1
            self._next()
            raise
        self._opening -= 1
        if self._closed:
            connection.terminate()
            raise PoolClosed("the pool is closed")
        self._used[connection] = started
        return connection

    async def _turn(self, started: float, *, again: bool) -> asyncpg.Connection | None:
        """Wait for a connection that somebody gives back; None is for a place to open one. Whoever found that taken
        waits `again`, before all others.
        """
        turn: asyncio.Future[asyncpg.Connection | None] = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if again else self._waiting.append)((started, turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # somebody else's now
                handed = turn.result()
                if handed is not None:
                    self.give_back(handed)
                else:
                    self._next()
            raise

    def _next(self, connection: asyncpg.Connection | None = None) -> bool:
        """Whoever waits longest gets the connection, or with None looks again. False where nobody waits."""
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    def _look(self) -> None:
        """End what takes too long. Goes on while anybody has a connection, or waits for one."""
        too_long = monotonic() - self._patience
        while self._waiting and self._waiting[0][0] < too_long:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(TimeoutError())
        for connection in [connection for connection, started in self._used.items() if started < too_long]:
            connection.terminate()  # whoever uses it hears of that at once, and drops it
        again = self._used or self._waiting or self._opening
        self._watch = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look) if again else None
