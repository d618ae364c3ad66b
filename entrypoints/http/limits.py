"""Bounds on request bodies (pure ASGI): how large, and how long they may take to arrive."""

from __future__ import annotations

import asyncio
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.http.problems import problem

LARGEST_BODY = 64 * 1024  # bytes
SLOWEST_BODY = 10.0  # seconds

# How much of an oversize body is read and thrown away, so that the sender gets to read the answer.
PATIENCE = 4 * 1024 * 1024  # bytes


class TooLarge(Exception):
    pass


class Deadlines:
    """Blocks that end with `TimeoutError` after so many seconds, give or take a tenth; at most one in each task.

    One timer looks after all of them: setting one for every request costs as much as reading its body.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._watching = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "a request is served by a task"  # noqa: S101 - says what is relied on
        self._since[task] = monotonic()
        if not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(self._seconds / 10, self._look)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        task = asyncio.current_task()
        assert task is not None, "as it was at the beginning"  # noqa: S101 - says what is relied on
        del self._since[task]
        if task in self._late:
            self._late.discard(task)
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _look(self) -> None:
        too_long = monotonic() - self._seconds
        for task, since in self._since.items():
            if since < too_long and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._watching = bool(self._since)
        if self._watching:
            asyncio.get_running_loop().call_later(self._seconds / 10, self._look)


class BodyLimits:
    """Reads the whole body before anybody else does, so that every endpoint gets the same small answer to a large one.

    413 for a body over the limit, chunked or not; 408 for one that does not arrive in time. Both close the connection.
    """

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST_BODY, slowest: float = SLOWEST_BODY) -> None:
        self._app = app
        self._largest = largest
        self._deadlines = Deadlines(slowest)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = _declared(scope) if scope["type"] == "http" else None
        if declared is None:
            await self._app(scope, receive, send)
            return
        closing = {"Connection": "close"}
        try:
            with self._deadlines:
                messages = await self._read(declared, receive)
        except TimeoutError:
            refusal = problem(408, "The request's body did not arrive in time", headers=closing)
            await refusal(scope, receive, send)
            return
        except TooLarge:
            refusal = problem(413, f"A request's body is at most {self._largest} bytes here", headers=closing)
            await refusal(scope, receive, send)
            return
        replay = iter(messages)

        async def replaying() -> Message:
            return next(replay, None) or await receive()

        await self._app(scope, replaying, send)

    async def _read(self, declared: int, receive: Receive) -> list[Message]:
        """The messages of the whole body. Raises `TooLarge`, once the sender has had a chance to finish."""
        if declared > PATIENCE:
            raise TooLarge
        messages: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            if size <= self._largest:
                messages.append(message)
            else:
                messages.clear()
            if size > PATIENCE:
                break
        if size > self._largest:
            raise TooLarge
        return messages


def _declared(scope: Scope) -> int | None:
    """The length of the body, 0 for one in chunks, None for none. The server has refused what is no number."""
    declared = None
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
        if name == b"transfer-encoding":
            declared = 0
    return declared
