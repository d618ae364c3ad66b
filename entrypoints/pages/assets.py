"""/assets: the style sheet, the one script, and the picture of whoever runs this service."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import Factory, frozen
from starlette.requests import Request
from starlette.responses import Response

from entrypoints.http.docs import unchanged, validators

MEDIA_TYPES: Mapping[str, str] = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}


# An SVG may hold scripts: nothing in it is run or loaded.
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"}


@frozen
class Asset:
    """Held in memory, downloaded once and asked after every time."""

    body: bytes
    media_type: str
    headers: dict[str, str] = Factory(
        lambda asset: POLICY | validators(hashlib.sha256(asset.body).hexdigest()), takes_self=True
    )

    async def __call__(self, request: Request) -> Response:
        return unchanged(request, self.headers) or Response(self.body, headers=self.headers, media_type=self.media_type)


def logo_of(path: Path) -> tuple[str, Asset]:
    """The path under which a picture is served, and the picture. Raises `OSError`."""
    suffix = path.suffix.lower()
    return f"/assets/logo{suffix}", Asset(path.read_bytes(), MEDIA_TYPES[suffix])
