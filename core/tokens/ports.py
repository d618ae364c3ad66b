"""What the tokens area asks of the outside: signatures, and a memory of what was issued and ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from core.protocol.secret import Secret
from core.tokens.model import AccessToken, Family, Standing
from core.users.model import User


class TokenSigner(Protocol):
    async def sign(self, claims: Mapping[str, object], *, typ: str, algorithm: str | None = None) -> Secret:
        """A compact JWS (RFC 7515 §3.1) over the claims, its header with this `typ`.

        By the algorithm of access tokens, or by another one for which there are key pairs.
        """


class TokenVerifier(Protocol):
    async def verify(self, token: Secret, *, typ: str, by_old: bool = False) -> Mapping[str, object]:
        """The claims under a signature that one of our own keys made, with the algorithm of that key and this `typ`.

        With `by_old` keys count that are no longer published, for tokens that say something after they have expired; a
        key that was withdrawn never does.

        Says nothing of what the claims mean. Raises `InvalidToken`, whatever the token consists of.
        """


class Deriver(Protocol):
    async def derive(self, purpose: str, data: bytes) -> bytes:
        """32 bytes that nobody without the server's key can foretell (HMAC-SHA256); the same for all workers."""


class Pseudonyms(Protocol):
    """Names by which a user is known in one sector, and that tell nobody else who it is (OpenID Connect Core §8.1)."""

    async def hide(self, sector: str, username: str) -> str:
        """Begins with `PSEUDONYM`; always the same for the same two, and at most 255 characters."""

    async def username_of(self, pseudonym: str) -> str | None:
        """None for a text that this server did not make."""


@frozen
class Rotation:
    """A refresh token that somebody presents, and what may become of its family.

    `scope` and `audience` are what is asked for, which must lie within what was granted. Families from before
    `valid_from` have ended.
    """

    family: UUID
    client_id: str | None
    presented: bytes = field(repr=False)
    successor: bytes = field(repr=False)
    at: datetime
    grace: timedelta
    idle: timedelta
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    valid_from: datetime | None


@frozen
class Rotated:
    """The token was exchanged for its successor, now or a moment ago. `user` is whose it is, as stored before."""

    family: Family
    user: User | None = None


@frozen
class Reused:
    """The token had been exchanged before. Its family is revoked, and that is committed."""

    family: Family


@frozen
class Exceeded:
    """The token is good, and more was asked than it is good for. Nothing has changed."""

    family: Family


class RefreshFamilies(Protocol):
    """Each method is one transaction. All raise `Unavailable` when the store is away."""

    async def start(self, family: Family) -> None: ...

    async def rotate(self, step: Rotation) -> Rotated | Reused | Exceeded | None:
        """Decide and change in one statement. None for a family that is not this client's, has ended, or is none."""

    async def find(self, family: UUID) -> Family | None: ...

    async def revoke(self, family: UUID, *, at: datetime) -> None:
        """Whatever came of this grant ends. Nothing happens to a family that has ended before."""


class AccessTokenLedger(Protocol):
    """What the store says of access tokens, which by themselves are good until they expire."""

    async def standing(self, token: AccessToken) -> Standing:
        """In one statement, so that what was committed before counts."""

    async def revoke(self, jti: str, *, until: datetime) -> None:
        """This one ends, or every one with a `grant_id` that is spelled so. The note is needed until it has expired."""

    async def all_valid_from(self) -> datetime | None:
        """The instant of the last `end_all`."""

    async def end_all(self, valid_from: datetime) -> None:
        """Every token with an `iat` before this whole second ends, refresh tokens included. Only moves forward."""
