"""Child processes that serve: started, asked, pinned to cores, and ended with this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import IO

import psutil
from attrs import frozen

from bench.load import Broken

# Those this process may use, before anything is pinned.
CORES = frozenset(os.sched_getaffinity(0) if sys.platform == "linux" else range(os.cpu_count() or 1))
CAN_PIN = sys.platform == "linux" and len(CORES) > 1

START = 30  # seconds
STOP = 15


@frozen
class Child:
    """A process that told its address, and the file that holds what it logged."""

    name: str
    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-20:])

    def ask(self, path: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200: to a GET, or to a POST where there is a form."""
        body = None if form is None else urllib.parse.urlencode(form).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        asked = urllib.request.Request(url, data=body, headers=dict(headers))
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=START) as answer:
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            raise Broken(f"{path} of the {self.name} answered {error.code}:\n{self.said()}") from None

    def leads_to(self, path: str, headers: Mapping[str, str]) -> str:
        """Where a GET is redirected to."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=START)
        try:
            connection.request("GET", path, headers=dict(headers))
            answer = connection.getresponse()
            if answer.status != 303:
                raise Broken(f"{path} of the {self.name} answered {answer.status}:\n{self.said()}")
            return answer.headers["Location"]
        finally:
            connection.close()

    def until_ready(self) -> None:
        deadline = monotonic() + START
        while True:
            try:
                self.ask("/readyz", {})
            except (OSError, Broken):
                if self.process.poll() is not None or monotonic() > deadline:
                    raise Broken(f"the {self.name} was not ready:\n{self.said()}") from None
                sleep(0.005)
            else:
                return


@contextmanager
def child(name: str, module: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[Child]:
    log = folder / f"{name.replace(' ', '-')}.log"
    with (
        log.open("a") as stderr,
        process(module, environment, folder, stdout=subprocess.PIPE, stderr=stderr) as started,
    ):
        assert started.stdout is not None
        line = started.stdout.readline()
        if not line:
            raise Broken(f"the {name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        yield Child(name, started, urllib.parse.urlsplit(json.loads(line)["address"]).port or 80, log)


def serve(environment: Mapping[str, str], folder: Path, name: str) -> AbstractContextManager[Child]:
    return child(name, ["entrypoints.cli", "serve", "--port", "0", "--json"], environment, folder)


@contextmanager
def process(
    module: list[str], environment: Mapping[str, str], folder: Path, **streams: int | IO[str]
) -> Iterator[subprocess.Popen[str]]:
    """Ctrl+C is for this process alone, which then ends the others in order."""
    started = subprocess.Popen(
        [sys.executable, "-m", *module],
        env=environment,
        cwd=folder,
        text=True,
        start_new_session=True,
        stdin=streams.get("stdin", subprocess.DEVNULL),
        stdout=streams.get("stdout"),
        stderr=streams.get("stderr"),
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(STOP)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        for stream in (started.stdin, started.stdout):
            if stream is not None:
                stream.close()


def pin(pids: Iterable[int], cores: Iterable[int]) -> None:
    """Put every thread of these processes on these cores; those that they start later follow."""
    if not CAN_PIN or sys.platform != "linux":
        return
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            for thread in psutil.Process(pid).threads():
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(thread.id, cores)


def tree(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def seconds_on_cpu(root: psutil.Process) -> float:
    """Of a process and all it ever started: those that have ended are in its own account."""
    total = 0.0
    for one in tree(root):
        with suppress(psutil.NoSuchProcess):
            total += _seconds(one)
    ended = root.cpu_times()
    return total + getattr(ended, "children_user", 0.0) + getattr(ended, "children_system", 0.0)


def _seconds(one: psutil.Process) -> float:
    """Linux tells nanoseconds of the main thread, the others hundredths of a second of the whole process.

    That of the main thread is all there is of a process of PostgreSQL.
    """
    with suppress(OSError, ValueError, IndexError):
        counted = int(Path(f"/proc/{one.pid}/schedstat").read_text().split()[0])
        if counted and one.num_threads() == 1:
            return counted / 1e9
    times = one.cpu_times()
    return float(times.user + times.system)
