"""What tests of more than one folder share: a clock to set, a running server, users in it, what this machine lacks."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import httpx2 as httpx
import pytest
import uvicorn
from attrs import define, field, frozen
from starlette.types import ASGIApp

from container import Container, Settings
from core.protocol.secret import Secret
from core.users.model import User
from core.users.password import Password
from entrypoints.http import server
from entrypoints.http.app import build

# Hashes as cheap as Argon2 allows: tests are about what is decided, not about what a guess costs.
CHEAP = {"argon2_memory_kib": 8, "argon2_time_cost": 1}

# One for all: making it takes longer than most requests, none of which uses it.
TLS = ssl.create_default_context()

PASSWORD = "correct horse battery"


@define
class SetClock:
    """A clock that moves only when it is told to, or when somebody sleeps by it."""

    instant: datetime = field(factory=lambda: datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.instant

    def forward(self, **by: float) -> None:
        self.instant += timedelta(**by)

    async def sleep_until(self, instant: datetime) -> None:
        await asyncio.sleep(0)
        self.instant = max(self.instant, instant)


@frozen
class Live:
    """A server that listens, and the container within it."""

    url: str
    container: Container
    loop: asyncio.AbstractEventLoop

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10, verify=TLS)

    def add_user(self, username: str, *, password: str = PASSWORD, roles: tuple[str, ...] = ()) -> User:
        """A user made by the use case, inside the server's own loop."""
        work = self.container.create_user()(
            username=username, email=f"{username}@example.com", password=Password.typed(password), roles=roles
        )
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def token(self, username: str, password: str = PASSWORD) -> str:
        with self.client() as client:
            answer = client.post("/api/v1/auth/token", data={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token


def settings_for(dsn: Secret | None, data_dir: Path, **others: object) -> Settings:
    base = {"database_url": dsn, "data_dir": data_dir, "jwt_algorithm": "ES256"}
    own = {"issuer": "http://127.0.0.1:8000", "audience": "http://127.0.0.1:8000"}
    return Settings(**{**base, **own, **CHEAP, **others})  # type: ignore[arg-type]  # one argument is not another's


@contextmanager
def running(
    settings: Settings, container: Container | None = None, *, listener: socket.socket | None = None
) -> Iterator[Live]:
    """Watchword itself, around a container of its own or the one that is given."""
    box = container or Container(settings=settings)
    with serving(build(box), listener) as (url, loop):
        yield Live(url, box, loop)


@contextmanager
def serving(app: ASGIApp, listener: socket.socket | None = None) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """An application on uvicorn, in a thread of its own, on a port of its own: its address and its loop.

    With a `listener` it is on that one, for an application that has to know its address before.
    """
    listener = listener or server.listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    runner = uvicorn.Server(server.config(app))
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        await runner.serve(sockets=[listener])

    def run() -> None:
        with asyncio.Runner(loop_factory=runner.config.get_loop_factory()) as loop:
            loop.run(main())

    thread = threading.Thread(target=run)
    with listener:
        thread.start()
        while not runner.started:
            assert thread.is_alive(), "the server ended before it started"
            thread.join(0.01)
        try:
            yield url, loops[0]
        finally:
            runner.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def lacking(reason: str) -> NoReturn:
    """Ends a test that cannot run on this machine. Where CI is set everything is there, or the run fails."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


class Lacking(pytest.Module):
    """A file of tests that is not even imported, because something is missing that it imports."""

    reason: str

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, reason: str) -> Lacking:
        module: Lacking = cls.from_parent(parent, path=path)
        module.reason = reason
        return module

    def collect(self) -> NoReturn:
        lacking(self.reason)
