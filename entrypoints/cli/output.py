"""What commands print: tables and sentences for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column == columns[0], overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # Into a pipe each row is one line, however wide.
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """A line for each, the names in a column of their own."""
    width = max(map(len, fields), default=0) + 2
    for name, value in fields.items():
        click.echo(f"{name:<{width}}{printable(_text(value))}".rstrip())


def printable(text: str) -> str:
    """Without whatever would steer a terminal, or cannot be encoded."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def yes(flag: bool) -> str:
    return "yes" if flag else "no"


def minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return yes(value)
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)
