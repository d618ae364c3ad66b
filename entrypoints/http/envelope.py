"""Around every request: an id, security headers, one log line, and a plain 500 when something breaks (pure ASGI)."""

from __future__ import annotations

import logging
import os
import re
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.http.refusals import REASON, unexpected
from entrypoints.logs import requests

log = logging.getLogger("watchword.http")

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

Headers = list[tuple[bytes, bytes]]

ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
# Unless the response says otherwise: whatever is not declared cacheable may hold a token or a person's data.
DEFAULTS: Headers = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class Envelope:
    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        hsts = [(b"strict-transport-security", b"max-age=31536000")] if https else []
        self._always = ALWAYS + hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _request_id(scope["headers"])
        status, complete = 0, False

        async def sending(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._complete(list(message.get("headers", ())), request_id)
            else:
                complete = not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            # The last resort: whoever asked learns nothing but that it was our fault; the log learns all.
            log.exception("unexpected", extra={"request_id": request_id.decode()})
            if status and not complete:
                raise  # too late for an answer; the server closes the connection
            if not status:
                await unexpected()(scope, receive, sending)
        finally:
            _note(scope, request_id, status, perf_counter() - started)

    def _complete(self, headers: Headers, request_id: bytes) -> Headers:
        names = [name for name, _ in headers]
        for default in DEFAULTS:
            if default[0] not in names:
                headers.append(default)
        headers += self._always
        headers.append((b"x-request-id", request_id))
        return headers


def _request_id(headers: Headers) -> bytes:
    """The caller's id, when it is safe to repeat in a header and a log line, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value
    return os.urandom(16).hex().encode()


def _note(scope: Scope, request_id: bytes, status: int, seconds: float) -> None:
    """Neither query, headers nor body: that is where secrets travel."""
    client = scope.get("client")
    line: dict[str, object] = {
        "request_id": request_id.decode(),
        "method": scope["method"],
        "path": scope["path"][:256],
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "client": client[0] if client else None,
    }
    if REASON in scope:
        line["reason"] = scope[REASON]
    requests.note(line)
