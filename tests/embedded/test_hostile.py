"""What surrounds the server and may mean ill, or merely be careless."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import psutil
import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.embedded.layout import Layout
from tests.embedded.support import AS_ROOT, FAST, Owner, add_row, rows, servers

PASSABLE = 0o711 if AS_ROOT else 0o700


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_variables_of_other_servers_lead_nobody_astray(root: Path) -> None:
    hostile = {
        "PGHOST": "/nowhere",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "mallory",
        "PGPASSWORD": "wrong",
        "PGDATABASE": "nothing",
        "PGDATA": "/nowhere",
        "PGOPTIONS": "-c no_such=setting",
        "PGSERVICE": "no-such-service",
        "PGSSLMODE": "verify-full",
        "PGTARGETSESSIONATTRS": "standby",
        "PGCLIENTENCODING": "no-such",
        "LC_ALL": "no_SUCH.encoding",
        "TZ": "Nowhere/Land",
        "PYTHONSTARTUP": "/nowhere",
    }
    with Owner(root, environment=hostile) as owner:
        add_row(dsn := owner.dsn(), 1)
        assert rows(dsn) == [1]
        assert owner.end() == 0


def test_environment_of_the_server_holds_none_of_our_secrets(root: Path) -> None:
    with Owner(root, environment={"JWT_SECRET_KEY": "quite-secret"}) as owner:
        owner.dsn()
        for process in servers(root):
            assert "quite-secret" not in process.environ().values()


def test_nothing_listens_on_the_network_whatever_the_settings(root: Path) -> None:
    asked = {**FAST, "listen_addresses": "*", "unix_socket_permissions": "0777", "port": "5433"}
    with EmbeddedPostgres(root, role="serve", settings=asked):
        running = {process.pid for process in servers(root)}
        assert running
        listening = [c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert not running & {connection.pid for connection in listening}
        assert mode(Layout(root).postgres / ".s.PGSQL.5432") == 0o700


@pytest.mark.parametrize("name", ["postgres.lock", "postgres.log", "postgres.password"])
def test_planted_link_is_refused_and_its_target_untouched(root: Path, base: Path, name: str) -> None:
    target = base / "target"
    target.write_text("precious")
    target.chmod(0o644)
    (root / name).unlink()
    (root / name).symlink_to(target)
    with pytest.raises(EmbeddedPostgresError, match=name):
        EmbeddedPostgres(root, role="serve", settings=FAST).start()
    assert target.read_text() == "precious"
    assert mode(target) == 0o644


def test_planted_pipe_does_not_hang_the_start(root: Path) -> None:
    (root / "postgres.password").unlink()
    os.mkfifo(root / "postgres.password")
    with pytest.raises(EmbeddedPostgresError, match="not a plain file"):
        EmbeddedPostgres(root, role="serve", settings=FAST).start()


@pytest.mark.parametrize("name", ["postgres", "postgres/data"])
def test_planted_link_in_place_of_a_folder_is_refused(root: Path, base: Path, name: str) -> None:
    elsewhere = base / "elsewhere"
    (root / name).rename(elsewhere)
    before = (elsewhere.stat().st_uid, mode(elsewhere))
    (root / name).symlink_to(elsewhere)
    with pytest.raises(EmbeddedPostgresError, match="link"):
        EmbeddedPostgres(root, role="serve", settings=FAST).start()
    assert (elsewhere.stat().st_uid, mode(elsewhere)) == before


def test_links_within_the_folder_of_the_account_are_not_followed(root: Path, base: Path) -> None:
    precious = base / "precious"
    precious.mkdir()
    (precious / "file").touch()
    layout = Layout(root)
    (layout.postgres / "data.new-0").symlink_to(precious)
    (layout.postgres / ".s.PGSQL.5432").symlink_to(precious / "file")
    (layout.data / "postmaster.pid").symlink_to(precious / "file")
    with EmbeddedPostgres(root, role="serve", settings=FAST) as dsn:
        add_row(dsn.reveal(), 1)
    assert (precious / "file").exists()


def test_squatted_socket_folder_is_refused(base: Path, root: Path) -> None:
    target = base / ("x" * 120)
    root.rename(target)
    sockets = Layout(target).sockets
    (base / "mallory").mkdir()
    sockets.symlink_to(base / "mallory")
    try:
        with pytest.raises(EmbeddedPostgresError, match=sockets.name):
            EmbeddedPostgres(target, role="serve", settings=FAST).start()
        assert list((base / "mallory").iterdir()) == []
    finally:
        sockets.unlink()


def test_loose_modes_of_our_own_are_tightened(root: Path) -> None:
    layout = Layout(root)
    root.chmod(0o777)
    layout.postgres.chmod(0o755)
    layout.password.chmod(0o644)
    with EmbeddedPostgres(root, role="serve", settings=FAST):
        assert mode(root) == PASSABLE
        assert mode(layout.postgres) == 0o700
        assert mode(layout.password) == 0o600


def test_new_data_directory_opens_no_more_than_it_must(base: Path) -> None:
    before = os.umask(0o077)
    try:
        with EmbeddedPostgres(base / "a" / "b", role="serve", settings=FAST):
            assert mode(base / "a") == mode(base / "a" / "b") == PASSABLE
            assert mode(base) == 0o711
    finally:
        os.umask(before)


def test_directory_with_other_things_in_it_keeps_its_mode(base: Path, root: Path) -> None:
    Layout(root).lock.unlink()
    root.chmod(0o755)
    (root / "other").touch()
    for _start in range(2):
        with EmbeddedPostgres(root, role="serve", settings=FAST):
            assert mode(root) == 0o755


def test_directory_that_others_write_to_is_refused(fresh: Path) -> None:
    fresh.mkdir()
    (fresh / "something").touch()
    fresh.chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="WATCHWORD_DATA_DIR"):
        EmbeddedPostgres(fresh, role="serve").start()
    assert mode(fresh) == 0o777


@pytest.mark.parametrize("below", ["/dev/null/x", "/proc/watchword"])
def test_impossible_directory_is_refused_with_advice(below: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match="WATCHWORD_DATA_DIR"):
        EmbeddedPostgres(Path(below), role="serve").start()
