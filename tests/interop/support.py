"""Servers and clients as an operator sets them up; from there on a library speaks, and knows the issuer alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx

from core.clients.model import AuthMethod
from core.protocol.secret import Secret
from entrypoints.http import server
from tests.http.support import Watched
from tests.support import TLS, running, settings_for

WELL_KNOWN = "/.well-known/oauth-authorization-server"  # RFC 8414 §3

API = "https://api.example.com/v1"
SCOPES = ("reports:read", "reports:write")


@contextmanager
def issuing(database_url: Secret, data_dir: Path, **settings: object) -> Iterator[Watched]:
    """A server whose issuer is its own address, with one API registered."""
    listener = server.listen("127.0.0.1", 0)
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    own = settings_for(database_url, data_dir, **{"issuer": issuer, "audience": issuer, **settings})
    with running(own, listener=listener) as live:
        watched = Watched(live.url, live.container, live.loop)
        watched.run(live.container.create_resource()(API, SCOPES))
        yield watched


def discover(issuer: str) -> dict[str, Any]:
    """All that a client is told, found from the issuer alone (RFC 8414 §3)."""
    found: dict[str, Any] = httpx.get(issuer + WELL_KNOWN, verify=TLS).raise_for_status().json()
    assert found["issuer"] == issuer
    return found


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
