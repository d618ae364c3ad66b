"""Pages of a running server, in a real Chromium.

Tests here are `async`, on the one loop of the whole run: Playwright's other interface would keep a loop running that no
asynchronous test could run beside. The server has a thread of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.clients.model import AuthMethod
from core.protocol.secret import Secret
from tests.browser.elsewhere import CALLBACK, CHAINED, SIGNED_OUT, Elsewhere, being_elsewhere
from tests.browser.support import WIDE, ColorScheme, Complaints, OpenPage, browsing, missing
from tests.http.signing_in import App, add_app
from tests.http.support import Watched
from tests.interop.support import issuing
from tests.support import Lacking

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    return Lacking.of(parent, module_path, reason) if (reason := missing()) else None


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server that keeps everything in memory, at the address that is its issuer. Tests have users of their own."""
    with issuing(None, tmp_path_factory.mktemp("data"), storage="memory") as watched:
        yield watched


@pytest.fixture(scope="module")
def live_on_postgres(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The same on a database of this module's own."""
    with issuing(module_database_url, tmp_path_factory.mktemp("data")) as watched:
        yield watched


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    with being_elsewhere() as site:
        yield site


@pytest.fixture(scope="session")
def app(live: Watched, elsewhere: Elsewhere) -> App:
    """An application that somebody registered, at home elsewhere."""
    return add_app(
        live,
        "photos",
        method=AuthMethod.SECRET_BASIC,
        name="Holiday Photos",
        redirect_uris=(elsewhere.url + CALLBACK, elsewhere.url + CHAINED),
        post_logout_redirect_uris=(elsewhere.url + SIGNED_OUT,),
    )


_users = itertools.count(1)


@pytest.fixture
def username(live: Watched) -> str:
    """A user of this test's own."""
    return live.add_user(f"ada-{next(_users)}").username


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as chromium:
        yield chromium


# What a test may set for its `page`: @pytest.mark.parametrize("width", [WIDE, NARROW]), and so on.


@pytest.fixture
def color_scheme() -> ColorScheme:
    return "light"


@pytest.fixture
def width() -> int:
    return WIDE


@pytest.fixture
def javascript() -> bool:
    return True


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
async def open_page(browser: Browser, complaints: Complaints) -> AsyncIterator[OpenPage]:
    """For a test with more than one person in it. A complaint that the test did not take fails it."""
    opening = OpenPage(browser, complaints)
    yield opening
    await opening.close()
    assert complaints.take() == []


@pytest.fixture
async def page(open_page: OpenPage, color_scheme: ColorScheme, width: int, javascript: bool) -> Page:
    return await open_page(color_scheme=color_scheme, width=width, javascript=javascript)
