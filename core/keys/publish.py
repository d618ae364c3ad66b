"""The key set that anybody may fetch."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from core.keys.model import PUBLIC_MEMBERS
from core.keys.ports import PublicKeys


@frozen
class PublishKeys:
    keys: PublicKeys

    async def __call__(self) -> Mapping[str, list[Mapping[str, str]]]:
        """A JWK Set (RFC 7517 §5) of public members alone; a symmetric key never enters it."""
        published: list[Mapping[str, str]] = []
        for jwk in await self.keys.jwks():
            if jwk.get("kty") not in {"EC", "RSA", "OKP"}:
                raise ValueError("only the public half of a key pair can be published")
            published.append({name: value for name, value in jwk.items() if name in PUBLIC_MEMBERS})
        return {"keys": published}
