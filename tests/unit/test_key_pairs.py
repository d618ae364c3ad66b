"""Tokens by key pairs: keys change while the server runs, and what is remembered never outlives its key."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping

import pytest
from attrs import evolve

from adapters.jose import key_pair
from adapters.jose.key_pair import KeyPairTokens
from adapters.memory.keys import MemorySigningKeys
from core.keys.model import SigningKey
from core.keys.publish import PublishKeys
from core.protocol.refusals import InvalidToken, Unavailable
from core.protocol.secret import Secret
from tests.unit.house import KEY_POLICY, House
from tests.unit.jws import encoded

TYP = "at+jwt"
CLAIMS: dict[str, object] = {"sub": "alice"}


class WatchedKeys(MemorySigningKeys):
    """Counts how often it is asked, can fall silent, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.speaks = asyncio.Event()
        self.speaks.set()
        self.away = False

    async def all(self) -> tuple[SigningKey, ...]:
        self.asked += 1
        await self.speaks.wait()
        if self.away:
            raise Unavailable
        return await super().all()


@pytest.fixture
def keys() -> WatchedKeys:
    return WatchedKeys()


@pytest.fixture
def home(house: House, keys: WatchedKeys) -> House:
    return evolve(house, signing_keys=keys)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every use looks at the store, so that nobody has to wait for what the next look brings."""
    monkeypatch.setattr(key_pair, "FRESH", 0.0)


def worker(house: House, algorithm: str = "ES256") -> KeyPairTokens:
    policy = house.key_policy
    return KeyPairTokens(house.signing_keys, house.sealer, house.maintain_keys, house.clock, policy, algorithm)


def header(token: Secret) -> Mapping[str, str]:
    found: Mapping[str, str] = json.loads(base64.urlsafe_b64decode(token.reveal().split(".")[0] + "=="))
    return found


async def refused(tokens: KeyPairTokens, token: Secret) -> str:
    with pytest.raises(InvalidToken) as caught:
        await tokens.verify(token, typ=TYP)
    return caught.value.reason


async def test_the_first_use_makes_the_key_that_all_workers_share(home: House) -> None:
    workers = [worker(home) for _ in range(8)]
    tokens = await asyncio.gather(*(each.sign(CLAIMS, typ=TYP) for each in workers))
    (key,) = await home.signing_keys.all()
    assert {header(token)["kid"] for token in tokens} == {key.kid}
    for each in workers:
        for token in tokens:
            assert await each.verify(token, typ=TYP) == CLAIMS


@pytest.mark.usefixtures("at_once")
async def test_a_rotation_needs_no_restart_and_refuses_nothing_of_before(home: House) -> None:
    await home.maintain_keys()
    signer, verifier = worker(home), worker(home)
    old = await signer.sign(CLAIMS, typ=TYP)
    home.clock.forward(minutes=5)
    await home.rotate_keys()
    new = await signer.sign(CLAIMS, typ=TYP)
    assert header(new)["kid"] != header(old)["kid"]
    for token in (old, new):
        assert await verifier.verify(token, typ=TYP) == CLAIMS


async def test_a_worker_that_has_not_heard_of_a_rotation_signs_with_what_the_clock_says(home: House) -> None:
    """The next key was read long ago: it takes over by itself."""
    ring = await home.maintain_keys()
    tokens = worker(home)
    await tokens.prepare()
    home.clock.instant = ring.keys[1].signs_from
    assert header(await tokens.sign(CLAIMS, typ=TYP))["kid"] == ring.keys[1].kid


@pytest.mark.usefixtures("at_once")
async def test_what_is_published_follows_the_clock(home: House) -> None:
    tokens = worker(home)
    await home.maintain_keys()
    first, second = [jwk["kid"] for jwk in await tokens.jwks()]
    home.clock.forward(minutes=5)
    await home.rotate_keys()
    assert [jwk["kid"] for jwk in await tokens.jwks()][:2] == [first, second]
    home.clock.instant += KEY_POLICY.keep
    kids = [jwk["kid"] for jwk in await tokens.jwks()]
    assert first not in kids
    assert kids[0] == second
    body = await PublishKeys(tokens)()
    assert all(not set(jwk) & {"d", "p", "q", "k"} for jwk in body["keys"])


@pytest.mark.usefixtures("at_once")
async def test_a_token_ends_with_its_key_when_that_is_retired_by_the_clock(home: House) -> None:
    await home.maintain_keys()
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    home.clock.forward(minutes=5)
    await home.rotate_keys()
    home.clock.instant += KEY_POLICY.keep
    assert await refused(tokens, token) == "signed by a key that was retired"


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("withdrawn", [True, False])
async def test_what_an_old_key_signed_is_known_again_for_who_asks_for_that_unless_it_was_withdrawn(
    home: House, withdrawn: bool
) -> None:
    await home.maintain_keys()
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    home.clock.forward(minutes=5)
    await home.rotate_keys()
    if withdrawn:
        await home.retire_key(header(token)["kid"])
    home.clock.forward(days=400)
    for _ in range(2):  # and what is remembered of it opens nothing
        if not withdrawn:
            assert await tokens.verify(token, typ=TYP, by_old=True) == CLAIMS
        assert await refused(tokens, token) == "signed by a key that was retired"
    if withdrawn:
        with pytest.raises(InvalidToken):
            await tokens.verify(token, typ=TYP, by_old=True)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("remembered", [True, False])
async def test_a_token_is_refused_once_its_key_is_withdrawn_even_where_it_is_remembered(
    home: House, remembered: bool
) -> None:
    await home.maintain_keys()
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    if remembered:
        for _ in range(3):
            assert await tokens.verify(token, typ=TYP) == CLAIMS
    await home.retire_key(header(token)["kid"])
    for _ in range(2):
        assert await refused(tokens, token) == "signed by a key that was retired"
    assert await tokens.verify(await tokens.sign(CLAIMS, typ=TYP), typ=TYP) == CLAIMS


async def test_what_is_remembered_is_that_token_for_that_purpose(home: House) -> None:
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    assert await tokens.verify(token, typ=TYP) == CLAIMS
    with pytest.raises(InvalidToken):
        await tokens.verify(token, typ="logout+jwt")
    text = token.reveal()
    for other in (text + " ", text[:-4] + "AAAA", f"{TYP} {text}"):
        await refused(tokens, Secret(other))
    parts = text.split(".")
    await refused(tokens, Secret(f"{parts[0]}.{encoded({'sub': 'bob'})}.{parts[2]}"))
    assert await tokens.verify(token, typ=TYP) == CLAIMS


async def test_what_is_remembered_has_a_bound(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_pair, "REMEMBERED", 3)
    tokens = worker(home)
    made = [await tokens.sign({"n": number}, typ=TYP) for number in range(10)]
    for _ in range(2):
        for number, token in enumerate(made):
            assert await tokens.verify(token, typ=TYP) == {"n": number}
            assert len(tokens._verified) <= 3


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("changed", [{"kid": "other"}, {"kid": ""}, {"kid": None}, {"alg": "EdDSA"}])
async def test_a_token_names_one_of_our_keys(home: House, changed: dict[str, object]) -> None:
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    _, payload, signature = token.reveal().split(".")
    assert await refused(tokens, Secret(f"{encoded({**header(token), **changed})}.{payload}.{signature}"))


async def test_a_token_outlives_a_change_of_the_algorithm(home: House) -> None:
    home = evolve(home, key_policy=evolve(KEY_POLICY, algorithms=("ES256", "EdDSA")))
    await home.maintain_keys()
    es, ed = worker(home), worker(home, "EdDSA")
    token = await ed.sign(CLAIMS, typ=TYP)
    assert header(token)["alg"] == "EdDSA"
    assert {jwk["alg"] for jwk in await es.jwks()} == {"ES256", "EdDSA"}
    assert await ed.verify(token, typ=TYP) == CLAIMS
    assert await es.verify(token, typ=TYP) == CLAIMS
    own = await es.sign(CLAIMS, typ=TYP)
    assert await ed.verify(own, typ=TYP) == CLAIMS


@pytest.mark.parametrize(("used", "claimed"), [("ES256", "EdDSA"), ("ES256", "RS256"), ("EdDSA", "ES256")])
async def test_a_key_counts_with_its_own_algorithm_alone(home: House, used: str, claimed: str) -> None:
    home = evolve(home, key_policy=evolve(KEY_POLICY, algorithms=("ES256", "EdDSA", "RS256")))
    await home.maintain_keys()
    token = (await worker(home, used).sign(CLAIMS, typ=TYP)).reveal()
    _, payload, signature = token.split(".")
    forged = json.dumps({**header(Secret(token)), "alg": claimed}).encode()
    text = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    assert await refused(worker(home), Secret(f"{text}.{payload}.{signature}"))


# The store


async def test_keys_at_hand_are_good_for_a_while_without_another_look(
    home: House, keys: WatchedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_pair, "FRESH", 1e9)
    tokens = worker(home)
    await tokens.prepare()
    asked = keys.asked
    for _ in range(10):
        await tokens.verify(await tokens.sign(CLAIMS, typ=TYP), typ=TYP)
        await tokens.jwks()
    assert keys.asked == asked


@pytest.mark.usefixtures("at_once")
async def test_a_store_that_is_away_does_not_stop_a_worker_that_has_keys(home: House, keys: WatchedKeys) -> None:
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    keys.away = True
    assert await tokens.verify(token, typ=TYP) == CLAIMS
    assert await tokens.verify(await tokens.sign(CLAIMS, typ=TYP), typ=TYP) == CLAIMS
    assert await tokens.jwks()


@pytest.mark.usefixtures("at_once")
async def test_a_store_that_is_silent_does_not_stop_a_worker_that_has_keys(
    home: House, keys: WatchedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_pair, "PATIENCE", 0.01)
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    keys.speaks.clear()
    asked = keys.asked
    for _ in range(5):
        assert await tokens.verify(token, typ=TYP) == CLAIMS
    assert keys.asked == asked + 1  # one look, that all share for as long as it takes
    keys.speaks.set()
    assert await tokens.verify(token, typ=TYP) == CLAIMS


@pytest.mark.usefixtures("at_once")
async def test_many_who_come_and_go_while_the_store_is_away_all_get_on(home: House, keys: WatchedKeys) -> None:
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    keys.away = True

    async def again_and_again(offset: int) -> None:
        for _ in range(offset):
            await asyncio.sleep(0)
        for _ in range(20):  # each comes upon a look that another one began, or that has just failed
            assert await tokens.verify(token, typ=TYP) == CLAIMS

    await asyncio.gather(*map(again_and_again, range(10)))


@pytest.mark.usefixtures("at_once")
async def test_a_look_that_fails_when_nobody_waits_any_more_is_no_news(
    home: House, keys: WatchedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_pair, "PATIENCE", 0.01)
    tokens = worker(home)
    token = await tokens.sign(CLAIMS, typ=TYP)
    keys.speaks.clear()
    assert await tokens.verify(token, typ=TYP) == CLAIMS
    keys.away = True
    keys.speaks.set()
    await asyncio.sleep(0.01)  # an exception that nobody heard of would be a warning, and that an error
    keys.away = False
    assert await tokens.verify(token, typ=TYP) == CLAIMS


async def test_a_worker_without_keys_is_unavailable_until_the_store_is_back(home: House, keys: WatchedKeys) -> None:
    tokens = worker(home)
    keys.away = True
    for use in (tokens.prepare(), tokens.sign(CLAIMS, typ=TYP), tokens.verify(Secret("a.b.c"), typ=TYP), tokens.jwks()):
        with pytest.raises(Unavailable):
            await use
    keys.away = False
    assert await tokens.verify(await tokens.sign(CLAIMS, typ=TYP), typ=TYP) == CLAIMS


class LosingKeys(MemorySigningKeys):
    """A store that has lost its keys again, right after one was made."""

    looks = 0

    async def all(self) -> tuple[SigningKey, ...]:
        self.looks += 1
        return () if self.looks == 4 else await super().all()


async def test_without_a_key_that_signs_a_worker_is_unavailable_for_that_moment(house: House) -> None:
    tokens = worker(evolve(house, signing_keys=LosingKeys()))
    with pytest.raises(Unavailable, match="no key to sign with"):
        await tokens.sign(CLAIMS, typ=TYP)
    assert await tokens.sign(CLAIMS, typ=TYP)
