"""Rows that nobody needs any more go in batches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import define, evolve

from core.housekeeping import BATCH, FAMILIES_STAY, ExpiredRows, Prune
from core.tokens.model import Permission, RefreshPolicy
from core.users.throttle import LONGEST_WINDOW, Attempt
from tests.unit.house import AUDIENCE, House


@define
class Heap:
    """So many rows, of which each batch takes its part; None in the end where another worker came in between."""

    rows: int
    end: int | None = 0

    async def count(self) -> int:
        return self.rows

    async def prune(self, limit: int) -> int | None:
        gone = min(limit, self.rows)
        self.rows -= gone
        return gone or self.end


_: type[ExpiredRows] = Heap


@pytest.mark.parametrize(
    ("rows", "batches"),
    [(0, []), (1, [1]), (BATCH, [BATCH]), (BATCH + 1, [BATCH, 1]), (3 * BATCH - 1, [BATCH, BATCH, BATCH - 1])],
)
@pytest.mark.parametrize("end", [0, None])
async def test_all_goes_batch_by_batch_and_each_is_told(rows: int, batches: list[int], end: int | None) -> None:
    heap, told = Heap(rows, end), list[int]()
    hear: Callable[[int], None] = told.append
    assert await Prune(heap)(hear) == rows
    assert told == batches
    assert await Prune(heap)() == 0


async def test_what_has_expired_goes_and_everything_else_stays(house: House) -> None:
    house = evolve(house, refresh_policy=RefreshPolicy(lifetime=timedelta(days=10)))
    allowed = Permission(None, "alice", (), (AUDIENCE,), house.clock.now())
    family = (await house.start_family(allowed)).family
    await house.families.revoke(family, at=house.clock.now())
    await house.ledger.revoke("one", until=house.clock.now() + timedelta(minutes=30))
    attempt = Attempt("password", "alice", "192.0.2.1")
    await house.throttle.failed(attempt)
    began = house.clock.now()

    async def after(span: timedelta) -> int:
        house.clock.instant = began + span
        return await house.prune()

    tick = timedelta(microseconds=1)
    assert await after(timedelta(minutes=30)) == 0
    assert await after(timedelta(minutes=30) + tick) == 1
    assert await after(LONGEST_WINDOW) == 0
    assert await after(LONGEST_WINDOW + tick) == 3
    # A family is needed for as long as its access tokens may be: what was revoked stays revoked.
    assert await after(FAMILIES_STAY) == 0
    assert await house.families.find(family) is not None
    assert await after(FAMILIES_STAY + tick) == 1
    assert await house.families.find(family) is None
