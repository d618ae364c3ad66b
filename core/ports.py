"""The ports that cross areas: time and randomness."""

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
