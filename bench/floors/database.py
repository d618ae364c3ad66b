"""Connections that stay open, with their statements prepared. Nothing is reset between two uses."""

from __future__ import annotations

import asyncio
from collections import deque

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from attrs import frozen

CONNECTIONS = 10  # the server's default for WATCHWORD_POOL_SIZE

USER = "SELECT id, username, email, is_active, roles, created_at, updated_at FROM users WHERE username = $1"
CLIENT = "SELECT secret_digest, is_active, scopes FROM clients WHERE client_id = $1"
INSERT = "INSERT INTO bench_refresh_tokens (digest, client_id, username, expires_at) VALUES ($1, $2, $3, $4)"

# What the least of all stores would need: to find a token by its digest.
TABLE = """
CREATE TABLE IF NOT EXISTS bench_refresh_tokens (
    digest BYTEA PRIMARY KEY,
    client_id TEXT NOT NULL,
    username TEXT NOT NULL,
    expires_at BIGINT NOT NULL
)
"""


@frozen
class Connection:
    itself: asyncpg.Connection
    user: PreparedStatement
    client: PreparedStatement
    insert: PreparedStatement


class Kept:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection]] = deque()

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(self._dsn, server_settings={"timezone": "UTC"})
            await connection.execute(TABLE)
            prepared = [await connection.prepare(sql) for sql in (USER, CLIENT, INSERT)]
            self._idle.append(Connection(connection, *prepared))

    async def take(self) -> Connection:
        if self._idle:
            return self._idle.pop()
        turn: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return await turn

    def give_back(self, connection: Connection) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(connection)
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        for connection in self._idle:
            await connection.itself.close()
