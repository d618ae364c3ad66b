"""Key sets behind a `jwks_uri`: remembered for a while, fetched by one for all, and only what can verify something."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import Factory, define, field

from adapters.fetching.key_sets import AGAIN, FAILED, MOST_LOOKED_AT, MOST_SETS, REMEMBERED, FetchedKeySets
from adapters.jose.assertions import JoseAssertions
from core.clients.model import MOST_KEYS
from tests.unit.jws import a_key, public, signed
from tests.unit.strangers import Stranger, Writer, fetcher, stranger, whole

KEY = public(a_key(), kid="a")
OTHER = public(a_key(name="other"), kid="b")


def a_set(*keys: object, **others: object) -> bytes:
    return json.dumps({"keys": list(keys), **others}).encode()


@define
class Site:
    """A client's own server, whose answer changes, and the key sets that are fetched from it."""

    there: Stranger = field()
    answer: list[bytes] = field()
    at: float = 1000.0
    sets: FetchedKeySets = Factory(
        lambda self: FetchedKeySets(fetcher(), JoseAssertions(), now=lambda: self.at), takes_self=True
    )

    async def keys(self, path: str = "/jwks.json", *, fresh: bool = False) -> list[Any] | None:
        found = await self.sets.of(self.there.url(path), fresh=fresh)
        return None if found is None else list(found["keys"])  # type: ignore[call-overload]  # a list, as was checked

    @property
    def fetched(self) -> int:
        return self.there.connections


@asynccontextmanager
async def site(answer: bytes, wait: float = 0) -> AsyncIterator[Site]:
    answers = [answer]

    async def give(writer: Writer) -> None:
        await asyncio.sleep(wait)
        writer.write(answers[-1])
        await writer.drain()

    async with stranger(give) as there:
        yield Site(there, answers)


async def test_a_set_is_fetched_once_and_remembered() -> None:
    async with site(whole(a_set(KEY))) as client:
        for _ in range(3):
            assert await client.keys() == [KEY]
        client.at += REMEMBERED - 1
        assert await client.keys() == [KEY]
        assert client.fetched == 1
        client.answer.append(whole(a_set(OTHER)))
        client.at += 1
        assert await client.keys() == [OTHER]
        assert client.fetched == 2


async def test_who_wants_it_fresh_gets_it_so_often_and_no_more() -> None:
    """Strangers send assertions with made-up keys as often as they like: not each is to reach the client's server."""
    async with site(whole(a_set(KEY))) as client:
        assert await client.keys() == [KEY]
        assert await client.keys(fresh=True) == [KEY]  # the first time at once: keys may have been exchanged just now
        client.answer.append(whole(a_set(OTHER)))
        client.at += AGAIN - 1
        for _ in range(10):
            assert await client.keys(fresh=True) == [KEY]
        assert client.fetched == 2
        client.at += 1
        assert await client.keys(fresh=True) == [OTHER]
        assert await client.keys(fresh=True) == [OTHER]
        assert await client.keys() == [OTHER]
        assert client.fetched == 3


async def test_of_many_at_once_one_fetches() -> None:
    async with site(whole(a_set(KEY)), wait=0.1) as client:
        assert await asyncio.gather(*(client.keys(fresh=at % 2 == 0) for at in range(50))) == [[KEY]] * 50
        assert client.fetched == 1
        client.at += REMEMBERED
        assert await asyncio.gather(*(client.keys(fresh=at % 2 == 0) for at in range(50))) == [[KEY]] * 50
        assert client.fetched == 2


async def test_who_goes_away_takes_nothing_from_those_who_wait() -> None:
    async with site(whole(a_set(KEY)), wait=0.2) as client:
        first = asyncio.create_task(client.keys())
        await asyncio.sleep(0.05)
        second = asyncio.create_task(client.keys())
        await asyncio.sleep(0.05)
        first.cancel()
        assert await second == [KEY]
        assert client.fetched == 1


@pytest.mark.parametrize("answer", [whole(b"", "404 Not Found"), whole(b"{"), whole(b"[]"), whole(a_set()), b""])
async def test_a_failure_is_remembered_for_a_few_seconds(answer: bytes) -> None:
    async with site(answer) as client:
        for fresh in (False, True, False, True):
            assert await client.keys(fresh=fresh) is None
        assert client.fetched == 1
        client.answer.append(whole(a_set(KEY)))
        client.at += FAILED - 1
        assert await client.keys() is None
        client.at += 1
        assert await client.keys() == [KEY]
        assert client.fetched == 2


async def test_a_set_that_is_still_good_outlives_a_failure_to_fetch_another() -> None:
    """Otherwise a made-up assertion, sent while the client's server is away for a moment, would keep the client out."""
    async with site(whole(a_set(KEY))) as client:
        assert await client.keys() == [KEY]
        client.answer.append(whole(b"", "500 Away"))
        client.at += AGAIN
        assert await client.keys(fresh=True) == [KEY]
        assert await client.keys(fresh=True) == [KEY]
        assert client.fetched == 2
        client.at += FAILED
        assert await client.keys(fresh=True) == [KEY]
        assert client.fetched == 3
        client.at += REMEMBERED
        assert await client.keys() is None  # by then a key that was taken away counts no longer
        assert client.fetched == 4


async def test_a_set_that_lost_its_keys_counts_no_longer_when_it_is_fetched_again() -> None:
    async with site(whole(a_set(KEY, OTHER))) as client:
        assert await client.keys() == [KEY, OTHER]
        client.answer.append(whole(a_set(OTHER)))
        client.at += REMEMBERED
        assert await client.keys() == [OTHER]


UNUSABLE: Mapping[str, object] = {
    "another type": {"kty": "oct", "k": "c2VjcmV0"},
    "a type of the future": {"kty": "AKP", "pub": "AA"},
    "no type": {},
    "off the curve": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    "another curve": {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
    "a weak one": public(a_key("1024")),
    "for encryption": public(a_key(), use="enc"),
    "for another algorithm": public(a_key(), alg="RS256"),
    "one whose private half everybody knows": a_key().as_dict(private=True),
    "a text": "key",
    "null": None,
    "a list": [[]],
    "a number": 1,
    "members of other types": {"kty": ["EC"], "crv": {"a": 1}, "x": 1, "y": None},
}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_a_key_that_verifies_nothing_is_passed_over(key: object) -> None:
    async with site(whole(a_set(key, KEY))) as client:
        assert await client.keys() == [KEY]
    async with site(whole(a_set(key))) as client:
        assert await client.keys() is None


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"keys": {}}', b'{"keys": null}', b'{"keys": "a"}', b"1", b"null"])
async def test_what_is_no_set_is_none(body: bytes) -> None:
    async with site(whole(body)) as client:
        assert await client.keys() is None


async def test_only_what_matters_of_a_set_is_kept_and_only_so_many_keys() -> None:
    async with site(whole(a_set({**KEY, "x5c": ["A" * 40000], "more": {"a": [1]}}, more="x" * 10000))) as client:
        assert await client.keys() == [KEY]
    async with site(whole(a_set(*(public(a_key(), kid=str(at)) for at in range(MOST_KEYS + 5))))) as client:
        assert len(await client.keys() or []) == MOST_KEYS
    async with site(whole(a_set(*[{}] * MOST_LOOKED_AT, KEY))) as client:
        assert await client.keys() is None


async def test_only_so_many_sets_are_remembered_and_the_one_in_use_stays() -> None:
    async with site(whole(a_set(KEY))) as client:
        await client.keys("/in-use")
        for number in range(MOST_SETS + 10):
            await client.keys(f"/{number}")
            await client.keys("/in-use")
        assert client.fetched == MOST_SETS + 11
        await client.keys("/0")
        assert client.fetched == MOST_SETS + 12


async def test_what_was_fetched_verifies_an_assertion() -> None:
    async with site(whole(a_set(UNUSABLE["for encryption"], OTHER, KEY))) as client:
        keys = await client.sets.of(client.there.url("/jwks.json"))
    claims = {"iss": "app", "sub": "app"}
    assert keys is not None
    assert JoseAssertions().verify(signed(claims, a_key(), "ES256", {"kid": "a"}), keys) == claims
    assert JoseAssertions().verify(signed(claims, a_key(name="stranger"), "ES256", {"kid": "a"}), keys) is None


async def test_nobody_is_sent_elsewhere_by_a_jwks_uri(caplog: pytest.LogCaptureFixture) -> None:
    async with site(whole(a_set(KEY))) as client:
        client.sets = FetchedKeySets(fetcher(loopback=False), JoseAssertions(), now=lambda: client.at)
        assert await client.keys() is None
        assert client.fetched == 0
    [line] = caplog.records
    assert vars(line)["reason"] == "no https URL"
