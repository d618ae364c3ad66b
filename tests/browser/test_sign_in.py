"""Signing in at a browser: from an application to the page, through what goes wrong, and back."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from entrypoints.pages.words import wait_in_words
from tests.browser.elsewhere import BACK, Elsewhere
from tests.browser.person import arrive, expect_heading, fill, press, sign_in, signed_in
from tests.browser.support import SCHEMES, OpenPage, assert_accessible
from tests.http.signing_in import App, add_app, known_to
from tests.http.support import Watched
from tests.support import PASSWORD

WRONG = "not the right one"


async def test_a_person_signs_in_allows_and_is_back(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    await page.goto(live.url + app.url(scope="openid profile email"))
    await expect_heading(page, "Sign in")
    await expect(page.get_by_text("Use your Watchword account to continue to Holiday Photos")).to_be_visible()
    await expect(page.locator("#username")).to_be_focused()
    await sign_in(page, username)

    await expect_heading(page, "Allow access?")
    await expect(page.get_by_text("Holiday Photos", exact=True)).to_be_visible()
    await expect(page.get_by_text(username, exact=True)).to_be_visible()
    for text in ("Who you are", "Your profile", "Your e-mail address"):
        await expect(page.get_by_text(text)).to_be_visible()
    await expect(page.get_by_text(live.url)).to_have_count(0)  # a token for ourselves is nothing more
    await press(page, "Allow")

    await expect_heading(page, BACK)
    told = elsewhere.told[-1]
    assert (told.method, told.referrer) == ("GET", None)
    assert told.parameters.keys() == {"code", "state", "iss"}
    assert (told.parameters["state"], told.parameters["iss"]) == ("a state", live.url)
    tokens = app.exchange(told.parameters["code"]).json()
    assert known_to(live, tokens["access_token"])["email"] == f"{username}@example.com"

    before = len(elsewhere.told)
    await page.goto(live.url + app.url(scope="openid profile email"))
    await expect_heading(page, BACK)  # at once: nothing is asked twice
    assert len(elsewhere.told) == before + 1


async def test_the_cookie_is_out_of_reach_of_scripts_and_there_is_one(page: Page, live: Watched, username: str) -> None:
    await page.goto(f"{live.url}/signin")
    (before,) = await page.context.cookies()
    await sign_in(page, username)
    await expect_heading(page, "Your account")
    (after,) = await page.context.cookies()
    assert after["value"] != before["value"]
    assert (after["name"], after["httpOnly"], after["sameSite"], after["path"]) == ("watchword", True, "Lax", "/")
    assert after["expires"] == -1  # it ends with the browser
    assert await page.evaluate("document.cookie") == ""


async def test_a_wrong_password_is_said_beside_the_field(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    await page.goto(live.url + app.url())
    await sign_in(page, username, WRONG)
    password = page.get_by_label("Password")
    await expect(password).to_have_accessible_description(
        "This username and password do not match. Check both and try again."
    )
    await expect(password).to_be_focused()
    await expect(password).to_have_value("")
    await expect(password).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Username")).to_have_value(username)
    await password.fill(PASSWORD)
    await press(page, "Sign in")
    await press(page, "Allow")
    await expect_heading(page, BACK)
    assert "code" in elsewhere.last


async def test_empty_fields_are_named_and_the_first_has_the_focus(page: Page, live: Watched, username: str) -> None:
    await page.goto(f"{live.url}/signin")
    await press(page, "Sign in")
    name, password = page.get_by_label("Username"), page.get_by_label("Password")
    await expect(name).to_have_accessible_description("Enter your username.")
    await expect(password).to_have_accessible_description("Enter your password.")
    await expect(name).to_be_focused()
    await name.fill(username)
    await press(page, "Sign in")
    await expect(password).to_have_accessible_description("Enter your password.")
    await expect(password).to_be_focused()
    await expect(name).to_have_accessible_description("")


async def test_whoever_guesses_has_to_wait_and_is_told_how_long(
    page: Page, live: Watched, app: App, username: str
) -> None:
    with live.client() as client:  # the same count as at the token endpoint
        for _ in range(12):
            client.post("/api/v1/auth/token", data={"username": username, "password": WRONG})
    await page.goto(live.url + app.url())
    async with page.expect_response("**/signin") as answered:
        await sign_in(page, username)
    answer = await answered.value
    assert answer.status == 429
    await expect_heading(page, "Sign in")
    wait = int(answer.headers["retry-after"])
    await expect(page.get_by_role("alert")).to_have_text(f"There were too many failed attempts. {wait_in_words(wait)}")
    await expect(page.get_by_label("Username")).to_have_value(username)
    await assert_accessible(page)
    live.forgive(username)
    await fill(page, password=PASSWORD)
    await press(page, "Sign in")
    await expect_heading(page, "Allow access?")


async def test_whoever_cancels_is_back_with_a_refusal(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere
) -> None:
    await page.goto(live.url + app.url())
    await press(page, "Cancel and go back")
    await expect_heading(page, BACK)
    told = dict(elsewhere.last)
    assert told.pop("error_description")
    assert told == {"error": "access_denied", "state": "a state", "iss": live.url}


async def test_whoever_denies_is_back_with_a_refusal_and_stays_signed_in(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    await page.goto(live.url + app.url())
    await sign_in(page, username)
    await press(page, "Deny")
    await expect_heading(page, BACK)
    assert elsewhere.last["error"] == "access_denied"
    await page.goto(live.url + app.url())
    await expect_heading(page, "Allow access?")


async def test_an_account_is_chosen(page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str) -> None:
    other = live.add_user(f"{username}-other").username
    await arrive(page, app, elsewhere, username)
    await page.goto(live.url + app.url(prompt="select_account"))
    await expect_heading(page, "Choose an account")
    await press(page, f"Continue as {username}")
    await expect_heading(page, BACK)

    await page.goto(live.url + app.url(prompt="select_account"))
    await press(page, "Use another account")
    await expect_heading(page, "Sign in")
    await expect(page.get_by_label("Username")).to_have_value("")
    await expect(page.get_by_label("Username")).to_be_focused()
    await sign_in(page, other)
    await press(page, "Allow")
    await expect_heading(page, BACK)
    tokens = app.exchange(elsewhere.last["code"]).json()
    assert known_to(live, tokens["access_token"])["sub"] == other


async def test_a_password_is_asked_for_again(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    await arrive(page, app, elsewhere, username)
    await page.goto(live.url + app.url(prompt="login"))
    await expect_heading(page, "Sign in again")
    await expect(page.get_by_label("Username")).to_have_value(username)
    await expect(page.get_by_label("Password")).to_be_focused()
    await page.get_by_label("Password").fill(PASSWORD)
    await press(page, "Sign in")
    await expect_heading(page, BACK)


async def test_a_hint_fills_in_the_name(page: Page, live: Watched, app: App) -> None:
    await page.goto(live.url + app.url(login_hint="somebody"))
    await expect(page.get_by_label("Username")).to_have_value("somebody")
    await expect(page.get_by_label("Password")).to_be_focused()


async def test_with_the_keyboard_alone(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    await page.goto(live.url + app.url())
    await expect(page.get_by_label("Username")).to_be_focused()  # which comes a moment after the page
    await page.keyboard.type(username)
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Password")).to_be_focused()
    assert await focus_is_seen(page)
    await page.keyboard.type(PASSWORD)
    for name in ("Sign in", "Cancel and go back"):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
        assert await focus_is_seen(page)
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")  # in the field: signs in, and does not cancel

    await expect_heading(page, "Allow access?")
    for name in ("Deny", "Allow"):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
        assert await focus_is_seen(page)
    await page.keyboard.press("Enter")
    await expect_heading(page, BACK)
    assert "code" in elsewhere.last


async def focus_is_seen(page: Page) -> bool:
    """A ring around it, in both schemes."""
    widths: list[float] = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        style = "getComputedStyle(document.activeElement)"
        widths.append(await page.evaluate(f"{style}.outlineStyle === 'solid' && parseFloat({style}.outlineWidth)"))
    return all(width >= 2 for width in widths)


@pytest.mark.parametrize("javascript", [False])
async def test_without_scripts(page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str) -> None:
    await page.goto(live.url + app.url())
    await sign_in(page, username, WRONG)
    await expect(page.get_by_text("do not match")).to_be_visible()
    await sign_in(page, username)
    await press(page, "Allow")
    await expect_heading(page, BACK)
    assert "code" in elsewhere.last


async def test_an_application_that_nobody_vouched_for_is_shown_to_be_one(
    page: Page, live: Watched, elsewhere: Elsewhere, username: str
) -> None:
    itself = add_app(
        live, "prize", name="Win a Prize", redirect_uris=(elsewhere.url + "/callback",), self_registered=True
    )
    await page.goto(live.url + itself.url())
    await expect(page.get_by_text("Nobody at Watchword has checked this application")).to_be_visible()
    await expect(page.get_by_text("localhost", exact=True)).to_be_visible()
    await sign_in(page, username)
    await expect(page.get_by_text("This application registered itself.")).to_be_visible()
    await expect(page.get_by_text("localhost", exact=True)).to_be_visible()
    await press(page, "Allow")
    await expect_heading(page, BACK)


async def test_two_people_share_nothing(open_page: OpenPage, live: Watched, username: str) -> None:
    one, other = await open_page(), await open_page()
    await signed_in(one, live.url, username)
    await other.goto(f"{live.url}/account")
    await expect_heading(other, "Sign in")
