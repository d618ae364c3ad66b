"""The pool of connections, and the one place where PostgreSQL's troubles become the domain's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from adapters.postgres.pool import Pool
from core.protocol.refusals import Unavailable
from core.protocol.secret import Secret

T = TypeVar("T")

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
        self._pool = Pool(self._connect, largest=self._largest, patience=PATIENCE)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def fetchrow(self, sql: str, *values: object) -> asyncpg.Record | None:
        return await self._run(asyncpg.Connection.fetchrow, sql, values)

    async def fetch(self, sql: str, *values: object) -> Sequence[asyncpg.Record]:
        return await self._run(asyncpg.Connection.fetch, sql, values)

    async def ping(self) -> None:
        """Raises `Unavailable` when no query can be answered."""
        await self.fetchrow("SELECT 1")

    async def _run(self, statement: Callable[..., Awaitable[T]], sql: str, values: Sequence[object]) -> T:
        """One statement on one connection. Raises `Unavailable` within `PATIENCE`."""
        pool = self._pool
        if pool is None:
            raise Unavailable
        try:
            connection = await pool.take()
            try:
                result = await statement(connection, sql, *values)
            except asyncpg.PostgresError:  # the server's word, after which the connection is as good as before
                pool.give_back(connection)
                raise
            except BaseException:  # whatever was under way may still be
                pool.drop(connection)
                raise
            pool.give_back(connection)
            return result
        except asyncpg.ReadOnlySQLTransactionError as error:
            pool.expire()  # a silent failover: these lead to what is now a replica
            raise Unavailable from error
        except AWAY as error:
            raise Unavailable from error

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._dsn.reveal(),
            timeout=PATIENCE,
            server_settings={
                "application_name": "watchword",
                # Whoever waited for a row goes on with what it has become. By any stricter level, which a database may
                # have for its default, the statement fails instead.
                "default_transaction_isolation": "read committed",
                "statement_timeout": f"{int(PATIENCE * 1000)}ms",
                "timezone": "UTC",
            },
        )


def _without_libpqs_own(dsn: Secret) -> Secret:
    parts = urlsplit(dsn.reveal())
    kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in LIBPQ_ONLY]
    return Secret(urlunsplit(parts._replace(query="&".join(kept))))
