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

from bench.load import Broken
from bench.measure import Bench, Row, Samples, rows
from bench.stage import CAN_PIN, CORES, built

IDLE = 1.0  # seconds over which the machine is watched before anything starts


@click.command(help="Measure the server against its floors. The figures of one run compare, those of two runs do not.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=6, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(1, 600), default=3.5, show_default=True, help="Length of a measurement."
)
@click.option("--json", "as_json", is_flag=True, help="Print every sample as JSON instead of the table.")
def main(rounds: int, seconds: float, as_json: bool) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with this process
    others = psutil.cpu_percent(IDLE)
    samples = Samples()
    progress = Console(stderr=True)
    try:
        with built() as stage:
            try:
                uvloop.run(Bench(stage, seconds, samples).run(rounds, progress.print))
            except Broken as broken:
                raise Broken(f"{broken}\nThe server's last words:\n{stage.server.said()}") from None
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
    measured = rows(samples)
    if as_json:
        print(json.dumps({**about, "rows": [as_dict(row) for row in measured]}, indent=2))
    else:
        print_table(measured, about)


def as_dict(row: Row) -> dict[str, object]:
    ratio = median(row.ratios) if row.ratios else None
    named = {"what": " ".join(row.what.split()), "unit": row.unit, "floor": row.floor, "measured": row.measured}
    return {**named, "ratio": ratio, "target": row.target, "target_is_a_limit": row.at_most, "reached": row.reached}


def print_table(measured: list[Row], about: dict[str, object]) -> None:
    table = Table("", "", title="Medians of the rounds (least to most)", title_justify="left")
    for name in ("held against", "measured", "ratio", "target", ""):
        table.add_column(name, justify="right")
    for row in measured:
        target = "" if row.target is None else f"{'<' if row.at_most else '≥'} {row.target:g}"
        verdict = {None: "", True: "ok", False: "below" if not row.at_most else "over"}[row.reached]
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
