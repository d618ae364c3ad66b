"""Data directories for the embedded PostgreSQL, fresh or with a cluster made once and copied."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedPostgres
from tests.embedded.support import FAST, eventually, servers


def _fast() -> str | None:
    """Memory, where there is plenty and programs may run in it: a cluster is 40 MB, and each test has one."""
    memory = "/dev/shm"  # noqa: S108 -- only looked at
    if not Path(memory).is_dir():
        return None
    status = os.statvfs(memory)
    roomy = status.f_bavail * status.f_frsize > 1 << 30
    return memory if roomy and not status.f_flag & os.ST_NOEXEC else None


def _folder() -> Path:
    """Short enough for a socket and, unlike pytest's own, open to the account that runs PostgreSQL under root."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="ww-", dir=_fast() or "/tmp")))  # noqa: S108 -- mkdtemp
    folder.chmod(0o711)
    return folder


@pytest.fixture
def base() -> Iterator[Path]:
    """An empty folder; nothing may run below it any more when the test ends."""
    folder = _folder()
    yield folder
    try:
        eventually(lambda: not servers(folder))  # those of a killed owner take their time
    finally:
        for process in servers(folder):
            process.kill()
        shutil.rmtree(folder)


@pytest.fixture
def fresh(base: Path) -> Path:
    """A data directory that does not exist yet."""
    return base / "data"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A data directory with a cluster, stopped in order."""
    folder = _folder()
    with EmbeddedPostgres(folder / "data", role="command", settings=FAST):
        pass
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def root(base: Path, cluster: Path) -> Path:
    """A data directory of one's own with a cluster in it: initdb takes a second, a copy does not."""
    target = base / "data"
    shutil.copytree(cluster, target)
    for path in (target, *target.rglob("*")):
        status = (cluster / path.relative_to(target)).lstat()
        os.chown(path, status.st_uid, status.st_gid)
    return target
