"""Client assertions by keys behind a URL, and by the one algorithm that a client registered (OpenID Connect
Registration §2).
"""

from __future__ import annotations

from typing import Any

import pytest

from adapters.fetching.key_sets import AGAIN, REMEMBERED
from core.clients.application import Application
from core.clients.authenticate import AssertionCredential
from core.clients.model import AuthMethod
from tests.unit.house import ISSUER, House
from tests.unit.jws import PairKey, a_key, public, signed
from tests.unit.test_client_authentication import who

URL = "https://robot.example.com/jwks.json"
OLD, NEW, RSA = a_key("P-256", "old"), a_key("P-256", "new"), a_key("2048")


def shown(house: House, key: PairKey = OLD, alg: str = "ES256") -> AssertionCredential:
    now = int(house.clock.now().timestamp())
    claims = {"iss": "robot", "sub": "robot", "aud": ISSUER, "exp": now + 60, "jti": str(house.entropy.uuid())}
    return AssertionCredential(signed(claims, key, alg))


def publish(house: House, *keys: PairKey, **others: object) -> None:
    house.documents.published[URL] = {"keys": [public(key, **others) for key in keys]}


async def robot(house: House, **members: Any) -> House:
    own = {"jwks": {"keys": [public(OLD), public(RSA)]}} if "jwks_uri" not in members else {}
    await house.client("robot", auth_method=AuthMethod.PRIVATE_KEY_JWT, application=Application(**members), **own)
    return house


async def test_the_keys_are_where_the_client_says(house: House) -> None:
    await robot(house, jwks_uri=URL)
    publish(house, OLD)
    assert await who(house, shown(house)) == "robot"
    assert await who(house, shown(house, NEW)) is None


async def test_where_they_cannot_be_had_nobody_gets_in(house: House) -> None:
    await robot(house, jwks_uri=URL)
    assert await who(house, shown(house)) is None
    documents: list[object] = [[], {}, {"keys": []}, {"keys": "x"}, "x", None, {"keys": [{**public(OLD), "d": "x"}]}]
    for document in documents:
        house.documents.published[URL] = document
        house.clock.forward(minutes=1)
        assert await who(house, shown(house)) is None
    publish(house, OLD)
    house.clock.forward(minutes=1)
    assert await who(house, shown(house)) == "robot"


async def test_what_was_fetched_a_while_ago_still_counts(house: House) -> None:
    await robot(house, jwks_uri=URL)
    publish(house, OLD)
    assert await who(house, shown(house)) == "robot"
    house.documents.published.clear()
    house.clock.forward(seconds=REMEMBERED - 1)
    assert await who(house, shown(house)) == "robot"
    house.clock.forward(seconds=1)
    assert await who(house, shown(house)) is None


async def test_a_key_that_is_new_is_fetched_for(house: House) -> None:
    await robot(house, jwks_uri=URL)
    publish(house, OLD)
    assert await who(house, shown(house)) == "robot"
    publish(house, NEW)
    assert await who(house, shown(house, NEW)) == "robot"
    assert await who(house, shown(house, OLD)) is None
    publish(house, OLD)
    assert await who(house, shown(house, OLD)) is None  # not for everybody who shows a wrong one, again and again
    house.clock.forward(seconds=AGAIN)
    assert await who(house, shown(house, OLD)) == "robot"


async def test_an_assertion_is_good_once_however_often_the_keys_are_fetched(house: House) -> None:
    await robot(house, jwks_uri=URL)
    publish(house, OLD)
    one = shown(house)
    assert await who(house, one) == "robot"
    house.clock.forward(seconds=AGAIN)
    assert await who(house, one) is None


@pytest.mark.parametrize("uri", [None, URL])
async def test_no_algorithm_counts_but_the_one_that_is_registered(house: House, uri: str | None) -> None:
    await robot(house, token_endpoint_auth_signing_alg="ES256", **({"jwks_uri": uri} if uri else {}))
    publish(house, OLD, RSA)
    assert await who(house, shown(house)) == "robot"
    for alg in ("RS256", "PS256"):
        assert await who(house, shown(house, RSA, alg)) is None


async def test_not_even_another_of_the_same_key(house: House) -> None:
    await robot(house, token_endpoint_auth_signing_alg="PS256")
    assert await who(house, shown(house, RSA, "PS256")) == "robot"
    assert await who(house, shown(house, RSA, "RS256")) is None
    assert await who(house, shown(house)) is None


async def test_a_key_that_is_for_another_algorithm_stays_so(house: House) -> None:
    await robot(house, jwks_uri=URL, token_endpoint_auth_signing_alg="PS256")
    publish(house, RSA, alg="RS256")
    for alg in ("RS256", "PS256"):
        assert await who(house, shown(house, RSA, alg)) is None
