"""What one connection of the load generator sends: whole requests as bytes, made ahead where that can be."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REFRESH_TOKEN = b'"refresh_token":"'
CODE, CODE_LENGTH = b"?code=", len("wwc_") + 64


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


class CodeFlows:
    """An authorization request, and a token request for the code that it brings (RFC 6749 §4.1), again and again."""

    def __init__(self, asked: bytes, exchange: Callable[[str], bytes]) -> None:
        """`exchange` makes the token request for a code. It ends with that."""
        self._asked = asked
        stand_in = "c" * CODE_LENGTH
        self._head = exchange(stand_in).removesuffix(stand_in.encode())

    def first(self) -> bytes:
        return self._asked

    def following(self, answer: bytes) -> bytes:
        begin = answer.find(CODE)
        if begin < 0:
            return self._asked
        begin += len(CODE)
        return self._head + answer[begin : begin + CODE_LENGTH]


def _exchange(token: str) -> str:
    return f"grant_type=refresh_token&refresh_token={token}"
