"""What has expired in PostgreSQL, and goes in batches, at the hands of one worker at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from adapters.postgres.database import Database
from core.housekeeping import CODES_STAY, FAMILIES_STAY, ExpiredRows
from core.ports import Clock
from core.users.throttle import LONGEST_WINDOW

# Any number that nobody else uses in this database will do; this one spells "wwprune".
ADVISORY_LOCK = 0x00_77_77_70_72_75_6E_65


@frozen
class Kind:
    """Rows of `table` whose `column`, which is indexed, is past by more than `stay`. `only` narrows them further."""

    table: str
    key: str
    column: str
    stay: timedelta = timedelta(0)
    only: str = "true"
    also: str = ""  # what goes along with those that are gone


KINDS = (
    Kind("refresh_families", "id", "expires_at", FAMILIES_STAY),
    Kind("refresh_families", "id", "revoked_at", FAMILIES_STAY),
    Kind("revoked_access_tokens", "jti", "expires_at"),
    Kind("spent_assertions", "digest", "expires_at"),
    Kind("failed_attempts", "key", "since", LONGEST_WINDOW),
    Kind("authorization_requests", "digest", "expires_at"),
    Kind("authorization_codes", "digest", "expires_at", CODES_STAY),
    # Not as soon as it is idle: its refresh tokens live for as long as it is there.
    Kind("sessions", "id", "expires_at"),
)

# By arrays, so that the rows are looked up by their keys, however many the table has and the planner takes them for.
# The lock lasts as long as the statement, so it needs no session of its own and nobody can leave it behind.
PRUNE = """
WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($3) AS ok),
doomed AS (
    SELECT {key} FROM {table} WHERE {column} < $1 AND {only} AND (SELECT ok FROM mine)
    ORDER BY {column} LIMIT $2 FOR UPDATE SKIP LOCKED
),
gone AS (DELETE FROM {table} WHERE {key} = ANY (ARRAY(SELECT {key} FROM doomed)) RETURNING {key})
{also}
SELECT (SELECT ok FROM mine) AS ok, (SELECT count(*) FROM gone) AS gone
"""

COUNT = "SELECT count(*) AS number FROM {table} WHERE {column} < $1 AND {only}"


class PostgresExpiredRows:
    def __init__(self, database: Database, clock: Clock, unused_clients: timedelta) -> None:
        """A client that registered itself goes when nobody has used it for as long as `unused_clients`."""
        self._database = database
        self._clock = clock
        unused = Kind(
            "clients",
            "client_id",
            "created_at",
            unused_clients,
            only="registration_digest IS NOT NULL AND used_at IS NULL",
            also=", taken_back AS (DELETE FROM connections WHERE client_id = ANY (ARRAY(SELECT client_id FROM gone)))",
        )
        self._kinds = (*KINDS, unused)

    async def count(self) -> int:
        total = 0
        for kind in self._kinds:
            row = await self._database.fetchrow(_of(kind, COUNT), self._before(kind.stay))
            total += row["number"] if row is not None else 0
        return total

    async def prune(self, limit: int) -> int | None:
        for kind in self._kinds:
            row = await self._database.fetchrow(_of(kind, PRUNE), self._before(kind.stay), limit, ADVISORY_LOCK)
            if row is None or not row["ok"]:
                return None
            if row["gone"]:
                gone: int = row["gone"]
                return gone
        return 0

    def _before(self, stay: timedelta) -> datetime:
        return self._clock.now() - stay


def _of(kind: Kind, sql: str) -> str:
    return sql.format(table=kind.table, key=kind.key, column=kind.column, only=kind.only, also=kind.also)


_: type[ExpiredRows] = PostgresExpiredRows
