"""The keys that sign, in the order of time: next, active, retired.

Nothing is switched when a key takes over: each key says from when on it signs, all workers know that long before, and
what a key is follows from the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from attrs import field, frozen

# RFC 7517 §4 and RFC 7518 §6.2.1, §6.3.1, RFC 8037 §2: the members of a key that are public.
PUBLIC_MEMBERS = frozenset({"kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"})

# When a key that nobody schedules would begin to sign.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)

# Workers that have not heard of a rotation yet sign with the key before; this much longer at the most.
PICK_UP = timedelta(minutes=1)


@frozen
class SigningKey:
    """A key pair as it is kept: the public JWK in the open, the private one sealed (encrypted) by whoever made it.

    It signs from `signs_from` until its successor does, which names it as `predecessor`. From `withdrawn_at` on it
    counts for nothing.
    """

    kid: str
    algorithm: str
    public_jwk: Mapping[str, str]
    sealed_private_key: str = field(repr=False)
    created_at: datetime
    signs_from: datetime
    predecessor: str | None = None
    withdrawn_at: datetime | None = None


class KeyState(StrEnum):
    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"
    GONE = "gone"  # no longer published


@frozen
class KeyPolicy:
    """`ahead`: how long a key is published before it signs. `period`: how long it signs, None for as long as nobody
    rotates. `token_lifetime`: that of the tokens it signs.
    """

    algorithms: tuple[str, ...]
    ahead: timedelta
    period: timedelta | None
    token_lifetime: timedelta

    @property
    def keep(self) -> timedelta:
        """How long a key stays published after its successor began to sign."""
        return self.token_lifetime + PICK_UP


@frozen
class KeyRing:
    """All keys of a store."""

    keys: tuple[SigningKey, ...]

    def active(self, algorithm: str, at: datetime) -> SigningKey | None:
        """The key that began to sign last. By a clock that is behind, the first one may be still to begin."""
        usable = [key for key in self._of(algorithm) if key.withdrawn_at is None]
        begun = [key for key in usable if key.signs_from <= at]
        return max(begun, key=_begin, default=next((key for key in usable if key.predecessor is None), None))

    def next(self, algorithm: str, at: datetime) -> SigningKey | None:
        coming = [key for key in self._of(algorithm) if key.withdrawn_at is None and key.signs_from > at]
        return min(coming, key=_begin, default=None)

    def published_until(self, key: SigningKey, keep: timedelta) -> datetime:
        """When the last token that the key signed has expired."""
        if key.withdrawn_at is not None:
            return key.withdrawn_at
        others = (other for other in self._of(key.algorithm) if other.signs_from > key.signs_from)
        # One that was withdrawn before its time never took over.
        later = [one.signs_from for one in others if one.withdrawn_at is None or one.withdrawn_at > one.signs_from]
        return min(later) + keep if later and min(later) < NEVER else NEVER

    def published(self, at: datetime, keep: timedelta) -> tuple[SigningKey, ...]:
        return tuple(key for key in self.keys if self.published_until(key, keep) > at)

    def state(self, key: SigningKey, at: datetime, keep: timedelta) -> KeyState:
        if self.published_until(key, keep) <= at:
            return KeyState.GONE
        if key.signs_from > at:
            return KeyState.NEXT
        return KeyState.ACTIVE if self.active(key.algorithm, at) is key else KeyState.RETIRED

    def find(self, kid: str) -> SigningKey | None:
        return next((key for key in self.keys if key.kid == kid and key.withdrawn_at is None), None)

    def _of(self, algorithm: str) -> list[SigningKey]:
        return [key for key in self.keys if key.algorithm == algorithm]


def _begin(key: SigningKey) -> datetime:
    return key.signs_from
