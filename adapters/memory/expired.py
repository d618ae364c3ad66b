"""What has expired in the memory of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from adapters.memory.authorization import MemoryAuthorizationRequests
from adapters.memory.clients import MemoryClients
from adapters.memory.codes import MemoryCodes
from adapters.memory.sessions import MemorySessions
from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from core.housekeeping import CODES_STAY, FAMILIES_STAY, ExpiredRows
from core.ports import Clock
from core.users.throttle import LONGEST_WINDOW


class MemoryExpiredRows:
    """Spent assertions let themselves go at the next redemption."""

    def __init__(
        self,
        families: MemoryRefreshFamilies,
        ledger: MemoryAccessTokens,
        tallies: MemoryTallies,
        clients: MemoryClients,
        sessions: MemorySessions,
        requests: MemoryAuthorizationRequests,
        codes: MemoryCodes,
        clock: Clock,
        unused_clients: timedelta,
    ) -> None:
        """A client that registered itself goes when nobody has used it for as long as `unused_clients`."""
        self._clients = clients
        self._sessions = sessions
        self._requests = requests
        self._codes = codes
        self._unused_clients = unused_clients
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
            *(partial(self._requests.forget, digest) for digest in self._requests.expired(now)),
            *(partial(self._codes.forget, digest) for digest in self._codes.expired(now - CODES_STAY)),
            *(partial(self._sessions.forget, session) for session in self._sessions.expired(now)),
            *(partial(self._clients.forget, name) for name in self._clients.unused(now - self._unused_clients)),
        ]


_: type[ExpiredRows] = MemoryExpiredRows
