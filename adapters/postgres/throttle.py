"""Counts of failed attempts in PostgreSQL, so that all workers agree."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.database import Database
from core.users.ports import Tally, TallyStore

READ = "SELECT key, failures, since, last FROM failed_attempts WHERE key = ANY ($1)"

# In the order of the keys, so that no two of these wait for each other.
COUNT = """
INSERT INTO failed_attempts AS old (key, failures, since, last)
SELECT key, 1, $3, $3 FROM unnest($1::bytea[], $2::timestamptz[]) AS given (key, stale) ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN old.since <= (
        SELECT stale FROM unnest($1::bytea[], $2::timestamptz[]) AS given (key, stale) WHERE given.key = old.key
    ) THEN 1 ELSE old.failures + 1 END,
    since = CASE WHEN old.since <= (
        SELECT stale FROM unnest($1::bytea[], $2::timestamptz[]) AS given (key, stale) WHERE given.key = old.key
    ) THEN $3 ELSE old.since END,
    last = greatest(old.last, $3)
RETURNING key, failures, since, last
"""

# In the same order: a scan would take the rows as they lie.
CLEAR = """
DELETE FROM failed_attempts
WHERE key IN (SELECT key FROM failed_attempts WHERE key = ANY ($1) ORDER BY key FOR UPDATE)
"""


class PostgresTallies:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, keys: Collection[bytes]) -> Sequence[Tally]:
        return _tallies(await self._database.fetch(READ, list(keys)))

    async def count(self, stale: Mapping[bytes, datetime], *, at: datetime) -> Sequence[Tally]:
        return _tallies(await self._database.fetch(COUNT, list(stale), list(stale.values()), at))

    async def clear(self, keys: Collection[bytes]) -> None:
        await self._database.fetchrow(CLEAR, list(keys))


def _tallies(rows: Sequence[asyncpg.Record]) -> list[Tally]:
    return [Tally(row["key"], row["failures"], row["since"], row["last"]) for row in rows]


_: type[TallyStore] = PostgresTallies
