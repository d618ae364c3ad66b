"""The life of a store that lives in memory: nothing to open, nothing to lose."""

from __future__ import annotations


class MemoryStore:
    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def ready(self) -> None:
        return None
