"""What the keys area asks of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from core.keys.model import SigningKey


class SigningKeyStore(Protocol):
    """Where key pairs are kept. Each method is one transaction and raises `Unavailable` when the store is away."""

    async def all(self) -> tuple[SigningKey, ...]:
        """Every key that there ever was, in the order in which they sign."""

    async def establish(self, candidate: SigningKey) -> bool:
        """Keep the candidate, if its predecessor has no other successor; if it has no predecessor, as the first key of
        its algorithm. Of many candidates at once one is kept. True for that one.
        """

    async def advance(self, kid: str, signs_from: datetime) -> bool:
        """Let a key sign from an earlier instant on. True when that is earlier than it was."""

    async def withdraw(self, kid: str, *, at: datetime) -> bool:
        """From now on the key counts for nothing. True when it did before."""

    async def replace_sealed(self, kid: str, old: str, new: str) -> bool:
        """The same private key, sealed anew. True when it was still `old`."""


class SealedSecrets(Protocol):
    """Secrets of the server itself that all workers share, sealed. Each method is one transaction."""

    async def establish(self, name: str, sealed: str) -> str:
        """What is kept under the name: the candidate, if there was nothing. Of many at once one is kept."""

    async def all(self) -> Mapping[str, str]: ...

    async def replace(self, name: str, old: str, new: str) -> bool:
        """True when it was still `old`."""


class KeyMaker(Protocol):
    async def make(self, algorithm: str, *, signs_from: datetime, predecessor: str | None, at: datetime) -> SigningKey:
        """A fresh key pair, its private half sealed."""


class Resealer(Protocol):
    def reseal(self, sealed: str, *, name: str) -> str | None:
        """The same under the current encryption key, None when it is under that already. Raises for an unknown one."""


class PublicKeys(Protocol):
    async def jwks(self) -> Sequence[Mapping[str, str]]:
        """The JWKs by which others verify our tokens; none when the key is a shared secret."""
