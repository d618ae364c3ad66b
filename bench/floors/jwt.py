"""ES256 and RS256 (RFC 7518 §3.3, §3.4) by the shortest way through joserfc: key objects are kept, and no header is
looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import json_b64encode, urlsafe_b64decode, urlsafe_b64encode

REGISTRY = JWSRegistry(algorithms=["ES256", "RS256"])
ES256 = REGISTRY.get_alg("ES256")
RSA_BITS = 2048  # as the server's


class Signer:
    """Signs with a key of its own, under a header that is written once."""

    def __init__(self, algorithm: str, typ: str) -> None:
        self._algorithm = REGISTRY.get_alg(algorithm)
        self._key = ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(RSA_BITS)
        self._header = json_b64encode({"alg": algorithm, "typ": typ, "kid": self._key.thumbprint()}) + b"."

    def __call__(self, claims: Mapping[str, Any]) -> str:
        signed = self._header + urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
        return (signed + b"." + urlsafe_b64encode(self._algorithm.sign(signed, self._key))).decode()


class Verifier:
    def __init__(self, public_jwk: Mapping[str, Any]) -> None:
        self._key = ECKey.import_key(dict(public_jwk))

    def __call__(self, token: bytes) -> dict[str, Any]:
        signed, _, signature = token.rpartition(b".")
        if not ES256.verify(signed, urlsafe_b64decode(signature), self._key):
            raise PermissionError
        claims: dict[str, Any] = json.loads(urlsafe_b64decode(signed.partition(b".")[2]))
        return claims
