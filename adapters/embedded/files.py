"""Files and folders opened by what they are, not by what a path happens to lead to.

Watchword may run as root beside an unprivileged account that owns one of these folders. Every step therefore
refuses symbolic links, looks at what it has opened, and changes owner and mode through the descriptor.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedPostgresError

if sys.platform != "win32":
    _SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a planted FIFO must not hang us either

_LARGEST = 1 << 16


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a plain file of the running user, mode 0600. Raises FileNotFoundError as usual."""
    try:
        descriptor = os.open(path, flags | _SAFELY, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EmbeddedPostgresError(f"cannot open {path}: {error.strerror}; move it away and try again") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        os.close(descriptor)
        raise EmbeddedPostgresError(f"{path} is not a plain file of the user who runs Watchword: move it away")
    if stat.S_IMODE(status.st_mode) != 0o600:
        os.fchmod(descriptor, 0o600)
    return descriptor


def read_own(path: Path) -> str:
    """The text of a small file that `open_own` accepts."""
    with open(open_own(path, os.O_RDONLY), encoding="utf-8") as file:
        return file.read(_LARGEST)


def write_own(path: Path, text: str) -> None:
    """Put a file in place whole or not at all, also when the power fails. One writer at a time."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(open_own(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    with opened_folder(path.parent) as folder:
        os.fsync(folder)


@contextlib.contextmanager
def opened_folder(path: Path | str, within: int | None = None) -> Iterator[int]:
    """A descriptor of a real folder; `within` is that of the folder where a relative name starts."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _SAFELY, dir_fd=within)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EmbeddedPostgresError(
            f"{path} is no folder that Watchword can use ({error.strerror}; no symbolic links here)"
        ) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_within(folder: int, name: str) -> str | None:
    """The text of a small plain file in an opened folder; None where there is none."""
    try:
        descriptor = os.open(name, os.O_RDONLY | _SAFELY, dir_fd=folder)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return os.read(descriptor, _LARGEST).decode(errors="replace")
    finally:
        os.close(descriptor)


def give_folder(path: Path, account: Account) -> None:
    """Make sure that `path` is a folder which the account owns and nobody else may enter."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    with opened_folder(path) as folder:
        status = os.fstat(folder)
        if status.st_uid not in (account.uid, os.geteuid()):
            raise EmbeddedPostgresError(
                f"{path} belongs to user id {status.st_uid} not to {account.name!r}, who runs PostgreSQL: "
                "remove it, or give it to that account (chown -R), or name its owner in WATCHWORD_PG_USER"
            )
        if stat.S_IMODE(status.st_mode) != 0o700:
            os.fchmod(folder, 0o700)
        if status.st_uid != account.uid:  # ours and not yet given away
            os.fchown(folder, account.uid, account.gid)


def remove_tree(path: Path) -> None:
    """Remove a file, a link or a whole folder, following no link; what resists stays for the next start."""
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    except FileNotFoundError:
        pass
