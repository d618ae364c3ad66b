"""PostgresClients.recent: as another worker changed it, soon; and nobody waits for a client that is in use."""

from __future__ import annotations

import asyncio

from adapters.postgres.clients import PostgresClients
from adapters.postgres.database import Database
from core.clients.ports import ClientChanges
from core.protocol.secret import Secret
from tests.contract.conftest import NOW
from tests.contract.test_clients import a_client


async def test_what_another_worker_changed_is_seen_without_a_wish_for_it(database: Database) -> None:
    here, there = PostgresClients(database), PostgresClients(database)
    await here.create(a_client())
    assert await here.recent("reports") is not None
    await there.update("reports", ClientChanges(NOW, is_active=False))
    async with asyncio.timeout(30):  # nobody tells a worker of another's changes, hence the asking again
        while (client := await here.recent("reports")) is not None and client.is_active:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert client is not None


async def test_a_client_that_another_worker_deleted_is_gone_soon(database: Database) -> None:
    here, there = PostgresClients(database), PostgresClients(database)
    await here.create(a_client())
    assert await here.recent("reports") is not None
    await there.delete("reports")
    async with asyncio.timeout(30):
        while await here.recent("reports") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_database_that_went_away_takes_a_client_in_use_away_late_and_quietly(database_url: Secret) -> None:
    database = Database(database_url, largest=2)
    await database.open()
    clients = PostgresClients(database)
    await clients.create(a_client())
    assert await clients.recent("reports") is not None
    await asyncio.sleep(0.15)  # into the half of the time in which it is read again behind the back of whoever asks
    await database.close()
    assert await clients.recent("reports") is not None
    await asyncio.sleep(0)
