"""What a request says, read by the shortest way, and an answer in JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope


async def form(receive: Receive) -> dict[str, str]:
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return dict(parse_qsl(body.decode()))


def header(scope: Scope, name: bytes) -> bytes:
    value: bytes = next(value for one, value in scope["headers"] if one == name)
    return value


def client_pair(scope: Scope) -> tuple[str, bytes]:
    """The client that the header names (HTTP Basic), and its secret."""
    sent = base64.b64decode(header(scope, b"authorization").removeprefix(b"Basic "))
    named, _, secret = sent.partition(b":")
    return named.decode(), secret


def json_of(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
