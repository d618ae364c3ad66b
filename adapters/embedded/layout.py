"""Where things lie: the data directory, what is in it, and the way to the server's socket."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.files import give_folder
from core.protocol.secret import Secret

PORT = 5432
"""No TCP port: the number in the name of the socket."""
ROLE = DATABASE = "watchword"
SOCKET = f".s.PGSQL.{PORT}"

_LONGEST_SOCKET = 100
"""Bytes. `sun_path` holds 108 on Linux, 104 on macOS."""


@dataclass(frozen=True)
class Layout:
    """The paths below a data directory, the same for every process that uses it.

    The directory belongs to the running user, and so do the files beside `postgres`; only that folder belongs
    to the account that runs PostgreSQL, so that it cannot tamper with the rest.
    """

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def data(self) -> Path:
        return self.postgres / "data"

    @property
    def password(self) -> Path:
        return self.root / "postgres.password"

    @property
    def lock(self) -> Path:
        return self.root / "postgres.lock"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def handover(self) -> Path:
        """A folder for the password on its way to initdb; it lives for the second that initdb takes."""
        return self.root / "postgres.initdb"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: `postgres`, or a short one where that path is too long or has a comma.

        libpq and asyncpg read a comma as the start of another host.
        """
        usual = os.fsencode(self.postgres / f"{SOCKET}.lock")
        if len(usual) <= _LONGEST_SOCKET and b"," not in usual:
            return self.postgres
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path("/tmp", f"watchword-{os.geteuid()}-{digest}")  # noqa: S108 -- `give_folder` refuses a squatter's

    def dsn(self, password: Secret) -> Secret:
        """The address that asyncpg and psycopg both understand."""
        host = quote(str(self.sockets), safe="")
        return Secret(f"postgresql://{ROLE}:{quote(password.reveal(), safe='')}@/{DATABASE}?host={host}&port={PORT}")

    def claim_root(self) -> None:
        """Make the data directory, or check the one there is. Safe to run beside others doing the same."""
        try:
            _make_folders(self.root)
            status = self.root.lstat()
            names = {entry.name for entry in self.root.iterdir()}
        except OSError as error:
            raise EmbeddedPostgresError(
                f"cannot use the data directory {self.root} ({error.strerror}): choose another with WATCHWORD_DATA_DIR"
            ) from None
        if status.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"the data directory {self.root} belongs to user id {status.st_uid}, but Watchword "
                f"runs as user id {os.geteuid()}: run it as the owner, "
                "or choose another directory with WATCHWORD_DATA_DIR"
            )
        self._tighten(stat.S_IMODE(status.st_mode), names)

    def _tighten(self, mode: int, names: set[str]) -> None:
        """Close a directory that is ours: an empty one, or one with our lock. Leave another's alone."""
        if not names and not mode & stat.S_ISVTX:
            wanted = _closed()
        elif self.lock.name in names and all(name.lstrip(".").startswith(_OURS) for name in names):
            wanted = mode & _closed()
        elif mode & 0o022:
            raise EmbeddedPostgresError(
                f"others may write to the data directory {self.root}, and it was not made by Watchword: "
                "choose a directory of its own with WATCHWORD_DATA_DIR"
            )
        else:
            return
        if mode != wanted:
            self.root.chmod(wanted)

    def claim(self, account: Account) -> None:
        """Make the account's folders. Only for the holder of the lock."""
        give_folder(self.postgres, account)
        if self.sockets != self.postgres:
            give_folder(self.sockets, account)

    def check_sockets(self) -> None:
        """Refuse a short socket folder that is not the account's: anyone may have made one of that name."""
        if self.sockets == self.postgres:
            return
        status = self.sockets.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != self.postgres.lstat().st_uid:
            raise EmbeddedPostgresError(f"{self.sockets} is not PostgreSQL's: find out who made it, and remove it")

    def drop_sockets(self) -> None:
        """Remove the short socket folder once nothing is in it."""
        if self.sockets != self.postgres:
            with contextlib.suppress(OSError):
                self.sockets.rmdir()


_OURS = ("postgres", "encryption.key")
"""How the names begin of all that Watchword puts into a data directory."""


def _closed() -> int:
    """The mode of our own folders: under root, the account must be able to pass through, no more."""
    return 0o711 if os.geteuid() == 0 else 0o700


def _make_folders(folder: Path) -> None:
    if folder.exists():
        return
    _make_folders(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    folder.chmod(_closed())  # whatever the umask is
