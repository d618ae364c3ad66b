"""Tokens by a secret that several services share (JWT_SECRET_KEY)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from joserfc.jwk import OctKey

from adapters.jose import signatures
from core.keys.ports import PublicKeys
from core.protocol.secret import Secret
from core.tokens.ports import Deriver, TokenSigner, TokenVerifier


class SharedSecretTokens:
    """HMAC with HS256, HS384 or HS512. Whoever can verify such a token can also make one: nothing is published."""

    def __init__(self, secret: Secret, algorithm: str) -> None:
        self._key = OctKey.import_key(secret.reveal().encode())
        self._algorithm = algorithm
        self._rules = signatures.registry(algorithm)
        self._signers: dict[str, signatures.Signer] = {}

    async def prepare(self) -> None:
        return None

    async def sign(self, claims: Mapping[str, object], *, typ: str, algorithm: str | None = None) -> Secret:
        if algorithm is not None:
            raise ValueError("there are no key pairs beside a shared secret")
        if typ not in self._signers:
            self._signers[typ] = signatures.Signer({"alg": self._algorithm, "typ": typ}, self._key, self._rules)
        return self._signers[typ](claims)

    async def verify(self, token: Secret, *, typ: str, by_old: bool = False) -> Mapping[str, object]:
        return signatures.verify(token, typ=typ, find_key=self._find, rules=self._rules)

    async def jwks(self) -> Sequence[Mapping[str, str]]:
        return ()

    def _find(self, kid: str | None) -> OctKey | None:
        return self._key if kid is None else None


class SharedSecretDeriver:
    """From the shared secret, which every server has: apart from signatures by a label of its own."""

    def __init__(self, secret: Secret) -> None:
        self._key = hmac.digest(secret.reveal().encode(), b"watchword derivation key", "sha256")

    async def derive(self, purpose: str, data: bytes) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\0" + data, "sha256")


_signer: type[TokenSigner] = SharedSecretTokens
_verifier: type[TokenVerifier] = SharedSecretTokens
_public: type[PublicKeys] = SharedSecretTokens
_deriver: type[Deriver] = SharedSecretDeriver
