"""Several workers tend the keys of one store at once, each by use cases of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from attrs import define, frozen

from adapters.jose.making import SealedKeyMaker
from adapters.jose.sealing import Sealer, fresh_key
from core.keys.model import KeyPolicy, KeyRing, KeyState, SigningKey
from core.keys.ports import SigningKeyStore
from core.keys.rotate import MaintainKeys, ResealKeys, RetireKey, RotateKeys
from core.protocol.refusals import KeyNotFound, KeyTooYoung
from tests.contract.conftest import Stores
from tests.unit.noting import NotingAudit

ALGORITHM = "ES256"
POLICY = KeyPolicy(
    algorithms=(ALGORITHM,),
    ahead=timedelta(minutes=5),
    period=timedelta(days=90),
    token_lifetime=timedelta(minutes=30),
)
TICK = timedelta(microseconds=1)
SEALER = Sealer(fresh_key())


@frozen
class Worker:
    """One process of several: all it shares with the others is the store and the clock."""

    maintain: MaintainKeys
    rotate: RotateKeys
    retire: RetireKey
    audit: NotingAudit

    @classmethod
    def over(cls, stores: Stores, keys: SigningKeyStore | None = None) -> Worker:
        keys, clock, audit = keys or stores.signing_keys, stores.clock, NotingAudit()
        maintain = MaintainKeys(keys, SealedKeyMaker(SEALER), clock, POLICY, audit)
        return cls(
            maintain, RotateKeys(keys, maintain, clock, POLICY, audit), RetireKey(keys, maintain, clock, audit), audit
        )


@define
class Overtaken:
    """A store whose reader is overtaken by others right after its look number `look`."""

    inner: SigningKeyStore
    look: int
    others: Callable[[], Awaitable[object]]

    async def all(self) -> tuple[SigningKey, ...]:
        found = await self.inner.all()
        self.look -= 1
        if self.look == 0:
            await self.others()
        return found

    async def establish(self, candidate: SigningKey) -> bool:
        return await self.inner.establish(candidate)

    async def advance(self, kid: str, signs_from: datetime) -> bool:
        return await self.inner.advance(kid, signs_from)

    async def withdraw(self, kid: str, *, at: datetime) -> bool:
        return await self.inner.withdraw(kid, at=at)

    async def replace_sealed(self, kid: str, old: str, new: str) -> bool:
        return await self.inner.replace_sealed(kid, old, new)


_: type[SigningKeyStore] = Overtaken


async def states(stores: Stores) -> Mapping[KeyState, Sequence[str]]:
    """The ids of the keys that are anything, by what they are."""
    ring, now = KeyRing(await stores.signing_keys.all()), stores.clock.now()
    found = [(ring.state(key, now, POLICY.keep), key.kid) for key in ring.keys]
    return {state: [kid for own, kid in found if own is state] for state in KeyState if state in dict(found)}


async def tended(stores: Stores) -> tuple[Worker, SigningKey, SigningKey]:
    """A worker, and the keys: one that signs, one that was announced long enough ago to take over."""
    worker = Worker.over(stores)
    await worker.maintain()
    stores.clock.forward(seconds=POLICY.ahead.total_seconds())
    active, coming = (await worker.maintain()).keys
    assert await states(stores) == {KeyState.NEXT: [coming.kid], KeyState.ACTIVE: [active.kid]}
    return worker, active, coming


async def test_eight_workers_that_start_at_once_make_one_key_and_one_next(stores: Stores) -> None:
    workers = [Worker.over(stores) for _ in range(8)]
    rings = await asyncio.gather(*(worker.maintain() for worker in workers))
    assert len(await stores.signing_keys.all()) == 2
    assert {len(kids) for kids in (await states(stores)).values()} == {1}
    assert rings == [rings[0]] * 8
    assert sum(worker.audit.events.count("signing key made") for worker in workers) == 2


async def test_eight_workers_that_rotate_at_once_make_one_new_key(stores: Stores) -> None:
    _, former, coming = await tended(stores)
    workers = [Worker.over(stores) for _ in range(8)]
    done = await asyncio.gather(*(worker.rotate() for worker in workers), return_exceptions=True)
    # Who came late found the next key already made, and too young.
    assert {type(outcome) for outcome in done} <= {KeyRing, KeyTooYoung}
    found = await states(stores)
    assert found[KeyState.RETIRED] == [former.kid]
    assert found[KeyState.ACTIVE] == [coming.kid]
    assert len(found[KeyState.NEXT]) == 1
    assert len(await stores.signing_keys.all()) == 3
    assert sum(worker.audit.events.count("signing key rotated") for worker in workers) == 1


async def test_eight_workers_that_tend_the_keys_when_one_is_due_make_one_new_key(stores: Stores) -> None:
    _, former, coming = await tended(stores)
    stores.clock.instant = coming.signs_from
    await asyncio.gather(*(Worker.over(stores).maintain() for _ in range(8)))
    found = await states(stores)
    assert (found[KeyState.RETIRED], found[KeyState.ACTIVE]) == ([former.kid], [coming.kid])
    assert len(found[KeyState.NEXT]) == 1


async def test_eight_workers_that_retire_one_key_at_once_withdraw_it_once(stores: Stores) -> None:
    _, exposed, heir = await tended(stores)
    workers = [Worker.over(stores) for _ in range(8)]
    done = await asyncio.gather(*(worker.retire(exposed.kid) for worker in workers), return_exceptions=True)
    assert {type(outcome) for outcome in done} <= {KeyRing, KeyNotFound}
    found = await states(stores)
    assert (found[KeyState.GONE], found[KeyState.ACTIVE]) == ([exposed.kid], [heir.kid])
    assert len(found[KeyState.NEXT]) == 1
    assert sum(worker.audit.events.count("signing key withdrawn") for worker in workers) == 1


async def test_a_next_key_that_is_withdrawn_takes_nothing_from_the_key_that_signs_on(stores: Stores) -> None:
    worker, active, exposed = await tended(stores)
    stores.clock.instant = exposed.signs_from - TICK  # it was to take over at once; now the old one signs on
    heir = KeyRing((await worker.retire(exposed.kid)).keys).next(ALGORITHM, stores.clock.now())
    assert heir is not None
    assert heir.signs_from > exposed.signs_from
    stores.clock.instant = heir.signs_from + POLICY.token_lifetime  # the last token of the old one has just expired
    assert active.kid in (await states(stores))[KeyState.RETIRED]


@pytest.mark.parametrize("look", [1, 2, 3])  # all there are before the key is withdrawn
async def test_whoever_is_overtaken_while_retiring_a_key_lets_no_other_sign(stores: Stores, look: int) -> None:
    other, exposed, heir = await tended(stores)
    await Worker.over(stores, Overtaken(stores.signing_keys, look, lambda: other.retire(exposed.kid))).retire(
        exposed.kid
    )
    found = await states(stores)
    assert (found[KeyState.GONE], found[KeyState.ACTIVE]) == ([exposed.kid], [heir.kid])
    assert len(found[KeyState.NEXT]) == 1


@pytest.mark.parametrize("look", [1, 2, 3])
@pytest.mark.parametrize("others", ["are half through a rotation", "rotate", "retire the active", "retire the next"])
async def test_a_worker_that_others_overtake_ends_well(stores: Stores, look: int, others: str) -> None:
    other, active, coming = await tended(stores)
    overtaking: Mapping[str, Callable[[], Awaitable[object]]] = {
        "are half through a rotation": lambda: stores.signing_keys.advance(coming.kid, stores.clock.now()),
        "rotate": other.rotate,
        "retire the active": lambda: other.retire(active.kid),
        "retire the next": lambda: other.retire(coming.kid),
    }
    await Worker.over(stores, Overtaken(stores.signing_keys, look, overtaking[others])).maintain()
    await other.maintain()
    found = await states(stores)
    assert {state: len(found[state]) for state in (KeyState.ACTIVE, KeyState.NEXT)} == {
        KeyState.ACTIVE: 1,
        KeyState.NEXT: 1,
    }


async def test_keys_and_secrets_are_sealed_anew_by_one_of_many(stores: Stores) -> None:
    await tended(stores)
    await stores.secrets.establish("derivation", SEALER.seal("the text", name="derivation"))
    key, former = fresh_key(), fresh_key()
    old = Sealer(former)
    for signing_key in await stores.signing_keys.all():
        text = SEALER.open(signing_key.sealed_private_key, name=signing_key.kid)
        sealed = old.seal(text, name=signing_key.kid)
        assert await stores.signing_keys.replace_sealed(signing_key.kid, signing_key.sealed_private_key, sealed)
    kept = (await stores.secrets.all())["derivation"]
    assert await stores.secrets.replace("derivation", kept, old.seal("the text", name="derivation"))

    new = Sealer(key, former)
    work = [ResealKeys(stores.signing_keys, stores.secrets, new, NotingAudit()) for _ in range(8)]
    assert sum(await asyncio.gather(*(reseal() for reseal in work))) == 3
    assert await work[0]() == 0
    alone = Sealer(key)
    for signing_key in await stores.signing_keys.all():
        assert '"d"' in alone.open(signing_key.sealed_private_key, name=signing_key.kid)
    assert alone.open((await stores.secrets.all())["derivation"], name="derivation") == "the text"
