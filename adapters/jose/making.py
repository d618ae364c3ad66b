"""Key pairs: made, and read from their JWKs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import base64_to_int

from adapters.jose.sealing import Sealer
from core.keys.model import SigningKey
from core.keys.ports import KeyMaker

PairKey = ECKey | OKPKey | RSAKey

RSA_BITS = 2048

MAKERS: Mapping[str, Callable[[], PairKey]] = MappingProxyType(
    {
        "ES256": lambda: ECKey.generate_key("P-256", private=True),
        "RS256": lambda: RSAKey.generate_key(RSA_BITS, private=True),
        "EdDSA": lambda: OKPKey.generate_key("Ed25519", private=True),
    }
)

KINDS: Mapping[object, type[ECKey] | type[OKPKey] | type[RSAKey]] = MappingProxyType(
    {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
)


def imported(jwk: dict[str, object]) -> PairKey:
    """Raises `KeyError` for a key of another type, and what joserfc raises for one that is malformed."""
    members = {name: value for name, value in jwk.items() if isinstance(value, str | list)}
    return KINDS[jwk.get("kty")].import_key(members)


def unsealed(text: str) -> PairKey:
    """A private key of our own making, from what was under its seal.

    The seal says that nobody has changed it. To check the numbers of an RSA key again would take some 40 ms, in which
    nobody is served.
    """
    jwk = json.loads(text)
    if jwk["kty"] != "RSA":
        return imported(jwk)
    n, e, d, p, q, dp, dq, qi = (base64_to_int(jwk[name]) for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi"))
    numbers = RSAPrivateNumbers(p=p, q=q, d=d, dmp1=dp, dmq1=dq, iqmp=qi, public_numbers=RSAPublicNumbers(e, n))
    return RSAKey.import_key(numbers.private_key(unsafe_skip_rsa_key_validation=True))


class SealedKeyMaker:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def make(self, algorithm: str, *, signs_from: datetime, predecessor: str | None, at: datetime) -> SigningKey:
        # An RSA key takes up to a second.
        key = await asyncio.to_thread(MAKERS[algorithm]) if algorithm == "RS256" else MAKERS[algorithm]()
        kid = key.thumbprint()  # RFC 7638
        public = {name: value for name, value in key.as_dict(private=False).items() if isinstance(value, str)}
        return SigningKey(
            kid=kid,
            algorithm=algorithm,
            public_jwk={**public, "kid": kid, "use": "sig", "alg": algorithm},
            sealed_private_key=self._sealer.seal(json.dumps(key.as_dict(private=True)), name=kid),
            created_at=at,
            signs_from=signs_from,
            predecessor=predecessor,
        )


_: type[KeyMaker] = SealedKeyMaker
