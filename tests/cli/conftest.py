"""The command `watchword` as users run it: a process of its own, on an embedded PostgreSQL of this folder's tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from core.protocol.secret import Secret

Completed = subprocess.CompletedProcess[str]


@frozen
class Watchword:
    """Runs `watchword` with the environment of a fresh machine and these settings."""

    data_dir: Path
    settings: dict[str, str]
    folder: Path

    def run(self, *arguments: str, input: str = "", **settings: str) -> Completed:  # noqa: A002 - as subprocess has it
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

    def ok(self, *arguments: str, input: str = "", **settings: str) -> str:  # noqa: A002
        done = self.run(*arguments, input=input, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str, input: str = "", **settings: str) -> Any:  # noqa: A002
        return json.loads(self.ok(*arguments, "--json", input=input, **settings))

    @contextmanager
    def serving(self, *arguments: str, **settings: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """The address of a running server, and its process."""
        with (
            tempfile.TemporaryFile("w+") as log,
            subprocess.Popen(
                self.command("serve", "--port", "0", "--json", *arguments),
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
                yield json.loads(line)["address"], process
            finally:
                process.terminate()
                process.wait(30)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "entrypoints.cli", *arguments]

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        kept = ("PATH", "HOME", "PYTHONSAFEPATH", "PYTHONWARNINGS", "COVERAGE_PROCESS_START", "COVERAGE_FILE")
        inherited = {name: value for name, value in os.environ.items() if name in kept or name.startswith("COV_")}
        return {**inherited, "WATCHWORD_DATA_DIR": str(self.data_dir), **self.settings, **settings}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not pytest's own folder: as root, PostgreSQL runs under an account that must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="watchword-cli-"))
    folder.chmod(0o711)
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def watchword(data_dir: Path, tmp_path: Path) -> Watchword:
    cheap = {"WATCHWORD_ARGON2_MEMORY_KIB": "8", "WATCHWORD_ARGON2_TIME_COST": "1"}
    return Watchword(data_dir, cheap, tmp_path)


@pytest.fixture
def on_database(watchword: Watchword, database_url: Secret) -> Watchword:
    """The same on a database of the test's own, which is there at once."""
    return Watchword(
        watchword.data_dir, {**watchword.settings, "DATABASE_URL": database_url.reveal()}, watchword.folder
    )
