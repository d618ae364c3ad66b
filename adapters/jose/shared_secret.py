"""Tokens by a secret that several services share (JWT_SECRET_KEY)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from joserfc.jwk import OctKey

from adapters.jose import signatures
from core.keys.ports import PublicKeys
from core.protocol.secret import Secret
from core.tokens.ports import TokenSigner, TokenVerifier


class SharedSecretTokens:
    """HMAC with HS256, HS384 or HS512. Whoever can verify such a token can also make one: nothing is published."""

    def __init__(self, secret: Secret, algorithm: str) -> None:
        self._key = OctKey.import_key(secret.reveal().encode())
        self._header = {"alg": algorithm}
        self._rules = signatures.registry(algorithm)

    async def prepare(self) -> None:
        return None

    async def sign(self, claims: Mapping[str, object], *, typ: str) -> Secret:
        return signatures.sign(claims, header={**self._header, "typ": typ}, key=self._key, rules=self._rules)

    async def verify(self, token: Secret, *, typ: str) -> Mapping[str, object]:
        return signatures.verify(token, typ=typ, find_key=self._find, rules=self._rules)

    async def jwks(self) -> Sequence[Mapping[str, str]]:
        return ()

    def _find(self, kid: str | None) -> OctKey | None:
        return self._key if kid is None else None


_signer: type[TokenSigner] = SharedSecretTokens
_verifier: type[TokenVerifier] = SharedSecretTokens
_public: type[PublicKeys] = SharedSecretTokens
