"""The command `watchword` as users run it: a process of its own, on an embedded PostgreSQL of this folder's tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from click.testing import CliRunner

from container import Container, variables
from core.protocol.secret import Secret
from entrypoints.cli.__main__ import cli
from tests.support import settings_for

Completed = subprocess.CompletedProcess[str]


@frozen
class Watchword:
    """Runs `watchword` with the environment of a fresh machine and these settings."""

    data_dir: Path
    settings: dict[str, str]
    folder: Path
    in_process: bool = False

    @property
    def here(self) -> Watchword:
        """The same in this process, where a command takes a tenth of the time: for what needs no process of its own."""
        return evolve(self, in_process=True)

    def run(self, *arguments: str, input: str = "", **settings: str) -> Completed:  # noqa: A002 - as subprocess has it
        if self.in_process:
            return self._run_here(arguments, input, settings)
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(settings),
            cwd=self.folder,
            input=input,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _run_here(self, arguments: tuple[str, ...], typed: str, settings: dict[str, str]) -> Completed:
        unset: dict[str, str | None] = {name: None for name, _, _ in variables()}
        with chdir(self.folder):
            done = CliRunner().invoke(cli, arguments, input=typed, env={**unset, **self.environment(settings)})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Completed(arguments, done.exit_code, done.stdout, done.stderr)

    def ok(self, *arguments: str, input: str = "", **settings: str) -> str:  # noqa: A002
        done = self.run(*arguments, input=input, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str, input: str = "", **settings: str) -> Any:  # noqa: A002
        return json.loads(self.ok(*arguments, "--json", input=input, **settings))

    @contextmanager
    def serving(self, *arguments: str, **settings: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """The address of a running server, and its process."""
        with self.started("serve", "--port", "0", *arguments, **settings) as (said, process):
            yield said["address"], process

    @contextmanager
    def started(self, *arguments: str, **settings: str) -> Iterator[tuple[Any, subprocess.Popen[str]]]:
        """What a command says when it is ready, one that runs until it is stopped; and its process."""
        with (
            tempfile.TemporaryFile("w+") as log,
            subprocess.Popen(
                self.command(*arguments, "--json"),
                env=self.environment(settings),
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                log.seek(0)
                assert line, log.read()
                yield json.loads(line), process
            finally:
                process.terminate()
                process.wait(60)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "entrypoints.cli", *arguments]

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        kept = ("PATH", "HOME", "PYTHONSAFEPATH", "PYTHONWARNINGS", "COVERAGE_PROCESS_START", "COVERAGE_FILE")
        inherited = {name: value for name, value in os.environ.items() if name in kept or name.startswith("COV_")}
        return {**inherited, "WATCHWORD_DATA_DIR": str(self.data_dir), **self.settings, **settings}


ISSUER = "http://127.0.0.1:8000"  # where nobody says otherwise
CHEAP_HASHES = {"WATCHWORD_ARGON2_MEMORY_KIB": "8", "WATCHWORD_ARGON2_TIME_COST": "1"}


def eventually(holds: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


@asynccontextmanager
async def inside(watchword: Watchword, **others: object) -> AsyncIterator[Container]:
    """The use cases of the same Watchword, on the same database, in this process."""
    settings = settings_for(Secret(watchword.settings["DATABASE_URL"]), watchword.data_dir, **others)
    container = Container(settings=settings)
    await container.store().open()
    try:
        yield container
    finally:
        await container.store().close()
        container.hasher().close()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not pytest's own folder: as root, PostgreSQL runs under an account that must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="watchword-cli-"))
    folder.chmod(0o711)
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def watchword(data_dir: Path, tmp_path: Path) -> Watchword:
    return Watchword(data_dir, CHEAP_HASHES, tmp_path)


@pytest.fixture
def on_database(watchword: Watchword, database_url: Secret) -> Watchword:
    """The same on a database of the test's own, which is there at once."""
    return evolve(watchword, settings={**watchword.settings, "DATABASE_URL": database_url.reveal()})


@pytest.fixture(scope="module")
def shared(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Watchword:
    """The same on a database that the tests of a module share."""
    settings = {**CHEAP_HASHES, "DATABASE_URL": module_database_url.reveal()}
    return Watchword(tmp_path_factory.mktemp("data"), settings, tmp_path_factory.mktemp("folder"))


@pytest.fixture(scope="module")
def address(shared: Watchword) -> Iterator[str]:
    """Where a server on that database listens. Its issuer is the one that commands beside it have: not the address."""
    with shared.serving(WATCHWORD_ISSUER=ISSUER) as (address, _):
        yield address
