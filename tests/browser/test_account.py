"""The account page in a browser: what people change there, and what that ends."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.elsewhere import Elsewhere
from tests.browser.person import arrive, expect_heading, fill, press, sign_in, signed_in
from tests.browser.support import OpenPage
from tests.http.signing_in import USERINFO, App
from tests.http.support import Watched
from tests.support import PASSWORD

NEW_PASSWORD = "another correct horse"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def expect_done(page: Page, text: str) -> None:
    await expect(page.get_by_role("status")).to_have_text(text)


async def test_a_profile_is_saved_and_shown(page: Page, live: Watched, username: str) -> None:
    await signed_in(page, live.url, username)
    await page.get_by_text("Edit your profile").click()
    said = {
        "name": "Ada <b>Lovelace</b>",
        "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London",
        "address_street_address": "12 St James's Square\nFirst floor",
        "address_country": "United Kingdom",
    }
    await fill(page, **said)
    await press(page, "Save profile")
    await expect_done(page, "Your profile was saved.")
    await expect(page.get_by_role("definition").filter(has_text="Ada <b>Lovelace</b>")).to_be_visible()
    await page.get_by_text("Edit your profile").click()
    for name, text in said.items():
        await expect(page.locator(f"#{name}")).to_have_value(text)
    await fill(page, birthdate="")
    await press(page, "Save profile")
    await expect_done(page, "Your profile was saved.")
    await expect(page.locator("#birthdate")).to_have_value("")
    await page.reload()
    await expect(page.locator("#zoneinfo")).to_have_value("Europe/London")


async def test_what_is_wrong_with_a_profile_is_said_beside_the_fields(page: Page, live: Watched, username: str) -> None:
    await signed_in(page, live.url, username)
    await page.get_by_text("Edit your profile").click()
    await fill(page, name="Ada", birthdate="yesterday", website="not a url")
    await press(page, "Save profile")
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
    birthday, website = page.locator("#birthdate"), page.locator("#website")
    for wrong in (birthday, website):
        await expect(wrong).to_be_visible()  # what was folded is open
        await expect(wrong).to_have_attribute("aria-invalid", "true")
        await expect(wrong).not_to_have_accessible_description("")
    await expect(birthday).to_have_value("yesterday")
    await expect(birthday).to_be_focused()  # the first on the page
    await expect(page.locator("#name")).to_have_value("Ada")
    await page.get_by_role("alert").get_by_role("link", name="Website").click()
    await expect(website).to_be_focused()
    await fill(page, birthdate="1815", website="https://example.com/")
    await press(page, "Save profile")
    await expect_done(page, "Your profile was saved.")


async def test_an_address_is_changed_unless_it_is_wrong_or_somebody_elses(
    page: Page, live: Watched, username: str
) -> None:
    other = live.add_user(f"{username}-other").email
    await signed_in(page, live.url, username)
    email = page.get_by_role("textbox", name="E-mail address")
    for text in ("nobody", other):
        await email.fill(text)
        await press(page, "Change e-mail address")
        await expect(page.get_by_role("alert")).to_be_visible()
        await expect(email).to_have_value(text)
    await email.fill("ada@example.org")
    await press(page, "Change e-mail address")
    await expect_done(page, "Your e-mail address was changed.")
    await expect(email).to_have_value("ada@example.org")


async def test_a_new_password_signs_out_everywhere_else(open_page: OpenPage, live: Watched, username: str) -> None:
    here, there = await open_page(), await open_page()
    for page in (here, there):
        await signed_in(page, live.url, username)

    await fill(here, current_password="not it", new_password=NEW_PASSWORD)
    await press(here, "Change password")
    current, new = here.get_by_label("Current password"), here.get_by_label("New password")
    await expect(current).to_have_attribute("aria-invalid", "true")
    await expect(current).to_be_focused()
    await expect(current).to_have_value("")
    await fill(here, current_password=PASSWORD, new_password="short")
    await press(here, "Change password")
    await expect(new).to_have_attribute("aria-invalid", "true")
    await expect(new).to_be_focused()
    await there.reload()
    await expect_heading(there, "Your account")

    await fill(here, current_password=PASSWORD, new_password=NEW_PASSWORD)
    await press(here, "Change password")
    await expect_done(here, "Your password was changed. You were signed out on all other devices.")
    await here.goto(f"{live.url}/account")
    await expect_heading(here, "Your account")
    await there.reload()
    await expect_heading(there, "Sign in")
    await sign_in(there, username)
    await expect(there.get_by_text("do not match")).to_be_visible()
    await sign_in(there, username, NEW_PASSWORD)
    await expect_heading(there, "Your account")


async def test_the_other_device_is_signed_out(open_page: OpenPage, live: Watched, username: str) -> None:
    here, there = await open_page(), await open_page(user_agent=FIREFOX)
    for page in (there, here):
        await signed_in(page, live.url, username)
    devices = here.get_by_role("region", name="Devices").get_by_role("listitem")
    await expect(devices).to_have_count(2)
    await expect(devices.filter(has_text="This device")).to_contain_text("Chrome on Linux")
    await press(here, "Sign out Firefox on Linux")
    await expect_done(here, "That device was signed out.")
    await expect(devices).to_have_count(1)
    await there.reload()
    await expect_heading(there, "Sign in")

    await press(here, "Sign out Chrome on Linux")  # this one
    await expect_heading(here, "You are signed out")
    await here.get_by_role("link", name="Sign in again").click()
    await expect_heading(here, "Sign in")


async def test_sign_out_everywhere(open_page: OpenPage, live: Watched, username: str) -> None:
    here, there = await open_page(), await open_page()
    for page in (here, there):
        await signed_in(page, live.url, username)
    await press(here, "Sign out everywhere")
    await expect_heading(here, "You are signed out")
    for page in (here, there):
        await page.goto(f"{live.url}/account")
        await expect_heading(page, "Sign in")


async def test_an_application_is_disconnected(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    told = await arrive(page, app, elsewhere, username, scope="openid email offline_access")
    tokens = app.exchange(told["code"]).json()
    await page.goto(f"{live.url}/account")
    connected = page.get_by_role("region", name="Applications")
    await expect(connected.get_by_role("heading", name="Holiday Photos")).to_be_visible()
    await expect(connected).to_contain_text("It sees: Who you are · Your e-mail address")
    await expect(connected).to_contain_text("It may do this while you are away.")
    await press(page, "Disconnect Holiday Photos")
    await expect_done(page, "The application was disconnected. It can no longer act for you.")
    await expect(connected).to_contain_text("No application is connected to your account.")
    with live.client(tokens["access_token"]) as client:
        assert client.get(USERINFO).status_code == 401
    assert app.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    await page.goto(live.url + app.url(scope="openid email offline_access"))
    await expect_heading(page, "Allow access?")


@pytest.mark.parametrize("javascript", [False])
async def test_with_the_keyboard_and_without_scripts(page: Page, live: Watched, username: str) -> None:
    """Everything that can be reached is there once, and in the order in which it is read."""
    await signed_in(page, live.url, username)
    await page.get_by_text("Edit your profile").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#name")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.type("Ada")
    await page.keyboard.press("Enter")
    await expect_done(page, "Your profile was saved.")
    await page.locator("#email").focus()
    reached = []
    for _ in range(6):
        await page.keyboard.press("Tab")
        reached.append(await page.locator(":focus").evaluate("one => one.id || one.innerText.trim()"))
    assert reached[:4] == ["Change e-mail address", "current_password", "new_password", "Change password"]
    assert reached[4].startswith("Sign out")
    assert reached[5] == "Sign out everywhere"
