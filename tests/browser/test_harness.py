"""The tools of these tests: a bad page is found to be bad, a good one is not, and a picture is one of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.browser.screenshots import IMAGES, WALKS, shot
from tests.browser.support import NARROW, SCHEMES, WIDE, Complaints, OpenPage, assert_accessible, assert_fits
from tests.http.support import Watched
from tests.support import serving

STRICT = "default-src 'none'; style-src 'self'; img-src data:"
START = """<!doctype html><html lang="en"><title>A page</title><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/style"><main>"""
GOOD = "<h1>Sign in</h1><form><label>Name <input name=name autocomplete=username></label> <button>Go</button></form>"

PAGES = {
    "good": GOOD,
    "unlabelled": GOOD.replace("<label>Name", "Name").replace("</label>", ""),
    "inline-script": f"{GOOD}<script>document.title = 'mine'</script>",
    "throwing": f"{GOOD}<script>throw new Error('mine')</script>",
    "inline-style": f"{GOOD}<p style='margin: 0'>Welcome</p>",
    "elsewhere": f'{GOOD}<img alt="" src="https://tracker.example.com/pixel.png">',
    "missing-image": f'{GOOD}<img alt="" src="/nothing">',
    "wide": f"{GOOD}<pre>{'x' * 200}</pre>",
    "grey": f'{GOOD}<p class="grey">Welcome</p>',
}
# Grey on white is too pale; the same grey on black is not.
STYLE = """
body { background: #fff; color: #000 } .grey { color: #999 }
@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } }
"""


async def show(request: Request) -> Response:
    policy = request.query_params.get("policy", STRICT)
    return HTMLResponse(START + PAGES[request.path_params["name"]], headers={"Content-Security-Policy": policy})


async def style(_request: Request) -> Response:
    return Response(STYLE, media_type="text/css")


async def refuse(_request: Request) -> Response:
    return HTMLResponse(f"{START}<h1>No</h1>", 401)


async def fail(_request: Request) -> Response:
    return HTMLResponse(f"{START}<h1>Broken</h1>", 500)


ROUTES = [Route("/page/{name}", show), Route("/style", style), Route("/refused", refuse), Route("/broken", fail)]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving(Starlette(routes=ROUTES)) as (url, _):
        yield url


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("color_scheme", SCHEMES)
async def test_a_good_page_passes(page: Page, site: str, color_scheme: str, width: int) -> None:
    await page.goto(f"{site}/page/good")
    await expect(page.get_by_role("textbox", name="Name")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    assert await page.evaluate("innerWidth") == width
    assert await page.evaluate(f"matchMedia('(prefers-color-scheme: {color_scheme})').matches")


async def test_a_field_without_a_label_is_found_in_both_schemes(page: Page, site: str) -> None:
    await page.goto(f"{site}/page/unlabelled")
    with pytest.raises(AssertionError) as failure:
        await assert_accessible(page)
    said = str(failure.value)
    assert f"axe on {site}/page/unlabelled\n" in said
    assert [line.split()[:2] for line in said.splitlines() if "(critical)" in line] == [
        ["light:", "label"],
        ["dark:", "label"],
    ]
    assert '<input name="name"' in said


async def test_too_little_contrast_is_found_in_the_scheme_that_has_it(page: Page, site: str) -> None:
    await page.goto(f"{site}/page/grey")
    with pytest.raises(AssertionError, match=r"light: color-contrast (?s:.*)#999999") as failure:
        await assert_accessible(page)
    assert "dark:" not in str(failure.value)


async def test_a_page_that_scrolls_sideways_is_found(open_page: OpenPage, site: str) -> None:
    page = await open_page(width=NARROW)
    await page.goto(f"{site}/page/wide")
    with pytest.raises(AssertionError, match=f"and {NARROW} are there"):
        await assert_fits(page)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/page/inline-script", "Executing inline script violates"),
        ("/page/inline-style", "Applying inline style violates"),
        ("/page/throwing?policy=", "uncaught: mine"),
        ("/page/missing-image?policy=", "404"),
        ("/page/elsewhere?policy=", "a request to elsewhere (https://tracker.example.com/pixel.png)"),
        ("/broken", "500"),
    ],
)
async def test_what_goes_wrong_unseen_is_a_complaint(
    page: Page, site: str, complaints: Complaints, path: str, complaint: str
) -> None:
    await page.goto(site + path)
    assert any(complaint in line for line in complaints.take())


async def test_a_page_that_is_a_refusal_is_no_complaint(page: Page, site: str, complaints: Complaints) -> None:
    answer = await page.goto(f"{site}/refused")
    assert answer is not None
    assert answer.status == 401
    assert complaints.take() == []


@pytest.mark.parametrize("javascript", [True, False])
async def test_scripts_can_be_switched_off(page: Page, site: str, javascript: bool) -> None:
    await page.goto(f"{site}/page/inline-script?policy=")
    await expect(page).to_have_title("mine" if javascript else "A page")


async def test_pages_that_are_opened_share_no_cookies(open_page: OpenPage, site: str) -> None:
    one, other = await open_page(), await open_page()
    await one.context.add_cookies([{"name": "session", "value": "1", "url": site}])
    assert await other.context.cookies() == []


async def test_a_picture_is_taken_in_both_schemes(page: Page, site: str, tmp_path: Path) -> None:
    await page.goto(f"{site}/page/good")
    light, dark = await shot(page, "good", tmp_path / "images")
    assert (light.name, dark.name) == ("good-light.png", "good-dark.png")
    assert light.read_bytes().startswith(b"\x89PNG")
    assert light.read_bytes() != dark.read_bytes()


def test_the_pictures_of_the_documentation_are_there_and_small() -> None:
    found = {path.name: path.stat().st_size for path in IMAGES.iterdir()}
    assert found.keys() == {f"{name}-{scheme}.png" for name in WALKS for scheme in SCHEMES}
    assert max(found.values()) < 100 * 1024


async def test_the_operations_are_shown_without_a_complaint(page: Page, live: Watched) -> None:
    await page.goto(f"{live.url}/docs")
    await expect(page.get_by_role("heading", name="Watchword")).to_be_visible()
    await expect(page.get_by_text("/api/v1/auth/token", exact=True)).to_be_visible()


async def test_the_server_is_there_on_postgres_too(page: Page, live_on_postgres: Watched) -> None:
    live_on_postgres.add_user("alice")
    await page.goto(f"{live_on_postgres.url}/.well-known/oauth-authorization-server")
    await expect(page.locator("body")).to_contain_text(f'"issuer":"{live_on_postgres.url}"')
