"""Connections that stay open, with their statements prepared. Nothing is reset between two uses."""

from __future__ import annotations

import asyncio
from collections import deque

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from attrs import frozen

CONNECTIONS = 10  # the server's default for WATCHWORD_POOL_SIZE

USER = """
SELECT id, username, email, email_verified, profile, is_active, roles, created_at, updated_at FROM users
WHERE username = $1
"""
CLIENT = "SELECT secret_digest, is_active, scopes FROM clients WHERE client_id = $1"
INSERT = "INSERT INTO bench_refresh_tokens (digest, client_id, username, expires_at) VALUES ($1, $2, $3, $4)"

# Who is signed in with this cookie, and what this client may have.
SESSION = """
SELECT sessions.id, sessions.username, sessions.authenticated_at, connections.granted
FROM sessions
JOIN users ON users.username = sessions.username
JOIN connections ON connections.username = sessions.username
WHERE sessions.digest = $1 AND connections.client_id = $2
    AND users.is_active AND least(expires_at, idle_expires_at) > now()
"""
CODE = """
INSERT INTO bench_codes (
    digest, client_id, username, scope, session_id, authenticated_at, redirect_uri, challenge, nonce, expires_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
SPEND = """
WITH spent AS (
    UPDATE bench_codes SET spent = true
    WHERE digest = $1 AND client_id = $2 AND redirect_uri = $3 AND challenge = $4 AND expires_at > $5 AND NOT spent
    RETURNING username, scope, session_id, authenticated_at, nonce
),
started AS (INSERT INTO bench_refresh_tokens SELECT $6, $2, username, $7 FROM spent)
SELECT username, scope, session_id, authenticated_at, nonce FROM spent
"""

# What the least of all stores would need: to find a token or a code by its digest.
TABLES = """
CREATE TABLE IF NOT EXISTS bench_refresh_tokens (
    digest BYTEA PRIMARY KEY,
    client_id TEXT NOT NULL,
    username TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS bench_codes (
    digest BYTEA PRIMARY KEY,
    client_id TEXT NOT NULL,
    username TEXT NOT NULL,
    scope TEXT NOT NULL,
    session_id UUID NOT NULL,
    authenticated_at TIMESTAMPTZ NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent BOOLEAN NOT NULL DEFAULT false
)
"""


@frozen
class Connection:
    itself: asyncpg.Connection
    user: PreparedStatement
    client: PreparedStatement
    insert: PreparedStatement
    session: PreparedStatement
    code: PreparedStatement
    spend: PreparedStatement


class Kept:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection]] = deque()

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(self._dsn, server_settings={"timezone": "UTC"})
            await connection.execute(TABLES)
            prepared = [await connection.prepare(sql) for sql in (USER, CLIENT, INSERT, SESSION, CODE, SPEND)]
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
