"""The server's log: a file of Watchword's own that PostgreSQL gets opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from adapters.embedded.files import open_own

_ROTATED = 1 << 20
_LARGEST = 16 << 20


class Journal:
    """Append to the log from here on, keeping one former file. A context manager."""

    def __init__(self, path: Path) -> None:
        if path.exists() and path.lstat().st_size > _ROTATED:
            path.rename(path.with_name(path.name + ".1"))
        self.descriptor = open_own(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._begin = os.fstat(self.descriptor).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def tail(self, lines: int = 8) -> str:
        """The last lines written since this was opened."""
        size = os.fstat(self.descriptor).st_size
        begin = max(self._begin, size - 8192)
        text = os.pread(self.descriptor, max(size - begin, 0), begin).decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def trim(self) -> None:
        """Empty a log that has grown too long under a server that runs for years, which just goes on."""
        if os.fstat(self.descriptor).st_size > _LARGEST:
            os.ftruncate(self.descriptor, 0)
            self._begin = 0
