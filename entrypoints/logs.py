"""Logs: one JSON object a line, on standard error."""

from __future__ import annotations

import asyncio
import json
import logging.config
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol


class Lines(Protocol):
    """Whatever takes text, such as a stream."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


ABOUT = '{"level": "INFO", "logger": "watchword.http", "event": "request", "time": "%s", '


class RequestLog:
    """One line a request, in the format of all others.

    It does not go by `logging`, whose machinery costs more than all else that a simple answer takes.
    """

    def __init__(self) -> None:
        self._stream: Lines | None = None
        self._lines: list[str] = []

    def open(self, stream: Lines | None) -> None:
        """Write to this stream; None writes nothing."""
        self.flush()
        self._stream = stream

    def note(self, facts: Mapping[str, object]) -> None:
        if self._stream is None:
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(ABOUT % datetime.now(UTC).isoformat() + json.dumps(facts)[1:] + "\n")

    def flush(self) -> None:
        """Write what was noted in this turn of the event loop: one call of the system, however many requests it was."""
        lines, self._lines = self._lines, []
        if self._stream is not None and lines:
            with suppress(OSError, ValueError):  # a log that nobody takes any more is no reason to fail a request
                self._stream.write("".join(lines))
                self._stream.flush()


requests = RequestLog()


def set_up(level: str) -> None:
    """`level` is the least that Watchword itself logs, but for the audit, which is always written; libraries speak from
    `warning` on.
    """
    requests.open(sys.stderr if level in {"debug", "info"} else None)
    # What no line of ours shows, and every line would pay for.
    for detail in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"):
        setattr(logging, detail, False)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "fmt": "{levelname}{name}{message}",
                    "style": "{",
                    "timestamp": "time",
                    "rename_fields": {"levelname": "level", "name": "logger", "message": "event"},
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": "WARNING"},
            "loggers": {
                "watchword": {"level": level.upper()},
                "adapters": {"level": level.upper()},
                "watchword.audit": {"level": "INFO"},
            },
        }
    )
