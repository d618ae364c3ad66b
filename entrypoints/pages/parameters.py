"""Parameters of an authorization or logout request, from a query or a form, nothing lost that somebody might abuse."""

from __future__ import annotations

from starlette.requests import Request

from core.authorization.request import Parameters
from core.protocol.refusals import InvalidRequest, PageRefusal
from entrypoints.http.forms import MOST_FIELDS, decode_pair

LARGEST = 32 * 1024  # bytes of a query


async def sent_parameters(request: Request) -> Parameters:
    """Of the body where there is one, else of the query. Raises `PageRefusal` for what cannot be read."""
    if request.method != "POST":
        return read_parameters(request.scope["query_string"])
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise PageRefusal("The application sent its request in a form that is not known here.")
    return read_parameters(await request.body())


def read_parameters(raw: bytes) -> Parameters:
    """RFC 6749 §3.1: a parameter without a value counts as left out, one that is repeated is noted."""
    if len(raw) > LARGEST or raw.count(b"&") >= MOST_FIELDS:
        raise PageRefusal("The application sent too much.")
    values: dict[str, str] = {}
    resources: list[str] = []
    repeated: set[str] = set()
    for pair in filter(None, raw.split(b"&")):
        try:
            name, value = decode_pair(pair)
        except InvalidRequest as refusal:
            raise PageRefusal(f"The application's request cannot be read: {refusal.description}.") from None
        if not value:
            continue
        if name == "resource":  # RFC 8707 §2
            resources.append(value)
        elif name in values:
            repeated.add(name)
        else:
            values[name] = value
    return Parameters(values, tuple(resources), frozenset(repeated))
