"""The shape of the house: imports run one way, files read like a page, and core asks ports for time and chance."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("core", "adapters", "entrypoints")
FILES = sorted(file for layer in LAYERS for file in (ROOT / layer).rglob("*.py"))
LONGEST_FILE = 400

BOOT = {"entrypoints/http/app.py", "entrypoints/cli/__main__.py"}

# What the system decides and core must be told. An attribute `module.name`, or a whole module.
TOLD = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "os.urandom",
    "asyncio.sleep",
}
TOLD_MODULES = {"time", "random", "secrets", "os", "socket", "logging"}


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imports(source: str) -> Iterator[str]:
    """The modules that a file imports anywhere in it, in functions and under TYPE_CHECKING as well."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def roots(file: Path) -> set[str]:
    return {module.partition(".")[0] for module in imports(file.read_text())}


def of(layer: str) -> list[Path]:
    return [file for file in FILES if name(file).startswith(f"{layer}/")]


def test_there_is_something_to_look_at() -> None:
    assert all(len(of(layer)) > 5 for layer in LAYERS)
    assert {name(file) for file in FILES} >= BOOT


@pytest.mark.parametrize("file", of("core"), ids=name)
def test_core_imports_the_standard_library_attrs_and_itself(file: Path) -> None:
    assert roots(file) <= {*sys.stdlib_module_names, "attrs", "core"}


@pytest.mark.parametrize("file", of("core"), ids=name)
def test_core_reads_neither_the_clock_nor_chance(file: Path) -> None:
    source = file.read_text()
    assert not roots(file) & TOLD_MODULES
    assert not set(imports(source)) & TOLD
    attributes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    assert not {ast.unparse(node) for node in attributes} & TOLD


@pytest.mark.parametrize("file", of("adapters"), ids=name)
def test_an_adapter_imports_core_and_never_its_sibling(file: Path) -> None:
    own = ".".join(file.relative_to(ROOT).with_suffix("").parts[:2])
    ours = {".".join(module.split(".")[:2]) for module in imports(file.read_text()) if module.startswith("adapters.")}
    assert ours <= {own}
    assert not roots(file) & {"entrypoints", "container"}


@pytest.mark.parametrize("file", of("entrypoints"), ids=name)
def test_only_the_boot_modules_see_the_container(file: Path) -> None:
    assert "adapters" not in roots(file)
    assert ("container" in roots(file)) == (name(file) in BOOT)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_file_reads_like_a_page(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LONGEST_FILE
