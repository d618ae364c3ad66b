"""Authorization codes in PostgreSQL. The two that every sign-in needs are one statement each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.users import NAMES as USER_NAMES
from adapters.postgres.users import as_user
from core.authorization.model import Code
from core.authorization.ports import Codes, Mismatched, NewCode, Redeemed, Redemption, Replayed
from core.tokens.model import Login, Permission

COLUMNS = """
digest, grant_id, client_id, username, scope, audience, claims, granted_at, session_id, authenticated_at,
session_expires_at, redirect_uri, redirect_uri_sent, challenge, nonce, id_token_claims, expires_at
"""
NAMES = tuple(name.strip() for name in COLUMNS.split(","))
OF_CODE = ", ".join(f"code.{name}" for name in NAMES)
USER_APART = ", ".join(f"users.{name} AS user_{name}" for name in USER_NAMES)

# Of two answers to one stored request the first takes it away; the other waits for that, finds nothing, and writes
# nothing. What was allowed before stays allowed, whoever else adds to it at the same time; what the person took back
# meanwhile does not come again.
ISSUE = f"""
WITH finished AS (DELETE FROM authorization_requests WHERE digest = $18 AND browser = $19 RETURNING digest),
allowed AS (
    INSERT INTO connections AS old (username, client_id, granted, since, used_at)
    SELECT $4, $3, $20, $8, $8 WHERE $20::text[] IS NOT NULL AND ($18 IS NULL OR EXISTS (SELECT FROM finished))
    ON CONFLICT (username, client_id) DO UPDATE SET
        granted = old.granted
            || ARRAY(SELECT name FROM unnest(excluded.granted) AS new (name) WHERE name <> ALL (old.granted)),
        since = CASE WHEN old.granted = '{{}}' THEN excluded.since ELSE old.since END,
        used_at = greatest(old.used_at, excluded.used_at)
    WHERE (old.tokens_valid_from <= excluded.since) IS NOT FALSE
)
INSERT INTO authorization_codes ({COLUMNS})
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17
WHERE $18::bytea IS NULL OR EXISTS (SELECT FROM finished)
RETURNING digest
"""  # noqa: S608 - constant names only, here and below

# The whole decision. Of many who present one code at once the first changes the row; the others wait for that, and
# PostgreSQL then reads the conditions on the code anew. Whoever sees the code spent sees its family, too.
REDEEM = f"""
WITH spent AS (
    UPDATE authorization_codes AS code SET redeemed_at = $6
    FROM users
    WHERE code.digest = $1 AND code.client_id = $2 AND code.redeemed_at IS NULL AND code.expires_at > $6
        AND (code.redirect_uri = $3 OR ($3::text IS NULL AND NOT code.redirect_uri_sent))
        AND code.challenge IS NOT DISTINCT FROM $4 AND code.audience @> $5
        AND users.username = code.username AND users.is_active
        AND (users.tokens_valid_from <= least(code.granted_at, code.authenticated_at)) IS NOT FALSE
        AND NOT EXISTS (
            SELECT FROM token_epoch WHERE valid_from > least(code.granted_at, code.authenticated_at)
        )
        AND EXISTS (
            SELECT FROM sessions WHERE id = code.session_id AND least(expires_at, idle_expires_at) > $6
        )
        AND NOT EXISTS (SELECT FROM clients WHERE client_id = $2 AND tokens_valid_from > code.granted_at)
        AND NOT EXISTS (
            SELECT FROM connections
            WHERE username = code.username AND client_id = $2 AND tokens_valid_from > code.granted_at
        )
    RETURNING {OF_CODE}, {USER_APART}
),
started AS (
    INSERT INTO refresh_families (
        id, client_id, username, scope, audience, granted_at, current, expires_at, idle_expires_at, session_id,
        authenticated_at, claims
    )
    SELECT
        grant_id, client_id, username, scope, audience, granted_at, $7,
        CASE WHEN 'offline_access' = ANY (scope) THEN $8 ELSE least($8, session_expires_at) END,
        CASE WHEN 'offline_access' = ANY (scope) THEN least($8, $9) ELSE least($8, $9, session_expires_at) END,
        session_id, authenticated_at, claims
    FROM spent WHERE $7::bytea IS NOT NULL
)
SELECT * FROM spent
"""  # noqa: S608 - as above

# Nothing has changed, and why is told apart at leisure.
WHY_NOT = f"""
SELECT {COLUMNS}, redeemed_at FROM authorization_codes WHERE digest = $1 AND client_id = $2
"""  # noqa: S608 - as above

REVOKE = """
WITH noted AS (
    INSERT INTO revoked_access_tokens AS old (jti, expires_at) VALUES ($1::uuid::text, $3)
    ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at WHERE old.expires_at < excluded.expires_at
)
UPDATE refresh_families SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
"""


class PostgresCodes:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(self, new: NewCode) -> bool:
        code, granted = new.code, new.code.permission
        login = granted.login
        if login is None:
            raise ValueError("a code rests on a sign-in")
        issued = await self._database.fetchrow(
            ISSUE,
            code.digest,
            code.grant_id,
            granted.client_id,
            granted.username,
            list(granted.scope),
            list(granted.audience),
            list(granted.claims),
            granted.at,
            login.session,
            login.at,
            code.session_expires_at,
            code.redirect_uri,
            code.redirect_uri_sent,
            code.challenge,
            code.nonce,
            list(code.id_token_claims),
            code.expires_at,
            *(new.finishes or (None, None)),
            None if new.allows is None else list(dict.fromkeys(new.allows)),
        )
        return issued is not None

    async def redeem(self, redemption: Redemption) -> Redeemed | Replayed | Mismatched | None:
        refresh = redemption.refresh
        row = await self._database.fetchrow(
            REDEEM,
            redemption.digest,
            redemption.client_id,
            redemption.redirect_uri,
            redemption.challenge,
            list(redemption.audience),
            redemption.at,
            refresh.digest if refresh is not None else None,
            refresh.expires_at if refresh is not None else None,
            refresh.idle_expires_at if refresh is not None else None,
        )
        if row is not None:
            return Redeemed(_code(row[: len(NAMES)]), as_user(row, start=len(NAMES)))
        row = await self._database.fetchrow(WHY_NOT, redemption.digest, redemption.client_id)
        if row is None:
            return None
        code = _code(row[: len(NAMES)])
        if row["redeemed_at"] is not None:
            return Replayed(code)
        what = redemption.mismatch(code)
        return None if what is None else Mismatched(what)

    async def revoke(self, grant_id: UUID, *, at: datetime, until: datetime) -> None:
        await self._database.fetchrow(REVOKE, grant_id, at, until)


def _code(row: Iterable[Any]) -> Code:
    (
        digest, grant_id, client_id, username, scope, audience, claims, granted_at, session, authenticated_at,
        session_expires_at, redirect_uri, redirect_uri_sent, challenge, nonce, id_token_claims, expires_at,
    ) = row  # fmt: skip
    return Code(
        digest=digest,
        grant_id=grant_id,
        permission=Permission(
            client_id,
            username,
            tuple(scope),
            tuple(audience),
            granted_at,
            Login(authenticated_at, session),
            tuple(claims),
        ),
        redirect_uri=redirect_uri,
        redirect_uri_sent=redirect_uri_sent,
        expires_at=expires_at,
        session_expires_at=session_expires_at,
        challenge=challenge,
        nonce=nonce,
        id_token_claims=tuple(id_token_claims),
    )


_: type[Codes] = PostgresCodes
