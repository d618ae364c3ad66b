"""A browser that belongs to the tests: pages that nothing is let through on, and axe to look at them.

Importable without Playwright, so that the tests can say what is missing instead of failing to be read.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from attrs import define, field, frozen

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

ColorScheme = Literal["light", "dark"]
SCHEMES: tuple[ColorScheme, ...] = ("light", "dark")

# CSS pixels. WCAG 2.2 §1.4.10 asks that nothing is lost at 320; 360 is the narrowest telephone in use.
WIDE, NARROW = 1024, 360
HEIGHT = 768

# How long anything on a page may take, in ms. A busy machine is slow, and a test that waits in vain has failed anyhow.
PATIENCE = 15_000

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})

# Nothing that the browser does by itself, and no name but this machine's resolves: a page that needs another fails.
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)

REFUSED = "Failed to load resource: the server responded with a status of 4"

# WCAG 2.2 at level AA, and what axe advises beyond it.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def missing() -> str | None:
    """What a browser test needs and this machine lacks."""
    if find_spec("playwright") is None or find_spec("axe_playwright_python") is None:
        return "Playwright is not installed: pip install -r requirements/browser.lock"
    if program() is None:
        return f"no Chromium is installed: none of {', '.join(PROGRAMS)} is on the PATH"
    return None


def program() -> str | None:
    """The system's Chromium: Playwright is not to download another."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """A Chromium without a window, with a profile of its own that is gone afterwards."""
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        # Playwright runs it without Chromium's sandbox, which root could not have.
        browser = await playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
        yield browser
        await browser.close()


@define(slots=False)  # Playwright leaves a mark on whom it calls back
class Complaints:
    """What went wrong on pages behind the back of a test: scripts, policies, requests to anywhere else."""

    _found: list[tuple[str, str]] = field(factory=list)  # text, and the URL that it is about
    _visited: set[str] = field(factory=set)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self._found.append((f"uncaught: {error.error}", "")))
        context.on("request", self._request)

    def take(self) -> list[str]:
        """All there is, for a test that meant to cause it. It is forgotten."""
        taken = [f"{text} ({url})" if url else text for text, url in self._found if not self._meant(text, url)]
        self._found.clear()
        return taken

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self._found.append((message.text, message.location["url"]))

    def _request(self, request: Request) -> None:
        if request.is_navigation_request():
            self._visited.add(request.url)
        elif (parts := urlsplit(request.url)).scheme not in {"data", "blob"} and parts.hostname not in LOCAL:
            self._found.append(("a request to elsewhere", request.url))

    def _meant(self, text: str, url: str) -> bool:
        """Chromium deplores each page that is a refusal. What a page loads is to be there; and 5xx is never meant."""
        return url in self._visited and text.startswith(REFUSED)


@frozen
class OpenPage:
    """Opens pages, each in a context of its own: another person, or another device of the same one."""

    browser: Browser
    complaints: Complaints
    contexts: list[BrowserContext] = field(factory=list, init=False)

    async def __call__(
        self, *, color_scheme: ColorScheme = "light", width: int = WIDE, javascript: bool = True, **options: Any
    ) -> Page:
        """A blank page; `page.context.new_page()` is a second tab. `options`: see Playwright's `new_context`."""
        context = await self.browser.new_context(
            color_scheme=color_scheme,
            viewport={"width": width, "height": HEIGHT},
            java_script_enabled=javascript,
            reduced_motion="reduce",  # nobody is to look at a colour on its way to another
            locale="en-GB",
            timezone_id="UTC",
            **options,
        )
        context.set_default_timeout(PATIENCE)
        self.complaints.listen(context)
        self.contexts.append(context)
        return await context.new_page()

    async def close(self) -> None:
        for context in self.contexts:
            await context.close()
        self.contexts.clear()


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is, one rule a line, and below it each element and what is wrong with it.

    Playwright's `evaluate` is not subject to the page's content security policy. The page must have been opened with
    scripts switched on: axe waits for timers.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    run = "tags => axe.run({runOnly: tags, rules: {'target-size': {enabled: true}}})"
    found = await page.evaluate(run, list(RULES))
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}" + "".join(map(_element, violation["nodes"]))
        for violation in found["violations"]
    ]


def _element(node: dict[str, Any]) -> str:
    # The selector may lead through frames and shadow roots; the first line of the summary only says "Fix any of".
    why = "; ".join(line.strip() for line in node["failureSummary"].splitlines() if line.startswith("  "))
    return f"\n    {node['target']} {node['html']}\n        {why}"


async def assert_accessible(page: Page) -> None:
    """axe finds nothing, in both colour schemes. The page is left in the scheme that it was in."""
    was: ColorScheme = "dark" if await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    lines: list[str] = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        lines += [f"{scheme}: {line}" for line in await violations(page)]
    await page.emulate_media(color_scheme=was)
    assert not lines, "\n".join([f"axe on {page.url}", *lines])


async def assert_fits(page: Page) -> None:
    """Nobody has to scroll sideways (WCAG 2.2 §1.4.10)."""
    wide, there = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= there, f"{page.url} is {wide} pixels wide, and {there} are there"
