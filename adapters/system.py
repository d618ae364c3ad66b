"""The machine's own clock, randomness and log."""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from datetime import UTC, datetime

from core.ports import Audit, Clock, Entropy


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - what is awaited is time itself
            await asyncio.sleep(left)


class SystemEntropy:
    def uuid(self) -> uuid.UUID:
        return uuid.uuid4()

    def secret(self) -> bytes:
        return secrets.token_bytes(32)


class LoggedAudit:
    """Each event is a line of the logger `watchword.audit`."""

    def __init__(self) -> None:
        self._log = logging.getLogger("watchword.audit")

    def note(self, event: str, **facts: str) -> None:
        self._log.info(event, extra=facts)


_clock: type[Clock] = SystemClock
_entropy: type[Entropy] = SystemEntropy
_audit: type[Audit] = LoggedAudit
