"""Counts of failed attempts in the memory of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import attrs

from core.users.ports import Tally, TallyStore


class MemoryTallies:
    def __init__(self) -> None:
        self._tallies: dict[bytes, Tally] = {}

    async def read(self, keys: Collection[bytes]) -> Sequence[Tally]:
        await asyncio.sleep(0)
        return [self._tallies[key] for key in keys if key in self._tallies]

    async def count(self, stale: Mapping[bytes, datetime], *, at: datetime) -> Sequence[Tally]:
        await asyncio.sleep(0)
        for key, long_ago in stale.items():
            tally = self._tallies.get(key)
            if tally is None or tally.since <= long_ago:
                self._tallies[key] = Tally(key, 1, at, at)
            else:
                self._tallies[key] = attrs.evolve(tally, failures=tally.failures + 1, last=max(at, tally.last))
        return [self._tallies[key] for key in stale]

    async def clear(self, keys: Collection[bytes]) -> None:
        await asyncio.sleep(0)
        for key in keys:
            self._tallies.pop(key, None)

    def expired(self, before: datetime) -> list[bytes]:
        return [key for key, tally in self._tallies.items() if tally.since < before]

    def forget(self, key: bytes) -> None:
        del self._tallies[key]


_: type[TallyStore] = MemoryTallies
