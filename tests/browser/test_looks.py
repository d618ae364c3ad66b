"""Every page as it looks and as it is read out: axe finds nothing in light and in dark, and 360 pixels are enough."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import pytest
from attrs import frozen
from playwright.async_api import Page, expect

from tests.browser.elsewhere import CALLBACK, SIGNED_OUT, Elsewhere
from tests.browser.person import arrive, expect_heading, fill, press, sign_in, signed_in
from tests.browser.support import HEIGHT, NARROW, assert_accessible, assert_fits
from tests.http.signing_in import App, add_app
from tests.http.support import Watched

WRONG = "not the right one"

# Names that were chosen to mislead, to break out, or by somebody who leant on the keyboard.
HOSTILE = {
    "markup": "<img src=x onerror=alert(1)><h1>Sign in</h1>",
    "quotes": "\"' onfocus='alert(1)' autofocus x=\"{{ 7 * 7 }}",
    "from-right-to-left": "הבנק שלי (1) 2026",
    "one-long-word": "W" * 200,
    "stacked": "Z" + "\u0301\u0316\u0334" * 60,
    "of-us": "Watchword. Your account is in danger: enter your password now",
}


@frozen
class Scene:
    """What a page may need on the way to it."""

    page: Page
    live: Watched
    app: App
    elsewhere: Elsewhere
    username: str

    async def go(self, path: str) -> None:
        await self.page.goto(self.live.url + path)

    async def signed_in(self) -> None:
        await signed_in(self.page, self.live.url, self.username)

    def itself(self, name: str, host: str = "") -> App:
        """An application that registered itself, with everything that one may say of itself."""
        return add_app(
            self.live,
            f"itself-{self.username}",
            name=name,
            redirect_uris=(host or self.elsewhere.url + CALLBACK,),
            self_registered=True,
            client_uri="https://example.com/",
            policy_uri="https://example.com/privacy",
            tos_uri="https://example.com/terms",
        )


async def plain(on: Scene) -> None:
    await on.go("/signin")
    await expect_heading(on.page, "Sign in")


async def asked(on: Scene) -> None:
    await on.go(on.app.url())
    await expect_heading(on.page, "Sign in")


async def asked_by_nobody_we_know(on: Scene) -> None:
    await on.go(on.itself("Win a Prize", f"https://{'long-name.' * 20}example.com/cb").url())
    await expect(on.page.get_by_text("has checked this application")).to_be_visible()


async def wrong(on: Scene) -> None:
    await on.go(on.app.url())
    await sign_in(on.page, on.username, WRONG)
    await expect(on.page.get_by_text("do not match")).to_be_visible()


async def empty(on: Scene) -> None:
    await on.go("/signin")
    await press(on.page, "Sign in")
    await expect(on.page.get_by_text("Enter your username.")).to_be_visible()


async def throttled(on: Scene) -> None:
    with on.live.client() as client:
        for _ in range(10):
            client.post("/api/v1/auth/token", data={"username": on.username, "password": WRONG})
    await on.go(on.app.url())
    await sign_in(on.page, on.username)
    await expect(on.page.get_by_role("alert")).to_contain_text("too many failed attempts")


async def again(on: Scene) -> None:
    await on.signed_in()
    await on.go(on.app.url(prompt="login"))
    await expect_heading(on.page, "Sign in again")


async def select(on: Scene) -> None:
    await on.signed_in()
    await on.go(on.app.url(prompt="select_account"))
    await expect_heading(on.page, "Choose an account")


async def consent(on: Scene) -> None:
    await on.signed_in()
    await on.go(on.app.url(scope="openid profile email address phone offline_access"))
    await expect_heading(on.page, "Allow access?")


async def consent_for_nobody_we_know(on: Scene) -> None:
    await on.signed_in()
    await on.go(on.itself("Win a Prize").url(scope="openid email"))
    await expect(on.page.get_by_text("This application registered itself.")).to_be_visible()


async def account(on: Scene) -> None:
    await on.signed_in()


async def account_unfolded(on: Scene) -> None:
    await arrive(on.page, on.app, on.elsewhere, on.username, scope="openid profile email offline_access")
    await on.go("/account?done=app")
    await on.page.get_by_text("Edit your profile").click()


async def account_with_errors(on: Scene) -> None:
    await on.signed_in()
    await on.page.get_by_text("Edit your profile").click()
    await fill(on.page, birthdate="yesterday", website="x", zoneinfo="Nowhere/Land", phone_number="none", name="Ada")
    await press(on.page, "Save profile")
    await expect(on.page.get_by_role("alert")).to_be_visible()


async def account_with_a_wrong_password(on: Scene) -> None:
    await on.signed_in()
    await fill(on.page, current_password=WRONG, new_password="another correct horse")
    await press(on.page, "Change password")
    await expect(on.page.get_by_role("alert")).to_be_visible()


async def sign_out_question(on: Scene) -> None:
    await on.signed_in()
    back = {"client_id": on.app.client_id, "post_logout_redirect_uri": on.elsewhere.url + SIGNED_OUT}
    await on.go(f"/logout?{urlencode(back)}")
    await expect_heading(on.page, "Sign out?")


async def signed_out(on: Scene) -> None:
    await on.go("/logout")
    await expect_heading(on.page, "You are signed out")


async def no_such_client(on: Scene) -> None:
    await on.go("/authorize?client_id=nobody")
    await expect_heading(on.page, "This did not work")


async def out_of_date(on: Scene) -> None:
    await on.go("/signin")
    await on.page.context.clear_cookies()
    await sign_in(on.page, on.username)
    await expect_heading(on.page, "This page is out of date")


async def signed_in_too_late(on: Scene) -> None:
    """The request was answered in another tab before."""
    second = await on.page.context.new_page()
    for page in (on.page, second):
        await page.goto(on.live.url + on.app.url())
    await second.goto(on.page.url)
    await press(second, "Cancel and go back")
    await second.close()
    await sign_in(on.page, on.username)
    await expect_heading(on.page, "You are signed in")


async def by_a_form(on: Scene) -> None:
    await on.page.route("**/assets/submit.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    await on.go(on.app.url(response_mode="form_post"))
    await press(on.page, "Cancel and go back")
    await expect_heading(on.page, "Almost done")


SCENES: list[Callable[[Scene], Awaitable[None]]] = [
    plain,
    asked,
    asked_by_nobody_we_know,
    wrong,
    empty,
    throttled,
    again,
    select,
    consent,
    consent_for_nobody_we_know,
    account,
    account_unfolded,
    account_with_errors,
    account_with_a_wrong_password,
    sign_out_question,
    signed_out,
    no_such_client,
    out_of_date,
    signed_in_too_late,
    by_a_form,
]


@pytest.fixture
def scene(page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str) -> Scene:
    return Scene(page, live, app, elsewhere, username)


@pytest.mark.parametrize("reach", SCENES, ids=lambda reach: reach.__name__)
async def test_a_page_is_for_everybody(scene: Scene, reach: Callable[[Scene], Awaitable[None]]) -> None:
    await reach(scene)
    await assert_fits(scene.page)
    await scene.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    await assert_fits(scene.page)
    await assert_accessible(scene.page)


@pytest.mark.parametrize("width", [NARROW])
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
async def test_a_name_says_nothing_but_itself(scene: Scene, name: str) -> None:
    """Nothing in it is run, nothing after it is moved or hidden, and it does not push the buttons off the page."""
    page = scene.page
    hostile = scene.itself(name)
    await scene.go(hostile.url())
    await expect(page.get_by_text("Use your Watchword account to continue to")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
    await assert_fits(page)
    await sign_in(page, scene.username)
    await expect_heading(page, "Allow access?")
    await expect(page.get_by_text(f"wants to use your Watchword account, {scene.username}")).to_be_visible()
    await expect(page.get_by_role("button", name="Deny")).to_be_visible()
    await assert_fits(page)
    await press(page, "Allow")
    await scene.go("/account")
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
    await assert_fits(page)
    await page.get_by_role("button", name="Disconnect").click()
    await expect(page.get_by_role("status")).to_contain_text("The application was disconnected.")
