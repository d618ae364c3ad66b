"""Clients, resources and spent assertions in PostgreSQL. Every verb decides by one statement."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from time import monotonic

import asyncpg

from adapters.postgres.database import Database
from core.clients.application import Application
from core.clients.model import AuthMethod, Client, Resource, SecretDigests
from core.clients.ports import ClientChanges, ClientPage, ClientRepository, ResourceRepository, SpentAssertions
from core.protocol.refusals import ClientIdTaken, ClientNotFound, ResourceNotFound, ResourceTaken, Unavailable
from core.protocol.unset import Unset

# With the scopes of the resources that are registered at this moment, of every one for a client that registered itself;
# $1 is the audience of tokens that name none. The instant before which all tokens have ended is everybody's own.
COLUMNS = """
client_id, name, auth_method, grant_types, clients.scopes, resources, serves, jwks, secret_digest,
previous_secret_digest, previous_secret_until, is_active,
greatest(tokens_valid_from, (SELECT valid_from FROM token_epoch)) AS tokens_valid_from, clients.created_at, updated_at,
CASE WHEN registration_digest IS NULL THEN (
    SELECT json_object_agg(identifier, resources.scopes) FROM resources
    WHERE identifier = ANY (clients.resources) OR identifier = $1
) ELSE (
    SELECT json_object_agg(identifier, resources.scopes) FROM resources
) END AS definitions,
application, first_party, registration_digest, used_at
"""

# The id goes into `usernames` first, where it stays for ever: users and clients meet there.
CREATE = """
WITH name AS (INSERT INTO usernames (username) VALUES ($1) RETURNING username)
INSERT INTO clients (
    client_id, name, auth_method, grant_types, scopes, resources, serves, jwks, secret_digest, is_active,
    tokens_valid_from, created_at, updated_at, application, first_party, registration_digest, used_at
)
SELECT username, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17 FROM name
"""

BY_ID = f"SELECT {COLUMNS} FROM clients WHERE client_id = $2"  # noqa: S608 - constant names only, here and below

# A NULL stands for "leave it"; no column that can be changed here may itself become NULL, but for the keys ($12).
UPDATE = f"""
UPDATE clients SET
    updated_at = $3,
    name = coalesce($4, name),
    grant_types = coalesce($5, grant_types),
    scopes = coalesce($6, scopes),
    resources = coalesce($7, resources),
    serves = coalesce($8, serves),
    jwks = CASE WHEN $12 THEN NULL ELSE coalesce($9, jwks) END,
    is_active = coalesce($10, is_active),
    tokens_valid_from = greatest($11, tokens_valid_from),
    application = jsonb_strip_nulls(application || coalesce($13::jsonb, '{{}}')),
    first_party = coalesce($14, first_party)
WHERE client_id = $2
RETURNING {COLUMNS}
"""  # noqa: S608 - as above

REPLACE_SECRET = f"""
UPDATE clients SET
    updated_at = $5,
    secret_digest = $3,
    previous_secret_digest = CASE WHEN $4::timestamptz IS NOT NULL THEN secret_digest END,
    previous_secret_until = $4
WHERE client_id = $2 AND secret_digest IS NOT NULL
RETURNING {COLUMNS}
"""  # noqa: S608 - as above

DELETE = """
WITH gone AS (DELETE FROM clients WHERE client_id = $1 RETURNING client_id),
taken_back AS (DELETE FROM connections WHERE client_id = (SELECT client_id FROM gone))
SELECT client_id FROM gone
"""
USED = "UPDATE clients SET used_at = $2 WHERE client_id = $1 AND used_at IS NULL"
PAGE = f"SELECT {COLUMNS} FROM clients WHERE client_id > $2 ORDER BY client_id LIMIT $3"  # noqa: S608 - as above

CREATE_RESOURCE = "INSERT INTO resources (identifier, scopes, created_at) VALUES ($1, $2, $3)"
REPLACE_SCOPES = "UPDATE resources SET scopes = $2 WHERE identifier = $1 RETURNING identifier, scopes, created_at"
DELETE_RESOURCE = "DELETE FROM resources WHERE identifier = $1 RETURNING identifier"
RESOURCES = "SELECT identifier, scopes, created_at FROM resources ORDER BY identifier"

REDEEM = "INSERT INTO spent_assertions (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING digest"


RECENT = 0.2  # seconds
MOST_REMEMBERED = 1000
NO_APPLICATION = Application()
NOBODY: tuple[float, Client | None] = (float("-inf"), None)


class PostgresClients:
    def __init__(self, database: Database, audience: str = "") -> None:
        self._database = database
        self._audience = audience
        self._remembered: OrderedDict[str, tuple[float, Client]] = OrderedDict()
        self._changes = 0  # that were made here
        self._reading: dict[str, asyncio.Task[None]] = {}

    async def create(self, client: Client) -> None:
        try:
            await self._database.fetchrow(
                CREATE,
                client.client_id,
                client.name,
                client.auth_method.value,
                list(client.grant_types),
                list(client.scopes),
                list(client.resources),
                list(client.serves),
                _json(client.jwks),
                client.secret.current if client.secret is not None else None,
                client.is_active,
                client.tokens_valid_from,
                client.created_at,
                client.updated_at,
                _json(client.application.members()),
                client.first_party,
                client.registration,
                client.used_at,
            )
        except asyncpg.UniqueViolationError:
            raise ClientIdTaken from None

    async def get(self, client_id: str) -> Client | None:
        asked, changes = monotonic(), self._changes
        row = await self._database.fetchrow(BY_ID, self._audience, client_id)
        client = None if row is None else _client(row)
        self._remembered.pop(client_id, None)
        if client is not None and changes == self._changes:  # otherwise this may be how it was before
            self._remembered[client_id] = asked, client
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return client

    async def recent(self, client_id: str) -> Client | None:
        """Read again in the background when half of the time is over, so that nobody waits for a client in use."""
        asked, client = self._remembered.get(client_id, NOBODY)
        age = monotonic() - asked
        if age >= RECENT:
            return await self.get(client_id)
        if age >= RECENT / 2 and client_id not in self._reading:
            task = self._reading[client_id] = asyncio.create_task(self._read_again(client_id))
            task.add_done_callback(lambda _: self._reading.pop(client_id))
        return client

    async def _read_again(self, client_id: str) -> None:
        with suppress(Unavailable):  # whoever needs it then will ask, and be told
            await self.get(client_id)

    async def update(self, client_id: str, changes: ClientChanges) -> Client:
        row = await self._database.fetchrow(
            UPDATE,
            self._audience,
            client_id,
            changes.at,
            _or_null(changes.name),
            _list_or_null(changes.grant_types),
            _list_or_null(changes.scopes),
            _list_or_null(changes.resources),
            _list_or_null(changes.serves),
            None if isinstance(changes.jwks, Unset) else _json(changes.jwks),
            _or_null(changes.is_active),
            _or_null(changes.tokens_valid_from),
            changes.no_jwks,
            None if isinstance(changes.application, Unset) else _json(changes.application),
            _or_null(changes.first_party),
        )
        self._forget(client_id)
        if row is None:
            raise ClientNotFound
        return _client(row)

    async def replace_secret(
        self, client_id: str, digest: bytes, *, previous_until: datetime | None, at: datetime
    ) -> Client:
        row = await self._database.fetchrow(REPLACE_SECRET, self._audience, client_id, digest, previous_until, at)
        self._forget(client_id)
        if row is None:
            raise ClientNotFound
        return _client(row)

    async def delete(self, client_id: str) -> None:
        gone = await self._database.fetchrow(DELETE, client_id)
        self._forget(client_id)
        if gone is None:
            raise ClientNotFound

    async def used(self, client_id: str, *, at: datetime) -> None:
        await self._database.fetchrow(USED, client_id, at)
        self._forget(client_id)

    def _forget(self, client_id: str) -> None:
        self._changes += 1
        self._remembered.pop(client_id, None)

    async def page(self, *, after: str | None, limit: int) -> ClientPage:
        rows = await self._database.fetch(PAGE, self._audience, after or "", limit + 1)
        clients = tuple(_client(row) for row in rows[:limit])
        return ClientPage(clients, clients[-1].client_id if len(rows) > limit else None)


class PostgresResources:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, resource: Resource) -> None:
        try:
            await self._database.fetchrow(
                CREATE_RESOURCE, resource.identifier, list(resource.scopes), resource.created_at
            )
        except asyncpg.UniqueViolationError:
            raise ResourceTaken from None

    async def replace_scopes(self, identifier: str, scopes: tuple[str, ...]) -> Resource:
        row = await self._database.fetchrow(REPLACE_SCOPES, identifier, list(scopes))
        if row is None:
            raise ResourceNotFound
        return _resource(row)

    async def delete(self, identifier: str) -> None:
        if await self._database.fetchrow(DELETE_RESOURCE, identifier) is None:
            raise ResourceNotFound

    async def all(self) -> tuple[Resource, ...]:
        return tuple(_resource(row) for row in await self._database.fetch(RESOURCES))


class PostgresSpentAssertions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def redeem(self, client_id: str, jti: str, *, until: datetime) -> bool:
        digest = hashlib.sha256(f"{client_id}\0{jti}".encode("utf-8", "surrogatepass")).digest()
        return await self._database.fetchrow(REDEEM, digest, until) is not None


def _client(row: asyncpg.Record) -> Client:
    """By position, which is several times as fast as by name; this is read with nearly every request."""
    (
        client_id, name, auth_method, grant_types, scopes, resources, serves, jwks, secret, previous, previous_until,
        is_active, tokens_valid_from, created_at, updated_at, definitions, application, first_party, registration,
        used_at,
    ) = row  # fmt: skip
    return Client(
        client_id=client_id,
        auth_method=AuthMethod(auth_method),
        created_at=created_at,
        updated_at=updated_at,
        name=name,
        grant_types=grant_types,
        scopes=scopes,
        resources=resources,
        serves=serves,
        jwks=None if jwks is None else json.loads(jwks),
        secret=None if secret is None else SecretDigests(secret, previous, previous_until),
        is_active=is_active,
        tokens_valid_from=tokens_valid_from,
        application=NO_APPLICATION if application == "{}" else Application.stored(json.loads(application)),
        first_party=first_party,
        registration=registration,
        used_at=used_at,
        definitions={} if definitions is None else {k: tuple(v) for k, v in json.loads(definitions).items()},
    )


def _resource(row: asyncpg.Record) -> Resource:
    return Resource(row["identifier"], row["scopes"], row["created_at"])


def _json(value: Mapping[str, object] | None) -> str | None:
    return None if value is None else json.dumps(dict(value))


def _or_null(value: object) -> object:
    return None if isinstance(value, Unset) else value


def _list_or_null(value: tuple[str, ...] | Unset) -> list[str] | None:
    return None if isinstance(value, Unset) else list(value)


_clients: type[ClientRepository] = PostgresClients
_resources: type[ResourceRepository] = PostgresResources
_spent: type[SpentAssertions] = PostgresSpentAssertions
