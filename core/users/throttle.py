"""Slower and slower for whoever keeps guessing, and not for the owner elsewhere.

Failures are counted per account and network, per account, and per network. Each count has some that are free; from then
on every failure doubles the wait. A count ends with its window. What is kept are digests: neither names nor addresses.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from attrs import frozen

from core.ports import Clock
from core.protocol.refusals import TooManyAttempts
from core.users.ports import Tally, TallyStore

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)


@frozen
class Limit:
    """After `free` failures the wait begins. The count starts anew when its first failure is older than `window`."""

    free: int
    window: timedelta

    def counts(self, tally: Tally, at: datetime) -> int:
        """The failures that count at this time."""
        return tally.failures if tally.since + self.window > at else 0

    def until(self, tally: Tally, at: datetime) -> datetime | None:
        """When the next attempt may be made; None when it may be made at once."""
        if self.counts(tally, at) < self.free:
            return None
        doublings = min(tally.failures - self.free, 30)
        end = tally.last + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
        return end if end > at else None


PAIR = Limit(5, timedelta(days=1))
ACCOUNT = Limit(100, timedelta(days=1))
# Many people share a network, and some of them mistype: only a burst tells a guesser from them.
NETWORK = Limit(100, timedelta(hours=1))
# Clients that register themselves, and failed attempts at that. An office shares a network here as well.
REGISTRATIONS = Limit(100, timedelta(hours=1))

LONGEST_WINDOW = max(PAIR.window, ACCOUNT.window, NETWORK.window, REGISTRATIONS.window)


@frozen
class Attempt:
    """Somebody at `address` claims to be `name`, who may or may not exist. Whoever registers is nobody yet."""

    kind: Literal["password", "client", "registration"]
    name: str
    address: str

    @property
    def keys(self) -> dict[bytes, Limit]:
        network = network_of(self.address)
        if self.kind == "registration":
            return {self._key("network", network): REGISTRATIONS}
        return {
            self._key("pair", self.name, network): PAIR,
            self._key("account", self.name): ACCOUNT,
            self._key("network", network): NETWORK,
        }

    @property
    def own(self) -> list[bytes]:
        """The counts that a success ends. That of the network stays: a guesser has an account as well."""
        return [key for key, limit in self.keys.items() if limit in {PAIR, ACCOUNT}]

    def _key(self, *parts: str) -> bytes:
        text = "\0".join((self.kind, *parts))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@frozen
class Throttle:
    tallies: TallyStore
    clock: Clock

    async def admit(self, attempt: Attempt) -> bool:
        """Whether failures are on record. Raises `TooManyAttempts` while the next attempt has to wait."""
        return bool(await self._admitted(attempt.keys, self.clock.now()))

    async def failed(self, attempt: Attempt) -> None:
        """Count a failure, and commit that, before anybody is told of it.

        Admits once more, as a success does: an answer tells nothing of a guess that had to wait.
        Raises `TooManyAttempts`.
        """
        now, keys = self.clock.now(), attempt.keys
        seen = {tally.key: keys[tally.key].counts(tally, now) for tally in await self._admitted(keys, now)}
        counted = await self.tallies.count({key: now - limit.window for key, limit in keys.items()}, at=now)
        # Of many guesses at once no more learn something than of many in turn: who was overtaken has to wait after all.
        free = {key: max(limit.free, seen.get(key, 0) + 1) for key, limit in keys.items()}
        _refuse_waiting(keys, (tally for tally in counted if tally.failures > free[tally.key]), now)

    async def succeeded(self, attempt: Attempt) -> None:
        """Admit once more, so that of many guesses at once no late one gets through, and end the counts.

        Raises `TooManyAttempts`.
        """
        if await self.admit(attempt):
            await self.tallies.clear(attempt.own)

    async def _admitted(self, keys: Mapping[bytes, Limit], at: datetime) -> Sequence[Tally]:
        """What is on record. Raises `TooManyAttempts`."""
        found = await self.tallies.read(list(keys))
        _refuse_waiting(keys, found, at)
        return found


def _refuse_waiting(keys: Mapping[bytes, Limit], tallies: Iterable[Tally], at: datetime) -> None:
    """Raises `TooManyAttempts` while one of these has to wait."""
    waits = [until for tally in tallies if (until := keys[tally.key].until(tally, at)) is not None]
    if waits:
        raise TooManyAttempts(ceil((max(waits) - at).total_seconds()))


def network_of(address: str) -> str:
    """The network that one party is likely to have to itself: an IPv4 /24, an IPv6 /64. Any text is somebody's."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 64), strict=False))
