"""The key sets behind the `jwks_uri` of clients, remembered for a while."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic

from attrs import frozen

from core.clients.model import MOST_KEYS, PRIVATE_MEMBERS
from core.clients.ports import AssertionVerifier, Fetcher, FetchFailed, KeySets

REMEMBERED = 300.0  # seconds
AGAIN = 30.0  # seconds until a set is fetched again for whoever wants it fresh
FAILED = 10.0  # seconds until a failure is forgotten
NEVER = float("-inf")
MOST_SETS = 100
MOST_LOOKED_AT = 50  # keys of a set

# The members that matter (RFC 7517 §4, RFC 7518 §6), all of them texts. A set may be full of others.
MEMBERS = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")

log = logging.getLogger("watchword")


@frozen
class Kept:
    """What was `fetched` then, and when that was `tried` last; both are equal if that went well. `renewed` is when
    somebody last wanted it fresh.
    """

    keys: Mapping[str, object] | None
    fetched: float
    tried: float
    renewed: float

    def known(self, at: float) -> Mapping[str, object] | None:
        return self.keys if at - self.fetched < REMEMBERED else None

    def will_do(self, at: float, *, fresh: bool) -> bool:
        if self.known(at) is not None and not fresh:
            return True
        if self.tried != self.fetched:
            return at - self.tried < FAILED
        return at - self.renewed < AGAIN  # keys may be exchanged right after they were fetched for the first time


NOTHING = Kept(None, NEVER, NEVER, NEVER)


class FetchedKeySets:
    def __init__(self, fetcher: Fetcher, assertions: AssertionVerifier, now: Callable[[], float] = monotonic) -> None:
        """`now` is in seconds, from whenever."""
        self._fetcher = fetcher
        self._assertions = assertions
        self._now = now
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def of(self, jwks_uri: str, *, fresh: bool = False) -> Mapping[str, object] | None:
        if not self._kept.get(jwks_uri, NOTHING).will_do(self._now(), fresh=fresh):
            # Of many who want it one fetches, and goes on for the others when the first has gone.
            await asyncio.shield(self._under_way.get(jwks_uri) or self._fetching(jwks_uri, fresh))
        kept = self._kept.get(jwks_uri, NOTHING)
        if kept is not NOTHING:
            self._kept.move_to_end(jwks_uri)
        return kept.known(self._now())

    def _fetching(self, jwks_uri: str, fresh: bool) -> asyncio.Task[None]:
        task = self._under_way[jwks_uri] = asyncio.create_task(self._fetch(jwks_uri, fresh))
        task.add_done_callback(lambda _: self._under_way.pop(jwks_uri))
        return task

    async def _fetch(self, jwks_uri: str, fresh: bool) -> None:
        at = self._now()
        before = self._kept.get(jwks_uri, NOTHING)
        renewed = at if fresh else before.renewed
        try:
            kept = Kept(self._usable(await self._fetcher.json(jwks_uri)), at, at, renewed)
        except FetchFailed as failure:
            log.warning("a client's keys cannot be had", extra={"jwks_uri": jwks_uri, "reason": str(failure)})
            kept = Kept(before.keys, before.fetched, at, renewed)
        self._kept[jwks_uri] = kept
        while len(self._kept) > MOST_SETS:
            self._kept.popitem(last=False)

    def _usable(self, document: object) -> Mapping[str, object]:
        """The keys that can verify an assertion; others are passed over (RFC 7517 §5). Raises `FetchFailed`."""
        listed = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(listed, list):
            raise FetchFailed("the document is no JWK Set")
        public = [key for key in listed[:MOST_LOOKED_AT] if isinstance(key, dict) and not PRIVATE_MEMBERS & key.keys()]
        bare = [{name: key[name] for name in MEMBERS if isinstance(key.get(name), str)} for key in public]
        keys = [key for key in bare if self._assertions.acceptable({"keys": [key]})][:MOST_KEYS]
        if not keys:
            raise FetchFailed("the set has no key that is accepted here")
        return {"keys": keys}


_: type[KeySets] = FetchedKeySets
