"""A server of each module's own, at the address that is its issuer."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from core.protocol.secret import Secret
from tests.http.support import Watched
from tests.interop.support import Node, discover, issuing
from tests.support import Lacking

# Files of tests that import a package which not every environment has.
NEEDS = {"test_mcp.py": "mcp"}


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    package = NEEDS.get(module_path.name)
    if package is None or find_spec(package) is not None:
        return None
    return Lacking.of(parent, module_path, f"{package} is not installed: pip install -r requirements/interop.lock")


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with issuing(module_database_url, tmp_path_factory.mktemp("data")) as watched:
        watched.add_user("alice")
        yield watched


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server that keeps nothing, where `alice` signs in and clients register themselves."""
    data_dir = tmp_path_factory.mktemp("data")
    with issuing(None, data_dir, storage="memory", registration="open") as watched:
        watched.add_user("alice")
        yield watched


@pytest.fixture(scope="module")
def metadata(live: Watched) -> dict[str, Any]:
    return discover(live.container.settings().issuer)


@pytest.fixture(scope="session")
def node_packages(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node.installed(tmp_path_factory.mktemp("node"))
