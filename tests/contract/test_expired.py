"""ExpiredRows: what has expired goes, in batches, and nothing else ever does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import psycopg
import pytest

from adapters.postgres.database import Database
from adapters.postgres.expired import ADVISORY_LOCK
from core.authorization.ports import Mismatched, NewCode
from core.housekeeping import CODES_STAY, FAMILIES_STAY, Prune
from core.protocol.secret import Secret
from core.users.ports import Tally
from core.users.throttle import LONGEST_WINDOW
from tests.contract.conftest import NOW, Stores, in_postgres
from tests.contract.test_access_tokens import a_token
from tests.contract.test_authorization_requests import MINE, a_stored_request
from tests.contract.test_codes import a_code
from tests.contract.test_codes import presenting as redeeming
from tests.contract.test_refresh_families import presenting, started
from tests.contract.test_sessions import signed_in

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


async def add_family(stores: Stores, until: datetime) -> Callable[[], Awaitable[bool]]:
    family = await started(stores.families, expires_at=until - FAMILIES_STAY, idle_expires_at=NOW - DAY)

    async def lives() -> bool:
        return await stores.families.find(family.id) is not None

    return lives


async def add_ended_token(stores: Stores, until: datetime) -> Callable[[], Awaitable[bool]]:
    jti = str(until)
    await stores.ledger.revoke(jti, until=until)

    async def lives() -> bool:
        return (await stores.ledger.standing(a_token(jti=jti))).revoked

    return lives


async def add_tally(stores: Stores, until: datetime) -> Callable[[], Awaitable[bool]]:
    key = str(until).encode()
    await stores.tallies.count({key: NOW - 9 * DAY}, at=until - LONGEST_WINDOW)

    async def lives() -> bool:
        return bool(await stores.tallies.read([key]))

    return lives


async def add_request(stores: Stores, until: datetime) -> Callable[[], Awaitable[bool]]:
    stored = a_stored_request(number_of(until), expires_at=until)
    await stores.requests.keep(stored)

    async def lives() -> bool:
        return await stores.requests.find(stored.digest, MINE, at=NOW - DAY) is not None

    return lives


async def add_code(stores: Stores, until: datetime) -> Callable[[], Awaitable[bool]]:
    code = a_code(number=number_of(until), expires_at=until - CODES_STAY)
    await stores.codes.issue(NewCode(code))
    wrong = redeeming(code, challenge="x", at=NOW - 2 * DAY)

    async def lives() -> bool:
        return await stores.codes.redeem(wrong) == Mismatched("challenge")

    return lives


async def add_session(stores: Stores, until: datetime) -> Callable[[], Awaitable[bool]]:
    session = await signed_in(stores, number=number_of(until), expires_at=until, idle_expires_at=NOW - DAY)

    async def lives() -> bool:
        return session in await stores.sessions.of_user("alice")

    return lives


def number_of(instant: datetime) -> int:
    return (instant - NOW) // TICK + 1000


KINDS: Mapping[str, Callable[[Stores, datetime], Awaitable[Callable[[], Awaitable[bool]]]]] = {
    "family": add_family,
    "ended token": add_ended_token,
    "tally": add_tally,
    "stored request": add_request,
    "code": add_code,
    "session": add_session,
}


async def test_an_empty_store_has_nothing_to_let_go(stores: Stores) -> None:
    assert await stores.expired.count() == 0
    assert await stores.expired.prune(1000) == 0
    assert await Prune(stores.expired)() == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_needed_stays_to_its_last_moment(stores: Stores, kind: str) -> None:
    add = KINDS[kind]
    gone = [await add(stores, NOW - number * TICK) for number in (1, 2, 3)]
    kept = [await add(stores, NOW + number * TICK) for number in (0, 1, 2)]
    assert await stores.expired.count() == 3
    assert await stores.expired.prune(1000) == 3
    assert [await lives() for lives in gone] == [False] * 3
    assert [await lives() for lives in kept] == [True] * 3
    assert (await stores.expired.count(), await stores.expired.prune(1000)) == (0, 0)
    stores.clock.instant = NOW + 2 * TICK
    assert await stores.expired.count() == 2
    assert await Prune(stores.expired)() == 2
    assert [await lives() for lives in kept] == [False, False, True]


async def test_a_revoked_family_tells_of_its_access_tokens_until_they_have_expired(stores: Stores) -> None:
    family = await started(stores.families, expires_at=NOW, idle_expires_at=NOW)
    await stores.families.revoke(family.id, at=NOW)
    stores.clock.instant = NOW + FAMILIES_STAY
    assert await Prune(stores.expired)() == 0
    assert (await stores.ledger.standing(a_token(grant_id=family.id))).revoked


async def test_a_revoked_family_does_not_stay_until_it_would_have_expired(stores: Stores) -> None:
    far = NOW + timedelta(days=3650)
    family = await started(stores.families, expires_at=far, idle_expires_at=far)
    living = await started(stores.families, expires_at=far, idle_expires_at=far)
    await stores.families.revoke(family.id, at=NOW)
    stores.clock.instant = NOW + FAMILIES_STAY + TICK
    assert await Prune(stores.expired)() == 1
    assert await stores.families.find(family.id) is None
    assert await stores.families.find(living.id) == living


async def test_all_kinds_go_in_batches(stores: Stores) -> None:
    total = 7 * len(KINDS)
    for number in range(1, 8):
        for add in KINDS.values():
            await add(stores, NOW - number * TICK)
    kept = [await add(stores, NOW) for add in KINDS.values()]
    assert await stores.expired.count() == total
    heard: list[int] = []
    while gone := await stores.expired.prune(3):
        heard.append(gone)
        assert await stores.expired.count() == total - sum(heard)
    assert sum(heard) == total
    assert max(heard) == 3
    assert all([await lives() for lives in kept])


async def test_progress_is_told_of_each_batch(stores: Stores) -> None:
    for number in range(1, 6):
        await add_ended_token(stores, NOW - number * TICK)
    heard: list[int] = []
    assert await Prune(stores.expired)(heard.append) == sum(heard) == 5


async def test_a_count_that_begins_anew_meanwhile_is_not_lost(stores: Stores) -> None:
    """The failures of long ago are pruned while somebody fails again."""
    keys = [bytes([number]) * 32 for number in range(20)]
    await stores.tallies.count(dict.fromkeys(keys, NOW - 9 * DAY), at=NOW - LONGEST_WINDOW - TICK)
    stale = NOW - LONGEST_WINDOW
    counting = [stores.tallies.count({key: stale}, at=NOW) for key in keys]
    pruning = [stores.expired.prune(5) for _ in range(6)]
    await asyncio.gather(*counting[:7], *pruning[:3], *counting[7:], *pruning[3:])
    found = sorted(await stores.tallies.read(keys), key=lambda tally: tally.key)
    assert found == [Tally(key, 1, NOW, NOW) for key in keys]
    assert await Prune(stores.expired)() == 0


async def test_living_families_are_used_while_others_are_pruned(stores: Stores) -> None:
    stores.clock.instant = NOW + DAY
    living = [await started(stores.families) for _ in range(10)]
    for _ in range(20):
        await started(stores.families, expires_at=NOW - FAMILIES_STAY)
    rotating = [stores.families.rotate(presenting(family, 0)) for family in living]
    await asyncio.gather(*(stores.expired.prune(4) for _ in range(5)), *rotating)
    await Prune(stores.expired)()
    found = [await stores.families.find(family.id) for family in living]
    assert [family.rotated_at is not None for family in found if family is not None] == [True] * 10
    assert await stores.expired.count() == 0


async def test_in_postgres_one_worker_prunes_at_a_time(database: Database, database_url: Secret) -> None:
    stores = in_postgres(database)
    lives = await add_ended_token(stores, NOW - TICK)
    async with await psycopg.AsyncConnection.connect(database_url.reveal()) as another:  # in the middle of its batch
        await another.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        assert await stores.expired.prune(1000) is None
        assert await Prune(stores.expired)() == 0
        assert await lives()
        await another.rollback()
        assert await stores.expired.prune(1000) == 1
        assert not await lives()


async def test_in_postgres_eight_workers_let_each_row_go_once(database: Database) -> None:
    stores = in_postgres(database)
    for number in range(1, 31):
        await add_ended_token(stores, NOW - number * TICK)
    lives = await add_ended_token(stores, NOW)
    gone = 0
    while await stores.expired.count():
        batches = await asyncio.gather(*(stores.expired.prune(4) for _ in range(8)))
        assert all(batch is None or batch <= 4 for batch in batches)
        gone += sum(batch or 0 for batch in batches)
    assert gone == 30
    assert await lives()


async def test_in_postgres_a_row_in_use_is_left_for_later(database: Database, database_url: Secret) -> None:
    stores = in_postgres(database)
    family = await started(stores.families, expires_at=NOW - FAMILIES_STAY - TICK)
    other = await add_family(stores, NOW - TICK)
    async with await psycopg.AsyncConnection.connect(database_url.reveal()) as another:
        await another.execute("SELECT FROM refresh_families WHERE id = %s FOR UPDATE", [family.id])
        assert await stores.expired.prune(1000) == 1
        assert not await other()
        await another.rollback()
    assert await stores.expired.prune(1000) == 1


async def test_in_postgres_spent_assertions_go_once_they_have_expired(database: Database) -> None:
    stores = in_postgres(database)
    for number in range(5):
        assert await stores.spent.redeem("reports", f"{number}", until=NOW + (number - 2) * TICK)
    assert await stores.expired.count() == 2
    assert await Prune(stores.expired)() == 2
    redeemed = [await stores.spent.redeem("reports", f"{number}", until=NOW + DAY) for number in range(5)]
    assert redeemed == [True, True, False, False, False]
