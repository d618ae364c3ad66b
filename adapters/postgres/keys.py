"""Signing keys and the server's own secrets in PostgreSQL, sealed by whoever brings them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import asyncpg

from adapters.postgres.database import Database
from core.keys.model import SigningKey
from core.keys.ports import SealedSecrets, SigningKeyStore

ALL = """
SELECT kid, algorithm, public_jwk, sealed_private_key, created_at, signs_from, predecessor, withdrawn_at
FROM signing_keys ORDER BY signs_from, kid COLLATE "C"
"""

# One successor for each key, and one first key for each algorithm, are unique indexes, so of many offers one is kept.
OFFER = """
INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private_key, created_at, signs_from, predecessor)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING kid
"""

ADVANCE = "UPDATE signing_keys SET signs_from = $2 WHERE kid = $1 AND signs_from > $2 RETURNING kid"
WITHDRAW = "UPDATE signing_keys SET withdrawn_at = $2 WHERE kid = $1 AND withdrawn_at IS NULL RETURNING kid"
RESEAL = "UPDATE signing_keys SET sealed_private_key = $3 WHERE kid = $1 AND sealed_private_key = $2 RETURNING kid"

# Whoever lost reads the winner's in a second statement: within one, the winner's row would not be visible yet.
OFFER_SECRET = "INSERT INTO sealed_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING"
SECRET = "SELECT sealed FROM sealed_secrets WHERE name = $1"
SECRETS = "SELECT name, sealed FROM sealed_secrets"
RESEAL_SECRET = "UPDATE sealed_secrets SET sealed = $3 WHERE name = $1 AND sealed = $2 RETURNING name"


class PostgresSigningKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[SigningKey, ...]:
        return tuple(_key(row) for row in await self._database.fetch(ALL))

    async def establish(self, candidate: SigningKey) -> bool:
        row = await self._database.fetchrow(
            OFFER,
            candidate.kid,
            candidate.algorithm,
            json.dumps(dict(candidate.public_jwk)),
            candidate.sealed_private_key,
            candidate.created_at,
            candidate.signs_from,
            candidate.predecessor,
        )
        return row is not None

    async def advance(self, kid: str, signs_from: datetime) -> bool:
        return await self._database.fetchrow(ADVANCE, kid, signs_from) is not None

    async def withdraw(self, kid: str, *, at: datetime) -> bool:
        return await self._database.fetchrow(WITHDRAW, kid, at) is not None

    async def replace_sealed(self, kid: str, old: str, new: str) -> bool:
        return await self._database.fetchrow(RESEAL, kid, old, new) is not None


class PostgresSealedSecrets:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def establish(self, name: str, sealed: str) -> str:
        row = await self._database.fetchrow(SECRET, name)
        if row is None:
            await self._database.fetchrow(OFFER_SECRET, name, sealed)
            row = await self._database.fetchrow(SECRET, name)
        if row is None:
            raise LookupError(f"no secret {name} right after one was offered")
        kept: str = row["sealed"]
        return kept

    async def all(self) -> Mapping[str, str]:
        return {row["name"]: row["sealed"] for row in await self._database.fetch(SECRETS)}

    async def replace(self, name: str, old: str, new: str) -> bool:
        return await self._database.fetchrow(RESEAL_SECRET, name, old, new) is not None


def _key(row: asyncpg.Record) -> SigningKey:
    return SigningKey(
        kid=row["kid"],
        algorithm=row["algorithm"],
        public_jwk=json.loads(row["public_jwk"]),
        sealed_private_key=row["sealed_private_key"],
        created_at=row["created_at"],
        signs_from=row["signs_from"],
        predecessor=row["predecessor"],
        withdrawn_at=row["withdrawn_at"],
    )


_keys: type[SigningKeyStore] = PostgresSigningKeys
_secrets: type[SealedSecrets] = PostgresSealedSecrets
