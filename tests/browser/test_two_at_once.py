"""A form that is not the newest: a second tab, the way back, a button pressed twice, a page in somebody else's."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.elsewhere import BACK, Elsewhere
from tests.browser.person import arrive, expect_heading, fill, press, sign_in, signed_in
from tests.browser.support import Complaints, assert_accessible
from tests.http.signing_in import App
from tests.http.support import Watched
from tests.support import PASSWORD

OUT_OF_DATE = "This page is out of date"


async def test_a_second_tab_goes_on_after_a_sign_in_in_the_first(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    second = await page.context.new_page()
    await page.goto(live.url + app.url(state="first"))
    await second.goto(live.url + app.url(state="second"))
    await sign_in(page, username)
    await expect_heading(page, "Allow access?")

    await sign_in(second, username)
    await expect_heading(second, OUT_OF_DATE)
    await expect(second.get_by_text("Nothing was changed.")).to_be_visible()
    await assert_accessible(second)
    await second.get_by_role("link", name="Open the page again").click()
    await expect_heading(second, "Allow access?")
    await press(second, "Allow")
    await expect_heading(second, BACK)
    assert elsewhere.last["state"] == "second"

    await press(page, "Allow")
    await expect_heading(page, BACK)
    assert elsewhere.last["state"] == "first"
    assert "code" in elsewhere.last


async def test_a_tab_from_before_a_sign_out_changes_nothing(page: Page, live: Watched, username: str) -> None:
    await signed_in(page, live.url, username)
    second = await page.context.new_page()
    await second.goto(f"{live.url}/account")
    await page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    await expect_heading(page, "You are signed out")
    await fill(second, email="changed@example.com")
    await press(second, "Change e-mail address")
    await expect_heading(second, OUT_OF_DATE)
    await second.get_by_role("link", name="Open the page again").click()
    await expect_heading(second, "Sign in")
    user = live.run(live.container.users().get_by_username(username))
    assert user is not None
    assert user.email == f"{username}@example.com"


async def test_the_way_back_after_the_answer_leads_to_a_page_that_says_so(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    await arrive(page, app, elsewhere, username)
    answers = len(elsewhere.told)
    for _ in range(2):  # the question, and before that the sign-in
        await page.go_back()
        await expect_heading(page, "This did not work")
        await expect(page.get_by_text("This sign-in is over")).to_be_visible()
    assert len(elsewhere.told) == answers


@pytest.mark.parametrize(
    ("button", "heading"),
    [("Sign in", "You are signed in"), ("Allow", "This did not work")],
    ids=["sign-in", "consent"],
)
async def test_a_button_pressed_twice_on_a_slow_line(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str, button: str, heading: str
) -> None:
    """The browser gives up on the first answer. The second says what to do, and doing that works at once."""
    answers = len(elsewhere.told)
    await page.goto(live.url + app.url())
    await fill(page, username=username, password=PASSWORD)
    if button == "Allow":
        await press(page, "Sign in")
        await expect_heading(page, "Allow access?")
    line = await page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 300, "downloadThroughput": -1, "uploadThroughput": -1}
    await line.send("Network.enable")
    await line.send("Network.emulateNetworkConditions", slow)
    pressed = page.get_by_role("button", name=button, exact=True)
    await pressed.evaluate(
        "button => button.addEventListener('click', () => setTimeout(() => button.click(), 100), {once: true})"
    )
    await pressed.click()
    await expect_heading(page, heading)
    await expect(page.get_by_text("Go back to the application and start again.")).to_be_visible()
    await line.send("Network.emulateNetworkConditions", {**slow, "latency": 0})
    assert len(elsewhere.told) == answers

    await page.goto(live.url + app.url())
    if button == "Sign in":
        await press(page, "Allow")
    await expect_heading(page, BACK)
    assert "code" in elsewhere.last


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another-site", "another-port"])
async def test_in_a_frame_nothing_is_shown(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str, complaints: Complaints, host: str
) -> None:
    """Also where the cookie comes along."""
    await signed_in(page, live.url, username)
    for path in (app.url(), "/account", "/signin", "/logout"):
        await page.goto(elsewhere.framing(live.url + path).replace("localhost", host))
        frame = page.frames[1]
        await expect(page.locator("iframe")).to_be_visible()
        assert frame.url == "chrome-error://chromewebdata/"
        assert await frame.locator("form").count() == 0
        complained = complaints.take()
        assert any("frame-ancestors 'none'" in line for line in complained), complained


async def test_a_form_of_another_site_signs_nobody_in_or_out(
    page: Page, live: Watched, elsewhere: Elsewhere, username: str
) -> None:
    await signed_in(page, live.url, username)
    forms = {
        "/signin": {"username": "mallory", "password": PASSWORD, "choice": "signin"},
        "/account/email": {"email": "mallory@example.com"},
        "/account/sessions/end-all": {},
    }
    for path, fields in forms.items():
        await page.goto(elsewhere.posting(live.url + path, csrf="x", **fields))
        await press(page, "Go")
        await expect_heading(page, "This did not work")
        await expect(page.get_by_text("This form was sent by another site.")).to_be_visible()
    await page.goto(f"{live.url}/account")
    await expect(page.get_by_role("textbox", name="E-mail address")).to_have_value(f"{username}@example.com")


async def test_an_application_may_post_its_request(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    """It comes without the cookie, which the redirect that follows brings along."""
    await signed_in(page, live.url, username)
    await page.goto(elsewhere.posting(f"{live.url}/authorize", **app.parameters()))
    await press(page, "Go")
    await expect_heading(page, "Allow access?")
    await press(page, "Allow")
    await expect_heading(page, BACK)
    assert "code" in elsewhere.last
