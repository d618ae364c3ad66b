"""Everything that is kept, in one PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from adapters.postgres.authorization import PostgresAuthorizationRequests, PostgresConnections
from adapters.postgres.clients import PostgresClients, PostgresResources, PostgresSpentAssertions
from adapters.postgres.codes import PostgresCodes
from adapters.postgres.database import Database
from adapters.postgres.expired import PostgresExpiredRows
from adapters.postgres.keys import PostgresSealedSecrets, PostgresSigningKeys
from adapters.postgres.sessions import PostgresSessions
from adapters.postgres.store import PostgresStore
from adapters.postgres.throttle import PostgresTallies
from adapters.postgres.tokens import PostgresAccessTokens, PostgresRefreshFamilies
from adapters.postgres.users import PostgresUsers
from core.ports import Clock


class PostgresStores:
    def __init__(
        self, database: Database, migrations: Path, clock: Clock, audience: str, unused_clients: timedelta
    ) -> None:
        self.store = PostgresStore(database, migrations)
        self.users = PostgresUsers(database)
        self.resources = PostgresResources(database)
        self.clients = PostgresClients(database, audience)
        self.spent_assertions = PostgresSpentAssertions(database)
        self.refresh_families = PostgresRefreshFamilies(database)
        self.access_tokens = PostgresAccessTokens(database)
        self.tallies = PostgresTallies(database)
        self.signing_keys = PostgresSigningKeys(database)
        self.sealed_secrets = PostgresSealedSecrets(database)
        self.authorization_requests = PostgresAuthorizationRequests(database)
        self.connections = PostgresConnections(database)
        self.sessions = PostgresSessions(database)
        self.codes = PostgresCodes(database)
        self.expired_rows = PostgresExpiredRows(database, clock, unused_clients)
