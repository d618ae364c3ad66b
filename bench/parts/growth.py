"""(i) what a rotation of a refresh token costs in a large table, against a small one. Pinned as (b) is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import psutil
from attrs import define, field

from bench.families import Grown, Held
from bench.load import Load, drive
from bench.loads import rotations
from bench.parts import Side
from bench.processes import seconds_on_cpu
from bench.rows import Row
from bench.stage import Stage

MOST = 1.1  # times the cost in the small table
CLAIMED = 10_000_000  # rows for which that is to hold


@define
class Samples:
    time: list[float] = field(factory=list)  # µs between two answers
    server: list[float] = field(factory=list)  # µs of its CPU for one rotation
    postgres: list[float] = field(factory=list)

    @property
    def cpu(self) -> list[float]:
        return [server + postgres for server, postgres in zip(self.server, self.postgres, strict=True)]


@define
class Growth:
    stage: Stage
    grown: Grown
    seconds: float
    small_load: Load = field(init=False)
    large_load: Load = field(init=False)
    small: Samples = field(factory=Samples)
    large: Samples = field(factory=Samples)

    def __attrs_post_init__(self) -> None:
        self.small_load, self.large_load = (
            rotations(held.server, held.service, held.tokens) for held in (self.grown.small, self.grown.large)
        )

    def sides(self) -> Sequence[Side]:
        return [
            partial(self._measure, self.grown.small, self.small_load, self.small),
            partial(self._measure, self.grown.large, self.large_load, self.large),
        ]

    async def _measure(self, held: Held, load: Load, samples: Samples) -> None:
        self.stage.apart()
        await asyncio.to_thread(self.grown.checkpoint)
        server, postgres = psutil.Process(held.server.process.pid), self.stage.postgres
        before = seconds_on_cpu(server), seconds_on_cpu(postgres)
        await drive(load, seconds=self.seconds)
        after = seconds_on_cpu(server), seconds_on_cpu(postgres)
        samples.time.append(1e6 / load.rate)
        samples.server.append((after[0] - before[0]) / load.all_answers * 1e6)
        samples.postgres.append((after[1] - before[1]) / load.all_answers * 1e6)

    def rows(self) -> list[Row]:
        sizes = self.grown.sizes
        what = f"(i) refresh with {sizes.large:,} families / {sizes.small:,}"
        most = MOST if sizes.large >= CLAIMED else None  # what fewer rows cost proves nothing
        return [
            Row(f"{what}: time", "µs", self.small.time, self.large.time, most, "ratio below"),
            Row("    CPU of server and PostgreSQL", "µs", self.small.cpu, self.large.cpu, most, "ratio below"),
            Row("    of it PostgreSQL's", "µs", self.small.postgres, self.large.postgres),
        ]
