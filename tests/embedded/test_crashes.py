"""kill -9 at the worst moment: nothing committed is lost, nothing stays behind, nothing stands in the way."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres
from adapters.embedded.account import Account
from adapters.embedded.binaries import Binaries
from adapters.embedded.layout import Layout
from adapters.embedded.server import Server
from tests.embedded.support import FAST, Owner, add_row, answers, eventually, postmaster, rows, servers

if sys.platform == "linux":  # elsewhere nothing ends a child with its parent; the next start does

    def test_killed_owner_takes_its_server_along(root: Path) -> None:
        with Owner(root) as owner:
            dsn = owner.dsn()
            add_row(dsn, 1)
            with psycopg.connect(dsn):  # a client that stays does not hold it up
                owner.kill()
                eventually(lambda: not servers(root), 10)
        with EmbeddedPostgres(root, role="serve", settings=FAST) as again:
            assert again.reveal() == dsn
            assert rows(dsn) == [1]


def test_committed_rows_survive_every_double_kill(root: Path) -> None:
    for number in range(5):
        with Owner(root) as owner:
            dsn = owner.dsn()
            add_row(dsn, number)
            server = postmaster(root)
            owner.process.kill()
            with contextlib.suppress(psycopg.Error):
                add_row(dsn, 100 + number)
            server.kill()
    with EmbeddedPostgres(root, role="serve", settings=FAST) as again:
        assert set(range(5)) <= set(rows(again.reveal()))


def test_killed_postmaster_is_started_again(root: Path) -> None:
    with EmbeddedPostgres(root, role="serve") as dsn:
        for number in range(3):
            add_row(dsn.reveal(), number)
            former = postmaster(root)
            former.kill()
            eventually(lambda: not former.is_running(), 5)  # noqa: B023 -- called at once
            eventually(lambda: answers(dsn.reveal()), 10)
        assert rows(dsn.reveal()) == [0, 1, 2]


def test_busy_backend_of_a_killed_postmaster_does_not_hold_up_the_next(root: Path) -> None:
    with EmbeddedPostgres(root, role="serve") as dsn:
        add_row(dsn.reveal(), 1)

        def toil() -> None:
            with contextlib.suppress(psycopg.Error), psycopg.connect(dsn.reveal()) as connection:
                connection.execute("SELECT count(*) FROM generate_series(1, 100000000000)")

        thread = threading.Thread(target=toil)
        thread.start()
        eventually(lambda: _is_toiling(dsn.reveal()))
        former = postmaster(root)
        former.kill()
        eventually(lambda: not former.is_running(), 5)
        eventually(lambda: answers(dsn.reveal()), 20)
        assert rows(dsn.reveal()) == [1]
        thread.join(10)
        assert not thread.is_alive()


def _is_toiling(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, %'"
        found = connection.execute(f"{query} AND pid <> pg_backend_pid()").fetchone()
    return found is not None and found[0] == 1


@pytest.fixture
def bystander(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the account that runs PostgreSQL, which has nothing to do with it."""
    account = Account.choose(None, Layout(root).postgres)
    with account.spawn(["/bin/sleep", "60"], folder=Path("/"), output=subprocess.DEVNULL) as process:
        yield process
        assert process.poll() is None, "an unrelated process was ended"
        process.kill()


def test_reused_process_id_neither_blocks_the_start_nor_dies(root: Path, bystander: subprocess.Popen[bytes]) -> None:
    layout = Layout(root)
    former = f"{bystander.pid}\n{layout.data}\n1700000000\n5432\n{layout.postgres}\n\n  123 456\nready\n"
    (layout.data / "postmaster.pid").write_text(former)
    (layout.postgres / ".s.PGSQL.5432.lock").write_text(former)
    (layout.postgres / ".s.PGSQL.5432").touch()
    for path in (layout.data / "postmaster.pid", *layout.postgres.glob(".s.*")):
        path.chmod(0o600)
        os.chown(path, layout.data.stat().st_uid, layout.data.stat().st_gid)
    with EmbeddedPostgres(root, role="serve", settings=FAST) as dsn:
        assert answers(dsn.reveal())


def test_server_without_an_owner_is_stopped_and_started_anew(root: Path) -> None:
    """As on macOS, where nothing ends the server of a killed owner."""
    layout = Layout(root)
    account = Account.choose(None, layout.postgres)
    stray = Server(layout, account, Binaries.find(None, account, layout), FAST)
    stray.spawn()
    try:
        eventually(lambda: (layout.postgres / ".s.PGSQL.5432").exists())
        former = postmaster(root)
        with EmbeddedPostgres(root, role="serve", settings=FAST) as dsn:
            assert answers(dsn.reveal())
            assert postmaster(root) != former
            eventually(lambda: not stray.lives(), 2)
    finally:
        stray.stop()


def test_stop_does_not_wait_for_clients(root: Path) -> None:
    embedded = EmbeddedPostgres(root, role="serve", settings=FAST)
    with contextlib.closing(psycopg.connect(embedded.start().reveal())) as connection:
        connection.execute("SELECT 1")
        begun = time.monotonic()
        embedded.stop()
        assert time.monotonic() - begun < 5
    assert servers(root) == []
