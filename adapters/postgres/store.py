"""The life of the store in a running server: open, ready, closed."""

from __future__ import annotations

from pathlib import Path

from adapters.postgres.database import Database
from adapters.postgres.schema import names
from core.protocol.refusals import Unavailable


class SchemaBehind(Unavailable):
    """The database lacks migrations that this version of Watchword needs."""

    def __init__(self, pending: tuple[str, ...]) -> None:
        super().__init__("The database is behind this version of Watchword: run `watchword migrate`")
        self.pending = pending


class PostgresStore:
    def __init__(self, database: Database, migrations: Path) -> None:
        self._database = database
        self._migrations = migrations
        self._current = False

    async def open(self) -> None:
        await self._database.open()

    async def close(self) -> None:
        await self._database.close()

    async def ready(self) -> None:
        """Raises `Unavailable` while the database is away, `SchemaBehind` while it lacks migrations."""
        if self._current:  # migrations are only ever added, so this stays true as long as the process runs
            await self._database.ping()
        else:
            pending = await self._pending()
            if pending:
                raise SchemaBehind(pending)
            self._current = True

    async def _pending(self) -> tuple[str, ...]:
        table = await self._database.fetchrow("SELECT to_regclass('_yoyo_migration') IS NOT NULL AS there")
        there = table is not None and table["there"]
        rows = await self._database.fetch("SELECT migration_id FROM _yoyo_migration") if there else []
        applied = {row["migration_id"] for row in rows}
        return tuple(name for name in names(self._migrations) if name not in applied)
