"""The page `/docs` as files: pinned, self-contained, and strict about scripts."""

import hashlib
import re

import pytest

from entrypoints.http.docs import ASSETS, PAGE_POLICY, STATIC, docs_routes

VENDORED = STATIC / "swagger-ui"
SUMS = (line.split() for line in (VENDORED / "SHA256SUMS").read_text().splitlines())
PINS = {name: digest for digest, name in SUMS}
DIRECTIVES = {name: sources for name, *sources in (part.split() for part in PAGE_POLICY.split(";"))}


@pytest.mark.parametrize("name", PINS)
def test_a_vendored_file_is_the_published_one(name: str) -> None:
    assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == PINS[name]


def test_every_vendored_file_is_pinned() -> None:
    ours = {"SHA256SUMS", "README.md", ".gitattributes"}
    assert {path.name for path in VENDORED.iterdir()} - ours == PINS.keys()


def test_the_version_in_the_readme_is_the_version_of_the_bundle() -> None:
    title = (VENDORED / "README.md").read_text().splitlines()[0]
    version = title.removeprefix("# Swagger UI ")
    assert f'PACKAGE_VERSION:"{version}"' in (VENDORED / "swagger-ui-bundle.js").read_text()


@pytest.mark.parametrize("name", ["index.html", "init.js"])
def test_our_files_name_no_other_origin(name: str) -> None:
    assert not re.search(r"(?:https?:)?//\w", _without_comments((STATIC / name).read_text()))


def test_the_style_sheet_fetches_nothing() -> None:
    sheet = (VENDORED / "swagger-ui.css").read_text()
    assert "@import" not in sheet
    assert all(target.startswith("data:") for target in re.findall(r"""url\(\s*["']?([^)]{5})""", sheet))


def test_the_page_loads_only_assets_that_have_a_route() -> None:
    page = (STATIC / "index.html").read_text()
    loaded = re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', page)
    routes = {route.path for route in docs_routes(b"")}
    assert {f"/{path}" for path in loaded if path != "data:,"} == {path for path, _, _ in ASSETS}
    assert routes == {"/docs", "/openapi.yaml"} | {path for path, _, _ in ASSETS}


def test_the_page_has_no_inline_script_or_style() -> None:
    page = (STATIC / "index.html").read_text()
    assert all(not body.strip() for body in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL))
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)


def test_the_policy_is_strict() -> None:
    assert DIRECTIVES["default-src"] == ["'none'"]
    assert DIRECTIVES["script-src"] == DIRECTIVES["style-src"] == DIRECTIVES["connect-src"] == ["'self'"]
    assert DIRECTIVES["img-src"] == ["'self'", "data:"]
    assert all(DIRECTIVES[name] == ["'none'"] for name in ("frame-ancestors", "base-uri", "form-action"))
    assert "unsafe" not in PAGE_POLICY


def _without_comments(script: str) -> str:
    return re.sub(r"(?m)//\s.*$", "", script)
