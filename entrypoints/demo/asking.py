"""HTTP to the server by the standard library: bounded in size and time, by no proxy, and following nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode, urlsplit

from attrs import frozen

SECONDS = 10
LARGEST = 1024 * 1024  # bytes of an answer


class Problem(Exception):
    """Why it does not go on, in words for whoever looks at the demo. No secret is in it."""


class NoAnswer(Problem):
    """Nobody there speaks HTTP."""


@frozen
class Answer:
    url: str
    status: int
    body: bytes

    def json(self) -> dict[str, object]:
        """The members of a good answer. Raises `Problem`, which says what an OAuth error says (RFC 6749 §5.2)."""
        try:
            members = json.loads(self.body)
        except (ValueError, RecursionError):
            members = None
        if not isinstance(members, dict):
            raise Problem(f"{self.url} answered {self.status}, and not with a JSON object.")
        if self.status != 200 and self.status != 201:
            why = [str(members[name]) for name in ("error", "error_description") if name in members]
            raise Problem(f"{self.url} answered {self.status}: {', '.join(why) or 'without a reason'}.")
        return members


async def get(url: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Raises `NoAnswer`."""
    return await asyncio.to_thread(_ask, "GET", url, None, headers or {})


async def post(url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
    """Raises `NoAnswer`."""
    own = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return await asyncio.to_thread(_ask, "POST", url, urlencode(form), own)


def _ask(method: str, url: str, body: str | None, headers: Mapping[str, str]) -> Answer:
    try:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    except (ValueError, HTTPException):
        raise Problem("The server names an address that is no URL.") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, {"Accept": "application/json", "Connection": "close", **headers})
        answer = connection.getresponse()
        return Answer(url, answer.status, answer.read(LARGEST))
    except (OSError, HTTPException) as error:  # TLS and names that do not resolve are OSErrors
        raise NoAnswer(f"{parts.scheme}://{parts.netloc} does not answer ({type(error).__name__}).") from None
    finally:
        connection.close()
