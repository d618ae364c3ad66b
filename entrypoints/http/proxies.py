"""Whose X-Forwarded-For counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


def behind_proxies(app: ASGIApp, trusted: Sequence[str]) -> ASGIApp:
    """The application as it sees clients through these proxies: the last address in the header that is not one of
    them. Without any, the peer is the client, and the header is what anybody may write.
    """
    return cast(ASGIApp, ProxyHeadersMiddleware(app, list(trusted))) if trusted else app  # type: ignore[arg-type]
