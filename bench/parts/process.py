"""(d) what the process itself costs. Nothing is pinned at a start."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import define, field

from bench.parts import Side
from bench.rows import Row
from bench.stage import Stage

REST = 1.0  # seconds between the load and the look at the memory


@define
class Process:
    stage: Stage
    ready: list[float] = field(factory=list)  # seconds
    resident: list[float] = field(factory=list)  # MB, after what else the round measured
    peak: list[float] = field(factory=list)

    def sides(self) -> Sequence[Side]:
        return [self._memory, self._start]

    async def _memory(self) -> None:
        await asyncio.sleep(REST)
        now, peak = self.stage.resident()
        self.resident.append(now)
        self.peak.append(peak)

    async def _start(self) -> None:
        self.stage.free()
        self.ready.append(await asyncio.to_thread(self.stage.seconds_to_ready))

    def rows(self) -> list[Row]:
        return [
            Row("(d) resident after load", "MB", [], self.resident, 80, "measured below"),
            Row("    resident at most, hashing included", "MB", [], self.peak),
            Row("    from start to ready", "s", [], self.ready, 1, "measured below"),
        ]
