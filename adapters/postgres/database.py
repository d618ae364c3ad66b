"""The pool of connections, and the one place where PostgreSQL's troubles become the domain's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from core.protocol.refusals import Unavailable
from core.protocol.secret import Secret

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# From the request for a connection to the last row. A caller is told within two seconds that the database is away.
PATIENCE = 1.7  # seconds

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # too many connections, no memory, no disk
    asyncpg.DeadlockDetectedError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


# What libpq reads from an address and asyncpg would send to the server as settings of the session.
LIBPQ_ONLY = frozenset(
    {"channel_binding", "client_encoding", "connect_timeout", "fallback_application_name", "gssencmode", "keepalives"}
    | {"keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts", "require_auth"}
    | {"requiressl", "sslcompression", "sslsni", "tcp_user_timeout"}
)


class Stateless(asyncpg.Connection):
    """A connection that needs no cleaning up when it goes back to the pool, which would cost a third of a query."""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's signature
        return None


class Database:
    """A pool that opens no connection before one is needed, and recovers by itself when the server is back.

    Statements are single and parameterised, so no connection ever carries session state: nothing has to be reset
    when one goes back to the pool.
    """

    def __init__(self, dsn: Secret, *, largest: int) -> None:
        self._dsn = _without_libpqs_own(dsn)
        self._largest = largest
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Make the pool. Connects to nobody yet: whether anybody answers shows with the first statement."""
        self._pool = await asyncpg.create_pool(
            self._dsn.reveal(),
            min_size=0,
            max_size=self._largest,
            timeout=PATIENCE,
            command_timeout=PATIENCE,
            connection_class=Stateless,
            server_settings={
                "application_name": "watchword",
                "statement_timeout": f"{int(PATIENCE * 1000)}ms",
                "timezone": "UTC",
            },
        )

    async def close(self) -> None:
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5)
        except TimeoutError:
            self._pool.terminate()
        self._pool = None

    async def fetchrow(self, sql: str, *values: object) -> asyncpg.Record | None:
        async with self._connection() as connection:
            return await connection.fetchrow(sql, *values)

    async def fetch(self, sql: str, *values: object) -> Sequence[asyncpg.Record]:
        async with self._connection() as connection:
            return await connection.fetch(sql, *values)

    async def ping(self) -> None:
        """Raises `Unavailable` when no query can be answered."""
        await self.fetchrow("SELECT 1")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        """One connection for one statement. Raises `Unavailable` within `PATIENCE`."""
        if self._pool is None:
            raise Unavailable
        try:
            async with asyncio.timeout(PATIENCE), self._pool.acquire() as connection:
                yield connection
        except asyncpg.ReadOnlySQLTransactionError as error:
            await self._pool.expire_connections()  # a silent failover: these lead to what is now a replica
            raise Unavailable from error
        except AWAY as error:
            raise Unavailable from error


def _without_libpqs_own(dsn: Secret) -> Secret:
    parts = urlsplit(dsn.reveal())
    kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in LIBPQ_ONLY]
    return Secret(urlunsplit(parts._replace(query="&".join(kept))))
