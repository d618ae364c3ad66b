"""Each port's adapters. A suite runs on every one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import hypothesis
import pytest

from adapters.hashing.pooled import PooledPasswordHasher
from adapters.memory.keys import MemorySigningKeys
from adapters.memory.users import MemoryUsers
from adapters.postgres.database import Database
from adapters.postgres.keys import PostgresSigningKeys
from adapters.postgres.users import PostgresUsers
from core.keys.ports import SigningKeyStore
from core.protocol.secret import Secret
from core.users.ports import UserRepository

hypothesis.settings.register_profile("watchword", deadline=None, max_examples=100, database=None)
hypothesis.settings.load_profile("watchword")

STORES = ["memory", "postgres"]


@pytest.fixture
async def database(database_url: Secret) -> AsyncIterator[Database]:
    pool = Database(database_url, largest=10)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture(params=STORES)
def users(request: pytest.FixtureRequest) -> UserRepository:
    if request.param == "memory":
        return MemoryUsers()
    return PostgresUsers(request.getfixturevalue("database"))


@pytest.fixture(params=STORES)
def signing_keys(request: pytest.FixtureRequest) -> SigningKeyStore:
    if request.param == "memory":
        return MemorySigningKeys()
    return PostgresSigningKeys(request.getfixturevalue("database"))


@pytest.fixture(scope="session")
def hasher() -> Iterator[PooledPasswordHasher]:
    pooled = PooledPasswordHasher(memory_kib=8, time_cost=1, parallelism=1, threads=2)
    yield pooled
    pooled.close()
