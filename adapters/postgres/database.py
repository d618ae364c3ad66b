"""The pool of connections, and the one place where PostgreSQL's troubles become the domain's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from adapters.postgres.pool import Pool
from core.protocol.refusals import Unavailable
from core.protocol.secret import Secret

# From the request for a connection to the last row. A caller is told within two seconds that the database is away.
PATIENCE = 1.7  # seconds
LEAST = 0.1  # seconds for a statement, however long its connection was waited for

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


class Database:
    """A pool that opens no connection before one is needed, and recovers by itself when the server is back.

    Statements are single and parameterised, so no connection ever carries session state: nothing has to be reset
    when one goes back to the pool.
    """

    def __init__(self, dsn: Secret, *, largest: int) -> None:
        self._dsn = _without_libpqs_own(dsn)
        self._largest = largest
        self._pool: Pool | None = None

    async def open(self) -> None:
        """Make the pool. Connects to nobody yet: whether anybody answers shows with the first statement."""
        self._pool = Pool(self._connect, largest=self._largest)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def fetchrow(self, sql: str, *values: object) -> asyncpg.Record | None:
        pool, connection, left = await self._take()
        try:
            row = await connection.fetchrow(sql, *values, timeout=left)
        except BaseException as error:
            _put_away(pool, connection, error)
            if isinstance(error, AWAY):
                raise Unavailable from error
            raise
        pool.give_back(connection)
        return row

    async def fetch(self, sql: str, *values: object) -> Sequence[asyncpg.Record]:
        pool, connection, left = await self._take()
        try:
            rows = await connection.fetch(sql, *values, timeout=left)
        except BaseException as error:
            _put_away(pool, connection, error)
            if isinstance(error, AWAY):
                raise Unavailable from error
            raise
        pool.give_back(connection)
        return rows

    async def ping(self) -> None:
        """Raises `Unavailable` when no query can be answered."""
        await self.fetchrow("SELECT 1")

    async def _take(self) -> tuple[Pool, asyncpg.Connection, float]:
        """The pool, a connection of it, and the seconds that are left for a statement. Raises `Unavailable`."""
        pool = self._pool
        if pool is None:
            raise Unavailable
        connection = pool.idle()
        if connection is not None:
            return pool, connection, PATIENCE
        started = monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await pool.take()
        except AWAY as error:
            raise Unavailable from error
        return pool, connection, max(PATIENCE - (monotonic() - started), LEAST)

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._dsn.reveal(),
            timeout=PATIENCE,
            server_settings={
                "application_name": "watchword",
                "statement_timeout": f"{int(PATIENCE * 1000)}ms",
                "timezone": "UTC",
            },
        )


def _put_away(pool: Pool, connection: asyncpg.Connection, error: BaseException) -> None:
    """What becomes of a connection whose statement failed."""
    if isinstance(error, asyncpg.PostgresError):  # the server's word, after which the connection is as good as before
        pool.give_back(connection)
    else:  # whatever was under way may still be
        pool.drop(connection)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        pool.expire()  # a silent failover: these lead to what is now a replica


def _without_libpqs_own(dsn: Secret) -> Secret:
    parts = urlsplit(dsn.reveal())
    kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in LIBPQ_ONLY]
    return Secret(urlunsplit(parts._replace(query="&".join(kept))))
