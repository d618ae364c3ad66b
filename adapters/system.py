"""The machine's own clock and randomness."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

from core.ports import Clock, Entropy


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - what is awaited is time itself
            await asyncio.sleep(left)


class SystemEntropy:
    def uuid(self) -> uuid.UUID:
        return uuid.uuid4()


_clock: type[Clock] = SystemClock
_entropy: type[Entropy] = SystemEntropy
