"""A server of each module's own, at the address that is its issuer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from core.protocol.secret import Secret
from tests.http.support import Watched
from tests.interop.support import discover, issuing


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with issuing(module_database_url, tmp_path_factory.mktemp("data")) as watched:
        watched.add_user("alice")
        yield watched


@pytest.fixture(scope="module")
def metadata(live: Watched) -> dict[str, Any]:
    return discover(live.container.settings().issuer)
