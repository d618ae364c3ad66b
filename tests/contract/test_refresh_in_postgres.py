"""The one statement of a rotation in PostgreSQL, while another session holds the row or has changed the rules."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import LiteralString, TypeVar

import pytest
from psycopg import sql

from adapters.postgres.database import Database
from adapters.postgres.tokens import PostgresRefreshFamilies
from core.protocol.secret import Secret
from core.tokens.model import Family
from core.tokens.ports import Reused, Rotated
from tests.contract.conftest import Session
from tests.contract.test_refresh_families import GRACE, SOON, TICK, digest, presenting, rotated, started
from tests.contract.test_users_at_once import MANY

T = TypeVar("T")

BLOCKED = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def families(database: Database) -> PostgresRefreshFamilies:
    return PostgresRefreshFamilies(database)


async def begun(work: Coroutine[object, object, T], database: Database) -> asyncio.Task[T]:
    """The work, at the point where it waits for another session."""
    task = asyncio.create_task(work)
    while not await database.fetch(BLOCKED):
        assert not task.done(), "nobody waits"
        await asyncio.sleep(0.01)
    return task


async def committed_while(session: Session, work: Coroutine[object, object, T], database: Database) -> T:
    """What comes of work that was waiting for this session when it committed."""
    task = await begun(work, database)
    await session.commit()
    return await task


async def change(session: Session, family: Family, columns: LiteralString, *values: object) -> None:
    statement = sql.SQL("UPDATE refresh_families SET {} WHERE id = %s").format(sql.SQL(columns))
    await session.execute(statement, [*values, family.id])


async def test_whoever_waited_for_a_rotation_gets_its_successor(
    families: PostgresRefreshFamilies, session: Session, database: Database
) -> None:
    family = await started(families)
    await change(session, family, "current = %s, previous = %s, rotated_at = %s", digest(1), digest(0), SOON)
    outcome = await committed_while(session, families.rotate(presenting(family, 0, at=SOON + TICK)), database)
    after = await families.find(family.id)
    assert after is not None
    assert outcome == Rotated(after)
    assert (after.current, after.rotated_at) == (digest(1), SOON)


@pytest.mark.parametrize(
    "end",
    [
        "revoked_at = now()",
        "expires_at = granted_at",
        "idle_expires_at = granted_at",
        "granted_at = granted_at - interval '1 day'",
    ],
)
async def test_whoever_waited_for_the_end_of_a_family_gets_nothing(
    families: PostgresRefreshFamilies, session: Session, database: Database, end: str
) -> None:
    family = await started(families)
    await change(session, family, end)
    step = presenting(family, 0, valid_from=family.permission.at)
    assert await committed_while(session, families.rotate(step), database) is None
    after = await families.find(family.id)
    assert after is not None
    assert after.current == digest(0)


async def test_whoever_waited_for_the_use_of_the_successor_ends_the_family(
    families: PostgresRefreshFamilies, session: Session, database: Database
) -> None:
    family = await started(families)
    await rotated(families, presenting(family, 0))
    await change(session, family, r"previous = current, current = '\x02'")
    assert isinstance(await committed_while(session, families.rotate(presenting(family, 0)), database), Reused)


async def test_whoever_waited_for_what_was_undone_is_the_first(
    families: PostgresRefreshFamilies, session: Session, database: Database
) -> None:
    family = await started(families)
    await change(session, family, "revoked_at = now()")
    task = await begun(families.rotate(presenting(family, 0)), database)
    await session.rollback()
    assert isinstance(await task, Rotated)


async def test_whoever_waited_for_a_family_to_be_pruned_gets_nothing(
    families: PostgresRefreshFamilies, session: Session, database: Database
) -> None:
    family = await started(families)
    await session.execute("DELETE FROM refresh_families WHERE id = %s", [family.id])
    assert await committed_while(session, families.rotate(presenting(family, 0)), database) is None


async def test_a_revocation_that_waited_for_a_rotation_counts(
    families: PostgresRefreshFamilies, session: Session, database: Database
) -> None:
    family = await started(families)
    await change(session, family, r"previous = current, current = '\x02'")
    await committed_while(session, families.revoke(family.id, at=SOON), database)
    after = await families.find(family.id)
    assert after is not None
    assert (after.current, after.revoked_at) == (b"\x02", SOON)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_a_database_with_another_isolation_by_default_rotates_alike(
    database_url: Secret, session: Session, isolation: str
) -> None:
    await session.set_autocommit(True)
    name = session.info.dbname
    statement = sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = {}")
    await session.execute(statement.format(sql.Identifier(name), isolation))
    database = Database(database_url, largest=10)
    await database.open()
    families = PostgresRefreshFamilies(database)
    family = await started(families)
    outcomes = await asyncio.gather(*(families.rotate(presenting(family, 0)) for _ in range(MANY)))
    after = await families.find(family.id)
    assert after is not None
    assert outcomes == [Rotated(after)] * MANY
    await database.close()


async def test_a_rotation_that_nobody_waits_for_any_more_does_no_harm(
    families: PostgresRefreshFamilies, session: Session, database: Database
) -> None:
    """Whoever asked was told that the store is away; the statement is still under way, and so is the next attempt."""
    family = await started(families)
    await change(session, family, "scope = scope")
    given_up = await begun(families.rotate(presenting(family, 0)), database)
    given_up.cancel()
    again = families.rotate(presenting(family, 0, at=SOON + GRACE - timedelta(seconds=1)))
    assert isinstance(await committed_while(session, again, database), Rotated)
    await rotated(families, presenting(family, 1, at=SOON + GRACE))
