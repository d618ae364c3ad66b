"""A real PostgreSQL for the whole run: the embedded one, or the server that TEST_DATABASE_URL names."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from adapters.postgres import migrations
from container import MIGRATIONS, EmbeddedPostgres
from core.protocol.secret import Secret
from tests.support import Live, running, settings_for


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything needed is installed, a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres() -> Iterator[Secret]:
    """A server that belongs to this run. Nothing of it is skipped where it cannot start: the run fails."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield Secret(given)
        return
    # Not pytest's own folder: as root, PostgreSQL runs under an account that must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="watchword-tests-"))
    folder.chmod(0o711)
    careless = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
    try:
        with EmbeddedPostgres(folder, role="command", settings=careless) as dsn:
            yield dsn
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(postgres: Secret) -> Iterator[str]:
    """A database with the schema in place, to be copied."""
    with _database(postgres) as (name, dsn):
        migrations.apply(dsn, MIGRATIONS)
        yield name


@pytest.fixture
def empty_database(postgres: Secret) -> Iterator[Secret]:
    with _database(postgres) as (_, dsn):
        yield dsn


@pytest.fixture
def database_url(postgres: Secret, template: str) -> Iterator[Secret]:
    """A database of this test's own, with the schema in place."""
    with _database(postgres, template) as (_, dsn):
        yield dsn


@pytest.fixture(scope="module")
def module_database_url(postgres: Secret, template: str) -> Iterator[Secret]:
    with _database(postgres, template) as (_, dsn):
        yield dsn


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running server on a database of this module's own. Tests add users under names of their own."""
    with running(settings_for(module_database_url, tmp_path_factory.mktemp("data"))) as server:
        yield server


@contextmanager
def _database(server: Secret, template: str | None = None) -> Iterator[tuple[str, Secret]]:
    name = f"test_{secrets.token_hex(6)}"
    copied = f" TEMPLATE {template}" if template else ""
    with psycopg.connect(server.reveal(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{copied}")
        try:
            yield name, Secret(urlunsplit(urlsplit(server.reveal())._replace(path=f"/{name}")))
        finally:
            _drop(connection, name)


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """PostgreSQL's own vacuum may be at work in there, which is none of ours to end, and soon done."""
    for _ in range(100):
        with suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            return
        time.sleep(0.1)
    raise AssertionError(f"{name} cannot be dropped")
