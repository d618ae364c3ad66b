"""Answers that say no: RFC 9457 problem details."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from starlette.responses import Response

from core.protocol.refusals import FieldError

# RFC 9110 §15.5 renamed two statuses; older Pythons still have the former names.
RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, detail: str, *, errors: Iterable[FieldError] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """`{type, title, status, detail}`, and `errors: [{field, message}]` where fields are at fault."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": RENAMED.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if listed := [{"field": error.field, "message": error.message} for error in errors]:
        body["errors"] = listed
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)
