"""The data folder: made whole or not at all, with a password that only Watchword knows."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from adapters.embedded.account import Account
from adapters.embedded.binaries import Binaries
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.files import (
    give_folder,
    open_own,
    opened_folder,
    read_own,
    read_within,
    remove_tree,
    write_own,
)
from adapters.embedded.journal import Journal
from adapters.embedded.layout import Layout
from core.protocol.secret import Secret

SUPERUSER = "postgres"
_FRESH = "data.new-"


def ensure_cluster(
    layout: Layout,
    account: Account,
    binaries: Binaries,
    settings: Mapping[str, str],
    stopping: threading.Event,
) -> None:
    """Check the data there is, or make it. Only for the holder of the lock.

    The password is written first and the folder gets its name last, so a start that was killed in between
    finds no folder and does everything again: the two always agree.
    """
    remove_tree(layout.handover)
    for stale in layout.postgres.glob(f"{_FRESH}*"):
        remove_tree(stale)
    if not layout.data.is_symlink() and not layout.data.exists():
        _make(layout, account, binaries, settings, stopping)
        return
    with opened_folder(layout.postgres) as postgres, opened_folder("data", postgres) as data:
        made_by = (read_within(data, "PG_VERSION") or "").strip()
    if not made_by:
        raise EmbeddedPostgresError(
            f"{layout.data} is not PostgreSQL's: restore it from a backup, or move it away to begin anew"
        )
    if made_by != str(binaries.major):
        raise EmbeddedPostgresError(
            f"{layout.data} was made by PostgreSQL {made_by}, but {binaries.folder} holds version "
            f"{binaries.major}: name version {made_by} in WATCHWORD_PG_BIN, dump the database, restore it"
        )
    known_password(layout)


def known_password(layout: Layout) -> Secret:
    """The password that belongs to the data."""
    try:
        return Secret(read_own(layout.password))
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{layout.password} is missing, and the database in {layout.data} does not open without it: "
            f"restore the file, or move {layout.postgres} away to begin anew"
        ) from None


def _make(
    layout: Layout,
    account: Account,
    binaries: Binaries,
    settings: Mapping[str, str],
    stopping: threading.Event,
) -> None:
    write_own(layout.password, secrets.token_urlsafe(32))
    # A name of its own for each attempt: the child of a killed initdb may still write into the former for a
    # moment.
    fresh = layout.postgres / f"{_FRESH}{secrets.token_hex(4)}"
    try:
        _initdb(layout, account, binaries, fresh, settings, stopping)
        if stopping.is_set():
            return
        with opened_folder(layout.postgres) as postgres:
            os.rename(fresh.name, layout.data.name, src_dir_fd=postgres, dst_dir_fd=postgres)
            os.fsync(postgres)
    finally:
        remove_tree(layout.handover)
        remove_tree(fresh)


def _initdb(
    layout: Layout,
    account: Account,
    binaries: Binaries,
    fresh: Path,
    settings: Mapping[str, str],
    stopping: threading.Event,
) -> None:
    command: list[str | Path] = [
        binaries.folder / "initdb",
        "-D",
        fresh,
        "-U",
        SUPERUSER,
        "-E",
        "UTF8",
        "--auth=scram-sha-256",
    ]
    command += [f"--pwfile={_hand_over(layout, account)}", "--no-instructions", *_locale(binaries)]
    if settings.get("fsync") == "off":
        command.append("--no-sync")
    with (
        Journal(layout.log) as journal,
        account.spawn(command, folder=layout.postgres, output=journal.descriptor) as child,
    ):
        while child.poll() is None:
            if stopping.wait(0.02):
                child.terminate()
                child.wait()
                return
        if child.returncode:
            raise EmbeddedPostgresError(f"initdb could not make {layout.data}:\n{journal.tail()}")


def _locale(binaries: Binaries) -> list[str]:
    """Neither libc nor ICU decides the order of text, so the data means the same on every machine."""
    if binaries.major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C"]


def _hand_over(layout: Layout, account: Account) -> Path:
    """The password in a file that the account may read, in a folder that it may enter."""
    layout.handover.mkdir(mode=0o700)
    file = layout.handover / "password"
    descriptor = open_own(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.write(descriptor, known_password(layout).reveal().encode())
        os.fchown(descriptor, account.uid, account.gid)
    finally:
        os.close(descriptor)
    give_folder(layout.handover, account)  # last: until here nobody else could reach into it
    return file
