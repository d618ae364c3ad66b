"""The rounds. In each, what is compared runs back to back, and the next round turns the order around."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import median

import psutil
from attrs import define, field, frozen

from bench.floors import hash_rate
from bench.load import WARM_UP, Load, drive, request
from bench.stage import CORES, PASSWORD, USERNAME, Stage

TOKEN_PATH, ME_PATH = "/api/v1/auth/token", "/api/v1/users/me"

READERS = 16  # connections that ask for /users/me
CLIENTS = 4  # that log in meanwhile, for (c)
REST = 1.0  # seconds between the load and the look at the memory


@define
class Samples:
    """One value a round. Rates are in requests a second."""

    raw_hashes: list[float] = field(factory=list)
    logins: list[float] = field(factory=list)
    floor: list[float] = field(factory=list)
    me: list[float] = field(factory=list)
    floor_cpu: list[float] = field(factory=list)  # µs of the serving process for one request
    me_cpu: list[float] = field(factory=list)
    me_alone: list[float] = field(factory=list)
    me_with_logins: list[float] = field(factory=list)
    logins_with_me: list[float] = field(factory=list)
    healthz_alone: list[float] = field(factory=list)  # ms, of every poll of every round
    healthz_with_logins: list[float] = field(factory=list)
    ready: list[float] = field(factory=list)  # seconds
    resident: list[float] = field(factory=list)  # MB, at the end of a round
    peak: list[float] = field(factory=list)


@frozen
class Bench:
    stage: Stage
    seconds: float
    samples: Samples

    async def run(self, rounds: int, progress: Callable[[str], None]) -> None:
        parts = [
            [self._raw, self._logins],
            [self._floor, self._me],
            [self._alone, self._with_logins],
        ]
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}")
            self.samples.ready.append(await asyncio.to_thread(self.stage.seconds_to_ready))
            for pair in parts:
                for part in pair if number % 2 == 0 else reversed(pair):
                    await part()
            await asyncio.sleep(REST)
            now, peak = self.stage.resident()
            self.samples.resident.append(now)
            self.samples.peak.append(peak)

    async def _raw(self) -> None:
        """(a), the floor."""
        self.stage.free()
        rate = await asyncio.to_thread(hash_rate, self.stage.hashed, PASSWORD, threads=len(CORES), seconds=self.seconds)
        self.samples.raw_hashes.append(rate)

    async def _logins(self) -> None:
        """(a)"""
        self.stage.free()
        load = self._load_logins(4 * len(CORES))
        await drive(load, seconds=self.seconds)
        self.samples.logins.append(load.rate)

    async def _floor(self) -> None:
        """(b), the floor."""
        await self._apart(
            self.stage.floor.port, self.stage.floor.process.pid, self.samples.floor, self.samples.floor_cpu
        )

    async def _me(self) -> None:
        """(b)"""
        await self._apart(self.stage.server.port, self.stage.server.process.pid, self.samples.me, self.samples.me_cpu)

    async def _apart(self, port: int, pid: int, rates: list[float], cpu: list[float]) -> None:
        self.stage.apart()
        load, process = self._load_me(port), psutil.Process(pid)
        before = process.cpu_times()
        await drive(load, seconds=self.seconds)
        after = process.cpu_times()
        rates.append(load.rate)
        cpu.append((after.user + after.system - before.user - before.system) / load.all_answers * 1e6)

    async def _alone(self) -> None:
        """(c), what it is held against: (b) in the layout of (c)."""
        self.stage.free()
        load = self._load_me(self.stage.server.port)
        healthz = await self._polled(load)
        self.samples.me_alone.append(load.rate)
        self.samples.healthz_alone += healthz

    async def _with_logins(self) -> None:
        """(c)"""
        self.stage.free()
        load, logins = self._load_me(self.stage.server.port), self._load_logins(CLIENTS)
        healthz = await self._polled(load, logins)
        self.samples.me_with_logins.append(load.rate)
        self.samples.logins_with_me.append(logins.rate)
        self.samples.healthz_with_logins += healthz

    async def _polled(self, *loads: Load) -> list[float]:
        """Latencies of /healthz under a load."""

        async def poll() -> list[float]:
            await asyncio.sleep(WARM_UP)
            return await self.stage.poller.poll(self.seconds)

        _, latencies = await asyncio.gather(drive(*loads, seconds=self.seconds), poll())
        return latencies

    def _load_me(self, port: int) -> Load:
        asked = request("GET", ME_PATH, {"Authorization": f"Bearer {self.stage.token}"})
        return Load(f"GET {ME_PATH}", port, asked, connections=READERS, expected=self.stage.user)

    def _load_logins(self, connections: int) -> Load:
        form = f"username={USERNAME}&password={PASSWORD}"
        asked = request("POST", TOKEN_PATH, {"Content-Type": "application/x-www-form-urlencoded"}, form)
        return Load(
            f"POST {TOKEN_PATH}",
            self.stage.server.port,
            asked,
            connections=connections,
            expected=b'"token_type":"bearer"',
        )


@frozen
class Row:
    """One line of the table: what is compared, in medians over the rounds, with the least and the most."""

    what: str
    unit: str
    floor: tuple[float, ...]
    measured: tuple[float, ...]
    target: float | None = None
    at_most: bool = False  # the target is a bound on what was measured, not on the ratio

    @property
    def ratios(self) -> tuple[float, ...]:
        """Of neighbours in time, round by round."""
        return tuple(m / f for m, f in zip(self.measured, self.floor, strict=True)) if self.floor else ()

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        if self.at_most:
            return median(self.measured) < self.target
        return median(self.ratios) >= self.target


def rows(samples: Samples) -> list[Row]:
    def row(
        what: str,
        unit: str,
        floor: list[float],
        measured: list[float],
        target: float | None = None,
        at_most: bool = False,
    ) -> Row:
        return Row(what, unit, tuple(floor), tuple(measured), target, at_most)

    def one(value: float) -> list[float]:
        return [value]

    calm, busy = samples.healthz_alone, samples.healthz_with_logins
    return [
        row("(a) password login / raw hashes", "1/s", samples.raw_hashes, samples.logins, 0.95),
        row("(b) GET /users/me / bare ASGI app", "1/s", samples.floor, samples.me, 0.6),
        row("    CPU of the serving process", "µs", samples.floor_cpu, samples.me_cpu),
        row("(c) GET /users/me during logins / alone", "1/s", samples.me_alone, samples.me_with_logins, 0.4),
        row("    logins meanwhile", "1/s", [], samples.logins_with_me),
        row("    /healthz p50 during logins / alone", "ms", one(percentile(calm, 50)), one(percentile(busy, 50))),
        row(
            "    /healthz p99 during logins / alone",
            "ms",
            one(percentile(calm, 99)),
            one(percentile(busy, 99)),
            50,
            at_most=True,
        ),
        row("(d) resident after load", "MB", [], samples.resident, 80, at_most=True),
        row("    resident at most, hashing included", "MB", [], samples.peak),
        row("    from start to ready", "s", [], samples.ready, 1, at_most=True),
    ]


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
