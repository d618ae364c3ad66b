"""The key that signs, and what the world may see of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

# RFC 7517 §4 and RFC 7518 §6.2.1, §6.3.1, RFC 8037 §2: the members of a key that are public.
PUBLIC_MEMBERS = frozenset({"kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"})


@frozen
class SigningKey:
    """A key pair as it is kept: the public JWK in the open, the private one sealed (encrypted) by whoever made it."""

    kid: str
    algorithm: str
    public_jwk: Mapping[str, str]
    sealed_private_key: str = field(repr=False)
    created_at: datetime
