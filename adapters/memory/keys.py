"""Signing keys in the memory of one process."""

from __future__ import annotations

import asyncio

from core.keys.model import SigningKey
from core.keys.ports import SigningKeyStore


class MemorySigningKeys:
    def __init__(self) -> None:
        self._active: dict[str, SigningKey] = {}

    async def active(self, algorithm: str) -> SigningKey | None:
        await asyncio.sleep(0)
        return self._active.get(algorithm)

    async def establish(self, candidate: SigningKey) -> SigningKey:
        await asyncio.sleep(0)
        return self._active.setdefault(candidate.algorithm, candidate)


_: type[SigningKeyStore] = MemorySigningKeys
