"""What is known of a schema without touching it."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen


class MigrationError(Exception):
    """The schema could not be read or brought up to date. The message holds no secret."""


@frozen
class SchemaStatus:
    """Names of migrations. `unknown` ones are in the database and not in this version of Watchword."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]


def names(*folders: Path) -> list[str]:
    """The migrations in these folders, which are not searched deeper."""
    files = (file for folder in folders for file in folder.glob("*.sql"))
    return sorted(file.stem for file in files if not file.name.endswith(".rollback.sql"))
