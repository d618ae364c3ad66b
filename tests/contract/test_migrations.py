"""The schema: applied once by however many, undone by its rollbacks, and never left half-done.

A published migration never changes: `published_migrations.sha256` holds a line for each. A new one gets its line by

    cd migrations && sha256sum NAME.sql NAME.rollback.sql >> ../tests/contract/published_migrations.sha256
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from yoyo import read_migrations

from adapters.hashing.pooled import PooledPasswordHasher
from adapters.postgres import migrations
from adapters.postgres.database import Database
from adapters.postgres.keys import PostgresSigningKeys
from adapters.postgres.schema import MigrationError, SchemaStatus, names
from adapters.postgres.throttle import PostgresTallies
from adapters.postgres.users import PostgresUsers
from adapters.system import SystemClock
from container import DEV_MIGRATIONS, MIGRATIONS
from core.keys.model import KeyRing
from core.protocol.secret import Secret
from core.users.authenticate import AuthenticateUser
from core.users.password import Password
from core.users.throttle import Throttle
from tests.contract.test_users import a_user

ALL = tuple(names(MIGRATIONS))
DEV = tuple(names(DEV_MIGRATIONS))
PINS = Path(__file__).with_name("published_migrations.sha256")

APPLY = """
import os, sys
from pathlib import Path
from adapters.postgres import migrations
from core.keys.model import KeyRing
from core.protocol.secret import Secret
print(*migrations.apply(Secret(os.environ["DSN"]), *map(Path, sys.argv[1:])))
"""


NAMELESS = """
import os
if os.geteuid() == 0:
    os.setreuid(54321, 0)
"""


def process(script: str, dsn: Secret, *folders: Path) -> subprocess.Popen[str]:
    """Python, with an environment that says nothing but where the database is."""
    command = [sys.executable, "-c", script, *map(str, folders)]
    env = {"DSN": dsn.reveal(), "PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1"}
    return subprocess.Popen(command, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def connected(dsn: Secret) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        yield connection


def tables(dsn: Secret) -> set[object]:
    with connected(dsn) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, "this never came true"
        time.sleep(0.02)


def folder(at: Path, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    for name, text in files.items():
        (at / f"{name}.sql").write_text(text)
    return at


def published() -> dict[str, str]:
    lines = (line.split() for line in PINS.read_text().splitlines())
    return {name: digest for digest, name in lines}


def test_every_migration_is_published_as_it_is_pinned() -> None:
    files = MIGRATIONS.rglob("*.sql")
    found = {str(file.relative_to(MIGRATIONS)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert found == published()


def test_every_migration_can_be_undone_and_reads_alike_in_every_locale() -> None:
    for where in (MIGRATIONS, DEV_MIGRATIONS):
        for name in names(where):
            assert (where / f"{name}.rollback.sql").is_file()
    assert all(file.read_bytes().isascii() for file in MIGRATIONS.rglob("*.sql"))


def test_an_empty_database_is_brought_up_to_date_once(empty_database: Secret) -> None:
    assert migrations.status(empty_database, MIGRATIONS) == SchemaStatus((), ALL, ())
    assert tables(empty_database) == set()
    assert migrations.apply(empty_database, MIGRATIONS) == ALL
    assert migrations.status(empty_database, MIGRATIONS) == SchemaStatus(ALL, (), ())
    assert {"users", "usernames", "signing_keys"} <= tables(empty_database)
    assert migrations.apply(empty_database, MIGRATIONS) == ()


def test_eight_processes_at_once_end_well(empty_database: Secret) -> None:
    processes = [process(APPLY, empty_database, MIGRATIONS) for _ in range(8)]
    answers = [each.communicate(timeout=60) for each in processes]
    assert [each.returncode for each in processes] == [0] * 8, answers
    assert sorted(out.split() for out, _ in answers) == [[]] * 7 + [list(ALL)]
    assert migrations.status(empty_database, MIGRATIONS) == SchemaStatus(ALL, (), ())


def test_a_migration_of_a_later_version_is_reported_as_unknown(database_url: Secret, tmp_path: Path) -> None:
    later = folder(tmp_path / "later", **{"9999.later": "CREATE TABLE later ();"})
    assert migrations.apply(database_url, MIGRATIONS, later) == ("9999.later",)
    assert migrations.status(database_url, MIGRATIONS) == SchemaStatus((*ALL, "9999.later"), (), ("9999.later",))


async def test_the_development_user_logs_in(database_url: Secret) -> None:
    assert migrations.apply(database_url, MIGRATIONS, DEV_MIGRATIONS) == DEV
    database = Database(database_url, largest=1)
    await database.open()
    hasher, clock = PooledPasswordHasher(memory_kib=19456, time_cost=2, parallelism=1, threads=1), SystemClock()
    throttle = Throttle(PostgresTallies(database), clock)
    authenticate = AuthenticateUser(PostgresUsers(database), hasher, throttle, clock)
    proof = await authenticate("testuser", Password.typed("testpass"), address="127.0.0.1")
    assert (proof.user.username, proof.user.roles) == ("testuser", ())
    assert not hasher.outdated(proof.user.hashed_password)
    hasher.close()
    await database.close()


async def test_the_development_user_is_not_brought_back(database_url: Secret) -> None:
    database = Database(database_url, largest=1)
    await database.open()
    users = PostgresUsers(database)
    own = a_user("testuser")
    await users.create(own)
    await users.delete(own.id)
    migrations.apply(database_url, MIGRATIONS, DEV_MIGRATIONS)
    assert await users.get_by_username("testuser") is None
    await database.close()


@pytest.mark.parametrize("other", [{"username": "testuser"}, {"username": "else", "email": "TestUser@example.com"}])
async def test_whoever_has_the_development_users_name_or_email_stays(
    database_url: Secret, other: dict[str, str]
) -> None:
    database = Database(database_url, largest=1)
    await database.open()
    users = PostgresUsers(database)
    own = a_user(**other)
    await users.create(own)
    migrations.apply(database_url, MIGRATIONS, DEV_MIGRATIONS)
    assert (await users.page(after=None, limit=9)).users == (own,)
    await database.close()


def test_every_migration_is_undone_by_its_rollback(empty_database: Secret) -> None:
    migrations.apply(empty_database, MIGRATIONS, DEV_MIGRATIONS)
    backend = migrations._backend(empty_database)
    undo = backend.to_rollback(read_migrations(str(MIGRATIONS), str(DEV_MIGRATIONS)))
    assert len(undo) == len(ALL + DEV)
    with backend.lock():
        backend.rollback_migrations(undo)
    backend.connection.close()
    assert {name for name in tables(empty_database) if "yoyo" not in str(name)} == set()
    assert migrations.apply(empty_database, MIGRATIONS, DEV_MIGRATIONS) == tuple(sorted(ALL + DEV))


KEY_OF_VERSION_1 = """
INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private_key, state) VALUES
    ('old', 'ES256', '{}', 'sealed', 'active')
"""


async def test_the_key_of_an_earlier_version_signs_on_and_after_a_rollback_as_well(
    empty_database: Secret, tmp_path: Path
) -> None:
    first = folder(tmp_path / "m", **{name: (MIGRATIONS / f"{name}.sql").read_text() for name in ALL[:2]})
    migrations.apply(empty_database, first)
    with connected(empty_database) as connection:
        connection.execute(KEY_OF_VERSION_1)
    migrations.apply(empty_database, MIGRATIONS)
    database = Database(empty_database, largest=1)
    await database.open()
    (key,) = await PostgresSigningKeys(database).all()
    await database.close()
    assert KeyRing((key,)).active("ES256", key.created_at) == key
    backend = migrations._backend(empty_database)
    later = read_migrations(str(MIGRATIONS)).filter(lambda each: each.id not in ALL[:2])
    with backend.lock():
        backend.rollback_migrations(backend.to_rollback(later))
    backend.connection.close()
    with connected(empty_database) as connection:
        assert connection.execute("SELECT kid, state FROM signing_keys").fetchall() == [("old", "active")]


def test_a_process_killed_in_the_middle_does_not_block_the_next(empty_database: Secret, tmp_path: Path) -> None:
    mine = folder(tmp_path / "m", **{"0001.a": "CREATE TABLE half (); SELECT pg_advisory_xact_lock(42);"})
    stuck = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connected(empty_database) as holder, connected(empty_database) as watcher:
        holder.execute("SELECT pg_advisory_lock(42)")
        victim = process(APPLY, empty_database, mine)
        until(lambda: watcher.execute(stuck).rowcount)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        watcher.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
        assert "half" not in tables(empty_database)
        holder.execute("SELECT pg_advisory_unlock(42)")
    assert migrations.apply(empty_database, mine) == ("0001.a",)
    assert "half" in tables(empty_database)


def test_a_migration_that_fails_leaves_nothing_of_itself(database_url: Secret, tmp_path: Path) -> None:
    bad = "CREATE TABLE half ();\nINSERT INTO half SELECT 1/0;\n"
    mine = folder(
        tmp_path / "m", **{"8001.good": "CREATE TABLE good ();", "8002.bad": bad, "8003.next": "CREATE TABLE next ();"}
    )
    with pytest.raises(MigrationError) as caught:
        migrations.apply(database_url, mine)
    shows_no_secret(caught.value, database_url)
    assert {"good", "half", "next"} & tables(database_url) == {"good"}
    assert migrations.status(database_url, mine).pending == ("8002.bad", "8003.next")
    folder(mine, **{"8002.bad": "CREATE TABLE half ();"})
    assert migrations.apply(database_url, mine) == ("8002.bad", "8003.next")


def shows_no_secret(error: MigrationError, dsn: Secret) -> None:
    password = psycopg.conninfo.conninfo_to_dict(dsn.reveal()).get("password")
    assert password
    assert str(password) not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "text",
    [
        "-- depends: 0000.nowhere\nCREATE TABLE t ();",
        "SELECT nonsense FROM nowhere;",
        "CREATE TABLE t (",
        "COMMIT; SELECT 1/0;",
    ],
    ids=["depends on nothing", "unknown table", "syntax", "ends its transaction"],
)
def test_a_migration_that_cannot_be_applied_is_a_migration_error(
    database_url: Secret, tmp_path: Path, text: str
) -> None:
    mine = folder(tmp_path / "m", **{"8001.bad": text})
    with pytest.raises(MigrationError):
        migrations.apply(database_url, mine)
    assert migrations.status(database_url, mine).pending == ("8001.bad",)


def test_a_table_of_migrations_that_cannot_be_read_is_a_migration_error(empty_database: Secret) -> None:
    with connected(empty_database) as connection:
        connection.execute("CREATE TABLE _yoyo_migration (of_somebody_else INT)")
    with pytest.raises(MigrationError):
        migrations.status(empty_database, MIGRATIONS)
    with pytest.raises(MigrationError):
        migrations.apply(empty_database, MIGRATIONS)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:hunter2@127.0.0.1:1/d", "postgresql://u:hunter2@/d?host=/nonexistent", "postgresql://u:hunter2@h:port/d",
        "postgresql://u:hunter2@h/d?nonsense=1", "hunter2", "mysql://u:hunter2@h/d", "postgresql://u:hunter2@[::1/d",
        "postgresql://u:hunter2%zz@h/d", "postgresql://u:hunter2\ud800@127.0.0.1:1/d",
    ],
)  # fmt: skip
def test_a_database_out_of_reach_is_a_migration_error_without_the_password(dsn: str) -> None:
    for verb in (migrations.status, migrations.apply):
        with pytest.raises(MigrationError) as caught:
            verb(Secret(dsn), MIGRATIONS)
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_password_is_a_migration_error_without_it(empty_database: Secret) -> None:
    wrong = Secret(psycopg.conninfo.make_conninfo(empty_database.reveal(), user="nobody-here", password="hunter2"))
    with pytest.raises(MigrationError) as caught:
        migrations.apply(wrong, MIGRATIONS)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", ["[a]", "*", "a?", "[!x]", "ü ö", "%s", "a'b"])
def test_a_folder_of_any_name_is_read(empty_database: Secret, tmp_path: Path, name: str) -> None:
    mine = folder(tmp_path / name, **{"0001.a": "CREATE TABLE a ();"})
    assert migrations.apply(empty_database, mine) == ("0001.a",)
    assert migrations.apply(empty_database, mine) == ()


def test_an_account_without_a_name_can_migrate(empty_database: Secret) -> None:
    # The environment names nobody. Root may also take on a uid that has no entry among the accounts, as containers do.
    migrating = process(NAMELESS + APPLY, empty_database, MIGRATIONS)
    out, err = migrating.communicate(timeout=60)
    assert migrating.returncode == 0, err
    assert out.split() == list(ALL)


@pytest.mark.parametrize("password", ["p@ss/w:rd?#[]% +&=", "ü", "'\"\\", "${HOME}"])
def test_a_password_of_any_characters_gets_through(password: str) -> None:
    parameters = migrations._parameters(Secret(f"postgresql://u:{quote(password, safe='')}@/d?host=/run/x%20y"))
    assert (parameters["password"], parameters["host"]) == (password, "/run/x y")


def test_a_migration_outside_a_transaction_is_applied_and_noted(empty_database: Secret, tmp_path: Path) -> None:
    index = "-- transactional: false\nCREATE INDEX CONCURRENTLY IF NOT EXISTS first ON things (name);"
    things = folder(tmp_path, **{"0001.things": "CREATE TABLE things (name TEXT);", "0002.index": index})
    assert migrations.apply(empty_database, things) == ("0001.things", "0002.index")
    assert migrations.apply(empty_database, things) == ()


def test_whoever_waits_too_long_for_another_is_told_so(empty_database: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.2)
    with connected(empty_database) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (migrations.ADVISORY_LOCK,))
        with pytest.raises(MigrationError, match="another process"):
            migrations.apply(empty_database, MIGRATIONS)
