"""ES256 (RFC 7518 §3.4) by the shortest way through joserfc: key objects are kept, and no header is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from joserfc.util import json_b64encode, urlsafe_b64decode, urlsafe_b64encode

ES256 = JWSRegistry(algorithms=["ES256"]).get_alg("ES256")


class Signer:
    """Signs with a key of its own, under a header that is written once."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256")
        self._header = json_b64encode({"alg": "ES256", "typ": "at+jwt", "kid": self._key.thumbprint()}) + b"."

    def __call__(self, claims: Mapping[str, Any]) -> str:
        signed = self._header + urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
        return (signed + b"." + urlsafe_b64encode(ES256.sign(signed, self._key))).decode()


class Verifier:
    def __init__(self, public_jwk: Mapping[str, Any]) -> None:
        self._key = ECKey.import_key(dict(public_jwk))

    def __call__(self, token: bytes) -> dict[str, Any]:
        signed, _, signature = token.rpartition(b".")
        if not ES256.verify(signed, urlsafe_b64decode(signature), self._key):
            raise PermissionError
        claims: dict[str, Any] = json.loads(urlsafe_b64decode(signed.partition(b".")[2]))
        return claims
