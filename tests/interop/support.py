"""Servers and clients as an operator sets them up; from there on a library speaks, and knows the issuer alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
from attrs import frozen

from core.clients.model import AuthMethod
from core.protocol.secret import Secret
from entrypoints.http import server
from tests.http.signing_in import Browser
from tests.http.support import Watched
from tests.support import TLS, lacking, running, settings_for

WELL_KNOWN = "/.well-known/oauth-authorization-server"  # RFC 8414 §3
OPENID = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0 §4

API = "https://api.example.com/v1"
SCOPES = ("reports:read", "reports:write")


@contextmanager
def issuing(database_url: Secret | None, data_dir: Path, **settings: object) -> Iterator[Watched]:
    """A server whose issuer is its own address, with one API registered. `storage="memory"` needs no database."""
    listener = server.listen("127.0.0.1", 0)
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    own = settings_for(database_url, data_dir, **{"issuer": issuer, "audience": issuer, **settings})
    with running(own, listener=listener) as live:
        watched = Watched(live.url, live.container, live.loop)
        watched.run(live.container.create_resource()(API, SCOPES))
        yield watched


def discover(issuer: str) -> dict[str, Any]:
    """All that a client is told, found from the issuer alone (RFC 8414 §3)."""
    return _described(issuer, WELL_KNOWN)


def discover_openid(issuer: str) -> dict[str, Any]:
    """The same for applications that sign people in (OpenID Connect Discovery 1.0 §4)."""
    return _described(issuer, OPENID)


def _described(issuer: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(issuer + path, verify=TLS).raise_for_status().json()
    assert found["issuer"] == issuer
    return found


def signed_in_at(live: Watched, url: str, username: str = "alice") -> str:
    """Where a browser ends in which nobody was signed in: `username` signs in, and allows whatever is asked."""
    browser = Browser(live, origin=live.url)
    location: str = browser.agree(browser.open(url), username).headers["location"]
    return location


def register(
    live: Watched,
    client_id: str,
    *grant_types: str,
    method: AuthMethod = AuthMethod.SECRET_BASIC,
    serves: tuple[str, ...] = (),
    jwks: Mapping[str, object] | None = None,
) -> str:
    """A client that may have every scope at the API. Its secret, or nothing where it has none."""
    work = live.container.create_client()(
        client_id=client_id,
        auth_method=method,
        grant_types=grant_types,
        scopes=SCOPES,
        resources=(API,),
        serves=serves,
        jwks=jwks,
    )
    made = live.run(work)
    return made.secret.reveal() if made.secret is not None else ""


NODE = Path(__file__).parent / "node"


@frozen
class Node:
    """Node.js in a copy of `node/`, with the packages installed that its lock file names."""

    folder: Path

    @classmethod
    def installed(cls, folder: Path) -> Node:
        """Copies scripts and packages into a new folder: a script finds only what is installed beside it."""
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            lacking("Node.js and npm are not installed")
        shutil.copytree(NODE, folder, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
        ran = subprocess.run([npm, "ci", "--prefer-offline"], cwd=folder, capture_output=True, text=True, check=False)
        if ran.returncode:
            lacking(f"npm could not install the packages: {ran.stderr.strip()}")
        return cls(folder)

    def run(self, script: str, *arguments: str, **environment: str) -> Any:
        """The JSON that the script prints. One that fails or warns fails the test. Secrets go into the environment."""
        ran = subprocess.run(
            ["node", script, *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
        return json.loads(ran.stdout)
