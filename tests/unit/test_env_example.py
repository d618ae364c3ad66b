"""`.env.example` lists all settings, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from adapters.settings import load, variables

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINE = re.compile(r"#? ?([A-Z][A-Z0-9_]*)=(.*)")


def test_the_example_lists_every_setting_once() -> None:
    listed = [match[1] for line in EXAMPLE.read_text().splitlines() if (match := LINE.fullmatch(line))]
    assert sorted(listed) == sorted(name for name, _, _ in variables())


def test_the_example_as_it_stands_changes_nothing() -> None:
    assert load({}, EXAMPLE) == load({}, Path("/nonexistent/.env"))
