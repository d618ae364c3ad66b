"""A server of each module's own, all of whose words are kept and searched for secrets at the end."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from core.protocol.secret import Secret
from entrypoints.logs import requests, set_up
from tests.http.support import Forge, Watched, record, watching
from tests.http.timed import another_day as another_day
from tests.http.timed import clock as clock
from tests.http.timed import timed as timed
from tests.support import settings_for

LAST = "test_no_secret_leaks.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The search for secrets comes when there is something to search."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="session", autouse=True)
def everything_logged() -> Iterator[None]:
    """All that Watchword would write to its log at the level `debug`, in its own format."""
    root, own = logging.getLogger(), logging.getLogger("watchword")
    before = root.handlers[:], root.level, own.level
    set_up("debug")
    record.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [*before[0], record]
    requests.open(record)
    yield
    requests.open(None)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A running server on a database of this module's own. Tests add users under names of their own."""
    with watching(settings_for(module_database_url, tmp_path_factory.mktemp("data"))) as server:
        yield server


@pytest.fixture(scope="module")
def forge(live: Watched) -> Forge:
    return Forge.of(live)
