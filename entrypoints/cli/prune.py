"""watchword prune: let go of rows that nobody needs any more."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from attrs import frozen

from core.housekeeping import ExpiredRows, Prune
from core.protocol.refusals import Unavailable
from entrypoints.cli.output import json_option, print_json
from entrypoints.cli.runner import Run


@frozen
class Housekeeping:
    prune: Prune
    expired: ExpiredRows


def prune_command(do: Run[Housekeeping]) -> click.Command:
    @click.command(help="Delete what has expired. A running server does so by itself, every five minutes.")
    @json_option
    def prune(as_json: bool) -> None:
        gone, others = do(_prune)
        if as_json:
            print_json({"deleted": gone})
        elif others:
            click.echo(f"Deleted {gone} rows. A server is at the other {others}.")
        else:
            click.echo(f"Deleted {gone} rows." if gone else "Nothing has expired.")

    return prune


async def _prune(on: Housekeeping) -> tuple[int, int]:
    """How many rows went, and how many others had expired before, which somebody else lets go of."""
    total = await _total(on.expired)
    with _bar(total) as progress:
        gone = await on.prune(progress)
    return gone, max((total or 0) - gone, 0)


async def _total(expired: ExpiredRows) -> int | None:
    """None when there are too many to count within the time that a statement has: that must not keep them there."""
    try:
        return await expired.count()
    except Unavailable:
        return None


@contextmanager
def _bar(total: int | None) -> Iterator[Callable[[int], None]]:
    """What takes the sizes of batches, and shows them where somebody looks."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Deleting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)
