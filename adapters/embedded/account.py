"""Who runs PostgreSQL, and how a program is started as that account."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adapters.embedded import launcher
from adapters.embedded.errors import EmbeddedPostgresError

if sys.platform != "win32":
    import pwd

_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Account:
    """The account that runs PostgreSQL: oneself, or an unprivileged one where Watchword runs as root."""

    name: str
    uid: int
    gid: int
    differs: bool
    """True where a child must shed root's privileges to become this account."""

    @classmethod
    def choose(cls, wanted: str | None, folder: Path) -> Self:
        """The account for the data in `folder`; `wanted` counts only for root, who alone has a choice."""
        if os.geteuid() != 0:
            return cls._oneself()
        names = [wanted] if wanted else [*_owner_of(folder), "postgres", "nobody"]
        for name in names:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            if entry.pw_uid == 0:
                raise EmbeddedPostgresError(f"PostgreSQL refuses to run as root: {name!r} in WATCHWORD_PG_USER is root")
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, differs=True)
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and no account is named {' or '.join(map(repr, names))}: "
            "create one, name another in WATCHWORD_PG_USER, or set DATABASE_URL"
        )

    @classmethod
    def _oneself(cls) -> Self:
        uid = os.geteuid()
        try:  # initdb looks the name up too, and says less about it
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            raise EmbeddedPostgresError(
                f"user id {uid} has no name on this system, and PostgreSQL needs one: add it to /etc/passwd, "
                "run Watchword as another user, or set DATABASE_URL"
            ) from None
        return cls(name, uid, os.getegid(), differs=False)

    def spawn(self, command: Sequence[str | Path], *, folder: Path, output: int) -> subprocess.Popen[bytes]:
        """Start `command` in `folder` as this account. It ends with the THREAD that calls this (Linux).

        Nothing of the environment goes along but what finds libraries: PGDATA, PGOPTIONS and their kin would
        change what PostgreSQL does, and its account has no business with JWT_SECRET_KEY.
        """
        identity = [str(self.uid), str(self.gid)] if self.differs else ["-", "-"]
        start = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), *identity, str(folder)]
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return subprocess.Popen(  # noqa: S603 -- our own interpreter, our own arguments
            [*start, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**kept, "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,  # Ctrl-C is for Watchword, which then stops PostgreSQL in order
        )


def _owner_of(folder: Path) -> list[str]:
    """The name of the account that owns the data already, whichever others have come since."""
    try:
        uid = folder.lstat().st_uid
    except FileNotFoundError:
        return []
    if uid == 0:  # a first start that was killed before it gave the folder away
        return []
    try:
        return [pwd.getpwuid(uid).pw_name]
    except KeyError:
        raise EmbeddedPostgresError(
            f"{folder} belongs to user id {uid}, which has no name on this system: "
            "give the folder to an account that exists (chown -R), or name one in WATCHWORD_PG_USER"
        ) from None
