"""TallyStore: counts of failed attempts, on which all workers agree."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from core.users.ports import Tally, TallyStore
from tests.contract.conftest import NOW
from tests.contract.test_users_at_once import MANY

A, B, C = (bytes([number]) * 32 for number in (1, 2, 3))
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
STALE = NOW - DAY


async def count(tallies: TallyStore, *keys: bytes, at: datetime = NOW, stale: datetime = STALE) -> list[Tally]:
    return in_order(await tallies.count(dict.fromkeys(keys, stale), at=at))


async def read(tallies: TallyStore, *keys: bytes) -> list[Tally]:
    return in_order(await tallies.read(keys))


def in_order(found: Iterable[Tally]) -> list[Tally]:
    return sorted(found, key=lambda tally: tally.key)


async def test_nothing_is_counted_before_a_failure(tallies: TallyStore) -> None:
    assert await read(tallies, A, B) == []
    assert await read(tallies) == []


async def test_failures_are_counted_key_by_key(tallies: TallyStore) -> None:
    assert await count(tallies, B, A) == [Tally(A, 1, NOW, NOW), Tally(B, 1, NOW, NOW)]
    later = NOW + timedelta(seconds=1)
    assert await count(tallies, C, B, at=later) == [Tally(B, 2, NOW, later), Tally(C, 1, later, later)]
    assert await read(tallies, C, A) == [Tally(A, 1, NOW, NOW), Tally(C, 1, later, later)]
    assert await read(tallies, A, B, C, b"\0" * 32) == [
        Tally(A, 1, NOW, NOW),
        Tally(B, 2, NOW, later),
        Tally(C, 1, later, later),
    ]


async def test_times_come_back_to_the_microsecond_and_aware(tallies: TallyStore) -> None:
    await count(tallies, A)
    (tally,) = await read(tallies, A)
    assert (tally.since, tally.last, tally.since.utcoffset()) == (NOW, NOW, timedelta(0))


async def test_the_last_failure_is_the_latest_whichever_was_counted_last(tallies: TallyStore) -> None:
    await count(tallies, A, at=NOW)
    assert await count(tallies, A, at=NOW - TICK) == [Tally(A, 2, NOW, NOW)]


async def test_a_count_that_is_stale_begins_anew(tallies: TallyStore) -> None:
    await count(tallies, A)
    await count(tallies, A)
    for stale, expected in ((NOW - TICK, Tally(A, 3, NOW, NOW + DAY)), (NOW, Tally(A, 1, NOW + DAY, NOW + DAY))):
        assert await count(tallies, A, at=NOW + DAY, stale=stale) == [expected]
        assert await read(tallies, A) == [expected]


async def test_each_key_has_an_age_of_its_own(tallies: TallyStore) -> None:
    await count(tallies, A, B, C)
    stale = {C: NOW, A: NOW - TICK, B: NOW + DAY}
    later = NOW + DAY
    expected = [Tally(A, 2, NOW, later), Tally(B, 1, later, later), Tally(C, 1, later, later)]
    assert in_order(await tallies.count(stale, at=later)) == expected
    assert await read(tallies, A, B, C) == expected


async def test_a_count_that_is_cleared_begins_anew(tallies: TallyStore) -> None:
    await count(tallies, A, B)
    await tallies.clear([A, C])
    assert await read(tallies, A, B) == [Tally(B, 1, NOW, NOW)]
    await tallies.clear([])
    assert await count(tallies, A, B) == [Tally(A, 1, NOW, NOW), Tally(B, 2, NOW, NOW)]


async def test_fifty_failures_at_once_count_fifty(tallies: TallyStore) -> None:
    seen = await asyncio.gather(*(count(tallies, A, B) for _ in range(MANY)))
    assert await read(tallies, A, B) == [Tally(A, MANY, NOW, NOW), Tally(B, MANY, NOW, NOW)]
    # Each was told of its own, and no two of the same.
    assert sorted(tally.failures for tally, _ in seen) == list(range(1, MANY + 1))


async def test_of_fifty_failures_at_once_after_a_stale_count_one_begins_anew(tallies: TallyStore) -> None:
    await count(tallies, A)
    later = NOW + 2 * DAY
    await asyncio.gather(*(count(tallies, A, at=later, stale=later - DAY) for _ in range(MANY)))
    assert await read(tallies, A) == [Tally(A, MANY, later, later)]


async def test_many_keys_at_once_in_any_order_do_not_get_stuck(tallies: TallyStore) -> None:
    keys = [bytes([number]) * 32 for number in range(20)]
    orders = [keys, keys[::-1], keys[7:] + keys[:7]]
    await asyncio.gather(*(tallies.count(dict.fromkeys(orders[n % 3], STALE), at=NOW) for n in range(30)))
    assert {tally.failures for tally in await read(tallies, *keys)} == {30}


async def test_counting_and_clearing_at_once_do_not_get_stuck(tallies: TallyStore) -> None:
    keys = [bytes([number]) * 32 for number in range(8)]
    for _ in range(20):
        await tallies.clear(keys)
        for key in reversed(keys):  # so that they do not lie in the order of counting
            await count(tallies, key)
        await asyncio.gather(*(tallies.clear(keys) if n % 3 == 2 else count(tallies, *keys) for n in range(10)))
    assert {tally.failures for tally in await read(tallies, *keys)} <= set(range(1, 8))
