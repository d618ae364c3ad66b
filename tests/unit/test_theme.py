"""Whatever the colour of the service is, what is written in it can be read, in both colour schemes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entrypoints.pages.theme import (
    BLACK,
    DARK,
    EDGE,
    FILL,
    LIGHT,
    STATIC,
    SURFACES,
    TEXT,
    WHITE,
    contrast,
    icon,
    mixed,
    palette,
    stylesheet,
)

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
SCHEMES = pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
CSS = (STATIC / "pages.css").read_text("utf-8")

# What is written on what, of the colours that are always the same.
WRITTEN = (
    *((text, ground) for text in ("text", "muted", "danger") for ground in SURFACES),
    *((text, f"{text}-soft") for text in ("danger", "good", "warning")),
)


def test_contrast_is_that_of_the_specification() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast("#123456", "#123456") == 1
    assert (TEXT, EDGE) == (4.5, 3.0)  # WCAG 2.2 §1.4.3, §1.4.11
    assert contrast("#767676", WHITE) == pytest.approx(4.54, abs=0.005)  # the well-known lightest grey for text


def test_colours_mix() -> None:
    assert [mixed("#000000", "#ff8040", share) for share in (0, 0.5, 1)] == ["#000000", "#804020", "#ff8040"]


@SCHEMES
@given(accent=COLOURS)
@example("#ffffff")
@example("#000000")
@example("#777777")
@example("#0000ff")
@example("#ffff00")
@example("#2f5bd7")
def test_buttons_and_links_can_be_read_in_any_colour(scheme: Mapping[str, str], accent: str) -> None:
    made = palette(accent, scheme)
    assert contrast(made["on-accent"], made["accent"]) >= TEXT
    assert contrast(made["on-accent"], made["accent-hover"]) >= TEXT
    assert contrast(made["accent"], made["card"]) >= FILL
    for ground in SURFACES:
        assert contrast(made["link"], made[ground]) >= TEXT
        assert contrast(made["edge"], made[ground]) >= EDGE


@SCHEMES
@given(accent=COLOURS)
def test_a_colour_that_can_be_read_is_left_as_it_is(scheme: Mapping[str, str], accent: str) -> None:
    made = palette(accent, scheme)
    if all(contrast(accent, scheme[ground]) >= TEXT for ground in SURFACES):
        assert made["link"] == accent
    if contrast(accent, WHITE) >= TEXT and contrast(accent, scheme["card"]) >= FILL:
        assert (made["accent"], made["on-accent"]) == (accent, WHITE)


@SCHEMES
@pytest.mark.parametrize(("text", "ground"), WRITTEN)
def test_what_is_the_same_for_everybody_can_be_read(scheme: Mapping[str, str], text: str, ground: str) -> None:
    assert contrast(scheme[text], scheme[ground]) >= TEXT


@SCHEMES
def test_the_edges_of_fields_can_be_seen(scheme: Mapping[str, str]) -> None:
    assert contrast(scheme["field"], scheme["card"]) >= EDGE


def test_both_schemes_have_the_same_colours() -> None:
    assert palette("#2f5bd7", LIGHT).keys() == palette("#2f5bd7", DARK).keys()


def test_the_style_sheet_begins_with_the_colours() -> None:
    sheet = stylesheet("#FFD400").decode()
    light, _, rest = sheet.partition("\n")
    assert light.startswith(":root{--page:")
    assert "--accent:#ffd400;" in light
    assert rest.startswith("@media (prefers-color-scheme: dark){:root{--page:")
    assert sheet.endswith(CSS)


def test_every_colour_of_the_style_sheet_is_one_of_the_palette() -> None:
    ours = set(re.findall(r"^\s*--([a-z-]+):", CSS, re.MULTILINE))
    assert set(re.findall(r"var\(--([a-z-]+)\)", CSS)) - ours == palette("#2f5bd7", LIGHT).keys()
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*;)", CSS)


def test_the_style_sheet_fetches_nothing() -> None:
    assert not re.search(r"@import|url\(|image-set|//", CSS)


def test_nothing_moves_for_whoever_asked_for_that() -> None:
    before, _, after = CSS.partition("@media (prefers-reduced-motion: no-preference)")
    inside, _, beyond = after.partition("\n}\n")
    assert "transition" in inside
    assert not re.search(r"transition|animation", before + beyond)


@pytest.mark.parametrize("accent", ["#2f5bd7", "#ffffff", "#000000"])
def test_the_icon_is_a_picture_in_the_colours_of_buttons(accent: str) -> None:
    made = palette(accent, LIGHT)
    rect, path = ElementTree.fromstring(icon(accent))  # noqa: S314 - our own file
    assert (rect.get("fill"), path.get("fill")) == (made["accent"], made["on-accent"])
