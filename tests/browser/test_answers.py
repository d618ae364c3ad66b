"""How an application is answered in a browser: by a form, on to other hosts, over https, and where cookies are off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Playwright, async_playwright, expect

from core.clients.model import AuthMethod
from entrypoints.http import server
from tests.browser.elsewhere import BACK, CALLBACK, CHAINED, Elsewhere
from tests.browser.person import expect_heading, press, sign_in
from tests.browser.support import ARGUMENTS, Complaints, OpenPage, program
from tests.http.signing_in import App, add_app
from tests.http.support import Watched
from tests.interop.support import issuing
from tests.unit.certificates import authority


async def test_a_form_posts_itself(page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str) -> None:
    await page.goto(live.url + app.url(response_mode="form_post"))
    await sign_in(page, username)
    await press(page, "Allow")
    await expect_heading(page, BACK)
    told = elsewhere.told[-1]
    assert (told.method, told.referrer) == ("POST", None)
    assert told.parameters.keys() == {"code", "state", "iss"}
    assert page.url == elsewhere.url + CALLBACK  # with nothing behind it
    assert app.exchange(told.parameters["code"]).status_code == 200


@pytest.mark.parametrize("javascript", [False])
async def test_without_scripts_the_form_has_a_button(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str
) -> None:
    await page.goto(live.url + app.url(response_mode="form_post"))
    await press(page, "Cancel and go back")
    await expect_heading(page, "Almost done")
    await press(page, "Continue")
    await expect_heading(page, BACK)
    assert (elsewhere.told[-1].method, elsewhere.last["error"]) == ("POST", "access_denied")


@pytest.mark.parametrize(("mode", "choice"), [("query", "Allow"), ("query", "Deny"), ("form_post", "Allow")])
async def test_the_application_may_send_the_browser_on_to_another_host(
    page: Page, live: Watched, app: App, elsewhere: Elsewhere, username: str, mode: str, choice: str
) -> None:
    """`form-action` holds for the redirects behind a form as well."""
    await page.goto(live.url + app.url(redirect_uri=elsewhere.url + CHAINED, response_mode=mode))
    await sign_in(page, username)
    await press(page, choice)
    await expect_heading(page, BACK)
    assert urlsplit(page.url).hostname == "127.0.0.1"


@asynccontextmanager
async def tls(port: int, plain: int) -> AsyncIterator[str]:
    """What stands in front of a server that is reached by https: an asyncio proxy."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", plain)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    context = authority("browser").server("localhost", "127.0.0.1")
    async with await asyncio.start_server(connected, "127.0.0.1", port, ssl=context):
        yield f"https://localhost:{port}"


def free_port() -> int:
    with server.listen("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        return port


async def test_over_https_the_cookie_belongs_to_this_host_alone(
    open_page: OpenPage, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    port, away = free_port(), free_port()
    issuer = f"https://localhost:{port}"
    with issuing(None, tmp_path, storage="memory", issuer=issuer) as live:
        live.add_user("alice")
        # An application over https as well, that sends the browser on to another host.
        there = Elsewhere(f"https://127.0.0.1:{away}")
        app = add_app(live, "secure", method=AuthMethod.SECRET_BASIC, redirect_uris=(there.url + CHAINED,))
        async with (
            tls(port, urlsplit(live.url).port or 0),
            tls(away, urlsplit(elsewhere.url).port or 0),
        ):
            page = await open_page(ignore_https_errors=True)
            await page.goto(issuer + app.url())
            await sign_in(page, "alice")
            await press(page, "Allow")
            await expect_heading(page, BACK)
            (cookie,) = await page.context.cookies()
            assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-watchword", True, True)
            assert (cookie["domain"], cookie["path"], cookie["sameSite"]) == ("localhost", "/", "Lax")
            assert elsewhere.last["iss"] == issuer
            await page.goto(f"{issuer}/account")
            await press(page, "Sign out everywhere")
            await expect_heading(page, "You are signed out")
            assert await page.context.cookies() == []
            await page.context.close()


@asynccontextmanager
async def without_cookies(playwright: Playwright, profile: Path) -> AsyncIterator[Page]:
    """A browser whose owner has blocked them all, in its settings."""
    blocked = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    settings = profile / "Default" / "Preferences"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(blocked))
    context = await playwright.chromium.launch_persistent_context(
        profile, executable_path=program(), args=list(ARGUMENTS)
    )
    yield await context.new_page()
    await context.close()


async def test_where_cookies_are_blocked_a_page_says_so(
    live: Watched, app: App, tmp_path: Path, username: str, complaints: Complaints
) -> None:
    async with async_playwright() as playwright, without_cookies(playwright, tmp_path) as page:
        complaints.listen(page.context)
        await page.goto(live.url + app.url())
        await expect(page.get_by_text("Your browser did not send the cookie that this page needs")).to_be_visible()
        await expect(page.get_by_text("Allow cookies for this site, then go back to the application")).to_be_visible()
        await page.goto(f"{live.url}/signin")
        await sign_in(page, username)
        await expect(page.get_by_text("Your browser did not send the cookie that this page needs.")).to_be_visible()
        await expect(page.get_by_text("Allow cookies for this site, then open the page again.")).to_be_visible()
        assert await page.context.cookies() == []
        await page.get_by_role("link", name="Open the page again").click()
        await expect_heading(page, "Sign in")
    assert complaints.take() == []
