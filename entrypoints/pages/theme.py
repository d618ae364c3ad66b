"""The style sheet in the colour of the service: whatever that is, what is written can be read.

Contrast is that of WCAG 2.2 (§1.4.3: 4.5 to 1 for text; §1.4.11: 3 to 1 for the edges of controls).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Final

STATIC: Final = Path(__file__).parent / "static"

TEXT, EDGE = 4.5, 3.0
FILL: Final = 1.3  # of a button against its card, for it to look filled
WHITE: Final = "#ffffff"
BLACK: Final = "#000000"

# The colours that are the same for everybody, by their names in the style sheet.
LIGHT: Final[Mapping[str, str]] = {
    "page": "#f2f3f6",
    "card": "#ffffff",
    "soft": "#f5f6f8",
    "line": "#dde0e7",
    "field": "#838a98",
    "text": "#1a1d24",
    "muted": "#555b68",
    "danger": "#b3261e",
    "danger-soft": "#fdeeec",
    "good": "#17663a",
    "good-soft": "#e7f5ec",
    "warning": "#6d4600",
    "warning-soft": "#fff5df",
}
DARK: Final[Mapping[str, str]] = {
    "page": "#0f1116",
    "card": "#181b22",
    "soft": "#1f232c",
    "line": "#2e333e",
    "field": "#757d8d",
    "text": "#eceef2",
    "muted": "#a8afbc",
    "danger": "#ff9d94",
    "danger-soft": "#38191a",
    "good": "#7fdc9f",
    "good-soft": "#12301e",
    "warning": "#f5ca76",
    "warning-soft": "#30250f",
}
SURFACES: Final = ("page", "card", "soft")  # what links are written on

Channels = tuple[int, int, int]


def stylesheet(accent: str) -> bytes:
    """The style sheet of every page, in UTF-8, for an `accent` of the form #rrggbb."""
    light, dark = palette(accent, LIGHT), palette(accent, DARK)
    rules = f":root{{{_properties(light)}}}\n@media (prefers-color-scheme: dark){{:root{{{_properties(dark)}}}}}\n"
    return rules.encode() + (STATIC / "pages.css").read_bytes()


def icon(accent: str) -> bytes:
    """The picture of a service that has none, an SVG image in the colour of its buttons."""
    colours = palette(accent, LIGHT)
    drawing = Template((STATIC / "icon.svg").read_text("utf-8"))
    return drawing.substitute(accent=colours["accent"], on_accent=colours["on-accent"]).encode()


def palette(accent: str, scheme: Mapping[str, str]) -> dict[str, str]:
    """`scheme` and what follows from the accent.

    `accent` fills buttons and `accent-hover` those under the pointer, `on-accent` is written on both; `edge` is around
    them; `link` is for links and the ring of what has the focus.
    """
    written = WHITE if contrast(accent, WHITE) >= EDGE else BLACK
    away = BLACK if written == WHITE else WHITE
    further = WHITE if luminance(scheme["page"]) < 0.5 else BLACK
    surfaces = [scheme[name] for name in SURFACES]
    button = _until(FILL, _until(TEXT, accent, away, [written]), further, [scheme["card"]])
    return {
        **scheme,
        "accent": button,
        "accent-hover": mixed(button, away, 0.12),
        "on-accent": written,
        "edge": _until(EDGE, button, further, surfaces),
        "link": _until(TEXT, accent, further, surfaces),
    }


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mixed(colour: str, other: str, share: float) -> str:
    """`share` is that of the other, from 0 to 1."""
    pairs = zip(channels(colour), channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def channels(colour: str) -> Channels:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _until(ratio: float, colour: str, towards: str, against: Iterable[str]) -> str:
    """The colour, or the nearest to it on the way to black or white that has the contrast."""
    grounds = list(against)
    steps = (mixed(colour, towards, step / 50) for step in range(51))
    return next(one for one in steps if all(contrast(one, ground) >= ratio for ground in grounds))


def _properties(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())
