"""The thread that owns the server, or shares another's and stands by to take over."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from adapters.embedded.account import Account
from adapters.embedded.binaries import Binaries
from adapters.embedded.cluster import ensure_cluster, known_password
from adapters.embedded.database import check, provision
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.layout import Layout
from adapters.embedded.leftovers import clear_leftovers
from adapters.embedded.lock import Lock, Role
from adapters.embedded.server import Server
from core.protocol.secret import Secret

log = logging.getLogger(__name__)

_TROUBLE = (EmbeddedPostgresError, OSError, psycopg.Error, psutil.Error)
_POLL = 0.2
"""Seconds between looks at the lock and at the server."""
_COMMAND_ENDS = 15.0
"""Seconds that a `serve` waits for a `command` to end."""
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Plan:
    """What the caller asked for."""

    layout: Layout
    role: Role
    settings: Mapping[str, str]
    account: str | None
    binaries: Path | None


@dataclass
class Supervisor:
    """Two states, owner and sharer; the lock decides which.

    Everything happens on one thread of its own, because on Linux the server ends with the thread that has
    spawned it: whatever becomes of this process, no server stays behind.
    """

    plan: Plan
    opened: Future[Secret] = field(default_factory=Future)
    """The address, as soon as connections succeed; or why they never will."""
    last_trouble: str = ""

    def __post_init__(self) -> None:
        self._layout = self.plan.layout
        self._lock = Lock(self._layout.lock)
        self._stopping = threading.Event()
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="embedded-postgres", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop an owned server, leave a shared one; returns when the lock is free. Idempotent."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pauses = _Pauses()
        while not self._stopping.is_set():
            try:
                self._layout.claim_root()
                if self._share_until_ours():
                    self._own()
            except Exception as trouble:  # whatever it is, this thread is the last to know: it must live to try again
                if not self.opened.done():
                    self.opened.set_exception(_explained(trouble))
                    return
                if not isinstance(trouble, _TROUBLE):
                    log.exception("the embedded PostgreSQL is in trouble; trying again")
                else:
                    log.warning("the embedded PostgreSQL is in trouble; trying again: %s", trouble)
                self._stopping.wait(pauses.next())
            finally:
                self._lock.release()

    # Sharer

    def _share_until_ours(self) -> bool:
        """Use another's server until the lock is free, and then take it. False when told to stop."""
        while not self._lock.take(self.plan.role):
            if not self.opened.done() and not self._awaits_turn():
                self._try_shared()
            if self._stopping.wait(_POLL if self.opened.done() else _POLL / 4):
                return False
        if self.opened.done():
            log.info("the owner of the embedded PostgreSQL has gone; taking over")
        return not self._stopping.is_set()

    def _awaits_turn(self) -> bool:
        """A command stops its server when it ends, so a service had better wait and own it from the start."""
        waited = time.monotonic() - self._begun
        return self.plan.role == "serve" and self._lock.holder() == "command" and waited < _COMMAND_ENDS

    def _try_shared(self) -> None:
        try:
            self._layout.check_sockets()
            password = known_password(self._layout)
            check(self._layout, password)
        except (psycopg.Error, OSError) as trouble:  # not there yet
            self.last_trouble = str(trouble)
        except EmbeddedPostgresError as trouble:  # the password comes with the first start of the owner
            self.last_trouble = str(trouble)
        else:
            self.opened.set_result(self._layout.dsn(password))

    # Owner

    def _own(self) -> None:
        """Run the server for as long as this process wants it. The lock is held throughout."""
        account = Account.choose(self.plan.account, self._layout.postgres)
        self._layout.claim(account)
        clear_leftovers(self._layout, account, self._stopping)
        binaries = Binaries.find(self.plan.binaries, account, self._layout)
        ensure_cluster(self._layout, account, binaries, self.plan.settings, self._stopping)
        server = Server(self._layout, account, binaries, self.plan.settings)
        try:
            self._keep_running(server, account)
        finally:
            server.stop()
            self._layout.drop_sockets()

    def _keep_running(self, server: Server, account: Account) -> None:
        pauses = _Pauses()
        while not self._stopping.is_set():
            spawned = time.monotonic()
            server.spawn()
            if self._answers(server):
                self._watch(server)
            if self._stopping.is_set():
                return
            if time.monotonic() - spawned > 60:
                pauses = _Pauses()
            log.warning("the embedded PostgreSQL has ended unexpectedly; starting it again")
            self._stopping.wait(pauses.next())
            clear_leftovers(self._layout, account, self._stopping)

    def _answers(self, server: Server) -> bool:
        """Wait until the server takes connections; False where it needs another start."""
        password = known_password(self._layout)
        while server.lives() and not self._stopping.is_set():
            try:
                provision(self._layout, password)
            except psycopg.Error as trouble:
                self.last_trouble = str(trouble)
                if "password authentication failed" in str(trouble):
                    raise EmbeddedPostgresError(
                        f"{self._layout.password} does not open {self._layout.data}: "
                        "restore the file that belongs to it"
                    ) from None
                self._stopping.wait(0.02)
            else:
                if not self.opened.done():
                    self.opened.set_result(self._layout.dsn(password))
                return True
        words = server.last_words()
        if self._stopping.is_set() or "pre-existing shared memory block" in words:
            return False  # backends of a killed postmaster, on their way out
        raise EmbeddedPostgresError(f"PostgreSQL does not start (its log: {self._layout.log}):\n{words}")

    def _watch(self, server: Server) -> None:
        while server.lives() and not self._stopping.wait(_POLL):
            server.tend()


class _Pauses:
    """Ever longer pauses between attempts, in seconds."""

    def __init__(self) -> None:
        self._next = 0.1

    def next(self) -> float:
        pause, self._next = self._next, min(self._next * 2, _LONGEST_PAUSE)
        return pause


def _explained(trouble: Exception) -> EmbeddedPostgresError:
    if isinstance(trouble, EmbeddedPostgresError):
        return trouble
    explained = EmbeddedPostgresError(f"the embedded PostgreSQL cannot run: {trouble}")
    explained.__cause__ = trouble
    return explained
