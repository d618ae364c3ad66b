"""The pool's one timer: no statement is forgotten, however long its connection took to open."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from adapters.postgres.pool import LOOK_EVERY, Pool
from core.protocol.secret import Secret


async def test_a_statement_on_a_connection_that_was_slow_to_open_is_ended(database_url: Secret) -> None:
    async def slow() -> asyncpg.Connection:
        connection = await asyncpg.connect(database_url.reveal())
        await asyncio.sleep(2 * LOOK_EVERY)  # the timer has looked meanwhile, and found nothing to watch
        return connection

    pool = Pool(slow, largest=1, patience=3 * LOOK_EVERY)
    connection = await pool.take()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await connection.fetchrow("SELECT pg_sleep(60)")
    pool.drop(connection)
    await pool.close()
