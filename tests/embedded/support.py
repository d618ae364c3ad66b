"""What the tests of the embedded PostgreSQL share: a process that owns one, and ways to look at it from outside."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import psutil
import psycopg

from adapters.embedded.layout import Layout

FAST: Mapping[str, str] = {"fsync": "off"}
"""For tests that lose nothing when the machine does."""
AS_ROOT = os.geteuid() == 0


def eventually(holds: Callable[[], object], seconds: float = 15) -> None:
    """Wait until `holds()` is true; fail when it does not come true in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.05)


def answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def add_row(dsn: str, value: int) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def rows(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY value")]


def servers(root: Path) -> list[psutil.Process]:
    """Every live PostgreSQL process below `root`, or whose data folder has been removed from there."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.name().startswith("postgres") and process.cwd().startswith(f"{root}/")
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def postmaster(root: Path) -> psutil.Process:
    pid = int((Layout(root).data / "postmaster.pid").read_text().split("\n", 1)[0])
    return psutil.Process(pid)


class Owner:
    """A process of its own that starts the embedded PostgreSQL and waits; it may be killed at any moment."""

    def __init__(
        self,
        root: Path,
        role: str = "serve",
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        python: str = sys.executable,
    ) -> None:
        script = Path(__file__).with_name("owner.py").read_text()  # another user may not be able to read the file
        self.process = subprocess.Popen(
            [python, "-W", "error", "-c", script, str(root), role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PATH": os.environ["PATH"], **(environment or {})},
            user=user,
            group=None if user is None else group_of(user),
            extra_groups=None if user is None else [],
        )

    def dsn(self) -> str:
        """Wait for the address. Fails with the error of the process."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line.startswith("postgresql://"), line
        return line

    def end(self) -> int:
        """Let it stop in order; its exit status."""
        self.process.communicate(timeout=30)
        return self.process.returncode

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
