"""What one connection of the load generator sends: whole requests as bytes, made ahead where that can be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REFRESH_TOKEN = b'"refresh_token":"'


def request(method: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii")


class Script(Protocol):
    def first(self) -> bytes:
        """The request to begin with, at the start of each drive."""

    def following(self, answer: bytes) -> bytes:
        """The next one. `answer` is the whole response to the last."""


class Repeat:
    """One request again and again."""

    def __init__(self, request: bytes) -> None:
        self._request = request

    def first(self) -> bytes:
        return self._request

    def following(self, answer: bytes) -> bytes:
        return self._request


class OneAfterAnother:
    """The next of requests that several connections share."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests

    def first(self) -> bytes:
        return next(self._requests)

    def following(self, answer: bytes) -> bytes:
        return next(self._requests)


class Rotations:
    """Refresh tokens, each exchanged for the next (RFC 6749 §6). Those of several families take turns."""

    def __init__(self, path: str, headers: Mapping[str, str], tokens: Iterable[str]) -> None:
        """`tokens`: the present one of each family. All that ever come are of one length."""
        made = [request("POST", path, {**FORM, **headers}, _exchange(token)) for token in tokens]
        self._head = made[0].removesuffix(made[0].rpartition(b"=")[2])
        self._due = deque(made)

    def first(self) -> bytes:
        return self._due[0]

    def following(self, answer: bytes) -> bytes:
        begin = answer.index(REFRESH_TOKEN) + len(REFRESH_TOKEN)
        self._due.popleft()
        self._due.append(self._head + answer[begin : answer.index(b'"', begin)])
        return self._due[0]


def _exchange(token: str) -> str:
    return f"grant_type=refresh_token&refresh_token={token}"
