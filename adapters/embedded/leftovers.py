"""What an earlier owner left behind: a server that still runs, or the traces of one that does not."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import psutil

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.files import opened_folder, read_within
from adapters.embedded.layout import SOCKET, Layout

_PID_FILE = "postmaster.pid"


def clear_leftovers(layout: Layout, account: Account, stopping: threading.Event) -> None:
    """End what is left of a server on this data, then remove its traces. Only for the holder of the lock.

    Returns early where `stopping` is set.
    """
    if not _end_processes(layout, account, stopping):
        return
    # PostgreSQL takes any live process of the same account for a postmaster when its id is in one of these
    # files, and ids come again, in containers at every start. Its interlock by shared memory does not need
    # them.
    with contextlib.suppress(FileNotFoundError), opened_folder(layout.postgres) as postgres:
        with contextlib.suppress(FileNotFoundError), opened_folder("data", postgres) as data:
            _unlink(_PID_FILE, data)
        with opened_folder(layout.sockets) as sockets:
            _unlink(SOCKET, sockets)
            _unlink(f"{SOCKET}.lock", sockets)


def _end_processes(layout: Layout, account: Account, stopping: threading.Event) -> bool:
    """True once none is left.

    A postmaster is asked to stop. Backends that have lost theirs end by themselves, unless busy: they must
    not get SIGINT, which tells a checkpointer to write a checkpoint as of an orderly shutdown.
    """
    postmaster = _noted_pid(layout)
    for number, patience in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        left = list(_processes(layout, account))
        orderly = number == signal.SIGINT
        orphans = orderly and postmaster not in [process.pid for process in left]
        for process in left:
            if not orderly or process.pid == postmaster:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)  # psutil compares the start time: never to another's
        end = time.monotonic() + (3 if orphans else patience)
        while left and time.monotonic() < end:
            if stopping.wait(0.05):
                return False
            left = [process for process in left if _lives(process)]
        if not left and not any(_processes(layout, account)):
            return True
    raise EmbeddedPostgresError(f"an earlier PostgreSQL on {layout.data} does not stop: end it, and start again")


def _processes(layout: Layout, account: Account) -> Iterator[psutil.Process]:
    """The live processes of a server on this data: the right account, the right program, the right folder."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            ours = process.uids().effective == account.uid and process.name().startswith("postgres")
            if ours and _works_in(process, str(layout.data)) and _lives(process):
                yield process


def _works_in(process: psutil.Process, data: str) -> bool:
    try:
        return process.cwd() == data
    except psutil.AccessDenied:  # root without CAP_SYS_PTRACE, as in most containers
        return data in process.cmdline()


def _lives(process: psutil.Process) -> bool:
    """Nobody may reap a zombie in a container; it holds nothing."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _noted_pid(layout: Layout) -> int | None:
    text = None
    with (
        contextlib.suppress(FileNotFoundError),
        opened_folder(layout.postgres) as postgres,
        opened_folder("data", postgres) as data,
    ):
        text = read_within(data, _PID_FILE)
    first = (text or "").partition("\n")[0].strip()
    return int(first) if first.isdecimal() else None


def _unlink(name: str, folder: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
