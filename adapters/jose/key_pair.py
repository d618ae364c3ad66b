"""Tokens by a key pair: the private half signs here, the public half is published."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

from attrs import frozen
from joserfc.jwk import ECKey

from adapters.jose import signatures
from adapters.jose.sealing import Sealer
from core.keys.model import SigningKey
from core.keys.ports import PublicKeys, SigningKeyStore
from core.ports import Clock
from core.protocol.secret import Secret
from core.tokens.ports import TokenSigner, TokenVerifier

ALGORITHM = "ES256"
CURVE = "P-256"


@frozen(repr=False)
class LoadedKey:
    kid: str
    private: ECKey
    public: ECKey
    public_jwk: Mapping[str, str]


class KeyPairTokens:
    """ES256. The key is made on first use, kept sealed in the store, and read from there once per process."""

    def __init__(self, store: SigningKeyStore, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._rules = signatures.registry(ALGORITHM)
        self._loaded: LoadedKey | None = None
        self._loading: asyncio.Task[LoadedKey] | None = None

    async def prepare(self) -> None:
        """Fetch or make the key now rather than with the first token. Raises `Unavailable`, `SealError`."""
        await self._load()

    async def _load(self) -> LoadedKey:
        """The key, from the store when this process has none yet. Raises `Unavailable`, `SealError`."""
        if self._loaded is not None:
            return self._loaded
        # All who wait share one attempt, and its failure: in turn, each would wait as long as the store is silent.
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._fetch())
        self._loaded = await asyncio.shield(self._loading)
        return self._loaded

    async def _fetch(self) -> LoadedKey:
        return self._open(await self._store.active(ALGORITHM) or await self._establish())

    async def sign(self, claims: Mapping[str, object], *, typ: str) -> Secret:
        loaded = await self._load()
        header = {"alg": ALGORITHM, "typ": typ, "kid": loaded.kid}
        return signatures.sign(claims, header=header, key=loaded.private, rules=self._rules)

    async def verify(self, token: Secret, *, typ: str) -> Mapping[str, object]:
        loaded = await self._load()
        return signatures.verify(
            token, typ=typ, find_key=lambda kid: loaded.public if kid == loaded.kid else None, rules=self._rules
        )

    async def jwks(self) -> Sequence[Mapping[str, str]]:
        return ((await self._load()).public_jwk,)

    async def _establish(self) -> SigningKey:
        """Offer a fresh key to the store, which keeps the first that any process offers."""
        key = ECKey.generate_key(CURVE, private=True)
        kid = key.thumbprint()  # RFC 7638
        private = json.dumps(key.as_dict(private=True))
        return await self._store.establish(
            SigningKey(
                kid=kid,
                algorithm=ALGORITHM,
                public_jwk={**_texts(key.as_dict(private=False)), "kid": kid, "use": "sig", "alg": ALGORITHM},
                sealed_private_key=self._sealer.seal(private, name=kid),
                created_at=self._clock.now(),
            )
        )

    def _open(self, stored: SigningKey) -> LoadedKey:
        private = json.loads(self._sealer.open(stored.sealed_private_key, name=stored.kid))
        public = {name: value for name, value in private.items() if name != "d"}
        return LoadedKey(stored.kid, ECKey.import_key(private), ECKey.import_key(public), stored.public_jwk)


def _texts(jwk: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name, value in jwk.items() if isinstance(value, str)}


_signer: type[TokenSigner] = KeyPairTokens
_verifier: type[TokenVerifier] = KeyPairTokens
_public: type[PublicKeys] = KeyPairTokens
