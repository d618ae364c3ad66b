"""openapi.yaml and the table of routes say the same."""

from __future__ import annotations

from pathlib import Path

import yaml

from container import CONTRACT, Container, Settings
from entrypoints.http.app import use_cases
from entrypoints.http.docs import ASSETS
from entrypoints.http.routes import build_routes
from tests.support import CHEAP

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}  # OpenAPI 3.1 §4.8.9

Operation = tuple[str, str]


def served(data_dir: Path) -> set[Operation]:
    """What is offered, but for HEAD, which follows from GET, and the files that only the page `/docs` asks for."""
    box = Container(settings=Settings(storage="memory", data_dir=data_dir, **CHEAP))  # type: ignore[arg-type]
    try:
        routes = build_routes(use_cases(box), contract=b"")
    finally:
        box.hasher().close()
    assets = {path for path, _, _ in ASSETS}
    return {
        (route.path_format, method) for route in routes for method in route.methods or () if route.path not in assets
    } - {(route.path_format, "HEAD") for route in routes}


def promised() -> set[Operation]:
    contract = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    return {(path, method.upper()) for path, item in contract["paths"].items() for method in item if method in METHODS}


def test_whatever_is_promised_is_served_and_nothing_else(tmp_path: Path) -> None:
    assert served(tmp_path) == promised()


def test_every_path_has_one_route_so_that_allow_is_complete(tmp_path: Path) -> None:
    box = Container(settings=Settings(storage="memory", data_dir=tmp_path, **CHEAP))  # type: ignore[arg-type]
    paths = [route.path for route in build_routes(use_cases(box), contract=b"")]
    box.hasher().close()
    assert len(paths) == len(set(paths))
