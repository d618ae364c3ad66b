"""Pairwise subjects (OpenID Connect Core §8.1): usernames under AES-SIV, by keys that follow from the server's own."""

from __future__ import annotations

import base64
import hashlib
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from core.tokens.model import PSEUDONYM
from core.tokens.ports import Deriver, Pseudonyms

SECTOR_BYTES = 16
USERNAME_BYTES = 64  # every one is as long, so that nothing tells how long the name is

# A tag of 16 bytes and the two: 96, so that base64url has one spelling of them.
_FORM = re.compile(PSEUDONYM + r"[A-Za-z0-9_-]{128}")


class SealedPseudonyms:
    """The same sector and username give the same text, which nobody without the keys can open or foretell."""

    def __init__(self, deriver: Deriver) -> None:
        self._deriver = deriver
        self._cipher: AESSIV | None = None

    async def hide(self, sector: str, username: str) -> str:
        where = hashlib.sha256(sector.encode("utf-8", "surrogatepass")).digest()[:SECTOR_BYTES]
        plain = where + username.encode("ascii").ljust(USERNAME_BYTES, b"\0")
        sealed = (await self._keys()).encrypt(plain, None)
        return PSEUDONYM + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    async def username_of(self, pseudonym: str) -> str | None:
        if not _FORM.fullmatch(pseudonym):
            return None
        try:
            plain = (await self._keys()).decrypt(base64.urlsafe_b64decode(pseudonym.removeprefix(PSEUDONYM)), None)
        except InvalidTag:
            return None
        return plain[SECTOR_BYTES:].rstrip(b"\0").decode("ascii")

    async def _keys(self) -> AESSIV:
        if self._cipher is None:
            halves = [await self._deriver.derive(f"pairwise subjects {half}", b"") for half in (1, 2)]
            self._cipher = AESSIV(b"".join(halves))
        return self._cipher


_: type[Pseudonyms] = SealedPseudonyms
