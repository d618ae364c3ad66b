"""The server's own HMAC key, shared by all workers: made on first use, kept sealed in the store."""

from __future__ import annotations

import base64
import hmac
import secrets

from adapters.jose.sealing import Sealer
from core.keys.ports import SealedSecrets
from core.tokens.ports import Deriver

NAME = "derivation"
KEY_BYTES = 32


class SealedDeriver:
    def __init__(self, store: SealedSecrets, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._key: bytes | None = None

    async def derive(self, purpose: str, data: bytes) -> bytes:
        """Raises `Unavailable`, `SealError`."""
        if self._key is None:
            fresh = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
            sealed = await self._store.establish(NAME, self._sealer.seal(fresh, name=NAME))
            self._key = base64.b64decode(self._sealer.open(sealed, name=NAME))
        return hmac.digest(self._key, purpose.encode() + b"\0" + data, "sha256")


_: type[Deriver] = SealedDeriver
