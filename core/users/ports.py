"""What the users area asks of the outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from core.protocol.unset import UNSET, Unset
from core.users.model import User
from core.users.password import Password
from core.users.profile import Profile


@frozen
class UserChanges:
    """The columns of a user that one request changes; whatever is `UNSET` stays as it is stored.

    Values have passed the rules of `core.users.model`. With `expected_hash` the change applies only while that
    is the stored hash, so that of two password changes at once one loses. `tokens_valid_from` only moves forward. An
    address that differs from the one before is not verified, unless `email_verified` says so.
    """

    at: datetime
    email: str | Unset = UNSET
    email_verified: bool | Unset = UNSET
    profile: Profile | Unset = field(default=UNSET, repr=False)
    roles: tuple[str, ...] | Unset = UNSET
    is_active: bool | Unset = UNSET
    hashed_password: str | Unset = field(default=UNSET, repr=False)
    tokens_valid_from: datetime | Unset = UNSET
    expected_hash: str | None = field(default=None, repr=False)


@frozen
class Page:
    """Users in the order of their usernames. `next` is the cursor of the page that follows, or None."""

    users: tuple[User, ...]
    next: str | None


class UserRepository(Protocol):
    """Where users are kept. Each method is one transaction. All raise `Unavailable` when the store is away."""

    async def create(self, user: User) -> None:
        """Keep a new user. Raises `UsernameTaken` (also for a name that was ever used), `EmailTaken`."""

    async def get_by_id(self, user_id: UUID) -> User | None: ...

    async def get_by_username(self, username: str) -> User | None: ...

    async def update(self, user_id: UUID, changes: UserChanges) -> User:
        """The user after the change. Raises `UserNotFound`, `EmailTaken`, `ChangedMeanwhile` (`expected_hash`)."""

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> bool:
        """Put a better hash of the same password in place, unless the stored one is no longer `old`.

        True when it was replaced. Neither `updated_at` nor the tokens of the user are touched.
        """

    async def delete(self, user_id: UUID) -> None:
        """Forget a user, but for the name, which stays used for ever. Raises `UserNotFound`."""

    async def page(self, *, after: str | None, limit: int) -> Page:
        """Up to `limit` users whose usernames come after `after`, in the order of their code points."""


@frozen
class Tally:
    """Failed attempts that were counted under one key: how many, since when, and when the last one was."""

    key: bytes
    failures: int
    since: datetime
    last: datetime


class TallyStore(Protocol):
    """Counts of failed attempts, shared by all workers. Each method is one transaction. All raise `Unavailable`."""

    async def read(self, keys: Collection[bytes]) -> Sequence[Tally]:
        """What is counted under these keys; nothing for a key without failures."""

    async def count(self, stale: Mapping[bytes, datetime], *, at: datetime) -> Sequence[Tally]:
        """One failure more under each key; what is counted now. A count that began at or before the key's value begins
        anew.
        """

    async def clear(self, keys: Collection[bytes]) -> None: ...


class PasswordHasher(Protocol):
    """Slow, salted password hashes. Raises `Overloaded` when too many are waiting."""

    async def hash(self, password: Password) -> str:
        """A new hash of a password that is `possible`."""

    async def verify(self, password: Password, hashed: str | None) -> bool:
        """Whether `hashed` was made from `password`. None stands for nobody's hash: it takes as long, and is False."""

    def outdated(self, hashed: str) -> bool:
        """Whether a new hash of the same password would be a better one."""
