"""The page `/docs`: Swagger UI over the contract, which is served at `/openapi.yaml`.

Everything the page loads comes from this origin.
Where the vendored files are from: `static/docs/swagger-ui/README.md`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from entrypoints.http.protect import Endpoint

STATIC: Final = Path(__file__).parent / "static" / "docs"

# Path of the route, file under STATIC, content type. Only what is named here is served.
ASSETS: Final = (
    ("/docs/init.js", "init.js", "text/javascript"),
    ("/docs/swagger-ui-bundle.js", "swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    ("/docs/swagger-ui.css", "swagger-ui/swagger-ui.css", "text/css"),
)

# The icons are data: URLs in the style sheet; styles set by the script go through the DOM and need no
# 'unsafe-inline'. connect-src is for the contract and for the operations tried from the page.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def docs_routes(contract: bytes) -> list[Route]:
    """The routes of the page, its assets and `contract`, an OpenAPI document in YAML."""
    page = _file("index.html", "text/html", {"Content-Security-Policy": PAGE_POLICY})
    return [
        Route("/openapi.yaml", _document(contract, "application/yaml"), methods=["GET"]),
        Route("/docs", page, methods=["GET"]),
        *(Route(path, _file(name, media_type, {}), methods=["GET"]) for path, name, media_type in ASSETS),
    ]


def _document(body: bytes, media_type: str) -> Endpoint:
    headers = validators(hashlib.sha256(body).hexdigest())

    async def serve(request: Request) -> Response:
        return unchanged(request, headers) or Response(body, media_type=media_type, headers=headers)

    return serve


def _file(name: str, media_type: str, headers: dict[str, str]) -> Endpoint:
    """Serves a file from disk in chunks: the bundle is 1.7 MB, and no worker should hold it."""
    path = STATIC / name
    with path.open("rb") as file:
        headers = headers | validators(hashlib.file_digest(file, "sha256").hexdigest())

    async def serve(request: Request) -> Response:
        # Whole or not at all: a part of a script is of use to nobody.
        request.scope["headers"] = [header for header in request.scope["headers"] if header[0] != b"range"]
        return unchanged(request, headers) or FileResponse(path, media_type=media_type, headers=headers)

    return serve


def validators(digest: str) -> dict[str, str]:
    # Ask every time, download once: a fix in the bundle must reach the browser with the next visit.
    return {"Cache-Control": "no-cache", "ETag": f'"{digest}"'}


def unchanged(request: Request, headers: dict[str, str]) -> Response | None:
    """304 if the client holds these very bytes (RFC 9110 §13.1.2), or None."""
    held = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    return Response(status_code=304, headers=headers) if held & {headers["ETag"], "*"} else None
