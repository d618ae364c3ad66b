"""JSON that commands read from a file, or from standard input."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import click

MOST_BYTES = 256 * 1024  # of a file; what is cut off there is no JSON any more

FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


def read_object(path: str, expected: str) -> dict[str, Any]:
    """The JSON object in a file; - is standard input. Raises `click.BadParameter`, which never repeats the content."""
    try:
        with click.open_file(path, "rb") as file:
            text: bytes = file.read(MOST_BYTES)
        value = json.loads(text.decode(), parse_constant=_no_constant)
    except OSError as error:
        raise click.BadParameter(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise click.BadParameter("expected JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise click.BadParameter(f"expected {expected}")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
