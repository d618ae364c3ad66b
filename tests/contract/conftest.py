"""Each port's adapters, all of one store together, as some verbs of one port are seen through another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import hypothesis
import pytest
from attrs import frozen

from adapters.hashing.pooled import PooledPasswordHasher
from adapters.memory.clients import MemoryClients, MemoryResources, MemorySpentAssertions
from adapters.memory.epoch import Epoch
from adapters.memory.expired import MemoryExpiredRows
from adapters.memory.keys import MemorySealedSecrets, MemorySigningKeys
from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from adapters.postgres.clients import PostgresClients, PostgresResources, PostgresSpentAssertions
from adapters.postgres.database import Database
from adapters.postgres.expired import PostgresExpiredRows
from adapters.postgres.keys import PostgresSealedSecrets, PostgresSigningKeys
from adapters.postgres.throttle import PostgresTallies
from adapters.postgres.tokens import PostgresAccessTokens, PostgresRefreshFamilies
from adapters.postgres.users import PostgresUsers
from core.clients.ports import ClientRepository, ResourceRepository, SpentAssertions
from core.housekeeping import ExpiredRows
from core.keys.ports import SealedSecrets, SigningKeyStore
from core.protocol.secret import Secret
from core.tokens.ports import AccessTokenLedger, RefreshFamilies
from core.users.ports import TallyStore, UserRepository
from tests.support import SetClock

hypothesis.settings.register_profile("watchword", deadline=None, max_examples=100, database=None)
hypothesis.settings.load_profile("watchword")

AUDIENCE = "https://audience.example"  # of tokens that name none
NOW = datetime(2026, 11, 23, 12, 30, 15, 123_456, tzinfo=UTC)


@frozen
class Stores:
    """What one store keeps, and the clock that it goes by."""

    clock: SetClock
    users: UserRepository
    resources: ResourceRepository
    clients: ClientRepository
    spent: SpentAssertions
    families: RefreshFamilies
    ledger: AccessTokenLedger
    tallies: TallyStore
    expired: ExpiredRows
    signing_keys: SigningKeyStore
    secrets: SealedSecrets


def in_memory() -> Stores:
    clock, names, epoch = SetClock(NOW), set[str](), Epoch()
    resources, tallies = MemoryResources(), MemoryTallies()
    users, clients = MemoryUsers(names, epoch), MemoryClients(resources, names, AUDIENCE, epoch)
    families = MemoryRefreshFamilies(epoch, users)
    ledger = MemoryAccessTokens(users, clients, families, epoch)
    return Stores(
        clock=clock,
        users=users,
        resources=resources,
        clients=clients,
        spent=MemorySpentAssertions(clock),
        families=families,
        ledger=ledger,
        tallies=tallies,
        expired=MemoryExpiredRows(families, ledger, tallies, clock),
        signing_keys=MemorySigningKeys(),
        secrets=MemorySealedSecrets(),
    )


def in_postgres(database: Database) -> Stores:
    clock = SetClock(NOW)
    return Stores(
        clock=clock,
        users=PostgresUsers(database),
        resources=PostgresResources(database),
        clients=PostgresClients(database, AUDIENCE),
        spent=PostgresSpentAssertions(database),
        families=PostgresRefreshFamilies(database),
        ledger=PostgresAccessTokens(database),
        tallies=PostgresTallies(database),
        expired=PostgresExpiredRows(database, clock),
        signing_keys=PostgresSigningKeys(database),
        secrets=PostgresSealedSecrets(database),
    )


@pytest.fixture
async def database(database_url: Secret) -> AsyncIterator[Database]:
    pool = Database(database_url, largest=10)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """A suite that asks for this, or for one of the ports below, runs on every store."""
    return in_memory() if request.param == "memory" else in_postgres(request.getfixturevalue("database"))


@pytest.fixture
def users(stores: Stores) -> UserRepository:
    return stores.users


@pytest.fixture
def resources(stores: Stores) -> ResourceRepository:
    return stores.resources


@pytest.fixture
def clients(stores: Stores) -> ClientRepository:
    return stores.clients


@pytest.fixture
def spent(stores: Stores) -> SpentAssertions:
    return stores.spent


@pytest.fixture
def families(stores: Stores) -> RefreshFamilies:
    return stores.families


@pytest.fixture
def ledger(stores: Stores) -> AccessTokenLedger:
    return stores.ledger


@pytest.fixture
def tallies(stores: Stores) -> TallyStore:
    return stores.tallies


@pytest.fixture
def signing_keys(stores: Stores) -> SigningKeyStore:
    return stores.signing_keys


@pytest.fixture
def secrets(stores: Stores) -> SealedSecrets:
    return stores.secrets


@pytest.fixture(scope="session")
def hasher() -> Iterator[PooledPasswordHasher]:
    pooled = PooledPasswordHasher(memory_kib=8, time_cost=1, parallelism=1, threads=2)
    yield pooled
    pooled.close()
