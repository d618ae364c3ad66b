"""The lock that decides which process owns the server."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Literal

from adapters.embedded.files import open_own, read_own

if sys.platform != "win32":
    import fcntl

Role = Literal["serve", "command"]


class Lock:
    """An advisory lock on a file; the kernel lets go of it when the holder ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, role: Role) -> bool:
        """Take it without waiting and note who has it; False where another holds it."""
        descriptor = open_own(self._path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._is_current(descriptor):  # removed in between: the next comer would lock another file
                os.close(descriptor)
                return False
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {role}\n".encode(), 0)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.lstat())
        except FileNotFoundError:
            return False

    def holder(self) -> str:
        """The role of whoever holds it, as far as written: empty in the instant between taking and noting."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            _, role = read_own(self._path).split()
            return role
        return ""

    def release(self) -> None:
        """Let go; harmless where it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
