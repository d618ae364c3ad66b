"""(b), (e) to (h) and (j): an endpoint against its floor, each on a core of its own (`Stage.apart`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import psutil
from attrs import define, field

from bench.load import Load, drive
from bench.parts import Side
from bench.processes import Child
from bench.rows import Row, percentile
from bench.stage import Stage

MOST_P99 = 5  # times p50


@define
class Samples:
    """One value a round."""

    rates: list[float] = field(factory=list)  # 1/s
    cpu: list[float] = field(factory=list)  # µs of the serving process for one answer
    p50: list[float] = field(factory=list)  # ms
    p99: list[float] = field(factory=list)


@define
class Endpoint:
    """`tail`: whether the latencies have a target as well."""

    what: str
    target: float | None
    floor_load: Load
    server_load: Load
    stage: Stage
    seconds: float
    tail: bool = False
    floor: Samples = field(factory=Samples)
    server: Samples = field(factory=Samples)

    def sides(self) -> Sequence[Side]:
        return [
            partial(self._measure, self.stage.floor, self.floor_load, self.floor),
            partial(self._measure, self.stage.server, self.server_load, self.server),
        ]

    async def _measure(self, child: Child, load: Load, samples: Samples) -> None:
        self.stage.apart()
        process = psutil.Process(child.process.pid)
        before = process.cpu_times()
        await drive(load, seconds=self.seconds)
        after = process.cpu_times()
        samples.rates.append(load.rate)
        samples.cpu.append((after.user + after.system - before.user - before.system) / load.all_answers * 1e6)
        samples.p50.append(percentile(load.latencies, 50) * 1000)
        samples.p99.append(percentile(load.latencies, 99) * 1000)

    def rows(self) -> list[Row]:
        rows = [
            Row(self.what, "1/s", self.floor.rates, self.server.rates, self.target),
            Row("    CPU of the serving process", "µs", self.floor.cpu, self.server.cpu),
        ]
        if self.tail:
            connections = len(self.server_load.scripts)
            tail = f"    p99 / p50 at {connections} connections"
            rows.append(Row(tail, "ms", self.server.p50, self.server.p99, MOST_P99, "ratio below"))
            rows.append(Row("    the same of the floor", "ms", self.floor.p50, self.floor.p99))
        return rows
