"""SigningKeyStore and SealedSecrets: each key has one successor, whoever comes first."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from attrs import evolve

from core.keys.model import NEVER, SigningKey
from core.keys.ports import SealedSecrets, SigningKeyStore
from tests.contract.conftest import NOW
from tests.contract.test_users_at_once import MANY, outcomes

LATER = NOW + timedelta(days=90)
TICK = timedelta(microseconds=1)


def a_key(
    kid: str,
    *,
    algorithm: str = "ES256",
    predecessor: str | None = None,
    created_at: datetime = NOW,
    signs_from: datetime = NOW,
) -> SigningKey:
    public = {"kty": "EC", "kid": kid, "x": "ü\"'"}
    return SigningKey(kid, algorithm, public, f"sealed {kid}", created_at, signs_from, predecessor)


async def test_there_is_no_key_before_one_is_established(signing_keys: SigningKeyStore) -> None:
    assert await signing_keys.all() == ()


async def test_an_established_key_comes_back_as_it_was_given(signing_keys: SigningKeyStore) -> None:
    first = a_key("first", created_at=NOW - timedelta(days=1))
    second = a_key("second", predecessor="first", signs_from=NEVER)
    assert await signing_keys.establish(first)
    assert await signing_keys.establish(second)
    kept = await signing_keys.all()
    assert kept == (first, second)
    assert {key.signs_from.utcoffset() for key in kept} == {timedelta(0)}


async def test_keys_come_in_the_order_in_which_they_sign(signing_keys: SigningKeyStore) -> None:
    assert await signing_keys.establish(a_key("c", signs_from=LATER))
    assert await signing_keys.establish(a_key("b", predecessor="c"))
    assert await signing_keys.establish(a_key("B", algorithm="RS256"))
    assert await signing_keys.establish(a_key("a", predecessor="B", signs_from=LATER + TICK))
    assert [key.kid for key in await signing_keys.all()] == ["B", "b", "c", "a"]


async def test_a_second_first_key_is_not_kept(signing_keys: SigningKeyStore) -> None:
    assert await signing_keys.establish(a_key("first"))
    assert not await signing_keys.establish(a_key("second"))
    assert not await signing_keys.establish(a_key("third", signs_from=LATER))
    assert await signing_keys.all() == (a_key("first"),)


async def test_a_second_successor_is_not_kept(signing_keys: SigningKeyStore) -> None:
    first, second = a_key("first"), a_key("second", predecessor="first", signs_from=LATER)
    await signing_keys.establish(first)
    assert await signing_keys.establish(second)
    assert not await signing_keys.establish(a_key("third", predecessor="first", signs_from=LATER + TICK))
    assert await signing_keys.all() == (first, second)
    assert await signing_keys.establish(a_key("third", predecessor="second", signs_from=LATER + TICK))


async def test_a_key_id_is_given_to_one_key(signing_keys: SigningKeyStore) -> None:
    await signing_keys.establish(a_key("first"))
    assert not await signing_keys.establish(a_key("first", predecessor="first"))
    assert not await signing_keys.establish(a_key("first", algorithm="RS256"))
    await signing_keys.withdraw("first", at=NOW)
    assert not await signing_keys.establish(a_key("first"))


async def test_every_algorithm_has_a_first_key_of_its_own(signing_keys: SigningKeyStore) -> None:
    assert await signing_keys.establish(a_key("one"))
    assert await signing_keys.establish(a_key("two", algorithm="RS256"))
    assert not await signing_keys.establish(a_key("three", algorithm="RS256"))


async def test_a_key_begins_to_sign_earlier_and_never_later(signing_keys: SigningKeyStore) -> None:
    first, second = a_key("first"), a_key("second", predecessor="first", signs_from=LATER)
    await signing_keys.establish(first)
    await signing_keys.establish(second)
    for moment in (LATER, LATER + TICK, NEVER):
        assert not await signing_keys.advance("second", moment)
    assert await signing_keys.advance("second", LATER - TICK)
    assert not await signing_keys.advance("second", LATER)
    assert not await signing_keys.advance("nobody's", NOW)
    assert await signing_keys.all() == (first, evolve(second, signs_from=LATER - TICK))


async def test_a_withdrawn_key_stays_and_counts_no_more(signing_keys: SigningKeyStore) -> None:
    first, second = a_key("first"), a_key("second", predecessor="first", signs_from=LATER)
    await signing_keys.establish(first)
    await signing_keys.establish(second)
    assert await signing_keys.withdraw("second", at=NOW)
    assert not await signing_keys.withdraw("second", at=NOW + TICK)
    assert not await signing_keys.withdraw("nobody's", at=NOW)
    assert await signing_keys.all() == (first, evolve(second, withdrawn_at=NOW))


async def test_a_withdrawn_key_leaves_its_place_to_another(signing_keys: SigningKeyStore) -> None:
    await signing_keys.establish(a_key("first"))
    await signing_keys.establish(a_key("second", predecessor="first", signs_from=LATER))
    await signing_keys.withdraw("second", at=NOW)
    assert await signing_keys.establish(a_key("third", predecessor="first", signs_from=LATER))
    assert not await signing_keys.establish(a_key("fourth", predecessor="first", signs_from=LATER))
    await signing_keys.withdraw("first", at=NOW)
    assert await signing_keys.establish(a_key("another first"))
    assert not await signing_keys.establish(a_key("one too many"))


async def test_what_is_sealed_is_replaced_only_while_it_is_the_old(signing_keys: SigningKeyStore) -> None:
    await signing_keys.establish(a_key("first"))
    await signing_keys.establish(a_key("second", predecessor="first"))
    assert not await signing_keys.replace_sealed("first", "sealed second", "new")
    assert not await signing_keys.replace_sealed("nobody's", "sealed first", "new")
    assert await signing_keys.replace_sealed("first", "sealed first", "new")
    assert not await signing_keys.replace_sealed("first", "sealed first", "newer")
    sealed = {key.kid: key.sealed_private_key for key in await signing_keys.all()}
    assert sealed == {"first": "new", "second": "sealed second"}


async def test_of_many_first_keys_at_once_one_is_kept(signing_keys: SigningKeyStore) -> None:
    candidates = [a_key(f"k{number}") for number in range(MANY)]
    done = await asyncio.gather(*map(signing_keys.establish, candidates))
    assert Counter(done) == {True: 1, False: MANY - 1}
    assert await signing_keys.all() == (candidates[done.index(True)],)


async def test_of_many_successors_at_once_one_is_kept(signing_keys: SigningKeyStore) -> None:
    first = a_key("first")
    await signing_keys.establish(first)
    candidates = [a_key(f"k{number}", predecessor="first", signs_from=LATER) for number in range(MANY)]
    done = await asyncio.gather(*map(signing_keys.establish, candidates))
    assert Counter(done) == {True: 1, False: MANY - 1}
    assert await signing_keys.all() == (first, candidates[done.index(True)])


@pytest.mark.parametrize("verb", ["advance", "withdraw", "replace_sealed"])
async def test_of_many_changes_at_once_one_is_made(signing_keys: SigningKeyStore, verb: str) -> None:
    await signing_keys.establish(a_key("first", signs_from=LATER))
    work = {
        "advance": lambda: signing_keys.advance("first", NOW),
        "withdraw": lambda: signing_keys.withdraw("first", at=NOW),
        "replace_sealed": lambda: signing_keys.replace_sealed("first", "sealed first", "new"),
    }
    assert await outcomes(work[verb]() for _ in range(MANY)) == {True: 1, False: MANY - 1}


async def test_of_many_secrets_of_one_name_all_get_one(secrets: SealedSecrets) -> None:
    offered = [f"sealed {number}" for number in range(MANY)]
    kept = await asyncio.gather(*(secrets.establish("derivation", sealed) for sealed in offered))
    assert kept[0] in offered
    assert set(kept) == {kept[0]}
    assert await secrets.all() == {"derivation": kept[0]}


async def test_secrets_of_other_names_are_others(secrets: SealedSecrets) -> None:
    assert await secrets.all() == {}
    assert await secrets.establish("a", "sealed a") == "sealed a"
    assert await secrets.establish("b", "ü'\"") == "ü'\""
    assert await secrets.establish("a", "another") == "sealed a"
    assert await secrets.all() == {"a": "sealed a", "b": "ü'\""}


async def test_a_secret_is_replaced_only_while_it_is_the_old(secrets: SealedSecrets) -> None:
    await secrets.establish("a", "old")
    await secrets.establish("b", "old")
    assert not await secrets.replace("a", "older", "new")
    assert not await secrets.replace("c", "old", "new")
    assert await outcomes(secrets.replace("a", "old", f"new {n}") for n in range(MANY)) == {True: 1, False: MANY - 1}
    kept = await secrets.all()
    assert kept["a"].startswith("new ")
    assert kept["b"] == "old"
