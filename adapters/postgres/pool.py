"""A small pool of connections to PostgreSQL.

asyncpg's own pool wraps each connection anew for every use, which costs as much as a simple statement does. Here a
connection is taken, used and put back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import asyncpg

Connect = Callable[[], Awaitable[asyncpg.Connection]]


class PoolClosed(asyncpg.InterfaceError):
    pass


class Pool:
    """Opens a connection when one is needed and none is idle, up to `largest`; whoever comes then waits in line.

    A connection that the server closed is never given out. The one used last is given out first, so that a pool
    which was busy once keeps the connections that it needs warm.
    """

    def __init__(self, connect: Connect, *, largest: int) -> None:
        self._connect = connect
        self._largest = largest
        self._idle: list[asyncpg.Connection] = []
        self._used: set[asyncpg.Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[asyncpg.Connection | None]] = deque()
        self._closed = False

    def idle(self) -> asyncpg.Connection | None:
        """One that nobody uses, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                self._used.add(connection)
                return connection
        return None

    async def take(self) -> asyncpg.Connection:
        """Cancel it to give up waiting. Raises `PoolClosed`, and what connecting raises."""
        while True:
            if self._closed:
                raise PoolClosed("the pool is closed")
            if (connection := self.idle()) is not None:
                return connection
            if len(self._used) + self._opening < self._largest:
                return await self._open()
            turn: asyncio.Future[asyncpg.Connection | None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                handed = await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # the turn had come: it is somebody else's now
                    if (handed := turn.result()) is not None:
                        self.give_back(handed)
                    else:
                        self._next()
                raise
            if handed is not None:
                return handed

    def give_back(self, connection: asyncpg.Connection) -> None:
        """To whoever waits longest, or to the idle ones."""
        if self._closed or connection.is_closed():
            self.drop(connection)
        elif not self._next(connection):
            self._used.discard(connection)
            self._idle.append(connection)

    def drop(self, connection: asyncpg.Connection) -> None:
        """For one that was closed, or that somebody gave up on in the middle of a statement."""
        self._used.discard(connection)
        connection.terminate()
        self._next()

    def expire(self) -> None:
        """Every connection that is idle now leads to a server that is no use any more."""
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()

    async def close(self) -> None:
        self._closed = True
        while self._next():
            pass
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close(timeout=2) for connection in idle), return_exceptions=True)
        for connection in self._used:
            connection.terminate()

    async def _open(self) -> asyncpg.Connection:
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
        self._used.add(connection)
        return connection

    def _next(self, connection: asyncpg.Connection | None = None) -> bool:
        """Whoever waits longest gets the connection, or with None looks again. False where nobody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False
