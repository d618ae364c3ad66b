"""Call an ASGI application with messages, and look at what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from attrs import Factory, define
from starlette.types import ASGIApp, Message, Scope

Headers = Iterable[tuple[str, str]]


@define
class Answer:
    messages: list[Message] = Factory(list)

    @property
    def status(self) -> int:
        status: int = self.messages[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])


def scope(headers: Headers = (), *, method: str = "POST", path: str = "/") -> Scope:
    return {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("192.0.2.1", 5000),
        "server": ("127.0.0.1", 8000),
    }


def chunks(*parts: bytes) -> list[Message]:
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": at < last} for at, part in enumerate(parts)]


async def call(app: ASGIApp, sent: Scope, messages: Iterable[Message] = (), *, into: Answer | None = None) -> Answer:
    """Feed the messages, and then nothing more: whoever asks on waits in vain."""
    answer = Answer() if into is None else into
    waiting = iter(messages)

    async def receive() -> Message:
        for message in waiting:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        answer.messages.append(message)

    async with asyncio.timeout(10):  # what never ends fails here
        await app(sent, receive, send)
    return answer
