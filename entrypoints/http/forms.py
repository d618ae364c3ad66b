"""Form bodies, read strictly: what two programs could understand differently is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote_plus

from starlette.requests import Request

from core.protocol.refusals import InvalidRequest

MOST_FIELDS = 100
LONGEST_QUERY = 2048  # bytes

BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_PRINTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")

REPEATABLE = frozenset({"resource"})  # RFC 8707 §2


class Form:
    """The parameters of a request, each once, but for those that may be repeated."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}

    def add(self, name: str, value: str, *, repeatable: Collection[str]) -> None:
        """Raises `InvalidRequest` (RFC 6749 §3.2)."""
        if name not in self._values:
            self._values[name] = [value]
        elif name in repeatable:
            self._values[name].append(value)
        else:
            raise InvalidRequest(f"{_printable(name)} is sent more than once")

    def get(self, name: str) -> str | None:
        values = self._values.get(name)
        return None if values is None else values[0]

    def names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def all(self, name: str) -> tuple[str, ...]:
        """The values that are not empty: a parameter without a value counts as left out (RFC 6749 §3.2)."""
        return tuple(value for value in self._values.get(name, ()) if value)

    def required(self, name: str) -> str:
        """Raises `InvalidRequest`, naming the parameter that is missing or empty."""
        value = self.get(name)
        if not value:
            raise InvalidRequest(f"{name} is {'missing' if value is None else 'empty'}")
        return value


async def oauth_form(request: Request, *, known: Iterable[str]) -> Form:
    """The parameters of a request to an OAuth endpoint, by name (RFC 6749 §3.2 and appendix B).

    Raises `InvalidRequest`, naming the parameter: for one that stands in the URL (§2.3.1) or is repeated (§3.2), and
    for text that is not UTF-8 or holds a NUL. `known` are the names worth naming when the URL holds several.
    """
    if request.scope["query_string"]:
        raise InvalidRequest(f"{_in_query(request, known)} must be sent in the body, never in the URL")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise InvalidRequest("the body's content type must be application/x-www-form-urlencoded")
    return parse_form(await request.body(), repeatable=REPEATABLE)


def parse_form(body: bytes, *, repeatable: Collection[str] = ()) -> Form:
    """Raises `InvalidRequest`."""
    form = Form()
    if body.count(b"&") >= MOST_FIELDS:
        raise InvalidRequest(f"more than {MOST_FIELDS} parameters")
    for pair in filter(None, body.split(b"&")):
        name, value = decode_pair(pair)
        form.add(name, value, repeatable=repeatable)
    return form


def decode_pair(pair: bytes) -> tuple[str, str]:
    raw_name = pair.partition(b"=")[0].decode("ascii", "replace")
    try:
        text = pair.decode()
        if BAD_ESCAPE.search(text):
            raise InvalidRequest(f"{_printable(raw_name)} holds a % that is not followed by two hexadecimal digits")
        name, _, value = text.partition("=")
        name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{_printable(raw_name)} is not UTF-8") from None
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
