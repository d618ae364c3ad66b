"""A workshop for signed tokens: any header, any claims, any key."""

from __future__ import annotations

import base64
import hmac
import json
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey

from adapters.jose.signatures import Registry
from core.protocol.secret import Secret

PairKey = ECKey | OKPKey | RSAKey


@cache
def a_key(kind: str = "P-256", name: str = "") -> PairKey:
    """The key of this kind and name; RSA by its bits. Making it once is enough, most of all for RSA."""
    if kind.isdigit():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of small ones
            return RSAKey.generate_key(int(kind), private=True)
    if kind == "Ed25519":
        return OKPKey.generate_key("Ed25519", private=True)
    return ECKey.generate_key(kind, private=True)


def public(key: PairKey, **others: object) -> dict[str, object]:
    """The public JWK, with other members beside it."""
    return {**key.as_dict(private=False), **others}


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hmac(header: object, claims: object, key: bytes, digest: str = "sha256") -> Secret:
    """By hand, so that no library has a say in what stands in it."""
    text = f"{encoded(header)}.{encoded(claims)}"
    return Secret(f"{text}.{encoded(hmac.digest(key, text.encode(), digest))}")


def signed(claims: object, key: PairKey, alg: str, header: Mapping[str, object] | None = None) -> Secret:
    """With what this algorithm makes of the key, whatever the header says in the end."""
    text = f"{encoded({'alg': alg, **(header or {})})}.{encoded(claims)}"
    algorithm: Any = Registry.algorithms[alg]
    return Secret(f"{text}.{encoded(algorithm.sign(text.encode(), key))}")
