"""oidc-client-ts, unmodified, in a page of another origin: what single-page applications do with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen
from playwright.async_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from tests.browser.person import expect_heading, press, sign_in
from tests.http.signing_in import add_app
from tests.http.support import Watched
from tests.interop.support import Node
from tests.support import serving

LIBRARY = "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"

PAGE = """<!doctype html><html lang="en"><title>Notes</title><link rel="icon" href="data:,"><h1>Notes</h1>
<script src="/oidc-client-ts.js"></script><script src="/app.js"></script>"""

# On whichever page it is: what came back is taken, and the manager is left for the test.
APP = """
const here = location.origin + "/";
window.manager = new oidc.UserManager({
  authority: "%s", client_id: "notes", redirect_uri: here,
  post_logout_redirect_uri: here, scope: "openid profile offline_access",
  loadUserInfo: true, automaticSilentRenew: false,
});
window.done = location.search.includes("state=") ? manager.signinCallback() : Promise.resolve();
"""


@frozen
class Notes:
    """The single-page application, and what it is told by the library."""

    page: Page
    url: str

    async def open(self) -> None:
        await self.page.goto(self.url)

    async def leave(self, method: str) -> None:
        """For what leads away from the page."""
        await self.page.evaluate(f"() => {{ manager.{method}() }}")

    async def user(self, work: str = "done.then(() => manager.getUser())") -> dict[str, Any]:
        await self.page.wait_for_url(lambda url: url.startswith(self.url))
        found: dict[str, Any] = await self.page.evaluate(f"() => {work}.then(user => ({{...user}}))")
        return found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node.installed(tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="module")
def address(live: Watched, library: Node) -> Iterator[str]:
    """Where the application is, on 127.0.0.1; it is on localhost as well."""

    async def index(_request: Request) -> Response:
        return HTMLResponse(PAGE)

    async def script(_request: Request) -> Response:
        return Response(APP % live.url, media_type="text/javascript")

    async def oidc(_request: Request) -> Response:
        return FileResponse(library.folder / LIBRARY, media_type="text/javascript")

    routes = [Route("/", index), Route("/app.js", script), Route("/oidc-client-ts.js", oidc)]
    with serving(Starlette(routes=routes)) as (url, _):
        both = tuple(f"{one}/" for one in (url, url.replace("127.0.0.1", "localhost")))
        add_app(live, "notes", name="Notes", redirect_uris=both, post_logout_redirect_uris=both)
        yield url


@pytest.fixture(params=["localhost", "127.0.0.1"], ids=["another-site", "same-site"])
def notes(request: pytest.FixtureRequest, page: Page, address: str) -> Notes:
    return Notes(page, address.replace("127.0.0.1", request.param) + "/")


async def test_a_person_signs_in_stays_so_and_signs_out(notes: Notes, live: Watched, username: str) -> None:
    await notes.open()
    await notes.leave("signinRedirect")
    await sign_in(notes.page, username)
    await press(notes.page, "Allow")
    await expect_heading(notes.page, "Notes")
    user = await notes.user()
    assert user["profile"]["sub"] == username
    assert user["profile"]["iss"] == live.url
    renewed = await notes.user("manager.signinSilent()")  # by its refresh token
    assert renewed["access_token"] != user["access_token"]
    assert renewed["refresh_token"] != user["refresh_token"]
    await notes.page.evaluate("() => manager.revokeTokens(['refresh_token'])")

    await notes.leave("signoutRedirect")
    await notes.page.wait_for_url(notes.url)
    await expect_heading(notes.page, "Notes")
    await notes.page.goto(f"{live.url}/account")
    await expect_heading(notes.page, "Sign in")


async def test_in_a_window_of_its_own(notes: Notes, username: str) -> None:
    await notes.open()
    async with notes.page.expect_popup() as opened:
        await notes.page.evaluate("() => { window.signed = manager.signinPopup() }")
    popup = await opened.value
    await sign_in(popup, username)
    await press(popup, "Allow")
    user = await notes.user("signed")
    assert user["profile"]["sub"] == username


async def test_in_a_frame_that_nobody_sees(notes: Notes, username: str) -> None:
    """Without a refresh token the library tries this. Browsers send cookies along within one site alone; and an
    application without a secret, on this machine, has to ask each time (RFC 8252 §8.6). It is told which of the two.
    """
    await notes.open()
    await notes.leave("signinRedirect")
    await sign_in(notes.page, username)
    await press(notes.page, "Allow")
    assert (await notes.user())["profile"]["sub"] == username
    await notes.page.evaluate("() => manager.removeUser()")
    refused = await notes.user("manager.signinSilent().catch(error => ({error: error.error}))")
    assert refused == {"error": "login_required" if "localhost" in notes.url else "consent_required"}
