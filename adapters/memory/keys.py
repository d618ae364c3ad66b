"""Signing keys and the server's own secrets in the memory of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

import attrs

from core.keys.model import SigningKey
from core.keys.ports import SealedSecrets, SigningKeyStore


class MemorySigningKeys:
    def __init__(self) -> None:
        self._keys: dict[str, SigningKey] = {}

    async def all(self) -> tuple[SigningKey, ...]:
        await asyncio.sleep(0)
        return tuple(sorted(self._keys.values(), key=lambda key: (key.signs_from, key.kid)))

    async def establish(self, candidate: SigningKey) -> bool:
        await asyncio.sleep(0)
        for key in self._keys.values():
            if key.kid == candidate.kid:
                return False
            taken = key.predecessor == candidate.predecessor and key.withdrawn_at is None
            if taken and (candidate.predecessor is not None or key.algorithm == candidate.algorithm):
                return False
        self._keys[candidate.kid] = candidate
        return True

    async def advance(self, kid: str, signs_from: datetime) -> bool:
        await asyncio.sleep(0)
        key = self._keys.get(kid)
        if key is None or key.signs_from <= signs_from:
            return False
        self._keys[kid] = attrs.evolve(key, signs_from=signs_from)
        return True

    async def withdraw(self, kid: str, *, at: datetime) -> bool:
        await asyncio.sleep(0)
        key = self._keys.get(kid)
        if key is None or key.withdrawn_at is not None:
            return False
        self._keys[kid] = attrs.evolve(key, withdrawn_at=at)
        return True

    async def replace_sealed(self, kid: str, old: str, new: str) -> bool:
        await asyncio.sleep(0)
        key = self._keys.get(kid)
        if key is None or key.sealed_private_key != old:
            return False
        self._keys[kid] = attrs.evolve(key, sealed_private_key=new)
        return True


class MemorySealedSecrets:
    def __init__(self) -> None:
        self._sealed: dict[str, str] = {}

    async def establish(self, name: str, sealed: str) -> str:
        await asyncio.sleep(0)
        return self._sealed.setdefault(name, sealed)

    async def all(self) -> Mapping[str, str]:
        await asyncio.sleep(0)
        return dict(self._sealed)

    async def replace(self, name: str, old: str, new: str) -> bool:
        await asyncio.sleep(0)
        if self._sealed.get(name) != old:
            return False
        self._sealed[name] = new
        return True


_keys: type[SigningKeyStore] = MemorySigningKeys
_secrets: type[SealedSecrets] = MemorySealedSecrets
