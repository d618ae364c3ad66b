"""What has expired in the memory of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from core.housekeeping import FAMILIES_STAY, ExpiredRows
from core.ports import Clock
from core.users.throttle import LONGEST_WINDOW


class MemoryExpiredRows:
    """Spent assertions let themselves go at the next redemption."""

    def __init__(
        self, families: MemoryRefreshFamilies, ledger: MemoryAccessTokens, tallies: MemoryTallies, clock: Clock
    ) -> None:
        self._families = families
        self._ledger = ledger
        self._tallies = tallies
        self._clock = clock

    async def count(self) -> int:
        await asyncio.sleep(0)
        return len(self._doomed())

    async def prune(self, limit: int) -> int | None:
        await asyncio.sleep(0)
        doomed = self._doomed()[:limit]
        for forget in doomed:
            forget()
        return len(doomed)

    def _doomed(self) -> list[Callable[[], None]]:
        now = self._clock.now()
        families = self._families.expired(now - FAMILIES_STAY)
        return [
            *(partial(self._families.forget, family) for family in families),
            *(partial(self._ledger.forget, jti) for jti in self._ledger.expired(now)),
            *(partial(self._tallies.forget, key) for key in self._tallies.expired(now - LONGEST_WINDOW)),
        ]


_: type[ExpiredRows] = MemoryExpiredRows
