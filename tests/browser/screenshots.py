"""Pictures for the documentation: `python -m tests.browser.screenshots` writes docs/images/, in both colour schemes.

Names given as arguments pick some of them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from core.clients.model import AuthMethod
from core.protocol.secret import Secret
from entrypoints.demo import party
from entrypoints.demo.app import build
from entrypoints.http import server
from tests.browser.person import expect_heading, press, sign_in, signed_in
from tests.browser.support import SCHEMES, Complaints, OpenPage, browsing, missing
from tests.http.signing_in import CALLBACK, COOKIE, App, Browser, add_app
from tests.http.support import Watched
from tests.interop.support import issuing
from tests.support import serving

if TYPE_CHECKING:
    from playwright.async_api import Page

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"

WIDTH = 900  # CSS pixels, and of the picture as well
ALBUMS = "https://api.photos.example.com"
USERNAME = "ada"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1"


@frozen
class Stage:
    """A server, and the address of the demo app beside it."""

    live: Watched
    demo: str


# What brings a fresh page to where the picture is taken.
Walk = Callable[["Page", Stage], Awaitable[None]]


def furnish(live: Watched) -> None:
    """Somebody, and an API."""
    user = live.add_user(USERNAME)
    profile = {"name": "Ada Lovelace", "birthdate": "1815-12-10", "zoneinfo": "Europe/London"}
    live.run(live.container.change_profile()(user, profile))
    live.run(live.container.create_resource()(ALBUMS, ("albums:read", "albums:write")))


def photos(live: Watched, client_id: str) -> App:
    return add_app(
        live,
        client_id,
        name="Holiday Photos",
        redirect_uris=(CALLBACK,),
        scopes=("openid", "profile", "email", "offline_access", "albums:read", "albums:write"),
        resources=(ALBUMS,),
        client_uri="https://photos.example.com/",
        policy_uri="https://photos.example.com/privacy",
    )


def asking(live: Watched, app: App) -> str:
    scope = "openid profile email offline_access albums:read albums:write"
    return live.url + app.url(("resource", ALBUMS), scope=scope)


async def sign_in_page(page: Page, stage: Stage) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": 560})
    await page.goto(asking(stage.live, photos(stage.live, "photos-1")))
    await page.locator("#username").fill(USERNAME)
    await page.locator("#password").focus()


async def consent_page(page: Page, stage: Stage) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": 890})
    await page.goto(asking(stage.live, photos(stage.live, "photos-2")))
    await sign_in(page, USERNAME)
    await expect_heading(page, "Allow access?")


async def account_page(page: Page, stage: Stage) -> None:
    """The lower half: she has a telephone, and an application here and there."""
    live = stage.live
    live.run(live.container.end_sessions().all(USERNAME))
    calendar = add_app(live, "calendar", name="Team Calendar", redirect_uris=(CALLBACK,))
    calendar.code(Browser(live, agent=IPHONE, origin=live.url), USERNAME, scope="openid profile email")
    await page.set_viewport_size({"width": WIDTH, "height": 800})
    await signed_in(page, live.url, USERNAME)
    (cookie,) = await page.context.cookies()
    here = Browser(live, cookies={COOKIE: cookie["value"]}, origin=live.url)
    here.agree(here.open(asking(live, photos(live, "photos-3"))))
    await page.reload()
    await page.evaluate("scrollTo(0, document.querySelector('[aria-labelledby=devices]').offsetTop - 24)")


@contextmanager
def demo(live: Watched) -> Iterator[str]:
    """The application of `watchword demo app`, at its address."""
    listener = server.listen("127.0.0.1", 0)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = add_app(
        live,
        "demo-app",
        method=AuthMethod.SECRET_BASIC,
        name="Demo app",
        redirect_uris=(base + party.CALLBACK,),
        post_logout_redirect_uris=(base + party.SIGNED_OUT,),
    )
    provider = asyncio.run(party.discover(live.url))
    relying = party.RelyingParty(provider, "demo-app", Secret(app.secret), base, live.container.assertions().verify)
    with serving(build(relying, hint=""), listener) as (url, _):
        yield url


async def demo_page(page: Page, stage: Stage) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": 900})
    await page.goto(stage.demo)
    await page.get_by_role("link", name="Sign in").click()
    await sign_in(page, USERNAME)
    await press(page, "Allow")
    await press(page, "Call userinfo")
    await expect_heading(page, "Hello, Ada Lovelace")
    await page.evaluate("scrollTo(0, 0)")


# By the name of the picture.
WALKS: Mapping[str, Walk] = {
    "sign-in": sign_in_page,
    "consent": consent_page,
    "account": account_page,
    "demo": demo_page,
}


async def shot(page: Page, name: str, folder: Path = IMAGES) -> list[Path]:
    """Write what is to be seen to NAME-light.png and NAME-dark.png."""
    written = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        written.append(folder / f"{name}-{scheme}.png")
        await page.screenshot(path=written[-1], animations="disabled", caret="hide")
    return written


async def take(names: list[str], stage: Stage) -> None:
    complaints = Complaints()
    async with browsing() as browser:
        opening = OpenPage(browser, complaints)
        for name in names:
            page = await opening()
            await WALKS[name](page, stage)
            for path in await shot(page, name):
                print(path)
        await opening.close()
    if complained := complaints.take():
        raise SystemExit("\n".join(complained))


def main() -> None:
    if reason := missing():
        raise SystemExit(reason)
    names = sys.argv[1:] or list(WALKS)
    if unknown := set(names) - set(WALKS):
        raise SystemExit(f"there is no picture of {', '.join(sorted(unknown))}; there is: {', '.join(WALKS)}")
    with (
        tempfile.TemporaryDirectory(prefix="watchword-pictures-") as folder,
        issuing(None, Path(folder), storage="memory") as live,
        demo(live) as address,
    ):
        furnish(live)
        asyncio.run(take(names, Stage(live, address)))


if __name__ == "__main__":
    main()
