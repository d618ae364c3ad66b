"""Pages as HTML: templates beside this file, with everything that comes from elsewhere escaped.

Paths in the context of a template are without the prefix of the issuer; `path` puts it in front.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import field, frozen
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

TEMPLATES: Final = Path(__file__).parent / "templates"

# Not strftime's, which follow the locale of the process.
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# What a User-Agent says, and what people call it. Most programs claim to be others too: the first that fits is it.
_BROWSERS: Final = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"(OPR|OPT|Opera)/", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Vivaldi/", "Vivaldi"),
    (r"(Firefox|FxiOS)/", "Firefox"),
    (r"(Chrome|CriOS|HeadlessChrome)/", "Chrome"),
    (r"Version/[\d.]+ .*Safari/", "Safari"),
)
_SYSTEMS: Final = (
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"CrOS", "ChromeOS"),
    (r"Macintosh|Mac OS X", "macOS"),
    (r"Linux|X11", "Linux"),
)
LONGEST_DEVICE: Final = 60


@frozen
class Site:
    """Whose pages these are.

    `base` is the path of the issuer, without a slash at its end. `accent` is #rrggbb. `logo` is the path of a picture.
    """

    name: str
    base: str
    accent: str
    logo: str | None = None


@frozen
class Pages:
    """Compiles every template at once, so that a mistake in one shows at the start."""

    site: Site
    _templates: dict[str, Template] = field(init=False, repr=False, eq=False)

    @_templates.default
    def _compiled(self) -> dict[str, Template]:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        prefix = quote(self.site.base)
        environment.globals.update(site=self.site, path=lambda path: prefix + path)
        environment.filters.update(device=device, moment=moment)
        return {name: environment.get_template(name) for name in environment.list_templates()}

    def render(self, template: str, **context: object) -> str:
        """Raises `KeyError` for a template that there is not, `UndefinedError` for a name that it lacks."""
        return self._templates[template].render(context)


def moment(at: datetime) -> Markup:
    """A time as people read it, in UTC, since nobody has told where they are."""
    at = at.astimezone(UTC)
    text = f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", text)


def device(agent: str) -> str:
    """What signed in, as its owner would call it: "Firefox on Linux"; or else what it says of itself, cut."""
    browser, system = _named(agent, _BROWSERS), _named(agent, _SYSTEMS)
    if browser and system:
        return f"{browser} on {system}"
    said = browser or system or " ".join(agent.split()) or "Unknown device"
    return said if len(said) <= LONGEST_DEVICE else said[: LONGEST_DEVICE - 1] + "…"


def _named(agent: str, names: tuple[tuple[str, str], ...]) -> str | None:
    return next((name for pattern, name in names if re.search(pattern, agent)), None)
