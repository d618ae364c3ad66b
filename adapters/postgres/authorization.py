"""Requests that wait for a person, and what people allowed, in PostgreSQL."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TypeVar

import asyncpg
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn

from adapters.postgres.database import Database
from core.authorization.model import AuthorizationRequest, Connection, ReturnTo, StoredRequest
from core.authorization.ports import AuthorizationRequests, Connections

T = TypeVar("T")

COLUMNS = "digest, request, created_at, expires_at, browser, answered"

KEEP = """
INSERT INTO authorization_requests (digest, client_id, request, created_at, expires_at, browser, answered)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

# Of two browsers that come at once the first gets it: the other waits for that, and then the conditions are read anew.
CLAIM = f"""
UPDATE authorization_requests SET
    browser = $2, expires_at = CASE WHEN browser IS NULL THEN $4 ELSE expires_at END
WHERE digest = $1 AND (browser IS NULL OR browser = $2) AND expires_at > $3
RETURNING {COLUMNS}
"""  # noqa: S608 - constant names only, here and below

FIND = f"""
SELECT {COLUMNS} FROM authorization_requests WHERE digest = $1 AND browser = $2 AND expires_at > $3
"""  # noqa: S608 - as above

NOTE_ANSWER = f"""
UPDATE authorization_requests SET
    answered = CASE WHEN $4 = ANY (answered) THEN answered ELSE array_append(answered, $4) END
WHERE digest = $1 AND browser = $2 AND expires_at > $3
RETURNING {COLUMNS}
"""  # noqa: S608 - as above

DROP = "DELETE FROM authorization_requests WHERE digest = $1 AND browser = $2 RETURNING digest"

# A rotation notes itself in its family alone, and here is where it is asked for.
OF_USER = """
SELECT
    username, client_id, granted, since,
    greatest(connections.used_at, (
        SELECT max(rotated_at) FROM refresh_families AS family
        WHERE family.username = connections.username AND family.client_id = connections.client_id
    )) AS used_at,
    connections.tokens_valid_from, clients.name AS client_name
FROM connections JOIN clients USING (client_id)
WHERE username = $1 AND granted <> '{}'
"""

# A family that is started at the same moment is not seen here; see `LIVES` of the tokens.
END = """
WITH ended AS (
    UPDATE connections SET granted = '{}', tokens_valid_from = greatest(tokens_valid_from, $3)
    WHERE username = $1 AND client_id = $2
    RETURNING client_id
),
revoked AS (
    UPDATE refresh_families SET revoked_at = $4 WHERE id IN (
        SELECT id FROM refresh_families
        WHERE username = $1 AND client_id = $2 AND client_id IN (SELECT client_id FROM ended) AND revoked_at IS NULL
        ORDER BY id FOR UPDATE
    )
)
SELECT client_id FROM ended
"""


class PostgresAuthorizationRequests:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, stored: StoredRequest) -> None:
        await self._database.fetchrow(
            KEEP,
            stored.digest,
            stored.request.to.client_id,
            json.dumps(CONVERTER.unstructure(stored.request)),
            stored.created_at,
            stored.expires_at,
            stored.browser,
            list(stored.answered),
        )

    async def claim(self, digest: bytes, browser: bytes, *, at: datetime, until: datetime) -> StoredRequest | None:
        return _stored(await self._database.fetchrow(CLAIM, digest, browser, at, until))

    async def find(self, digest: bytes, browser: bytes, *, at: datetime) -> StoredRequest | None:
        return _stored(await self._database.fetchrow(FIND, digest, browser, at))

    async def note_answer(self, digest: bytes, browser: bytes, prompt: str, *, at: datetime) -> StoredRequest | None:
        return _stored(await self._database.fetchrow(NOTE_ANSWER, digest, browser, at, prompt))

    async def drop(self, digest: bytes, browser: bytes) -> bool:
        return await self._database.fetchrow(DROP, digest, browser) is not None


class PostgresConnections:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_user(self, username: str) -> tuple[Connection, ...]:
        rows = await self._database.fetch(OF_USER, username)
        return tuple(sorted(map(_connection, rows), key=lambda one: (one.client_name.casefold(), one.client_id)))

    async def end(self, username: str, client_id: str, *, valid_from: datetime, at: datetime) -> bool:
        return await self._database.fetchrow(END, username, client_id, valid_from, at) is not None


def _converter() -> Converter:
    """Takes what it wrote itself, and passes over members of later versions."""
    converter = Converter()

    def checked(value: object, kind: type[T]) -> T:
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
        return value

    def texts(value: object, _: object) -> tuple[str, ...]:
        return tuple(checked(one, str) for one in checked(value, list))

    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], texts)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, checked)
    for record in (ReturnTo, AuthorizationRequest):
        converter.register_unstructure_hook(
            record, make_dict_unstructure_fn(record, converter, _cattrs_omit_if_default=True)
        )
    return converter


CONVERTER = _converter()


def _stored(row: asyncpg.Record | None) -> StoredRequest | None:
    if row is None:
        return None
    digest, request, created_at, expires_at, browser, answered = row
    structured = CONVERTER.structure(json.loads(request), AuthorizationRequest)
    return StoredRequest(digest, structured, created_at, expires_at, browser, tuple(answered))


def _connection(row: asyncpg.Record) -> Connection:
    username, client_id, granted, since, used_at, tokens_valid_from, client_name = row
    return Connection(username, client_id, tuple(granted), since, used_at, tokens_valid_from, client_name)


_requests: type[AuthorizationRequests] = PostgresAuthorizationRequests
_connections: type[Connections] = PostgresConnections
