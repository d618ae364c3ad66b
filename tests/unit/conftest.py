"""What the unit tests stand on: memory adapters, a clock to set, hashes as cheap as they get."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from attrs import evolve

from adapters.hashing.pooled import PooledPasswordHasher
from adapters.jose.key_pair import KeyPairTokens
from tests.unit.house import KEY_POLICY, House

hypothesis.settings.register_profile("watchword", deadline=None, max_examples=100, database=None)
hypothesis.settings.load_profile("watchword")


@pytest.fixture(scope="session")
def cheap_hasher() -> Iterator[PooledPasswordHasher]:
    hasher = PooledPasswordHasher(memory_kib=8, time_cost=1, parallelism=1, threads=2)
    yield hasher
    hasher.close()


@pytest.fixture
def house(cheap_hasher: PooledPasswordHasher) -> House:
    """One that signs with a shared secret: OAuth, and no OpenID Connect."""
    return House.over(cheap_hasher)


@pytest.fixture(scope="session")
async def key_pairs(cheap_hasher: PooledPasswordHasher) -> KeyPairTokens:
    """One RSA key for all tests, as it takes long to make. Its clock stands still: nothing here is about rotation."""
    made = House.over(cheap_hasher, key_policy=evolve(KEY_POLICY, algorithms=("ES256", "RS256"), period=None))
    tokens = KeyPairTokens(made.signing_keys, made.sealer, made.maintain_keys, made.clock, made.key_policy, "ES256")
    for algorithm in made.key_policy.algorithms:
        await tokens.sign({}, typ="JWT", algorithm=algorithm)
    return tokens


@pytest.fixture
def openid(cheap_hasher: PooledPasswordHasher, key_pairs: KeyPairTokens) -> House:
    """One with key pairs, and so with OpenID Connect."""
    return House.over(cheap_hasher, tokens=key_pairs)
