"""How a command that runs until it is stopped comes to its end."""

from __future__ import annotations

import signal
import sys


def on_sigterm_leave_in_order() -> None:
    """Outside the server's own handling of signals, SIGTERM ends the command as Ctrl+C does, database and all."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
