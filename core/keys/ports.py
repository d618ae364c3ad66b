"""What the keys area asks of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.keys.model import SigningKey


class SigningKeyStore(Protocol):
    """Where key pairs are kept. Each method is one transaction and raises `Unavailable` when the store is away."""

    async def active(self, algorithm: str) -> SigningKey | None:
        """The key that signs with this algorithm, if there is one yet."""

    async def establish(self, candidate: SigningKey) -> SigningKey:
        """The active key of the candidate's algorithm: the candidate, if there was none. Of many at once one wins."""


class PublicKeys(Protocol):
    async def jwks(self) -> Sequence[Mapping[str, str]]:
        """The JWKs by which others verify our tokens; none when the key is a shared secret."""
