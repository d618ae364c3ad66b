"""Each port's adapters, all of one store together, as some verbs of one port are seen through another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import hypothesis
import psycopg
import pytest
from attrs import frozen

from adapters.hashing.pooled import PooledPasswordHasher
from adapters.memory.stores import MemoryStores
from adapters.postgres.database import Database
from adapters.postgres.stores import PostgresStores
from container import MIGRATIONS
from core.authorization.ports import AuthorizationRequests, Codes, Connections, Sessions
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
UNUSED_CLIENTS_STAY = timedelta(days=30)
NOW = datetime(2026, 11, 23, 12, 30, 15, 123_456, tzinfo=UTC)

Session = psycopg.AsyncConnection[tuple[object, ...]]


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
    sessions: Sessions
    requests: AuthorizationRequests
    connections: Connections
    codes: Codes


def _stores(clock: SetClock, kept: MemoryStores | PostgresStores) -> Stores:
    return Stores(
        clock=clock,
        users=kept.users,
        resources=kept.resources,
        clients=kept.clients,
        spent=kept.spent_assertions,
        families=kept.refresh_families,
        ledger=kept.access_tokens,
        tallies=kept.tallies,
        expired=kept.expired_rows,
        signing_keys=kept.signing_keys,
        secrets=kept.sealed_secrets,
        sessions=kept.sessions,
        requests=kept.authorization_requests,
        connections=kept.connections,
        codes=kept.codes,
    )


def in_memory() -> Stores:
    clock = SetClock(NOW)
    return _stores(clock, MemoryStores(clock, AUDIENCE, UNUSED_CLIENTS_STAY))


def in_postgres(database: Database) -> Stores:
    clock = SetClock(NOW)
    return _stores(clock, PostgresStores(database, MIGRATIONS, clock, AUDIENCE, UNUSED_CLIENTS_STAY))


# Those that refer to others come first.
TABLES = (
    *("authorization_codes", "authorization_requests", "connections", "failed_attempts", "refresh_families"),
    *("revoked_access_tokens", "sealed_secrets", "sessions", "signing_keys", "spent_assertions", "token_epoch"),
    *("clients", "resources", "users", "usernames"),
)


@pytest.fixture
async def database(database_url: Secret) -> AsyncIterator[Database]:
    pool = Database(database_url, largest=10)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def session(database_url: Secret) -> AsyncIterator[Session]:
    """Another worker, in a transaction of its own until it commits."""
    async with await psycopg.AsyncConnection.connect(database_url.reveal()) as connection:
        yield connection


@pytest.fixture(scope="module")
async def common_database(module_database_url: Secret) -> AsyncIterator[Database]:
    """For tests that see a database through the ports alone: emptying one takes less time than making one."""
    pool = Database(module_database_url, largest=10)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def emptied(common_database: Database) -> Database:
    for table in TABLES:
        await common_database.fetchrow(f"DELETE FROM {table}")  # noqa: S608 - names of ours
    return common_database


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """A suite that asks for this, or for one of the ports below, runs on every store."""
    if request.param == "memory":
        return in_memory()
    apart = {"database", "database_url", "session"} & set(request.fixturenames)
    return in_postgres(request.getfixturevalue("database" if apart else "emptied"))


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
def sessions(stores: Stores) -> Sessions:
    return stores.sessions


@pytest.fixture
def requests(stores: Stores) -> AuthorizationRequests:
    return stores.requests


@pytest.fixture
def connections(stores: Stores) -> Connections:
    return stores.connections


@pytest.fixture
def codes(stores: Stores) -> Codes:
    return stores.codes


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
