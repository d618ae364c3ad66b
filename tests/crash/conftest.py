"""A PostgreSQL and servers that can be killed at any moment."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import psutil
import pytest
from attrs import define, field, frozen

from adapters.postgres import migrations
from container import MIGRATIONS, Container, EmbeddedPostgres
from core.protocol.secret import Secret
from core.users.password import Password
from tests.crash.load import CLIENT_ID, USERNAME
from tests.embedded.support import answers, eventually, postmaster, servers
from tests.support import PASSWORD, settings_for

# Lines of revocations and of keys, which are written at every log level.
AUDIT = '{"level": "INFO", "logger": "watchword.audit"'

ISSUER = "https://auth.example.com"
"""The servers come and go, each at another port; what they issue stays the same."""


@define
class Cluster:
    """An embedded PostgreSQL with all its care for the data: fsync is on."""

    root: Path
    embedded: EmbeddedPostgres = field(init=False)
    dsn: Secret = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.embedded = EmbeddedPostgres(self.root, role="serve")
        self.dsn = self.embedded.start()

    def stop(self) -> None:
        self.embedded.stop()

    def kill(self, which: Literal["everything", "postmaster", "backend"]) -> None:
        """kill -9. A backend takes all others along: PostgreSQL trusts nothing that it shared with them.

        Returns when the process is gone; another one takes its place at once.
        """
        leader = postmaster(self.root)
        children = leader.children()
        victims = {"everything": [leader, *children], "postmaster": [leader], "backend": _backends(children)[:1]}[which]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        eventually(lambda: not any(victim.is_running() for victim in victims), 30)
        eventually(lambda: answers(self.dsn.reveal()), 30)


def _backends(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that work for a client, in any order."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if "[local]" in " ".join(process.cmdline()):
                found.append(process)
    random.shuffle(found)
    return found


@frozen
class Server:
    """A running `watchword serve`."""

    process: subprocess.Popen[str]
    address: str

    def kill(self) -> None:
        """kill -9. Returns when it is gone. Idempotent."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate(timeout=30)


@frozen
class Site:
    """A database with a user and a client in it, and what servers need to serve it."""

    cluster: Cluster
    folder: Path
    client_secret: str = field(repr=False)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @contextmanager
    def server(self) -> Iterator[Server]:
        """A server that is killed at the end."""
        started = self.start_server()
        try:
            yield started
        finally:
            started.kill()

    def start_server(self) -> Server:
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "entrypoints.cli", "serve", "--port", "0", "--json"],
                env=self.environment(),
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.communicate()
            raise AssertionError(self.log.read_text())
        return Server(process, json.loads(line)["address"])

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONSAFEPATH", "PYTHONWARNINGS") if name in os.environ}
        return {
            **kept,
            "DATABASE_URL": self.cluster.dsn.reveal(),
            "WATCHWORD_DATA_DIR": str(self.folder),
            "WATCHWORD_ISSUER": ISSUER,
            "WATCHWORD_LOG_LEVEL": "warning",
            "WATCHWORD_ARGON2_MEMORY_KIB": "8",
            "WATCHWORD_ARGON2_TIME_COST": "1",
            # However slow the machine is: nothing here is about the length of the grace.
            "WATCHWORD_REFRESH_GRACE_SECONDS": "3600",
        }

    def errors(self) -> list[str]:
        """What the servers wrote that is worse than a warning."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if not line.startswith(('{"level": "WARNING"', AUDIT))]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    # Not pytest's own folder: as root, PostgreSQL runs under an account that must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="watchword-crash-"))
    folder.chmod(0o711)
    started = Cluster(folder / "data")
    try:
        yield started
    finally:
        started.stop()
        eventually(lambda: not servers(folder))
        shutil.rmtree(folder)


@pytest.fixture
async def site(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Site]:
    await asyncio.to_thread(migrations.apply, cluster.dsn, MIGRATIONS)
    container = Container(settings=settings_for(cluster.dsn, tmp_path))
    await container.store().open()
    await container.create_user()(username=USERNAME, email="alice@example.com", password=Password.typed(PASSWORD))
    made = await container.create_client()(client_id=CLIENT_ID, grant_types=("password", "refresh_token"))
    await container.store().close()
    container.hasher().close()
    assert made.secret is not None
    place = Site(cluster, tmp_path, made.secret.reveal())
    yield place
    assert place.errors() == []
