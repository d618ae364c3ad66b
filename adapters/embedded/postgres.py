"""The embedded PostgreSQL as the rest of Watchword sees it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import TimeoutError as NotInTimeError
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.layout import Layout
from adapters.embedded.lock import Role
from core.protocol.secret import Secret

if TYPE_CHECKING:
    from adapters.embedded.supervisor import Supervisor

_NONE: Mapping[str, str] = MappingProxyType({})


class EmbeddedPostgres:
    """A PostgreSQL below the data directory `root`, reached through a socket that only its account can open.

    Any number of processes may use one root: the first owns the server, the others share it, and one of them
    takes over when the owner goes, at the same address. `serve` waits for a `command` to end before it would
    share, because a command stops its server with itself. `settings` are PostgreSQL's own; `account` counts
    only for root.
    """

    def __init__(
        self,
        root: Path,
        *,
        role: Role,
        settings: Mapping[str, str] = _NONE,
        account: str | None = None,
        binaries: Path | None = None,
    ) -> None:
        layout = Layout(Path(os.path.realpath(root)))  # every process must come to the same socket
        self._layout, self._role, self._settings = layout, role, dict(settings)
        self._account, self._binaries = account, binaries
        self._supervisor: Supervisor | None = None

    def start(self, patience: float = 60) -> Secret:
        """The address of a server that takes connections, after at most `patience` seconds.

        Raises EmbeddedPostgresError, and then nothing is left running.

        Removes `PG*` from this process's environment: PGSERVICE, PGHOSTADDR and their kin would lead every
        client that gets the address, here and in child processes, to another server.
        """
        if sys.platform == "win32":
            raise EmbeddedPostgresError("the embedded PostgreSQL is not supported on this platform: set DATABASE_URL")
        for name in [name for name in os.environ if name.startswith("PG")]:
            del os.environ[name]
        # Here, not above: it brings libraries that a server on another PostgreSQL never needs.
        from adapters.embedded.supervisor import Plan, Supervisor

        if self._supervisor is None:
            plan = Plan(self._layout, self._role, self._settings, self._account, self._binaries)
            self._supervisor = Supervisor(plan)
            self._supervisor.start()
        supervisor = self._supervisor
        try:
            return supervisor.opened.result(patience)
        except NotInTimeError:
            self.stop()
            raise EmbeddedPostgresError(
                f"PostgreSQL in {self._layout.root} was not ready within {patience:g} seconds: "
                f"{supervisor.last_trouble or 'it is still being prepared'}"
            ) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, or leave it to its owner. Idempotent, also after a start that failed."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None

    def __enter__(self) -> Secret:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
