"""Who is signed in where, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.users import OF_USER_AND_EPOCH, as_user
from core.authorization.model import Connection, Seen, Session
from core.authorization.ports import Sessions

COLUMNS = "id, digest, username, authenticated_at, seen_at, expires_at, idle_expires_at, agent, address"
NAMES = COLUMNS.split(", ")
OF_SESSION = ", ".join(f"sessions.{name}" for name in NAMES)

# Rows are taken in the order of their ids, so that no two of these statements wait for each other.
REVOKE_ONLINE = """
    UPDATE refresh_families SET revoked_at = {at} WHERE id IN (
        SELECT id FROM refresh_families
        WHERE session_id IN (SELECT id FROM ended) AND revoked_at IS NULL AND NOT 'offline_access' = ANY (scope)
        ORDER BY id FOR UPDATE
    )
"""

# A family that is started at the same moment is not seen here; see `LIVES` of the tokens.
START = f"""
WITH ended AS (DELETE FROM sessions WHERE digest = $10 RETURNING id),
revoked AS ({REVOKE_ONLINE.format(at="$5")}),
moved AS (
    UPDATE authorization_requests SET browser = $2 WHERE digest IN (
        SELECT digest FROM authorization_requests WHERE browser = $10 ORDER BY digest FOR UPDATE
    )
)
INSERT INTO sessions ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""  # noqa: S608 - constant names only, here and below

GO_ON = """
WITH again AS (
    UPDATE sessions SET
        digest = $2, authenticated_at = $4, seen_at = $5, expires_at = $6, idle_expires_at = $7, agent = $8,
        address = $9
    WHERE id = $1 AND username = $3 AND digest = $10
    RETURNING id
),
moved AS (
    UPDATE authorization_requests SET browser = $2 WHERE digest IN (
        SELECT digest FROM authorization_requests
        WHERE browser = $10 AND EXISTS (SELECT FROM again) ORDER BY digest FOR UPDATE
    )
)
SELECT id FROM again
"""

LOOK = f"""
SELECT
    {OF_SESSION}, connections.granted, connections.since, connections.used_at, connections.tokens_valid_from,
    {OF_USER_AND_EPOCH}
FROM sessions
JOIN users ON users.username = sessions.username
LEFT JOIN connections ON connections.username = sessions.username AND connections.client_id = $2
WHERE sessions.digest = $1
"""  # noqa: S608 - as above

# Nothing that is indexed changes, so the new version of the row mostly fits beside the old one.
TOUCH = """
UPDATE sessions SET seen_at = greatest(seen_at, $2), idle_expires_at = greatest(idle_expires_at, $3) WHERE id = $1
"""

OF_USERNAME = f"SELECT {COLUMNS} FROM sessions WHERE username = $1 ORDER BY seen_at DESC, id"  # noqa: S608 - as above

END = f"""
WITH ended AS (
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE username = $1 AND ($2::uuid IS NULL OR id = $2) ORDER BY id FOR UPDATE
    )
    RETURNING id
),
revoked AS ({REVOKE_ONLINE.format(at="$3")})
SELECT count(*) AS number FROM ended
"""  # noqa: S608 - as above

CONNECTION_AT = len(NAMES)
USER_AT = CONNECTION_AT + 4


class PostgresSessions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, session: Session, *, browser: bytes | None, goes_on: bool = False) -> bool:
        row = await self._database.fetchrow(
            GO_ON if goes_on else START,
            session.id,
            session.digest,
            session.username,
            session.authenticated_at,
            session.seen_at,
            session.expires_at,
            session.idle_expires_at,
            session.agent,
            session.address,
            browser,
        )
        return row is not None or not goes_on

    async def look(self, digest: bytes, *, client_id: str | None = None) -> Seen | None:
        row = await self._database.fetchrow(LOOK, digest, client_id)
        if row is None:
            return None
        session, user = _session(row[:CONNECTION_AT]), as_user(row, start=USER_AT)
        granted, since, used_at, valid_from = row[CONNECTION_AT:USER_AT]
        if granted is None or client_id is None:
            return Seen(session, user)
        return Seen(session, user, Connection(user.username, client_id, tuple(granted), since, used_at, valid_from))

    async def touch(self, session: UUID, *, at: datetime, idle_expires_at: datetime) -> None:
        await self._database.fetchrow(TOUCH, session, at, idle_expires_at)

    async def of_user(self, username: str) -> tuple[Session, ...]:
        return tuple(_session(row) for row in await self._database.fetch(OF_USERNAME, username))

    async def end(self, username: str, session: UUID | None, *, at: datetime) -> int:
        row = await self._database.fetchrow(END, username, session, at)
        ended: int = 0 if row is None else row["number"]
        return ended


def _session(row: Iterable[Any]) -> Session:
    return Session(*row)


_: type[Sessions] = PostgresSessions
