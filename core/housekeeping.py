"""Rows that nobody needs any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from attrs import frozen

BATCH = 1000

# A revoked family also tells of its access tokens, which live for a day at the most.
FAMILIES_STAY = timedelta(hours=25)

# A code that comes a second time ends the tokens that it gave the first time.
CODES_STAY = timedelta(hours=25)


class ExpiredRows(Protocol):
    """What has expired, all kinds of it. Raises `Unavailable` when the store is away."""

    async def count(self) -> int:
        """How many rows may go at this moment."""

    async def prune(self, limit: int) -> int | None:
        """Let up to `limit` rows go, and say how many went; None while another worker is at it."""


@frozen
class Prune:
    expired: ExpiredRows

    async def __call__(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Let go of everything that has expired, in batches. `progress` hears the size of each."""
        total = 0
        while gone := await self.expired.prune(BATCH):
            total += gone
            progress(gone)
        return total
