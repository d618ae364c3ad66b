"""The ports that cross areas: time, randomness, and the record of what happened."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    async def sleep_until(self, instant: datetime) -> None:
        """Return when `now()` is at or after `instant`."""


class Entropy(Protocol):
    def uuid(self) -> UUID:
        """A fresh random identifier (version 4), from a cryptographic source."""

    def secret(self) -> bytes:
        """32 fresh random bytes, from a cryptographic source."""


class Audit(Protocol):
    def note(self, event: str, **facts: str) -> None:
        """Keep that something happened which an operator should be able to find later. Facts hold no secret."""
