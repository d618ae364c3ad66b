"""Everything that is measured, as real processes: PostgreSQL, the server as users start it, the floor, the poller."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import IO

import psutil
import psycopg
from attrs import frozen

from bench.load import Broken
from container import DEV_MIGRATIONS, MIGRATIONS, EmbeddedPostgres, apply_migrations, variables

ROOT = Path(__file__).resolve().parent.parent
USERNAME, PASSWORD = "testuser", "testpass"
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

    def said(self) -> str:
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-20:])


@frozen
class Poller:
    process: subprocess.Popen[str]

    async def poll(self, seconds: float) -> list[float]:
        """Latencies of /healthz in milliseconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        line = await asyncio.to_thread(self.process.stdout.readline)
        if not line:
            raise Broken("the poller of /healthz ended")
        latencies: list[float] = json.loads(line)
        return latencies


@frozen
class Stage:
    server: Child
    floor: Child
    poller: Poller
    postgres: psutil.Process
    token: str
    user: bytes  # what both answer to /users/me
    hashed: str
    environment: Mapping[str, str]
    folder: Path

    def apart(self) -> None:
        """What serves has one core to itself; PostgreSQL and the load generator share another."""
        cores = sorted(CORES)
        first, second = {cores[0]}, {cores[-1]}
        _pin((self.server.process.pid, self.floor.process.pid), first)
        _pin((*self._postgres(), os.getpid(), self.poller.process.pid), second)

    def free(self) -> None:
        """Everything goes wherever the system puts it."""
        own = (self.server.process.pid, self.floor.process.pid, os.getpid(), self.poller.process.pid)
        _pin((*own, *self._postgres()), CORES)

    def _postgres(self) -> list[int]:
        return [self.postgres.pid, *(child.pid for child in self.postgres.children(recursive=True))]

    def resident(self) -> tuple[float, float]:
        """Of the server, in MB: now, and at most since its start."""
        now = psutil.Process(self.server.process.pid).memory_info().rss
        peak = now
        with suppress(OSError):
            status = Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines()
            peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
        return now / 1e6, peak / 1e6

    def seconds_to_ready(self) -> float:
        """From the start of another server's process to its first 200 on /readyz."""
        started = perf_counter()
        with _serve(self.environment, self.folder, "starting") as child:
            _until_ready(child)
            return perf_counter() - started


@contextmanager
def built() -> Iterator[Stage]:
    """All of it, on a database in a folder of its own; afterwards nothing of it is left."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="watchword-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # under root, PostgreSQL's account must be able to pass through
        dsn = stack.enter_context(EmbeddedPostgres(folder / "postgres", role="command"))
        apply_migrations(dsn, MIGRATIONS, DEV_MIGRATIONS)
        with psycopg.connect(dsn.reveal()) as connection:
            backend = psutil.Process(connection.info.backend_pid).parent()
            row = connection.execute("SELECT hashed_password FROM users WHERE username = %s", [USERNAME]).fetchone()
        assert backend is not None
        assert row is not None
        environment = _environment(dsn.reveal(), folder / "data")
        server = stack.enter_context(_serve(environment, folder, "server"))
        _until_ready(server)
        token, public_jwk = _token(server), _public_jwk(server)
        floor_environment = {**environment, "BENCH_PUBLIC_JWK": public_jwk}
        floor = stack.enter_context(_child("floor", ["bench.floors"], floor_environment, folder))
        poller = stack.enter_context(_poller(server, environment, folder))
        answers = {child.name: _me(child, token) for child in (server, floor)}
        if answers["server"] != answers["floor"]:
            raise Broken(f"the server and its floor answer differently: {answers}")
        yield Stage(server, floor, poller, backend, token, answers["server"], row[0], environment, folder)


def _environment(dsn: str, data: Path) -> dict[str, str]:
    """The defaults for whatever can be set, and the modules of this checkout."""
    settings = {name for name, _, _ in variables()}
    kept = {name: value for name, value in os.environ.items() if name not in settings and not name.startswith("PG")}
    # A long run must not outlive its token.
    own = {"DATABASE_URL": dsn, "WATCHWORD_DATA_DIR": str(data), "ACCESS_TOKEN_EXPIRE_MINUTES": "1440"}
    return {**kept, **own, "PYTHONPATH": str(ROOT)}


@contextmanager
def _child(name: str, module: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[Child]:
    log = folder / f"{name}.log"
    with log.open("a") as stderr, _process(module, environment, folder, stdout=subprocess.PIPE, stderr=stderr) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            raise Broken(f"the {name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        yield Child(name, child, urllib.parse.urlsplit(json.loads(line)["address"]).port or 80, log)


def _serve(environment: Mapping[str, str], folder: Path, name: str) -> AbstractContextManager[Child]:
    return _child(name, ["entrypoints.cli", "serve", "--port", "0", "--json"], environment, folder)


@contextmanager
def _poller(server: Child, environment: Mapping[str, str], folder: Path) -> Iterator[Poller]:
    module = ["bench.poller", str(server.port)]
    with _process(module, environment, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Poller(process)


@contextmanager
def _process(
    module: list[str], environment: Mapping[str, str], folder: Path, **streams: int | IO[str]
) -> Iterator[subprocess.Popen[str]]:
    """Ctrl+C is for this process alone, which then ends the others in order."""
    process = subprocess.Popen(
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
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _until_ready(child: Child) -> None:
    deadline = monotonic() + START
    while True:
        try:
            _get(child, "/readyz")
        except (OSError, Broken):
            if child.process.poll() is not None or monotonic() > deadline:
                raise Broken(f"the {child.name} was not ready:\n{child.said()}") from None
            sleep(0.005)
        else:
            return


def _get(child: Child, path: str, headers: Iterable[tuple[str, str]] = (), body: bytes | None = None) -> bytes:
    url = f"http://127.0.0.1:{child.port}{path}"
    asked = urllib.request.Request(url, data=body, headers=dict(headers))
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=START) as answer:
            read: bytes = answer.read()
            return read
    except urllib.error.HTTPError as error:
        raise Broken(f"{path} of the {child.name} answered {error.code}:\n{child.said()}") from None


def _token(server: Child) -> str:
    form = urllib.parse.urlencode({"username": USERNAME, "password": PASSWORD}).encode()
    token: str = json.loads(_get(server, "/api/v1/auth/token", body=form))["access_token"]
    return token


def _public_jwk(server: Child) -> str:
    return json.dumps(json.loads(_get(server, "/.well-known/jwks.json"))["keys"][0])


def _me(child: Child, token: str) -> bytes:
    return _get(child, "/api/v1/users/me", [("Authorization", f"Bearer {token}")])


def _pin(pids: Iterable[int], cores: Iterable[int]) -> None:
    """Put every thread of these processes on these cores; those that they start later follow."""
    if not CAN_PIN or sys.platform != "linux":
        return
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            for thread in psutil.Process(pid).threads():
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(thread.id, cores)
