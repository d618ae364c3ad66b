"""Signing out by an application's wish (OpenID Connect RP-Initiated Logout 1.0), in a browser."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.async_api import Page, expect

from tests.browser.elsewhere import GOODBYE, SIGNED_OUT, Elsewhere
from tests.browser.person import arrive, expect_heading, press, signed_in
from tests.http.signing_in import App
from tests.http.support import Watched


def logout(app: App, **said: str) -> str:
    return f"{app.live.url}/logout?{urlencode(said)}"


async def test_with_a_hint_it_happens_at_once(
    page: Page, app: App, elsewhere: Elsewhere, live: Watched, username: str
) -> None:
    told = await arrive(page, app, elsewhere, username)
    hint = app.exchange(told["code"]).json()["id_token"]
    back = elsewhere.url + SIGNED_OUT
    await page.goto(logout(app, id_token_hint=hint, post_logout_redirect_uri=back, state="a b&c"))
    await expect_heading(page, GOODBYE)
    assert elsewhere.last == {"state": "a b&c"}
    await page.goto(f"{live.url}/account")
    await expect_heading(page, "Sign in")


async def test_without_a_hint_the_person_is_asked(
    page: Page, app: App, elsewhere: Elsewhere, live: Watched, username: str
) -> None:
    await signed_in(page, live.url, username)
    asking = logout(app, client_id=app.client_id, post_logout_redirect_uri=elsewhere.url + SIGNED_OUT)
    await page.goto(asking)
    await expect_heading(page, "Sign out?")
    await expect(page.get_by_text("Holiday Photos asks to sign you out.")).to_be_visible()
    await expect(page.get_by_text(username, exact=True)).to_be_visible()
    await press(page, "Stay signed in")
    await expect_heading(page, "Your account")
    await page.goto(asking)
    await press(page, "Sign out")
    await expect_heading(page, GOODBYE)
    await page.goto(f"{live.url}/account")
    await expect_heading(page, "Sign in")


async def test_an_application_may_post_it(
    page: Page, app: App, elsewhere: Elsewhere, live: Watched, username: str
) -> None:
    told = await arrive(page, app, elsewhere, username)
    hint = app.exchange(told["code"]).json()["id_token"]
    back = elsewhere.url + SIGNED_OUT
    await page.goto(elsewhere.posting(f"{live.url}/logout", id_token_hint=hint, post_logout_redirect_uri=back))
    await press(page, "Go")
    await expect_heading(page, GOODBYE)
    await page.goto(f"{live.url}/account")
    await expect_heading(page, "Sign in")


async def test_another_address_than_the_registered_one_is_refused(
    page: Page, app: App, elsewhere: Elsewhere, live: Watched, username: str
) -> None:
    await signed_in(page, live.url, username)
    await page.goto(logout(app, client_id=app.client_id, post_logout_redirect_uri=f"{elsewhere.url}/form"))
    await expect_heading(page, "This did not work")
    await expect(page.get_by_text("Nobody was signed out.")).to_be_visible()
    await page.goto(f"{live.url}/account")
    await expect_heading(page, "Your account")


async def test_without_an_application(page: Page, live: Watched, username: str) -> None:
    await signed_in(page, live.url, username)
    await page.goto(f"{live.url}/logout")
    await expect_heading(page, "Sign out?")
    await press(page, "Sign out")
    await expect_heading(page, "You are signed out")
