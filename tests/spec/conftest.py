"""The servers that the specifications are read against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.protocol.secret import Secret
from tests.http.support import Forge, Watched, watching
from tests.http.timed import another_day as another_day
from tests.http.timed import clock as clock
from tests.http.timed import timed as timed
from tests.support import settings_for


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(settings_for(module_database_url, tmp_path_factory.mktemp("data"))) as server:
        server.add_user("resource-owner")
        yield server


@pytest.fixture(scope="module")
def forge(live: Watched) -> Forge:
    return Forge.of(live)
