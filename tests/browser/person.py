"""What people do on the pages, by what they read there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.elsewhere import BACK, Elsewhere
from tests.http.signing_in import App
from tests.support import PASSWORD

if TYPE_CHECKING:
    from playwright.async_api import Page


async def expect_heading(page: Page, text: str) -> None:
    """The page says that this is what it is, in its one heading."""
    from playwright.async_api import expect

    await expect(page.get_by_role("heading", level=1)).to_have_text(text)


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def fill(page: Page, **fields: str) -> None:
    """By the ids of the fields, which are their names."""
    for name, text in fields.items():
        await page.locator(f"#{name}").fill(text)


async def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    await fill(page, username=username, password=password)
    await press(page, "Sign in")


async def signed_in(page: Page, url: str, username: str, password: str = PASSWORD) -> None:
    """To the account page of the server there."""
    await page.goto(f"{url}/account")
    await sign_in(page, username, password)
    await expect_heading(page, "Your account")


async def arrive(page: Page, app: App, elsewhere: Elsewhere, username: str, **asking: str | None) -> dict[str, str]:
    """From the application and back to it, through whatever is asked: what it is told."""
    await page.goto(app.live.url + app.url(**asking))
    if await page.locator("#password").count():
        await sign_in(page, username)
    if not page.url.startswith(elsewhere.url):
        await expect_heading(page, "Allow access?")
        await press(page, "Allow")
    await expect_heading(page, BACK)
    return elsewhere.last
