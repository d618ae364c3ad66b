"""SigningKeyStore: one active key for an algorithm, whoever comes first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from core.keys.model import SigningKey
from core.keys.ports import SigningKeyStore

NOW = datetime(2026, 11, 23, 12, 30, 15, 123_456, tzinfo=UTC)


def a_key(kid: str, algorithm: str = "ES256") -> SigningKey:
    return SigningKey(kid, algorithm, {"kty": "EC", "kid": kid, "x": "ü\"'"}, f"sealed {kid}", NOW)


async def test_there_is_no_key_before_one_is_established(signing_keys: SigningKeyStore) -> None:
    assert await signing_keys.active("ES256") is None


async def test_an_established_key_comes_back_as_it_was_given(signing_keys: SigningKeyStore) -> None:
    assert await signing_keys.establish(a_key("first")) == a_key("first")
    assert await signing_keys.active("ES256") == a_key("first")


async def test_a_second_key_does_not_replace_the_first(signing_keys: SigningKeyStore) -> None:
    await signing_keys.establish(a_key("first"))
    assert await signing_keys.establish(a_key("second")) == a_key("first")
    assert await signing_keys.active("ES256") == a_key("first")


async def test_every_algorithm_has_a_key_of_its_own(signing_keys: SigningKeyStore) -> None:
    await signing_keys.establish(a_key("one"))
    assert await signing_keys.establish(a_key("two", "RS256")) == a_key("two", "RS256")
    assert await signing_keys.active("ES256") == a_key("one")
    assert await signing_keys.active("RS256") == a_key("two", "RS256")


async def test_of_many_candidates_at_once_all_get_one(signing_keys: SigningKeyStore) -> None:
    candidates = [a_key(f"k{number}") for number in range(50)]
    established = await asyncio.gather(*map(signing_keys.establish, candidates))
    assert established[0] in candidates
    assert established == [established[0]] * 50
    assert await signing_keys.active("ES256") == established[0]
