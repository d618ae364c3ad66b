"""The clients from the npm registry are there, in the versions that are pinned, and this Node.js can import them."""

from __future__ import annotations

import json
import re

import pytest

from tests.interop.support import NODE, Node


def test_the_pinned_packages_are_installed(node_packages: Node) -> None:
    pinned = json.loads((NODE / "package.json").read_text())["dependencies"]
    assert set(pinned) == {"oauth4webapi", "oidc-client-ts", "openid-client"}
    assert node_packages.run("versions.mjs") == pinned


def test_every_package_is_pinned_by_its_hash_and_by_no_address() -> None:
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert all(re.fullmatch(r"sha512-\S+", package["integrity"]) for package in packages.values())
    assert not any("resolved" in package for package in packages.values())


def test_a_script_that_fails_fails_the_test(node_packages: Node) -> None:
    with pytest.raises(AssertionError, match="Cannot find module"):
        node_packages.run("nowhere.mjs")
