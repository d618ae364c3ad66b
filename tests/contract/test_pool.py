"""The pool of connections: nobody's turn is lost, and no connection that is of no use is given out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from attrs import define

from adapters.postgres import database as adapter
from adapters.postgres.database import Database
from adapters.postgres.pool import LOOK_EVERY, Pool, PoolClosed
from core.protocol.refusals import Unavailable
from core.protocol.secret import Secret

LARGEST = 3

# Seconds. What takes too long is another suite's matter: here nothing does, however busy the machine is.
AGES = 3600.0

RUNNING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
CUT = "SELECT pg_terminate_backend($1)"


@define
class Door:
    """Connects, counts, and refuses when it is told to."""

    dsn: Secret
    opened: int = 0
    shut: bool = False

    async def __call__(self) -> asyncpg.Connection:
        self.opened += 1
        await asyncio.sleep(0)
        if self.shut:
            raise ConnectionRefusedError
        return await asyncpg.connect(self.dsn.reveal())


@pytest.fixture
def door(database_url: Secret) -> Door:
    return Door(database_url)


@pytest.fixture
async def pool(door: Door) -> AsyncIterator[Pool]:
    made = Pool(door, largest=LARGEST, patience=AGES)
    yield made
    await made.close()


@pytest.fixture
async def onlooker(database_url: Secret) -> AsyncIterator[asyncpg.Connection]:
    """A connection of nobody's pool."""
    connection = await asyncpg.connect(database_url.reveal())
    yield connection
    await connection.close()


async def turns() -> None:
    """Let whoever can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def all_of(pool: Pool) -> list[asyncpg.Connection]:
    return [await pool.take() for _ in range(LARGEST)]


async def pid_of(database: Database) -> int:
    row = await database.fetchrow("SELECT pg_backend_pid() AS pid")
    assert row is not None
    pid: int = row["pid"]
    return pid


async def test_no_connection_is_opened_before_it_is_needed_nor_while_one_is_idle(pool: Pool, door: Door) -> None:
    assert door.opened == 0
    for _ in range(5):
        pool.give_back(await pool.take())
    assert door.opened == 1


async def test_more_callers_than_connections_share_them_and_each_has_its_turn(pool: Pool, door: Door) -> None:
    served: Counter[int] = Counter()

    async def use(caller: int) -> None:
        connection = await pool.take()
        assert await connection.fetchval("SELECT $1::int", caller) == caller
        served[caller] += 1
        pool.give_back(connection)

    await asyncio.gather(*map(use, range(50)))
    assert served == Counter(range(50))
    assert door.opened == LARGEST


async def test_whoever_waits_longest_comes_first(pool: Pool) -> None:
    connections, came = await all_of(pool), list[int]()

    async def wait(caller: int) -> None:
        connection = await pool.take()
        came.append(caller)
        pool.give_back(connection)

    waiting = [asyncio.create_task(wait(caller)) for caller in range(10)]
    await turns()
    assert came == []
    pool.give_back(connections.pop())
    await asyncio.gather(*waiting)
    assert came == list(range(10))
    for connection in connections:
        pool.give_back(connection)


async def test_one_that_gives_up_while_waiting_loses_nobodys_turn(pool: Pool) -> None:
    connections = await all_of(pool)
    first, second = (asyncio.create_task(pool.take()) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    pool.give_back(connections[0])
    assert await second is connections[0]


async def test_one_that_gives_up_when_the_turn_has_come_hands_it_on(pool: Pool) -> None:
    connections = await all_of(pool)
    first, second = (asyncio.create_task(pool.take()) for _ in range(2))
    await turns()
    pool.give_back(connections[0])
    first.cancel()  # in the same turn of the loop, so that it never sees what it was given
    assert await second is connections[0]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_one_that_gives_up_when_a_place_is_free_hands_that_on(pool: Pool) -> None:
    connections = await all_of(pool)
    first, second = (asyncio.create_task(pool.take()) for _ in range(2))
    await turns()
    pool.drop(connections[0])
    first.cancel()
    assert not (await second).is_closed()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_one_that_gives_up_while_connecting_leaves_its_place_to_another(database_url: Secret) -> None:
    single = Pool(Door(database_url), largest=1, patience=AGES)
    first = asyncio.create_task(single.take())
    await asyncio.sleep(0)
    second = asyncio.create_task(single.take())
    await asyncio.sleep(0)
    first.cancel()
    assert not (await second).is_closed()
    await single.close()


async def test_one_that_cannot_connect_leaves_its_place_to_another(database_url: Secret) -> None:
    door = Door(database_url, shut=True)
    single = Pool(door, largest=1, patience=AGES)
    outcomes = await asyncio.gather(*(single.take() for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionRefusedError] * 5
    door.shut = False
    single.give_back(await single.take())
    await single.close()


async def test_connections_that_the_server_cut_are_never_given_out(
    pool: Pool, door: Door, onlooker: asyncpg.Connection
) -> None:
    connections = await all_of(pool)
    for connection in connections:
        pool.give_back(connection)
    for connection in connections:
        await onlooker.fetchval(CUT, connection.get_server_pid())
    while not all(connection.is_closed() for connection in connections):  # noqa: ASYNC110 - word comes by the socket
        await asyncio.sleep(0.01)
    fresh = await all_of(pool)
    assert not set(fresh) & set(connections)
    assert door.opened == 2 * LARGEST
    for connection in fresh:
        assert await connection.fetchval("SELECT 1") == 1
        pool.give_back(connection)


async def test_a_connection_that_is_closed_on_its_way_to_the_next_is_not_given_out(pool: Pool, door: Door) -> None:
    connections = await all_of(pool)
    waiting = asyncio.create_task(pool.take())
    await turns()
    pool.give_back(connections[0])
    connections[0].terminate()
    assert await (await waiting).fetchval("SELECT 1") == 1
    assert door.opened == LARGEST + 1


async def test_a_connection_that_is_closed_when_it_comes_back_makes_room_for_another(pool: Pool) -> None:
    connections = await all_of(pool)
    waiting = asyncio.create_task(pool.take())
    await turns()
    connections[0].terminate()
    pool.give_back(connections[0])
    assert not (await waiting).is_closed()


async def test_what_is_idle_can_be_given_up_while_the_rest_stays_in_use(pool: Pool) -> None:
    idle, used = await pool.take(), await pool.take()
    pool.give_back(idle)
    pool.expire()
    assert idle.is_closed()
    assert await used.fetchval("SELECT 1") == 1
    pool.give_back(used)
    assert await pool.take() is used


async def test_whoever_waits_too_long_is_told_and_whoever_comes_later_is_served(database_url: Secret) -> None:
    impatient = Pool(Door(database_url), largest=1, patience=LOOK_EVERY)
    held = await impatient.take()
    outcomes = await asyncio.gather(*(impatient.take() for _ in range(5)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {TimeoutError}
    impatient.drop(held)
    later = await impatient.take()
    assert not later.is_closed()
    impatient.drop(later)
    await impatient.close()


async def test_closing_wakes_whoever_waits_and_ends_every_connection(database_url: Secret) -> None:
    pool = Pool(Door(database_url), largest=LARGEST, patience=AGES)
    connections = await all_of(pool)
    waiting = [asyncio.create_task(pool.take()) for _ in range(5)]
    await turns()
    pool.give_back(connections.pop())
    handed = await waiting.pop(0)
    pool.give_back(handed)
    await pool.close()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)} == {PoolClosed}
    for late in [*connections, *(outcome for outcome in outcomes if not isinstance(outcome, BaseException))]:
        assert late.is_closed()
        pool.give_back(late)
    with pytest.raises(PoolClosed):
        await pool.take()


async def test_a_connection_that_opens_after_the_end_is_closed_at_once(database_url: Secret) -> None:
    pool = Pool(Door(database_url), largest=1, patience=AGES)
    opening = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(PoolClosed):
        await opening


async def test_a_statement_that_is_given_up_takes_its_connection_with_it(
    database_url: Secret, onlooker: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PATIENCE", AGES)
    database = Database(database_url, largest=1)
    await database.open()
    before = await pid_of(database)
    sleeping = asyncio.create_task(database.fetchrow("SELECT pg_sleep(60)"))
    while not await onlooker.fetch(RUNNING):
        assert not sleeping.done()
        await asyncio.sleep(0.01)
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert await pid_of(database) != before
    await database.close()


async def test_a_statement_that_the_server_refuses_leaves_its_connection_to_the_next(database_url: Secret) -> None:
    database = Database(database_url, largest=1)
    await database.open()
    before = await pid_of(database)
    for _ in range(3):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await database.fetch("SELECT 1 / 0")
    assert await pid_of(database) == before
    await database.close()


async def test_a_pool_that_is_closing_is_unavailable(database_url: Secret) -> None:
    database = Database(database_url, largest=1)
    await database.open()
    await database.ping()
    pings = [asyncio.create_task(database.ping()) for _ in range(3)]
    await turns()
    await database.close()
    for ping in pings:
        with suppress(Unavailable):
            await ping
    with pytest.raises(Unavailable):
        await database.ping()
