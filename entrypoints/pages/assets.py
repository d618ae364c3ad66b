"""/assets: the style sheet, the one script, and the picture of whoever runs this service."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPES: Mapping[str, str] = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}


@frozen
class Asset:
    """Held in memory, downloaded once and asked after every time."""

    body: bytes
    media_type: str

    async def __call__(self, request: Request) -> Response:
        tag = f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'
        # An SVG may hold scripts: nothing in it is run or loaded.
        headers = {
            "ETag": tag,
            "Cache-Control": "no-cache",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
        }
        held = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if tag in held:
            return Response(status_code=304, headers=headers)
        return Response(self.body, headers=headers, media_type=self.media_type)


def logo_of(path: Path) -> tuple[str, Asset]:
    """The path under which a picture is served, and the picture. Raises `OSError`."""
    suffix = path.suffix.lower()
    return f"/assets/logo{suffix}", Asset(path.read_bytes(), MEDIA_TYPES[suffix])
