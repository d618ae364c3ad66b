"""What the unit tests stand on: memory adapters, a clock to set, hashes as cheap as they get."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from adapters.hashing.pooled import PooledPasswordHasher
from tests.unit.house import House

hypothesis.settings.register_profile("watchword", deadline=None, max_examples=100, database=None)
hypothesis.settings.load_profile("watchword")


@pytest.fixture(scope="session")
def cheap_hasher() -> Iterator[PooledPasswordHasher]:
    hasher = PooledPasswordHasher(memory_kib=8, time_cost=1, parallelism=1, threads=2)
    yield hasher
    hasher.close()


@pytest.fixture
def house(cheap_hasher: PooledPasswordHasher) -> House:
    return House.over(cheap_hasher)
