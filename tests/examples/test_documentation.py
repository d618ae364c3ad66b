"""What the documentation points to is there: files, sections, tests, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bench" / "README.md"])

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
TEST = re.compile(r"`(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`")
SETTING = re.compile(r"\b(?:WATCHWORD_[A-Z_]*[A-Z]|DATABASE_URL|JWT_[A-Z_]+|ACCESS_TOKEN_EXPIRE_MINUTES)\b")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def sections(page: Path) -> set[str]:
    """The names by which links find the sections of a page."""
    titles = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for found in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        target, _, section = "".join(found).partition("#")
        if ":" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        assert not section or section in sections(there), f"{target}#{section}"


def test_the_tests_that_security_names_exist() -> None:
    named = TEST.findall((ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) > 60
    for file, test in named:
        assert (ROOT / file).exists(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_the_settings_that_are_named_exist() -> None:
    known = set(SETTING.findall((ROOT / ".env.example").read_text(encoding="utf-8")))
    for page in PAGES:
        named = set(SETTING.findall(page.read_text(encoding="utf-8")))
        assert named <= known, (page.name, named - known)
