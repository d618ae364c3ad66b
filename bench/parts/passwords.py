"""(a) logins by password, and (c) what they do to everything else. Nothing is pinned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import define, field

from bench.floors.hashes import hash_rate
from bench.furnish import PASSWORD
from bench.load import WARM_UP, Load, drive
from bench.loads import logins, own_account
from bench.parts import Side
from bench.processes import CORES
from bench.rows import Row, percentile
from bench.stage import Stage

CLIENTS = 4  # that log in meanwhile, for (c)


@define
class Logins:
    """(a)"""

    stage: Stage
    seconds: float
    raw_hashes: list[float] = field(factory=list)
    logins: list[float] = field(factory=list)

    def sides(self) -> Sequence[Side]:
        return [self._raw, self._logins]

    async def _raw(self) -> None:
        self.stage.free()
        rate = await asyncio.to_thread(hash_rate, self.stage.hashed, PASSWORD, threads=len(CORES), seconds=self.seconds)
        self.raw_hashes.append(rate)

    async def _logins(self) -> None:
        self.stage.free()
        load = logins(self.stage.server, 4 * len(CORES))
        await drive(load, seconds=self.seconds)
        self.logins.append(load.rate)

    def rows(self) -> list[Row]:
        return [Row("(a) password login / raw hashes", "1/s", self.raw_hashes, self.logins, 0.95)]


@define
class Meanwhile:
    """(c)"""

    stage: Stage
    seconds: float
    alone: list[float] = field(factory=list)
    with_logins: list[float] = field(factory=list)
    logins: list[float] = field(factory=list)
    healthz_alone: list[float] = field(factory=list)  # ms, of every poll of every round
    healthz_with_logins: list[float] = field(factory=list)

    def sides(self) -> Sequence[Side]:
        return [self._alone, self._with_logins]

    async def _alone(self) -> None:
        """(b) in the layout of (c)."""
        self.stage.free()
        load = own_account(self.stage.server, self.stage.token)
        self.healthz_alone += await self._polled(load)
        self.alone.append(load.rate)

    async def _with_logins(self) -> None:
        self.stage.free()
        load, meanwhile = own_account(self.stage.server, self.stage.token), logins(self.stage.server, CLIENTS)
        self.healthz_with_logins += await self._polled(load, meanwhile)
        self.with_logins.append(load.rate)
        self.logins.append(meanwhile.rate)

    async def _polled(self, *loads: Load) -> list[float]:
        """Latencies of /healthz under a load."""

        async def poll() -> list[float]:
            await asyncio.sleep(WARM_UP)
            return await self.stage.poller.poll(self.seconds)

        _, latencies = await asyncio.gather(drive(*loads, seconds=self.seconds), poll())
        return latencies

    def rows(self) -> list[Row]:
        calm, busy = self.healthz_alone, self.healthz_with_logins
        return [
            Row("(c) GET /users/me during logins / alone", "1/s", self.alone, self.with_logins, 0.4),
            Row("    logins meanwhile", "1/s", [], self.logins),
            Row("    /healthz p50 during logins / alone", "ms", [percentile(calm, 50)], [percentile(busy, 50)]),
            Row(
                "    /healthz p99 during logins / alone",
                "ms",
                [percentile(calm, 99)],
                [percentile(busy, 99)],
                50,
                "measured below",
            ),
        ]
