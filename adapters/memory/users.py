"""Users in the memory of one process: for tests, and for trying Watchword without a database."""

from __future__ import annotations

import asyncio
from uuid import UUID

import attrs

from adapters.memory.epoch import Epoch
from core.protocol.refusals import ChangedMeanwhile, EmailTaken, UsernameTaken, UserNotFound
from core.protocol.unset import Unset
from core.users.model import User
from core.users.ports import Page, UserChanges, UserRepository
from core.users.profile import frozen_profile


class MemoryUsers:
    """Each verb yields once, as a database would, and then decides and changes without another pause."""

    def __init__(self, names: set[str] | None = None, epoch: Epoch | None = None) -> None:
        """`names` are all that were ever given out, to users and to clients."""
        self._epoch = epoch or Epoch()
        self._users: dict[UUID, User] = {}
        self._names = set() if names is None else names

    async def create(self, user: User) -> None:
        await asyncio.sleep(0)
        if user.username in self._names:
            raise UsernameTaken
        self._claim_email(user)
        if user.id in self._users:
            raise KeyError(user.id)
        self._names.add(user.username)
        self._users[user.id] = _copied(user)

    async def get_by_id(self, user_id: UUID) -> User | None:
        await asyncio.sleep(0)
        return self._users.get(user_id)

    async def get_by_username(self, username: str) -> User | None:
        await asyncio.sleep(0)
        user = self.named(username)
        return None if user is None else self.with_epoch(user)

    def named(self, username: str) -> User | None:
        return next((user for user in self._users.values() if user.username == username), None)

    def with_epoch(self, user: User) -> User:
        """The instant before which all tokens have ended is everybody's own."""
        return attrs.evolve(user, tokens_valid_from=self._epoch.with_own(user.tokens_valid_from))

    async def update(self, user_id: UUID, changes: UserChanges) -> User:
        await asyncio.sleep(0)
        user = self._users.get(user_id)
        if user is None:
            raise UserNotFound
        if changes.expected_hash not in (None, user.hashed_password):
            raise ChangedMeanwhile
        fields = attrs.asdict(changes, recurse=False, filter=_is_column)
        if fields.get("email", user.email) != user.email:
            fields.setdefault("email_verified", False)
        changed = attrs.evolve(user, updated_at=changes.at, **fields)
        if user.tokens_valid_from and changed.tokens_valid_from:
            latest = max(user.tokens_valid_from, changed.tokens_valid_from)
            changed = attrs.evolve(changed, tokens_valid_from=latest)
        self._claim_email(changed)
        self._users[user_id] = _copied(changed)
        return changed

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> bool:
        await asyncio.sleep(0)
        user = self._users.get(user_id)
        if user is None or user.hashed_password != old:
            return False
        self._users[user_id] = attrs.evolve(user, hashed_password=new)
        return True

    async def delete(self, user_id: UUID) -> None:
        await asyncio.sleep(0)
        if self._users.pop(user_id, None) is None:
            raise UserNotFound

    async def page(self, *, after: str | None, limit: int) -> Page:
        await asyncio.sleep(0)
        rest = sorted((u for u in self._users.values() if after is None or u.username > after), key=_name)
        users = tuple(rest[:limit])
        return Page(users, users[-1].username if len(rest) > limit else None)

    def _claim_email(self, user: User) -> None:
        for other in self._users.values():
            if other.id != user.id and other.email.lower() == user.email.lower():
                raise EmailTaken


def _is_column(attribute: attrs.Attribute[object], value: object) -> bool:
    return attribute.name not in {"at", "expected_hash"} and not isinstance(value, Unset)


def _copied(user: User) -> User:
    return attrs.evolve(user, profile=frozen_profile(user.profile)) if user.profile else user


def _name(user: User) -> str:
    return user.username


_: type[UserRepository] = MemoryUsers
