"""Users in PostgreSQL. Every verb decides by one statement."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.database import Database
from core.protocol.refusals import ChangedMeanwhile, Conflict, EmailTaken, UsernameTaken, UserNotFound
from core.protocol.unset import Unset
from core.users.model import User
from core.users.ports import Page, UserChanges, UserRepository

COLUMNS = """
id, username, email, hashed_password, is_active, roles, tokens_valid_from, created_at, updated_at, email_verified,
profile
"""
NAMES = tuple(name.strip() for name in COLUMNS.split(","))
OF_USER = ", ".join(f"users.{name}" for name in NAMES)  # where other tables are read, too

# The instant before which all tokens have ended is everybody's own.
OF_USER_AND_EPOCH = OF_USER.replace(
    "users.tokens_valid_from", "greatest(users.tokens_valid_from, (SELECT valid_from FROM token_epoch))"
)

# The name goes into `usernames` first, where it stays for ever: two creations meet there, and so do a
# creation and a deletion.
CREATE = """
WITH name AS (INSERT INTO usernames (username) VALUES ($2) RETURNING username)
INSERT INTO users (
    id, username, email, hashed_password, is_active, roles, tokens_valid_from, created_at, updated_at, email_verified,
    profile
)
SELECT $1, username, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM name
"""

BY_ID = f"SELECT {COLUMNS} FROM users WHERE id = $1"  # noqa: S608 - constant names only, here and below
BY_USERNAME = f"SELECT {OF_USER_AND_EPOCH} FROM users WHERE username = $1"  # noqa: S608 - as above

# A NULL stands for "leave it"; no column that can be changed here may itself become NULL.
UPDATE = f"""
UPDATE users SET
    updated_at = $2,
    email = coalesce($3, email),
    roles = coalesce($4, roles),
    is_active = coalesce($5, is_active),
    hashed_password = coalesce($6, hashed_password),
    tokens_valid_from = greatest($7, tokens_valid_from),
    email_verified = coalesce($9, email_verified AND email = coalesce($3, email)),
    profile = coalesce($10, profile)
WHERE id = $1 AND hashed_password = coalesce($8, hashed_password)
RETURNING {COLUMNS}
"""  # noqa: S608 - as above

REPLACE_HASH = "UPDATE users SET hashed_password = $3 WHERE id = $1 AND hashed_password = $2 RETURNING id"

# With it goes what is of no use without a user, and might tell of a person.
DELETE = """
WITH gone AS (DELETE FROM users WHERE id = $1 RETURNING username),
signed_out AS (DELETE FROM sessions WHERE username = (SELECT username FROM gone)),
taken_back AS (DELETE FROM connections WHERE username = (SELECT username FROM gone))
SELECT username FROM gone
"""
PAGE = f"SELECT {COLUMNS} FROM users WHERE username > $1 ORDER BY username LIMIT $2"  # noqa: S608 - as above

TAKEN: dict[str, type[UsernameTaken | EmailTaken]] = {
    "usernames_pkey": UsernameTaken,
    "users_username_key": UsernameTaken,
    "users_email_key": EmailTaken,
}


class PostgresUsers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, user: User) -> None:
        try:
            await self._database.fetchrow(
                CREATE,
                user.id,
                user.username,
                user.email,
                user.hashed_password,
                user.is_active,
                list(user.roles),
                user.tokens_valid_from,
                user.created_at,
                user.updated_at,
                user.email_verified,
                json.dumps(dict(user.profile)),
            )
        except asyncpg.UniqueViolationError as violation:
            raise _taken(violation) from None

    async def get_by_id(self, user_id: UUID) -> User | None:
        return _user(await self._database.fetchrow(BY_ID, user_id))

    async def get_by_username(self, username: str) -> User | None:
        return _user(await self._database.fetchrow(BY_USERNAME, username))

    async def update(self, user_id: UUID, changes: UserChanges) -> User:
        try:
            row = await self._database.fetchrow(
                UPDATE,
                user_id,
                changes.at,
                _or_null(changes.email),
                None if isinstance(changes.roles, Unset) else list(changes.roles),
                _or_null(changes.is_active),
                _or_null(changes.hashed_password),
                _or_null(changes.tokens_valid_from),
                changes.expected_hash,
                _or_null(changes.email_verified),
                None if isinstance(changes.profile, Unset) else json.dumps(dict(changes.profile)),
            )
        except asyncpg.UniqueViolationError as violation:
            raise _taken(violation) from None
        if row is not None:
            return as_user(row)
        if changes.expected_hash is not None and await self.get_by_id(user_id) is not None:
            raise ChangedMeanwhile
        raise UserNotFound

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> bool:
        return await self._database.fetchrow(REPLACE_HASH, user_id, old, new) is not None

    async def delete(self, user_id: UUID) -> None:
        if await self._database.fetchrow(DELETE, user_id) is None:
            raise UserNotFound

    async def page(self, *, after: str | None, limit: int) -> Page:
        rows = await self._database.fetch(PAGE, after or "", limit + 1)
        users = tuple(as_user(row) for row in rows[:limit])
        return Page(users, users[-1].username if len(rows) > limit else None)


def _or_null(value: object) -> object:
    return None if isinstance(value, Unset) else value


def _user(row: asyncpg.Record | None) -> User | None:
    return None if row is None else as_user(row)


def as_user(row: asyncpg.Record, *, start: int = 0) -> User:
    """The user whose `COLUMNS` begin at `start`, the last of the row. By position, which is faster than by name."""
    values: tuple[Any, ...] = row[start:]
    (
        user_id, username, email, hashed_password, is_active, roles, tokens_valid_from, created_at, updated_at,
        email_verified, profile,
    ) = values  # fmt: skip
    return User(
        id=user_id,
        username=username,
        email=email,
        hashed_password=hashed_password,
        created_at=created_at,
        updated_at=updated_at,
        is_active=is_active,
        roles=roles,
        tokens_valid_from=tokens_valid_from,
        email_verified=email_verified,
        profile={} if profile == "{}" else json.loads(profile),
    )


def _taken(violation: asyncpg.UniqueViolationError) -> Conflict:
    return TAKEN[violation.constraint_name or ""]()


_: type[UserRepository] = PostgresUsers
