"""Where in a list a request wants to be."""

from __future__ import annotations

from starlette.requests import Request

from core.protocol.refusals import FieldError, InvalidFields
from core.users.accounts import DEFAULT_PAGE
from entrypoints.http.bodies import short


def page_query(request: Request) -> tuple[str | None, int]:
    """`after` and `limit`. Raises `InvalidFields` for one that is repeated."""
    query: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        if name in query:
            raise InvalidFields(FieldError(short(name), "sent more than once"))
        query[name] = text
    limit = query.get("limit", str(DEFAULT_PAGE))
    # Whatever is no number is out of range, and the use case says which range that is.
    return query.get("after"), int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 10 else 0
