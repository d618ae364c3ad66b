"""Bring a database's schema up to date: yoyo's migrations, safe with many at once and with a kill at any moment."""

from __future__ import annotations

import getpass
import glob
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres.schema import MigrationError, SchemaStatus, names
from core.protocol.secret import Secret

# Any number that nobody else uses in this database will do; this one spells "watchwrd".
ADVISORY_LOCK = 0x7761746368777264

CONNECT_SECONDS = 5
LOCK_SECONDS = 60

APPLIED = "SELECT migration_id FROM _yoyo_migration ORDER BY applied_at_utc, migration_id"


def status(dsn: Secret, *folders: Path, optional: Iterable[Path] = ()) -> SchemaStatus:
    """Changes nothing. Migrations in `optional` folders are known, and never pending. Raises `MigrationError`."""
    with _errors(), _connection(dsn) as connection:
        return _status(connection, folders, optional)


def apply(dsn: Secret, *folders: Path) -> tuple[str, ...]:
    """Apply what is missing, and say what that was. Raises `MigrationError`.

    Several processes may do this at once: one applies, the others wait for it and find nothing to do. A migration
    and the note that it was applied are one transaction.
    """
    # Here and below, not above: a third of a second, which only a migration needs.
    from yoyo import read_migrations
    from yoyo.exceptions import BadMigration

    with _errors(), _connection(dsn) as guard:
        if not _status(guard, folders).pending:
            return ()
        with _locked(guard):
            pending = _status(guard, folders).pending
            backend = _backend(dsn)
            try:
                backend.init_database()
                backend.break_lock()  # left by a killed process: the advisory lock says that nobody is at work
                for migration in backend.to_apply(read_migrations(*(glob.escape(str(f)) for f in folders))):
                    _apply_one(backend, migration)
            except BadMigration as error:
                raise MigrationError(f"a migration cannot be read: {error}") from error
            finally:
                backend.connection.close()
            left = _status(guard, folders).pending
            if left:  # yoyo passes over files that it cannot read
                raise MigrationError(f"not applied: {', '.join(left)}")
            return pending


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise MigrationError(f"the database refused; what was under way is undone: {str(error).strip()}") from error


def _apply_one(backend: Any, migration: Any) -> None:
    migration.load()
    backend.ensure_internal_schema_updated()
    if not migration.use_transactions:  # such a file can be run twice; see CONTRIBUTING.md
        backend.apply_one(migration)
        return
    with backend.transaction():
        migration.process_steps(backend, "apply")
        backend.mark_one(migration)


def _backend(dsn: Secret) -> Any:
    from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
    from yoyo.connections import DatabaseURI

    # By libpq's own reading of the DSN: yoyo's knows neither several hosts nor socket folders.
    parameters = {**_parameters(dsn), "client_encoding": "utf8"}
    database = parameters.pop("dbname", None)
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, database, parameters)
    _name_the_account()
    return PostgresqlPsycopgBackend(uri, "_yoyo_migration")


def _name_the_account() -> None:
    """yoyo notes who migrated; in a container the account often has no name."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["USER"] = "watchword"


@contextmanager
def _connection(dsn: Secret) -> Iterator[psycopg.Connection[Any]]:
    try:
        connection = psycopg.connect(**_parameters(dsn), autocommit=True)
    except psycopg.Error as error:
        raise MigrationError(f"cannot connect to the database: {str(error).strip()}") from None
    with connection:
        yield connection


def _parameters(dsn: Secret) -> dict[str, Any]:
    try:
        parameters = conninfo_to_dict(dsn.reveal())
    except (psycopg.Error, UnicodeError):
        raise MigrationError("DATABASE_URL is not a PostgreSQL address") from None
    return {"connect_timeout": CONNECT_SECONDS, "application_name": "watchword migrate", **parameters}


def _status(
    connection: psycopg.Connection[Any], folders: tuple[Path, ...], optional: Iterable[Path] = ()
) -> SchemaStatus:
    wanted, known = names(*folders), names(*folders, *optional)
    row = connection.execute("SELECT to_regclass('_yoyo_migration')").fetchone()
    applied = [name for (name,) in connection.execute(APPLIED)] if row and row[0] else []
    return SchemaStatus(
        applied=tuple(applied),
        pending=tuple(name for name in wanted if name not in applied),
        unknown=tuple(name for name in applied if name not in known),
    )


@contextmanager
def _locked(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Ask for the lock again and again rather than wait in it: a waiting statement holds a snapshot, and
    CREATE INDEX CONCURRENTLY waits for every snapshot to end."""
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)).fetchone()
        if row and row[0]:
            break
        if time.monotonic() > give_up:
            raise MigrationError(f"another process has been migrating this database for {LOCK_SECONDS} seconds")
        time.sleep(0.1)
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))
