"""What tests share is empty before each of them."""

from __future__ import annotations

from adapters.postgres.database import Database
from tests.contract.conftest import TABLES


async def test_every_table_is_emptied(emptied: Database) -> None:
    rows = await emptied.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tablename"] for row in rows if "yoyo" not in row["tablename"]} == set(TABLES)
