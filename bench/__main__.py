"""`python -m bench`: measure the server against its floors, and print one table."""

from __future__ import annotations

import json
import platform
import signal
import sys
from statistics import median

import click
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from bench.families import KNOWN, Sizes
from bench.load import Broken
from bench.measure import LETTERS, parts, run
from bench.processes import CAN_PIN, CORES
from bench.rows import Row
from bench.stage import built

LARGE, MEDIUM = 10_000_000, 1_000_000  # refresh families, for (i)
IDLE = 1.0  # seconds over which the machine is watched before anything starts


def letters(_context: click.Context, _option: click.Parameter, given: str) -> str:
    chosen = given.replace(",", "").replace(" ", "").lower()
    if not chosen or not set(chosen) <= set(LETTERS):
        raise click.BadParameter(f"expected some of {','.join(LETTERS)}")
    return chosen


@click.command(help="Measure the server against its floors. The figures of one run compare, those of two runs do not.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=6, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(1, 600), default=3.5, show_default=True, help="Length of a measurement."
)
@click.option("--only", metavar="LETTERS", default=LETTERS, callback=letters, help="Some of the parts, as in e,f.")
@click.option("--large", is_flag=True, help=f"{LARGE:,} refresh families for (i) and not {MEDIUM:,}: takes minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print every sample as JSON instead of the table.")
def main(rounds: int, seconds: float, only: str, large: bool, as_json: bool) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with this process
    others = psutil.cpu_percent(IDLE)
    progress = Console(stderr=True)
    sizes = Sizes(small=KNOWN, large=LARGE if large else MEDIUM) if "i" in only else None
    try:
        with built(sizes, progress.print) as stage:
            measured = parts(only, stage, seconds)
            try:
                uvloop.run(run(measured, rounds, progress.print))
            except Broken as broken:
                raise Broken(f"{broken}\n{stage.said()}") from None
    except Broken as broken:
        raise click.ClickException(str(broken)) from None
    about = {
        "cores": len(CORES),
        "pinned": CAN_PIN,
        "python": platform.python_version(),
        "rounds": rounds,
        "seconds": seconds,
        "busy_before_percent": round(others),
    }
    rows = [row for own in sorted((part.rows() for part in measured), key=first) for row in own]
    if as_json:
        print(json.dumps({**about, "rows": [row.as_dict() for row in rows]}, indent=2))
    else:
        print_table(rows, about)


def first(own: list[Row]) -> str:
    """By its letter."""
    return own[0].what


def print_table(rows: list[Row], about: dict[str, object]) -> None:
    table = Table("", "", title="Medians of the rounds (least to most)", title_justify="left")
    for name in ("held against", "measured", "ratio", "target", ""):
        table.add_column(name, justify="right")
    for row in rows:
        least = row.bound == "ratio at least"
        target = "" if row.target is None else f"{'≥' if least else '<'} {row.target:g}"
        verdict = {None: "", True: "ok", False: "below" if least else "over"}[row.reached]
        table.add_row(
            row.what, row.unit, spread(row.floor), spread(row.measured), spread(row.ratios, "{:.2f}"), target, verdict
        )
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    layout = "" if about["pinned"] else ", nothing pinned"
    console.print(
        f"{about['cores']} cores{layout}, Python {about['python']}, {about['rounds']} rounds of {about['seconds']} s. "
        f"Others kept the machine {about['busy_before_percent']} % busy before the start.",
        highlight=False,
    )


def spread(values: tuple[float, ...], form: str = "{:.4g}") -> str:
    if not values:
        return ""
    middle = form.format(median(values))
    return middle if len(values) == 1 else f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


if __name__ == "__main__":
    main()
