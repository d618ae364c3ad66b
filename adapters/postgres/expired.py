"""What has expired in PostgreSQL, and goes in batches, at the hands of one worker at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.postgres.database import Database
from core.housekeeping import FAMILIES_STAY, ExpiredRows
from core.ports import Clock
from core.users.throttle import LONGEST_WINDOW

# Any number that nobody else uses in this database will do; this one spells "wwprune".
ADVISORY_LOCK = 0x00_77_77_70_72_75_6E_65

# Table, its key, the column that is indexed, and for how long past that instant a row stays.
TABLES = (
    ("refresh_families", "id", "expires_at", FAMILIES_STAY),
    ("refresh_families", "id", "revoked_at", FAMILIES_STAY),
    ("revoked_access_tokens", "jti", "expires_at", timedelta(0)),
    ("spent_assertions", "digest", "expires_at", timedelta(0)),
    ("failed_attempts", "key", "since", LONGEST_WINDOW),
)

# The lock lasts as long as the statement, so it needs no session of its own and nobody can leave it behind.
PRUNE = """
WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($3) AS ok),
doomed AS (
    SELECT {key} FROM {table} WHERE {column} < $1 AND (SELECT ok FROM mine)
    ORDER BY {column} LIMIT $2 FOR UPDATE SKIP LOCKED
),
gone AS (DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM doomed) RETURNING 1)
SELECT (SELECT ok FROM mine) AS ok, (SELECT count(*) FROM gone) AS gone
"""

COUNT = "SELECT count(*) AS number FROM {table} WHERE {column} < $1"


class PostgresExpiredRows:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def count(self) -> int:
        total = 0
        for table, key, column, stay in TABLES:
            sql = COUNT.format(table=table, key=key, column=column)
            row = await self._database.fetchrow(sql, self._before(stay))
            total += row["number"] if row is not None else 0
        return total

    async def prune(self, limit: int) -> int | None:
        for table, key, column, stay in TABLES:
            sql = PRUNE.format(table=table, key=key, column=column)
            row = await self._database.fetchrow(sql, self._before(stay), limit, ADVISORY_LOCK)
            if row is None or not row["ok"]:
                return None
            if row["gone"]:
                gone: int = row["gone"]
                return gone
        return 0

    def _before(self, stay: timedelta) -> datetime:
        return self._clock.now() - stay


_: type[ExpiredRows] = PostgresExpiredRows
