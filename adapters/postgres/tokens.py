"""Refresh token families and ended access tokens in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.users import OF_USER, as_user
from core.clients.model import FIRST_PARTY_CLIENT
from core.tokens.model import AccessToken, Family, Login, Permission, Standing
from core.tokens.ports import AccessTokenLedger, Exceeded, RefreshFamilies, Reused, Rotated, Rotation

COLUMNS = """
id, client_id, username, scope, audience, granted_at, current, expires_at, idle_expires_at, previous, rotated_at,
revoked_at, session_id, authenticated_at, claims
"""

FAMILY_COLUMNS = len(COLUMNS.split(","))

START = """
INSERT INTO refresh_families (
    id, client_id, username, scope, audience, granted_at, current, expires_at, idle_expires_at, session_id,
    authenticated_at, claims
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

# A session ends with the families that came of it, and a connection with those of its client. One that was started in
# that very moment does not show to the statement which ends them, so it is held against both.
IN_SESSION = """(
        session_id IS NULL OR 'offline_access' = ANY (scope)
        OR EXISTS (SELECT FROM sessions WHERE sessions.id = session_id)
    )"""
LIVES = f"""
    id = $1 AND client_id IS NOT DISTINCT FROM $2
    AND revoked_at IS NULL AND expires_at > $5 AND idle_expires_at > $5
    AND ($6::timestamptz IS NULL OR granted_at >= $6)
    AND NOT EXISTS (SELECT FROM token_epoch WHERE valid_from > granted_at)
    AND NOT EXISTS (SELECT FROM clients WHERE clients.client_id = $2 AND clients.tokens_valid_from > granted_at)
    AND NOT EXISTS (
        SELECT FROM connections WHERE connections.username = refresh_families.username
            AND connections.client_id = $2 AND connections.tokens_valid_from > granted_at
    )
    AND {IN_SESSION}
"""  # noqa: S608 - constant names only, here and below

# The whole decision. Of many who present one token at once the first changes the row; the others wait for that, and
# PostgreSQL then reads every expression below anew. A row comes back when the family is this client's and lives, and
# the token either is exchanged, or was before, which revokes the family.
ROTATE = f"""
WITH moved AS (
    UPDATE refresh_families SET
        current = CASE WHEN current = $7 THEN $8 ELSE current END,
        previous = CASE WHEN current = $7 THEN $7 ELSE previous END,
        rotated_at = CASE WHEN current = $7 THEN $5 ELSE rotated_at END,
        idle_expires_at = CASE WHEN current = $7 THEN least($10, expires_at) ELSE idle_expires_at END,
        revoked_at = CASE WHEN current = $7 OR (previous = $7 AND rotated_at > $9) IS TRUE THEN NULL ELSE $5 END
    WHERE {LIVES}
        AND (
            (scope @> $3 AND audience @> $4)
            OR NOT (current = $7 OR (previous = $7 AND rotated_at > $9) IS TRUE)
        )
    RETURNING {COLUMNS}
)
SELECT moved.*, {OF_USER} FROM moved LEFT JOIN users ON users.username = moved.username
"""  # noqa: S608 - as above

# The same family, asked for more than was granted.
EXCEEDED = f"""
SELECT {COLUMNS} FROM refresh_families WHERE {LIVES} AND NOT (scope @> $3 AND audience @> $4)
"""  # noqa: S608 - as above

FIND = f"SELECT {COLUMNS} FROM refresh_families WHERE id = $1"  # noqa: S608 - as above
REVOKE = "UPDATE refresh_families SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"

# One row, whatever is there.
STANDING = f"""
SELECT
    EXISTS (SELECT FROM revoked_access_tokens WHERE jti = ANY (ARRAY[$2, $3::uuid::text]))
        OR EXISTS (SELECT FROM refresh_families WHERE id = $3 AND (revoked_at IS NOT NULL OR NOT {IN_SESSION}))
        AS revoked,
    clients.is_active AS client_active,
    greatest(
        clients.tokens_valid_from,
        (SELECT valid_from FROM token_epoch),
        (
            SELECT tokens_valid_from FROM connections
            WHERE $4 <> '{FIRST_PARTY_CLIENT}' AND connections.username = $1 AND connections.client_id = $4
        )
    ) AS valid_from,
    coalesce(clients.first_party OR 'password' = ANY (clients.grant_types), false) AS first_party,
    clients.registration_digest IS NULL AS vouched_for,
    {OF_USER}
FROM (VALUES (1)) AS one (row)
LEFT JOIN users ON users.username = $1
LEFT JOIN clients ON clients.client_id = $4
"""  # noqa: S608 - as above

REVOKE_ACCESS = "INSERT INTO revoked_access_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
EPOCH = "SELECT valid_from FROM token_epoch"
END_ALL = """
INSERT INTO token_epoch (valid_from) VALUES ($1)
ON CONFLICT (one) DO UPDATE SET valid_from = greatest(token_epoch.valid_from, excluded.valid_from)
"""


class PostgresRefreshFamilies:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, family: Family) -> None:
        granted = family.permission
        await self._database.fetchrow(
            START,
            family.id,
            granted.client_id,
            granted.username,
            list(granted.scope),
            list(granted.audience),
            granted.at,
            family.current,
            family.expires_at,
            family.idle_expires_at,
            granted.login.session if granted.login is not None else None,
            granted.login.at if granted.login is not None else None,
            list(granted.claims),
        )

    async def rotate(self, step: Rotation) -> Rotated | Reused | Exceeded | None:
        asked = (step.family, step.client_id, list(step.scope), list(step.audience), step.at, step.valid_from)
        row = await self._database.fetchrow(
            ROTATE,
            *asked,
            step.presented,
            step.successor,
            step.at - step.grace if step.grace else None,  # NULL: nothing is later than that
            step.at + step.idle,
        )
        if row is not None:
            family = _family(row[:FAMILY_COLUMNS])
            if family.revoked_at is not None:
                return Reused(family)
            return Rotated(family, as_user(row, start=FAMILY_COLUMNS) if row[FAMILY_COLUMNS] is not None else None)
        if not step.scope and not step.audience:
            return None
        row = await self._database.fetchrow(EXCEEDED, *asked)  # nothing has changed, and why is told apart at leisure
        found = _family(row) if row is not None else None
        if found is None or not found.accepts(step.presented, at=step.at, grace=step.grace):
            return None
        return Exceeded(found)

    async def find(self, family: UUID) -> Family | None:
        row = await self._database.fetchrow(FIND, family)
        return None if row is None else _family(row)

    async def revoke(self, family: UUID, *, at: datetime) -> None:
        await self._database.fetchrow(REVOKE, family, at)


class PostgresAccessTokens:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, token: AccessToken) -> Standing:
        row = await self._database.fetchrow(STANDING, token.username, token.jti, token.grant_id, token.client_id)
        if row is None:
            raise LookupError("a SELECT from one row gave none")
        return Standing(
            user=as_user(row, start=5) if row["id"] is not None else None,
            revoked=row["revoked"],
            client_active=row["client_active"],
            valid_from=row["valid_from"],
            first_party=row["first_party"],
            vouched_for=row["vouched_for"],
        )

    async def revoke(self, jti: str, *, until: datetime) -> None:
        await self._database.fetchrow(REVOKE_ACCESS, jti, until)

    async def all_valid_from(self) -> datetime | None:
        row = await self._database.fetchrow(EPOCH)
        return None if row is None else row["valid_from"]

    async def end_all(self, valid_from: datetime) -> None:
        await self._database.fetchrow(END_ALL, valid_from)


def _family(row: Iterable[Any]) -> Family:
    (
        family, client_id, username, scope, audience, granted_at, current, expires_at, idle_expires_at, previous,
        rotated_at, revoked_at, session, authenticated_at, claims,
    ) = row  # fmt: skip
    return Family(
        id=family,
        permission=Permission(
            client_id,
            username,
            tuple(scope),
            tuple(audience),
            granted_at,
            Login(authenticated_at, session) if session is not None else None,
            tuple(claims),
        ),
        current=current,
        expires_at=expires_at,
        idle_expires_at=idle_expires_at,
        previous=previous,
        rotated_at=rotated_at,
        revoked_at=revoked_at,
    )


_families: type[RefreshFamilies] = PostgresRefreshFamilies
_ledger: type[AccessTokenLedger] = PostgresAccessTokens
