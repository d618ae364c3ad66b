"""Run the application on uvicorn."""

from __future__ import annotations

import gc
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

GRACE = 10  # seconds that requests under way get when the server stops
BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """One process, until a signal ends it."""
    settle()
    runner = uvicorn.Server(config(app))
    runner.run(sockets=[listener])
    if not runner.started:
        raise SystemExit(1)  # the log says why


def settle() -> None:
    """What is loaded by now stays for good: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # a request leaves no cycles behind: looking for some so often finds nothing


def serve_by_workers(workers: int, listener: socket.socket) -> None:
    """Several processes, each building its application from the environment by `entrypoints.http.app.create`."""
    workers_config = config("entrypoints.http.app:create", factory=True, workers=workers)
    listener.set_inheritable(True)
    Multiprocess(workers_config, sockets=[listener]).run()


def config(app: ASGIApp | str, *, factory: bool = False, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        workers=workers,
        http="httptools",
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=None,  # ours is in place, in the workers too
        access_log=False,  # ours has no query strings
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
