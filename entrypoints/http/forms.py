"""Form bodies, read strictly: what two programs could understand differently is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request

from core.protocol.refusals import InvalidRequest

MOST_FIELDS = 100
LONGEST_QUERY = 2048  # bytes

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_PRINTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


async def oauth_form(request: Request, *, known: Iterable[str]) -> dict[str, str]:
    """The parameters of a request to an OAuth endpoint, by name (RFC 6749 §3.2 and appendix B).

    Raises `InvalidRequest`, naming the parameter: for one that stands in the URL (§2.3.1) or is repeated (§3.2), and
    for text that is not UTF-8 or holds a NUL. `known` are the names worth naming when the URL holds several.
    """
    if request.scope["query_string"]:
        raise InvalidRequest(f"{_in_query(request, known)} must be sent in the body, never in the URL")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise InvalidRequest("the body's content type must be application/x-www-form-urlencoded")
    return parse_form(await request.body())


def parse_form(body: bytes) -> dict[str, str]:
    """Raises `InvalidRequest`."""
    form: dict[str, str] = {}
    if body.count(b"&") >= MOST_FIELDS:
        raise InvalidRequest(f"more than {MOST_FIELDS} parameters")
    for pair in filter(None, body.split(b"&")):
        name, value = _decode(pair)
        if name in form:
            raise InvalidRequest(f"{_printable(name)} is sent more than once")
        form[name] = value
    return form


def _decode(pair: bytes) -> tuple[str, str]:
    raw_name = pair.partition(b"=")[0].decode("ascii", "replace")
    if _BAD_ESCAPE.search(pair):
        raise InvalidRequest(f"{_printable(raw_name)} holds a % that is not followed by two hexadecimal digits")
    try:
        parsed = parse_qsl(pair.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{_printable(raw_name)} is not UTF-8") from None
    name, value = parsed[0] if parsed else ("", "")
    if "\0" in name or "\0" in value:
        raise InvalidRequest(f"{_printable(raw_name)} holds a NUL")
    return name, value


def _in_query(request: Request, known: Iterable[str]) -> str:
    """Which parameter the URL holds. Only its beginning is looked at: reading a long one would take long."""
    query: bytes = request.scope["query_string"][:LONGEST_QUERY]
    sent = {pair.partition(b"=")[0].decode("ascii", "replace") for pair in query.split(b"&")}
    return next((name for name in known if name in sent), "parameters")


def _printable(name: str) -> str:
    """The name, if it can stand in an error_description (RFC 6749 §5.2) and does not shout."""
    return name if _PRINTABLE.fullmatch(name) else "a parameter"
