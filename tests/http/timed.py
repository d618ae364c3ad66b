"""A server with a clock to set, on a database of the module's own. Modules that stand on it make it their `live`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.protocol.secret import Secret
from tests.http.clients import Timed, clocked
from tests.support import SetClock, settings_for


@pytest.fixture(scope="module")
def timed(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with clocked(settings_for(module_database_url, tmp_path_factory.mktemp("data"))) as server:
        server.add_user("resource-owner")
        yield server


@pytest.fixture(scope="module")
def clock(timed: Timed) -> SetClock:
    return timed.clock


@pytest.fixture
def another_day(clock: SetClock) -> None:
    """For each test: what failed in the one before is not held against it."""
    clock.forward(days=1, seconds=1)
