"""A database that is away makes every verb `Unavailable`, and is used again as soon as it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres import migrations
from adapters.postgres.database import Database
from adapters.postgres.schema import names
from adapters.postgres.store import PostgresStore, SchemaBehind
from adapters.postgres.users import PostgresUsers
from container import MIGRATIONS
from core.protocol.refusals import Unavailable
from core.protocol.secret import Secret
from tests.contract.test_users import a_user

# Above what is promised by far: these say that an answer comes, not when.
AT_ALL = 15


class Line:
    """A socket in front of PostgreSQL that can fall silent while it stays open."""

    def __init__(self) -> None:
        self.speaks = asyncio.Event()
        self.speaks.set()

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await source.read(65536):
                await self.speaks.wait()
                target.write(data)
                await target.drain()
        target.close()


@asynccontextmanager
async def line_to(dsn: Secret, folder: Path) -> AsyncIterator[tuple[Line, Secret]]:
    known = conninfo_to_dict(dsn.reveal())
    host, port = str(known["host"]), int(known.get("port") or 5432)
    line = Line()
    tasks: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if host.startswith("/"):
            there, back = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            there, back = await asyncio.open_connection(host, port)
        for pair in ((reader, back), (there, writer)):
            task = asyncio.ensure_future(line.carry(*pair))
            tasks.add(task)

    server = await asyncio.start_unix_server(meet, folder / ".s.PGSQL.5432")
    login = f"{quote(str(known['user']), safe='')}:{quote(str(known.get('password', '')), safe='')}"
    try:
        yield line, Secret(f"postgresql://{login}@/{known['dbname']}?host={quote(str(folder), safe='')}&port=5432")
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_database_that_was_not_opened_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Database(Secret("postgresql:///x"), largest=1).ping()


async def test_a_database_that_nobody_serves_is_unavailable(tmp_path: Path) -> None:
    database = Database(Secret(f"postgresql://u:p@/d?host={tmp_path}"), largest=1)
    await database.open()
    with pytest.raises(Unavailable) as caught:
        await PostgresUsers(database).get_by_username("alice")
    assert "p@" not in str(caught.value)
    await database.close()


async def test_a_database_without_the_schema_is_unavailable(empty_database: Secret) -> None:
    database = Database(empty_database, largest=1)
    await database.open()
    with pytest.raises(Unavailable):
        await PostgresUsers(database).get_by_username("alice")
    await database.ping()
    await database.close()


async def test_connections_that_were_cut_are_replaced(database_url: Secret) -> None:
    database = Database(database_url, largest=4)
    await database.open()
    await asyncio.gather(*(database.ping() for _ in range(4)))
    other = await asyncpg.connect(database_url.reveal())
    await other.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watchword'")
    await other.close()
    for _ in range(5):
        with suppress(Unavailable):
            await database.ping()
    await asyncio.gather(*(database.ping() for _ in range(4)))
    await database.close()


async def test_a_database_that_falls_silent_is_unavailable_and_then_used_again(
    database_url: Secret, tmp_path: Path
) -> None:
    async with line_to(database_url, tmp_path) as (line, dsn):
        database = Database(dsn, largest=2)
        await database.open()
        await database.ping()
        line.speaks.clear()
        for _ in range(3):
            async with asyncio.timeout(AT_ALL):
                with pytest.raises(Unavailable):
                    await database.ping()
        line.speaks.set()
        async with asyncio.timeout(AT_ALL):
            while True:
                with suppress(Unavailable):
                    await database.ping()
                    break
        await database.close()


async def test_more_callers_than_connections_wait_for_each_other(database_url: Secret) -> None:
    database = Database(database_url, largest=2)
    await database.open()
    await asyncio.gather(*(database.ping() for _ in range(100)))
    await database.close()


async def test_before_it_is_opened_nothing_is_available(database_url: Secret) -> None:
    database = Database(database_url, largest=1)
    with pytest.raises(Unavailable):
        await database.ping()
    await database.close()


async def test_connections_to_what_became_a_replica_are_given_up(database_url: Secret) -> None:
    name = conninfo_to_dict(database_url.reveal())["dbname"]
    administrator = await asyncpg.connect(database_url.reveal())
    database = Database(database_url, largest=2)
    await database.open()
    try:
        await administrator.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        with pytest.raises(Unavailable):
            await PostgresUsers(database).create(a_user())
        await administrator.execute("SET default_transaction_read_only = off")
        await administrator.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await PostgresUsers(database).create(a_user())
    finally:
        await database.close()
        await administrator.close()


async def test_what_only_libpq_knows_in_an_address_is_no_obstacle(database_url: Secret) -> None:
    database = Database(Secret(f"{database_url.reveal()}&connect_timeout=5&channel_binding=prefer"), largest=1)
    await database.open()
    try:
        await database.ping()
    finally:
        await database.close()


async def test_a_value_that_cannot_be_sent_is_a_mistake_and_not_an_absence(database_url: Secret) -> None:
    database = Database(database_url, largest=1)
    await database.open()
    try:
        with pytest.raises(asyncpg.DataError):
            await database.fetchrow("SELECT $1::int", "x")
    finally:
        await database.close()


async def test_a_schema_that_is_behind_is_not_ready_and_says_what_it_lacks(empty_database: Secret) -> None:
    database = Database(empty_database, largest=1)
    store = PostgresStore(database, MIGRATIONS)
    await store.open()
    try:
        with pytest.raises(SchemaBehind) as caught:
            await store.ready()
        assert caught.value.pending == tuple(names(MIGRATIONS))
        migrations.apply(empty_database, MIGRATIONS)
        await store.ready()
    finally:
        await store.close()
