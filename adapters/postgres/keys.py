"""Signing keys in PostgreSQL, their private halves sealed by whoever brings them."""

from __future__ import annotations

import json

import asyncpg

from adapters.postgres.database import Database
from core.keys.model import SigningKey
from core.keys.ports import SigningKeyStore

COLUMNS = "kid, algorithm, public_jwk, sealed_private_key, created_at"
ACTIVE = f"SELECT {COLUMNS} FROM signing_keys WHERE algorithm = $1 AND state = 'active'"  # noqa: S608 - constant names

# One active key for each algorithm is a unique index, so of many offers one is kept. Whoever lost reads the winner's
# in a second statement: within one, the winner's row would not be visible yet.
OFFER = """
INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private_key, created_at, state)
VALUES ($1, $2, $3, $4, $5, 'active') ON CONFLICT DO NOTHING
"""


class PostgresSigningKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def active(self, algorithm: str) -> SigningKey | None:
        row = await self._database.fetchrow(ACTIVE, algorithm)
        return None if row is None else _key(row)

    async def establish(self, candidate: SigningKey) -> SigningKey:
        await self._database.fetchrow(
            OFFER,
            candidate.kid,
            candidate.algorithm,
            json.dumps(dict(candidate.public_jwk)),
            candidate.sealed_private_key,
            candidate.created_at,
        )
        active = await self.active(candidate.algorithm)
        if active is None:
            raise LookupError(f"no active {candidate.algorithm} key right after one was offered")
        return active


def _key(row: asyncpg.Record) -> SigningKey:
    return SigningKey(
        kid=row["kid"],
        algorithm=row["algorithm"],
        public_jwk=json.loads(row["public_jwk"]),
        sealed_private_key=row["sealed_private_key"],
        created_at=row["created_at"],
    )


_: type[SigningKeyStore] = PostgresSigningKeys
