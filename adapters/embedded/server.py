"""One PostgreSQL process: started, asked whether it lives, stopped."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from adapters.embedded.account import Account
from adapters.embedded.binaries import Binaries
from adapters.embedded.journal import Journal
from adapters.embedded.layout import PORT, Layout


class Server:
    """The postmaster of a cluster: a child of the thread that spawns it, ending with that thread (Linux)."""

    def __init__(self, layout: Layout, account: Account, binaries: Binaries, settings: Mapping[str, str]) -> None:
        self._layout = layout
        self._account = account
        self._program = binaries.folder / "postgres"
        self._settings = settings
        self._child: subprocess.Popen[bytes] | None = None
        self._journal: Journal | None = None

    def spawn(self) -> None:
        """Start it; it takes connections some time later."""
        self.stop()
        self._journal = Journal(self._layout.log)
        options = [part for item in self._options().items() for part in ("-c", "=".join(item))]
        command: list[str | Path] = [self._program, "-D", self._layout.data, *options]
        self._child = self._account.spawn(command, folder=self._layout.postgres, output=self._journal.descriptor)

    def _options(self) -> dict[str, str]:
        sockets = str(self._layout.sockets).replace('"', '""')
        return {
            "log_min_messages": "log",  # errors are told to clients; in a file, they are personal data
            "log_checkpoints": "off",
            **self._settings,
            # From here on it is not a matter of taste: nobody but us may find a way in.
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{sockets}"',
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
        }

    def lives(self) -> bool:
        """False once it has ended, and before it was spawned."""
        return self._child is not None and self._child.poll() is None

    def last_words(self) -> str:
        """The end of its log since it was spawned."""
        return self._journal.tail() if self._journal else ""

    def tend(self) -> None:
        """What is to be done now and then while it runs."""
        if self._journal:
            self._journal.trim()

    def stop(self) -> None:
        """End it: in order, else at once, else by force. Harmless where it does not run."""
        if self._child is not None:
            for number, patience in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, None)):
                self._child.send_signal(number)  # does nothing to a child that has ended
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(patience)
                    break
            self._child = None
        if self._journal is not None:
            self._journal.__exit__()
            self._journal = None
