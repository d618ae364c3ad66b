"""New keys in time: made, announced, taken into use, retired, withdrawn."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from attrs import evolve

from adapters.jose.sealing import Sealer, SealError, fresh_key
from adapters.memory.keys import MemorySigningKeys
from core.keys.model import NEVER, KeyRing, KeyState, SigningKey
from core.protocol.refusals import KeyNotFound, KeysAreFixed, KeyTooYoung
from tests.unit.house import KEY_POLICY, House

AHEAD = KEY_POLICY.ahead
PERIOD = timedelta(days=90)


async def states(house: House) -> list[KeyState]:
    return [listed.state for listed in await house.list_keys()]


async def active(house: House, algorithm: str = "ES256") -> SigningKey:
    key = KeyRing(await house.signing_keys.all()).active(algorithm, house.clock.now())
    assert key is not None
    return key


async def published(house: House) -> list[str]:
    ring = KeyRing(await house.signing_keys.all())
    return [key.kid for key in ring.published(house.clock.now(), house.key_policy.keep)]


async def test_the_first_look_makes_a_key_that_signs_at_once_and_announces_the_next(house: House) -> None:
    now = house.clock.now()
    first, second = (await house.maintain_keys()).keys
    assert (first.signs_from, first.predecessor, first.created_at) == (now, None, now)
    assert (second.signs_from, second.predecessor, second.created_at) == (now + PERIOD, first.kid, now)
    assert await states(house) == [KeyState.ACTIVE, KeyState.NEXT]
    assert house.audit.notes == [
        ("signing key made", {"kid": key.kid, "algorithm": "ES256"}) for key in (first, second)
    ]


async def test_a_look_again_and_again_changes_nothing(house: House) -> None:
    ring = await house.maintain_keys()
    for _ in range(3):
        house.clock.forward(days=1)
        assert await house.maintain_keys() == ring


async def test_over_the_years_keys_follow_each_other_each_announced_long_before(house: House) -> None:
    await house.maintain_keys()
    signed: list[str] = []
    for _ in range(40):
        house.clock.forward(days=10)
        before = await published(house)
        key = await active(house)
        if key.kid not in signed:
            signed.append(key.kid)
            assert key.predecessor is None or key.signs_from - key.created_at >= AHEAD
        assert key.kid in before
        await house.maintain_keys()
        assert set(before) <= set(await published(house))  # nothing that was announced is taken back
    assert len(signed) == 5
    keys = {key.kid: key for key in await house.signing_keys.all()}
    begins = [keys[kid].signs_from for kid in signed]
    assert [later - earlier for earlier, later in pairwise(begins)] == [PERIOD] * 4


async def test_a_next_key_is_announced_as_long_as_others_may_keep_the_set_even_when_it_is_late(house: House) -> None:
    first = await house.maintain_keys.active_of("ES256")
    house.clock.forward(days=100)  # nobody looked: its time was over ten days ago
    coming = await house.maintain_keys.next_of("ES256")
    assert coming.signs_from == house.clock.now() + AHEAD
    assert await active(house) == first
    house.clock.instant = coming.signs_from
    assert await active(house) == coming


async def test_without_a_period_a_key_signs_until_somebody_rotates(house: House) -> None:
    house = evolve(house, key_policy=evolve(KEY_POLICY, period=None))
    first, second = (await house.maintain_keys()).keys
    assert second.signs_from == NEVER
    house.clock.forward(days=10_000)
    assert (await house.maintain_keys()).keys == (first, second)
    assert await states(house) == [KeyState.ACTIVE, KeyState.NEXT]
    ring = await house.rotate_keys()
    assert [key.signs_from for key in ring.keys[1:]] == [house.clock.now(), NEVER]
    assert await active(house) == ring.keys[1]


async def test_a_rotation_lets_the_next_key_sign_and_announces_another(house: House) -> None:
    first, second = (await house.maintain_keys()).keys
    house.clock.forward(minutes=5)
    ring = await house.rotate_keys()
    assert [key.kid for key in ring.keys[:2]] == [first.kid, second.kid]
    assert (await active(house)).kid == second.kid
    assert ring.keys[2].signs_from == house.clock.now() + PERIOD
    assert await states(house) == [KeyState.RETIRED, KeyState.ACTIVE, KeyState.NEXT]
    assert house.audit.events == [*["signing key made"] * 2, "signing key rotated", "signing key made"]


async def test_the_key_before_stays_published_until_its_last_token_has_expired(house: House) -> None:
    first = (await house.maintain_keys()).keys[0]
    house.clock.forward(minutes=5)
    await house.rotate_keys()
    listed = (await house.list_keys())[0]
    assert (listed.key, listed.published_until) == (first, house.clock.now() + KEY_POLICY.keep)
    house.clock.instant = listed.published_until - timedelta(microseconds=1)
    assert first.kid in await published(house)
    house.clock.instant = listed.published_until
    assert first.kid not in await published(house)
    assert await states(house) == [KeyState.GONE, KeyState.ACTIVE, KeyState.NEXT]


async def test_a_key_does_not_sign_before_everybody_can_know_it_unless_it_must(house: House) -> None:
    with pytest.raises(KeyTooYoung, match="300 s"):
        await house.rotate_keys()  # it was made just now
    house.clock.forward(minutes=4, seconds=59.5)
    with pytest.raises(KeyTooYoung, match="may sign in 1 s"):
        await house.rotate_keys()
    assert await states(house) == [KeyState.ACTIVE, KeyState.NEXT]
    ring = await house.rotate_keys(at_once=True)
    assert await active(house) == ring.keys[1]
    with pytest.raises(KeyTooYoung):
        await house.rotate_keys()


async def test_eight_rotations_at_once_make_one_new_key(house: House) -> None:
    await house.maintain_keys()
    house.clock.forward(minutes=5)
    outcomes = await asyncio.gather(*(house.rotate_keys() for _ in range(8)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {KeyRing, KeyTooYoung}
    assert Counter(await states(house)) == {KeyState.RETIRED: 1, KeyState.ACTIVE: 1, KeyState.NEXT: 1}
    assert house.audit.events.count("signing key rotated") == 1
    assert house.audit.events.count("signing key made") == 3


async def test_eight_first_looks_at_once_make_one_key_and_its_next(house: House) -> None:
    rings = await asyncio.gather(*(house.maintain_keys() for _ in range(8)))
    assert [ring == rings[0] for ring in rings] == [True] * 8
    assert await states(house) == [KeyState.ACTIVE, KeyState.NEXT]


async def test_every_algorithm_rotates_by_itself_and_all_at_a_command(house: House) -> None:
    house = evolve(house, key_policy=evolve(KEY_POLICY, algorithms=("ES256", "EdDSA")))
    await house.maintain_keys()
    assert Counter(key.algorithm for key in await house.signing_keys.all()) == {"ES256": 2, "EdDSA": 2}
    before = {name: await active(house, name) for name in ("ES256", "EdDSA")}
    house.clock.forward(minutes=5)
    await house.rotate_keys()
    for name, key in before.items():
        assert await active(house, name) != key


async def test_where_one_algorithm_is_not_ready_none_rotates(house: House) -> None:
    await house.maintain_keys()
    house.clock.forward(minutes=5)
    house = evolve(house, key_policy=evolve(KEY_POLICY, algorithms=("ES256", "EdDSA")))
    before = await active(house)
    with pytest.raises(KeyTooYoung):
        await house.rotate_keys()
    assert await active(house) == before


async def test_with_a_shared_secret_there_is_nothing_to_rotate(house: House) -> None:
    house = evolve(house, key_policy=evolve(KEY_POLICY, algorithms=()))
    with pytest.raises(KeysAreFixed):
        await house.rotate_keys(at_once=True)
    assert (await house.maintain_keys()).keys == ()
    assert await house.list_keys() == ()


async def test_an_exposed_key_that_signs_gives_way_to_the_next_at_once(house: House) -> None:
    first, second = (await house.maintain_keys()).keys
    house.clock.forward(days=1)
    ring = await house.retire_key(first.kid)
    assert (await active(house)).kid == second.kid
    assert await states(house) == [KeyState.GONE, KeyState.ACTIVE, KeyState.NEXT]
    assert first.kid not in await published(house)
    assert ring.find(first.kid) is None
    assert house.audit.notes[2] == ("signing key withdrawn", {"kid": first.kid, "algorithm": "ES256"})


async def test_an_exposed_key_that_does_not_sign_yet_is_replaced(house: House) -> None:
    first, second = (await house.maintain_keys()).keys
    house.clock.forward(days=1)
    ring = await house.retire_key(second.kid)
    assert await active(house) == first
    (coming,) = [key for key in ring.keys if key.kid not in {first.kid, second.kid}]
    assert (coming.predecessor, coming.signs_from) == (first.kid, first.signs_from + PERIOD)
    assert second.kid not in await published(house)


async def test_an_exposed_key_that_signs_no_more_is_gone_before_its_time(house: House) -> None:
    first = (await house.maintain_keys()).keys[0]
    house.clock.forward(minutes=5)
    ring = await house.rotate_keys()
    await house.retire_key(first.kid)
    assert await states(house) == [KeyState.GONE, KeyState.ACTIVE, KeyState.NEXT]
    assert await active(house) == ring.keys[1]


async def test_all_keys_can_be_retired_in_turn(house: House) -> None:
    await house.maintain_keys()
    for _ in range(5):
        house.clock.forward(seconds=1)
        for listed in await house.list_keys():
            if listed.state is not KeyState.GONE:
                await house.retire_key(listed.key.kid)
        assert Counter(await states(house))[KeyState.ACTIVE] == 1
        assert Counter(await states(house))[KeyState.NEXT] == 1


async def test_a_key_that_there_is_not_or_no_more_is_not_retired(house: House) -> None:
    first = (await house.maintain_keys()).keys[0]
    for kid in ("", "nonsense", "\0"):
        with pytest.raises(KeyNotFound):
            await house.retire_key(kid)
    await house.retire_key(first.kid)
    with pytest.raises(KeyNotFound):
        await house.retire_key(first.kid)


async def test_of_many_retirements_at_once_one_is_noted(house: House) -> None:
    first = (await house.maintain_keys()).keys[0]
    house.clock.forward(days=1)
    outcomes = await asyncio.gather(*(house.retire_key(first.kid) for _ in range(8)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {KeyRing, KeyNotFound}
    assert house.audit.events.count("signing key withdrawn") == 1
    assert Counter(await states(house)) == {KeyState.GONE: 1, KeyState.ACTIVE: 1, KeyState.NEXT: 1}


class ForgetfulKeys(MemorySigningKeys):
    """A store that keeps nothing that it is given."""

    async def establish(self, candidate: SigningKey) -> bool:
        await asyncio.sleep(0)
        return True


class HalfForgetfulKeys(MemorySigningKeys):
    """A store that keeps no successor."""

    async def establish(self, candidate: SigningKey) -> bool:
        return candidate.predecessor is None and await super().establish(candidate)


@pytest.mark.parametrize(("store", "words"), [(ForgetfulKeys, "signs"), (HalfForgetfulKeys, "follows")])
async def test_a_store_that_forgets_is_a_mistake_and_not_an_endless_loop(
    house: House, store: type[MemorySigningKeys], words: str
) -> None:
    broken = evolve(house, signing_keys=store())
    with pytest.raises(LookupError, match=words):
        await broken.maintain_keys()


class RacedKeys(MemorySigningKeys):
    """A store in which somebody else lets the next key sign, right after it was announced."""

    raced = False

    async def establish(self, candidate: SigningKey) -> bool:
        done = await super().establish(candidate)
        if candidate.predecessor is not None and not self.raced:
            self.raced = True
            await self.advance(candidate.kid, candidate.created_at)
        return done


async def test_whoever_is_overtaken_by_a_rotation_announces_the_one_after(house: House) -> None:
    raced = evolve(house, signing_keys=RacedKeys())
    await raced.maintain_keys.active_of("ES256")
    raced.clock.forward(seconds=1)
    ring = await raced.maintain_keys()
    assert len(ring.keys) == 3
    assert ring.next("ES256", raced.clock.now()) is not None


class FlickeringKeys(MemorySigningKeys):
    """A store in which somebody withdraws the key that signs between two looks at it."""

    looks = 0

    async def all(self) -> tuple[SigningKey, ...]:
        self.looks += 1
        return () if self.looks == 3 else await super().all()


async def test_whoever_finds_nothing_for_a_moment_looks_again(house: House) -> None:
    raced = evolve(house, signing_keys=FlickeringKeys())
    assert len((await raced.maintain_keys()).keys) == 2


async def test_a_period_that_became_shorter_counts_for_the_next_key_too(house: House) -> None:
    first, second = (await house.maintain_keys()).keys
    assert second.signs_from == first.signs_from + PERIOD
    sooner = evolve(house, key_policy=evolve(KEY_POLICY, period=timedelta(days=1)))
    assert [key.signs_from for key in (await sooner.maintain_keys()).keys][1] == first.signs_from + timedelta(days=1)
    at_once = evolve(house, key_policy=evolve(KEY_POLICY, period=timedelta(seconds=1)))
    # Still announced for as long as others may keep the set.
    assert [key.signs_from for key in (await at_once.maintain_keys()).keys][1] == second.created_at + AHEAD
    longer = evolve(house, key_policy=evolve(KEY_POLICY, period=timedelta(days=900)))
    assert [key.signs_from for key in (await longer.maintain_keys()).keys][1] == second.created_at + AHEAD


async def test_a_period_that_came_later_counts_for_the_next_key_too(house: House) -> None:
    patient = evolve(house, key_policy=evolve(KEY_POLICY, period=None))
    assert (await patient.maintain_keys()).keys[1].signs_from == NEVER
    house.clock.forward(days=100)
    ring = await house.maintain_keys()
    assert ring.keys[1].signs_from == house.clock.now()  # it is long known, and its time has come
    assert await active(house) == ring.keys[1]


# Under another encryption key


async def sealed_with(house: House, sealer: Sealer) -> list[str]:
    """What there is, opened. Raises `SealError`."""
    keys = [sealer.open(key.sealed_private_key, name=key.kid) for key in await house.signing_keys.all()]
    secrets = await house.sealed_secrets.all()
    return [*keys, *(sealer.open(sealed, name=name) for name, sealed in secrets.items())]


async def test_everything_sealed_is_sealed_anew_once(house: House) -> None:
    old, new = fresh_key(), fresh_key()
    house = evolve(house, sealer=Sealer(old))
    await house.maintain_keys()
    await house.sealed_secrets.establish("derivation", house.sealer.seal("text", name="derivation"))
    before = await sealed_with(house, Sealer(old))
    both = Sealer(new, old)
    assert await sealed_with(house, both) == before
    assert await house.reseal_keys(both)() == 3
    assert await sealed_with(house, Sealer(new)) == before
    with pytest.raises(SealError):
        await sealed_with(house, Sealer(old))
    assert await house.reseal_keys(both)() == 0
    assert house.audit.notes[2:] == [("sealed anew", {"number": "3"})]


async def test_what_an_unknown_key_sealed_stops_the_resealing(house: House) -> None:
    await house.maintain_keys()
    with pytest.raises(SealError):
        await house.reseal_keys(Sealer(fresh_key(), fresh_key()))()


async def test_of_many_who_seal_anew_at_once_each_does_a_part(house: House) -> None:
    old, new = fresh_key(), fresh_key()
    house = evolve(house, sealer=Sealer(old))
    await house.maintain_keys()
    done = await asyncio.gather(*(house.reseal_keys(Sealer(new, old))() for _ in range(5)))
    assert sum(done) == 2
    assert len(await sealed_with(house, Sealer(new))) == 2
