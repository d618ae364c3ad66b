"""Everything that is measured, as real processes: PostgreSQL, the server as users start it, the floor, the poller."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, perf_counter, sleep

import psutil
import psycopg
from attrs import frozen

from bench import agreement
from bench.families import Grown, Sizes, grown
from bench.floors.given import Given
from bench.furnish import PASSWORD, USERNAME, Furniture, furnish, opened
from bench.load import Broken
from bench.loads import CLIENTS, JWKS_PATH, TOKEN_PATH
from bench.processes import CORES, START, Child, child, pin, process, serve, tree
from container import DEV_MIGRATIONS, MIGRATIONS, EmbeddedPostgres, apply_migrations, variables
from core.protocol.secret import Secret

ROOT = Path(__file__).resolve().parent.parent


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
    grown: Grown | None
    poller: Poller
    postgres: psutil.Process
    token: str
    furniture: Furniture
    hashed: str
    environment: Mapping[str, str]
    folder: Path

    def apart(self) -> None:
        """What serves has one core to itself; PostgreSQL and the load generator share another."""
        cores = sorted(CORES)
        pin((one.process.pid for one in self._serving()), {cores[0]})
        pin((*self._postgres(), os.getpid(), self.poller.process.pid), {cores[-1]})

    def free(self) -> None:
        """Everything goes wherever the system puts it."""
        own = (os.getpid(), self.poller.process.pid, *(one.process.pid for one in self._serving()))
        pin((*own, *self._postgres()), CORES)

    def _serving(self) -> list[Child]:
        return [self.server, self.floor, *(self.grown.servers if self.grown is not None else ())]

    def _postgres(self) -> list[int]:
        return [one.pid for one in tree(self.postgres)]

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
        with serve(self.environment, self.folder, "starting") as starting:
            starting.until_ready()
            return perf_counter() - started

    def said(self) -> str:
        return "\n".join(f"The last words of the {one.name}:\n{one.said()}" for one in self._serving())


@contextmanager
def built(sizes: Sizes | None, progress: Callable[[str], None]) -> Iterator[Stage]:
    """All of it, on a database in a folder of its own; afterwards nothing of it is left.

    With `sizes`, also two servers on databases with as many refresh families.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="watchword-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # under root, PostgreSQL's account must be able to pass through
        dsn = stack.enter_context(EmbeddedPostgres(folder / "postgres", role="command"))
        apply_migrations(dsn, MIGRATIONS, DEV_MIGRATIONS)
        postgres, hashed = _looked_at(dsn)
        environment = _environment(dsn, folder / "data")
        server = stack.enter_context(serve(environment, folder, "server"))
        server.until_ready()
        furniture = asyncio.run(_furnish({**environment, "WATCHWORD_PORT": str(server.port)}, folder))
        given = Given(issuer=server.url, username=USERNAME, jwks=_published(server))
        floor = stack.enter_context(child("floor", ["bench.floors"], {**environment, **given.as_environment()}, folder))
        agreement.check(server, floor, furniture)
        poller = stack.enter_context(_poller(server, environment, folder))
        pair = stack.enter_context(grown(dsn, environment, folder, sizes, progress)) if sizes is not None else None
        yield Stage(server, floor, pair, poller, postgres, _login(server), furniture, hashed, environment, folder)


def _looked_at(dsn: Secret) -> tuple[psutil.Process, str]:
    """PostgreSQL's first process, and the user's password as it is kept. What is committed must be on the disk."""
    with psycopg.connect(dsn.reveal()) as connection:
        backend = psutil.Process(connection.info.backend_pid).parent()
        lasting = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        if connection.execute(lasting).fetchone() != ("on", "on"):
            raise Broken("PostgreSQL does not wait for the disk")
        row = connection.execute("SELECT hashed_password FROM users WHERE username = %s", [USERNAME]).fetchone()
    assert backend is not None
    assert row is not None
    return backend, row[0]


async def _furnish(environment: Mapping[str, str], folder: Path) -> Furniture:
    async with opened(environment, folder) as container:
        return await furnish(container, families=CLIENTS, sessions=CLIENTS)


def _environment(dsn: Secret, data: Path) -> dict[str, str]:
    """The defaults for whatever can be set, and the modules of this checkout."""
    settings = {name for name, _, _ in variables()}
    kept = {name: value for name, value in os.environ.items() if name not in settings and not name.startswith("PG")}
    # A long run must not outlive its token.
    own = {"DATABASE_URL": dsn.reveal(), "WATCHWORD_DATA_DIR": str(data), "ACCESS_TOKEN_EXPIRE_MINUTES": "1440"}
    return {**kept, **own, "PYTHONPATH": str(ROOT)}


def _published(server: Child) -> str:
    """The key set, once the keys of both algorithms are in it: the second is made in the background."""
    deadline = monotonic() + START
    while monotonic() < deadline:
        jwks = server.ask(JWKS_PATH, {}).decode()
        if {jwk["kty"] for jwk in json.loads(jwks)["keys"]} == {"EC", "RSA"}:
            return jwks
        sleep(0.1)
    raise Broken("the server publishes no second key")


@contextmanager
def _poller(server: Child, environment: Mapping[str, str], folder: Path) -> Iterator[Poller]:
    module = ["bench.poller", str(server.port)]
    with process(module, environment, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        yield Poller(started)


def _login(server: Child) -> str:
    token: str = json.loads(server.ask(TOKEN_PATH, {}, {"username": USERNAME, "password": PASSWORD}))["access_token"]
    return token
