"""Logs: one JSON object a line, on standard error."""

from __future__ import annotations

import logging.config


def set_up(level: str) -> None:
    """`level` is the least that Watchword itself logs; libraries speak from `warning` on."""
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
            "loggers": {"watchword": {"level": level.upper()}, "adapters": {"level": level.upper()}},
        }
    )
