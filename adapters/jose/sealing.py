"""Private keys at rest: encrypted (JWE, A256GCM) with a key that is not in the database."""

from __future__ import annotations

import base64
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from core.keys.ports import Resealer
from core.protocol.secret import Secret

KEY_BYTES = 32
FILE_NAME = "encryption.key"


class SealError(Exception):
    """A key that cannot be read, or that does not open what it should."""


class Sealer:
    """Encrypts with an AES-256 key. What is sealed under a name opens only under the same name.

    `previous` are keys that were in use before: they open, and seal nothing any more.
    """

    def __init__(self, key: Secret, *previous: Secret) -> None:
        self._key, *self._previous = (OctKey.import_key(_decode(one.reveal())) for one in (key, *previous))
        self._rules = jwe.JWERegistry(algorithms=["dir", "A256GCM"])

    def seal(self, text: str, *, name: str) -> str:
        header = {"alg": "dir", "enc": "A256GCM", "kid": name}
        return jwe.encrypt_compact(header, text.encode(), self._key, registry=self._rules)

    def open(self, sealed: str, *, name: str) -> str:
        """Raises `SealError` when it was sealed by an unknown key, under another name, or is damaged."""
        for key in self._previous:
            with suppress(SealError):
                return self._open(sealed, key, name)
        return self._open(sealed, self._key, name)

    def reseal(self, sealed: str, *, name: str) -> str | None:
        """Raises `SealError`."""
        try:
            self._open(sealed, self._key, name)
        except SealError:
            return self.seal(self.open(sealed, name=name), name=name)
        return None

    def _open(self, sealed: str, key: OctKey, name: str) -> str:
        try:
            opened = jwe.decrypt_compact(sealed, key, registry=self._rules)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SealError(
                "a key in the database was sealed with another encryption key: set WATCHWORD_ENCRYPTION_KEY "
                "to that one, or bring back its encryption.key"
            ) from error
        if opened.plaintext is None or opened.headers().get("kid") != name:
            raise SealError("sealed under another name")
        return opened.plaintext.decode()


_: type[Resealer] = Sealer


def fresh_key() -> Secret:
    return Secret(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode())


def _decode(text: str) -> bytes:
    """Raises `SealError` without a word of the text."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}=?", text):
        raise SealError("the encryption key is not 32 bytes in base64url")
    return base64.urlsafe_b64decode(text[:43] + "=")


def keys_in(folder: Path) -> tuple[Secret, ...]:
    """The encryption keys kept in this folder, a line each, the one in use first. The first one is made on first use
    (owner-only; of several processes one makes it).
    """
    path = folder / FILE_NAME
    # Root's data directory also holds the embedded database, whose account must be able to pass through.
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    folder.mkdir(mode=0o711 if as_root else 0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Written aside and linked into place: nobody ever reads half a key, and nobody's key is replaced.
        draft = folder / f".{FILE_NAME}.{secrets.token_hex(8)}"
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as file:
                file.write(fresh_key().reveal())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)
            _flush(folder)  # what it seals is in a database that survives a power cut
        finally:
            draft.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(fd) as file:
        status = os.fstat(fd)
        if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o077):
            raise SealError(
                f"{path} is not this account's alone: chown and chmod 600 it, or replace it if it was exposed"
            )
        return tuple(map(Secret, file.read().split())) or (Secret(""),)


def _flush(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
