"""What the tokens area asks of the outside: signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from core.protocol.secret import Secret


class TokenSigner(Protocol):
    async def sign(self, claims: Mapping[str, object], *, typ: str) -> Secret:
        """A compact JWS (RFC 7515 §3.1) over the claims, its header with this `typ`."""


class TokenVerifier(Protocol):
    async def verify(self, token: Secret, *, typ: str) -> Mapping[str, object]:
        """The claims under a signature that one of our own keys made, with the algorithm of that key and this `typ`.

        Says nothing of what the claims mean. Raises `InvalidToken`, whatever the token consists of.
        """
