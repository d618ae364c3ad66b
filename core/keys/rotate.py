"""New keys in time: made, announced, taken into use, retired."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from attrs import evolve, frozen

from core.keys.model import NEVER, KeyPolicy, KeyRing, KeyState, SigningKey
from core.keys.ports import KeyMaker, Resealer, SealedSecrets, SigningKeyStore
from core.ports import Audit, Clock
from core.protocol.refusals import KeyNotFound, KeysAreFixed, KeyTooYoung

# Looks at the keys, each of which fails only when others rotated meanwhile.
ATTEMPTS = 5


@frozen
class MaintainKeys:
    """Every algorithm in use has a key that signs, and the next one is announced. Any number of workers may do this
    at once and again and again.
    """

    store: SigningKeyStore
    maker: KeyMaker
    clock: Clock
    policy: KeyPolicy
    audit: Audit

    async def __call__(self) -> KeyRing:
        """The keys as they are afterwards."""
        for algorithm in self.policy.algorithms:
            await self.next_of(algorithm)
        return KeyRing(await self.store.all())

    async def active_of(self, algorithm: str) -> SigningKey:
        """The key that signs, made if there is none."""
        now = self.clock.now()
        active = KeyRing(await self.store.all()).active(algorithm, now)
        if active is None:
            await self._establish(await self.maker.make(algorithm, signs_from=now, predecessor=None, at=now))
            active = KeyRing(await self.store.all()).active(algorithm, self.clock.now())
        if active is None:
            raise LookupError(f"no {algorithm} key signs right after one was made")
        return active

    async def next_of(self, algorithm: str) -> SigningKey:
        """The key that signs after the present one, made if there is none."""
        for _ in range(ATTEMPTS):
            await self.active_of(algorithm)
            now, policy = self.clock.now(), self.policy
            ring = KeyRing(await self.store.all())  # one look: between two, others may have let the next key sign
            active, coming = ring.active(algorithm, now), ring.next(algorithm, now)
            if coming is not None and active is not None:
                return await self._in_time(coming, active)
            if active is not None:
                due = active.signs_from + policy.period if policy.period is not None else NEVER
                begin = max(due, now + policy.ahead)
                made = await self.maker.make(algorithm, signs_from=begin, predecessor=active.kid, at=now)
                await self._establish(made)
        raise LookupError(f"no {algorithm} key follows, however often one was made")

    async def _in_time(self, coming: SigningKey, active: SigningKey) -> SigningKey:
        """The next key, which signs no later than it is due: the period may have been longer when it was made."""
        if self.policy.period is None:
            return coming
        due = max(active.signs_from + self.policy.period, coming.created_at + self.policy.ahead, self.clock.now())
        return evolve(coming, signs_from=due) if await self.store.advance(coming.kid, due) else coming

    async def _establish(self, candidate: SigningKey) -> None:
        if await self.store.establish(candidate):
            self.audit.note("signing key made", kid=candidate.kid, algorithm=candidate.algorithm)


@frozen
class RotateKeys:
    """The next key signs from now on, and another one is announced."""

    store: SigningKeyStore
    maintain: MaintainKeys
    clock: Clock
    policy: KeyPolicy
    audit: Audit

    async def __call__(self, *, at_once: bool = False) -> KeyRing:
        """The keys afterwards. Raises `KeyTooYoung` when a next key is not published for long enough, unless
        `at_once`; `KeysAreFixed`.
        """
        if not self.policy.algorithms:
            raise KeysAreFixed
        coming = [await self.maintain.next_of(algorithm) for algorithm in self.policy.algorithms]
        now = self.clock.now()
        ready = max(key.created_at for key in coming) + self.policy.ahead
        if ready > now and not at_once:
            raise KeyTooYoung(ceil((ready - now).total_seconds()))
        for key in coming:
            if await self.store.advance(key.kid, now):
                self.audit.note("signing key rotated", kid=key.kid, algorithm=key.algorithm)
        return await self.maintain()


@frozen
class RetireKey:
    """A key counts for nothing from now on: whatever it signed is refused. For keys that were exposed."""

    store: SigningKeyStore
    maintain: MaintainKeys
    clock: Clock
    audit: Audit

    async def __call__(self, kid: str) -> KeyRing:
        """The keys afterwards. The next key takes the place of an active one. Raises `KeyNotFound`."""
        ring = KeyRing(await self.store.all())
        key = ring.find(kid)
        if key is None:
            raise KeyNotFound
        if ring.active(key.algorithm, self.clock.now()) is key:
            heir = await self.maintain.next_of(key.algorithm)
            if heir.predecessor == kid:  # otherwise another worker was faster: its heir signs, and this one is the next
                await self.store.advance(heir.kid, self.clock.now())
        if await self.store.withdraw(kid, at=self.clock.now()):
            self.audit.note("signing key withdrawn", kid=kid, algorithm=key.algorithm)
        return await self.maintain()


@frozen
class ListedKey:
    key: SigningKey
    state: KeyState
    published_until: datetime


@frozen
class ListKeys:
    store: SigningKeyStore
    clock: Clock
    policy: KeyPolicy

    async def __call__(self) -> tuple[ListedKey, ...]:
        ring, now, keep = KeyRing(await self.store.all()), self.clock.now(), self.policy.keep
        return tuple(ListedKey(key, ring.state(key, now, keep), ring.published_until(key, keep)) for key in ring.keys)


@frozen
class ResealKeys:
    """Everything that is sealed, under the current encryption key."""

    store: SigningKeyStore
    secrets: SealedSecrets
    resealer: Resealer
    audit: Audit

    async def __call__(self) -> int:
        """How many were sealed anew."""
        done = 0
        for key in await self.store.all():
            fresh = self.resealer.reseal(key.sealed_private_key, name=key.kid)
            if fresh is not None:
                done += await self.store.replace_sealed(key.kid, key.sealed_private_key, fresh)
        for name, sealed in (await self.secrets.all()).items():
            fresh = self.resealer.reseal(sealed, name=name)
            if fresh is not None:
                done += await self.secrets.replace(name, sealed, fresh)
        if done:
            self.audit.note("sealed anew", number=str(done))
        return done
