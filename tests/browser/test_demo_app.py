"""`watchword demo app` beside `watchword serve`: what a newcomer sees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import frozen
from playwright.async_api import Page, expect

from core.protocol.secret import Secret
from tests.browser.person import expect_heading, press, sign_in
from tests.browser.support import HEIGHT, NARROW, assert_accessible, assert_fits
from tests.cli.conftest import CHEAP_HASHES, Watchword
from tests.support import PASSWORD


@frozen
class Beside:
    demo: str
    server: str


@pytest.fixture(scope="module")
def beside(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    settings = {**CHEAP_HASHES, "DATABASE_URL": module_database_url.reveal()}
    watchword = Watchword(tmp_path_factory.mktemp("data"), settings, tmp_path_factory.mktemp("folder"))
    for username, name in (("ada", "Ada Lovelace"), ("bob", "Bob")):
        person = ("--email", f"{username}@example.com", "--name", name, "--password-stdin")
        watchword.here.ok("users", "create", username, *person, input=PASSWORD)
    with (
        watchword.serving() as (server, _),
        watchword.started("demo", "app", "--port", "0", "--issuer", server) as (said, _),
    ):
        yield Beside(said["url"], server)


async def assert_for_everybody(page: Page) -> None:
    await assert_fits(page)
    size = page.viewport_size
    await page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    await assert_fits(page)
    await assert_accessible(page)
    if size is not None:
        await page.set_viewport_size(size)


async def test_from_the_button_to_the_sign_out(page: Page, beside: Beside) -> None:
    await page.goto(beside.demo)
    await expect_heading(page, "You are not signed in")
    await assert_for_everybody(page)
    await page.get_by_role("link", name="Sign in").click()
    await expect(page.get_by_text("Use your Watchword account to continue to Demo app")).to_be_visible()
    assert page.url.startswith(beside.server)
    await sign_in(page, "ada")
    await expect_heading(page, "Allow access?")
    await press(page, "Allow")

    assert page.url == beside.demo
    await expect_heading(page, "Hello, ada")
    await expect(page.get_by_role("region", name="ID token")).to_contain_text(beside.server)
    await press(page, "Call userinfo")
    await expect_heading(page, "Hello, Ada Lovelace")
    await press(page, "Refresh the tokens")
    steps = page.get_by_role("region", name="What happened").get_by_role("listitem")
    await expect(steps.filter(has_text="POST /api/v1/auth/token")).to_have_count(2)
    await assert_for_everybody(page)

    await press(page, "Sign out")
    await expect(page.get_by_role("status")).to_have_text("You are signed out, here and at the server.")
    await page.goto(f"{beside.server}/account")
    await expect_heading(page, "Sign in")


@pytest.mark.parametrize("javascript", [False])
async def test_whoever_denies_is_told_so(page: Page, beside: Beside) -> None:
    await page.goto(beside.demo)
    await page.get_by_role("link", name="Sign in").click()
    await sign_in(page, "bob")
    await press(page, "Deny")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect_heading(page, "You are not signed in")
    await assert_fits(page)
