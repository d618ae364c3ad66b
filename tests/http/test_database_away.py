"""The database goes and comes back: 503 in between, and no restart."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import psycopg
import pytest

from container import MIGRATIONS, EmbeddedPostgres, apply_migrations
from core.protocol.secret import Secret
from tests.http.support import ME, PROBLEM, TOKEN, USERS, Watched, eventually, watching
from tests.support import PASSWORD, settings_for

# The issue says two seconds; the rest is for a busy machine.
TOLD_WITHIN = 4.0
BACK_WITHIN = 4.0

LOGIN = {"username": "patient", "password": PASSWORD}


class OwnPostgres:
    """A server for these tests alone, to be stopped and frozen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        careless = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        self.server = EmbeddedPostgres(folder, role="command", settings=careless)
        self.dsn = self.server.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It holds its connections and says nothing: what a broken network looks like."""
        postmaster = psutil.Process(int((self.folder / "postgres/data/postmaster.pid").read_text().split()[0]))
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.server.stop()
        try:
            yield
        finally:
            assert self.server.start() == self.dsn


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPostgres]:
    # Not pytest's own folder: as root, PostgreSQL runs under an account that must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="watchword-away-"))
    folder.chmod(0o711)
    postgres = OwnPostgres(folder)
    try:
        apply_migrations(postgres.dsn, MIGRATIONS)
        yield postgres
    finally:
        postgres.server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def away(own: OwnPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(settings_for(own.dsn, tmp_path_factory.mktemp("data"))) as server:
        server.add_user("patient", roles=("admin",))
        yield server


def ask(live: Watched, token: str) -> dict[str, tuple[httpx.Response, float]]:
    """Everything that needs the database, all at once, with the seconds that each answer took."""
    requests = {
        "token": lambda client: client.post(TOKEN, data=LOGIN),
        "me": lambda client: client.get(ME),
        "readyz": lambda client: client.get("/readyz"),
        "create": lambda client: client.post(USERS, json={**LOGIN, "username": "lost", "email": "lost@example.com"}),
    }
    answers: dict[str, tuple[httpx.Response, float]] = {}

    def send(name: str) -> None:
        with live.client(token) as client:
            if name == "token":
                del client.headers["Authorization"]
            begun = time.monotonic()
            answers[name] = requests[name](client), time.monotonic() - begun

    threads = [threading.Thread(target=send, args=(name,)) for name in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def assert_unavailable(answers: dict[str, tuple[httpx.Response, float]]) -> None:
    assert set(answers) == {"token", "me", "readyz", "create"}
    for name, (answer, seconds) in answers.items():
        assert answer.status_code == 503, name
        assert answer.headers["content-type"] == PROBLEM
        assert int(answer.headers["retry-after"]) > 0
        assert "www-authenticate" not in answer.headers
        assert not any(word in answer.text for word in ("asyncpg", "postgres", "Error", "socket"))
        assert seconds < TOLD_WITHIN, name


def assert_alive(live: Watched) -> None:
    with live.client() as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/.well-known/jwks.json").status_code == 200
        assert client.get("/nowhere").status_code == 404
        assert client.post(TOKEN, data={"username": "patient"}).status_code == 400


def served(live: Watched) -> bool:
    with live.client() as client:
        if client.get("/readyz").status_code != 200:
            return False
        answer = client.post(TOKEN, data=LOGIN)
        return answer.status_code == 200


def assert_nothing_half_written(dsn: Secret) -> None:
    """A name is in use together with its user; no request of these tests deletes one."""
    with psycopg.connect(dsn.reveal()) as connection:
        rows = connection.execute(
            "SELECT n.username, u.username FROM usernames n FULL JOIN users u ON n.username = u.username"
        ).fetchall()
    assert rows
    assert all(name == user for name, user in rows)


def test_a_database_that_stopped_is_503_and_its_return_is_noticed(own: OwnPostgres, away: Watched) -> None:
    token = away.token("patient")
    with own.stopped():
        for _ in range(2):
            assert_unavailable(ask(away, token))
        assert_alive(away)
    assert eventually(lambda: served(away), within=BACK_WITHIN)
    with away.client(token) as client:
        assert client.get(ME).status_code == 200
    assert_nothing_half_written(own.dsn)


def test_a_database_that_says_nothing_is_503_and_its_return_is_noticed(own: OwnPostgres, away: Watched) -> None:
    token = away.token("patient")
    with own.frozen():
        assert_unavailable(ask(away, token))
        assert_alive(away)
        assert_unavailable(ask(away, token))
    assert eventually(lambda: served(away), within=BACK_WITHIN)
    with away.client(token) as client:
        assert client.get(ME).status_code == 200
    assert_nothing_half_written(own.dsn)


def test_more_requests_than_connections_are_all_told_in_time(own: OwnPostgres, away: Watched) -> None:
    """Waiting for a connection counts as waiting."""
    token = away.token("patient")
    results: list[tuple[int, float]] = []

    def send() -> None:
        with away.client(token) as client:
            begun = time.monotonic()
            results.append((client.get(ME).status_code, time.monotonic() - begun))

    with own.frozen():
        threads = [threading.Thread(target=send) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {status for status, _ in results} == {503}
    assert max(seconds for _, seconds in results) < TOLD_WITHIN
    assert eventually(lambda: served(away), within=BACK_WITHIN)


def test_connections_that_were_cut_do_no_harm(own: OwnPostgres, away: Watched) -> None:
    token = away.token("patient")
    with psycopg.connect(own.dsn.reveal(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watchword'"
        )
    assert eventually(lambda: served(away), within=BACK_WITHIN)
    with away.client(token) as client:
        assert client.get(ME).status_code == 200


def test_a_server_that_starts_without_its_database_serves_once_there_is_one(own: OwnPostgres, tmp_path: Path) -> None:
    key = tmp_path / "data"
    with own.stopped():
        manager = watching(settings_for(own.dsn, key, jwt_secret_key=Secret("s" * 40), jwt_algorithm="HS256"))
        live = manager.__enter__()
        try:
            with live.client() as client:
                assert client.get("/healthz").status_code == 200
                assert client.get("/readyz").status_code == 503
        except BaseException:
            manager.__exit__(None, None, None)
            raise
    try:
        assert eventually(lambda: served(live), within=BACK_WITHIN)
    finally:
        manager.__exit__(None, None, None)
