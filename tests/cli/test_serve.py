"""watchword serve: from nothing to a token, and what happens when it is killed."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess

import httpx2 as httpx
import psutil

from adapters.postgres.schema import names
from container import MIGRATIONS
from core.protocol.secret import Secret
from tests.cli.conftest import Watchword, eventually

DEV = {"username": "testuser", "password": "testpass"}


def token(address: str, **credentials: str) -> str:
    answer = httpx.post(f"{address}/api/v1/auth/token", data=credentials or DEV)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["access_token"]
    return found


def me(address: str, bearer: str) -> httpx.Response:
    return httpx.get(f"{address}/api/v1/users/me", headers={"Authorization": f"Bearer {bearer}"})


def published(address: str) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = httpx.get(f"{address}/.well-known/jwks.json").json()["keys"]
    return keys


def test_first_start_gives_the_development_user_a_token_and_a_second_start_keeps_the_key(watchword: Watchword) -> None:
    with watchword.serving() as (address, _):
        answer = httpx.post(f"{address}/api/v1/auth/token", data=DEV).json()
        assert answer["token_type"] == "bearer"
        assert answer["expires_in"] == 1800
        # Of ES256 and RS256 each one that signs and the next one; all but the first are made in the background.
        eventually(lambda: len(published(address)) == 4)
        keys = published(address)
        assert me(address, answer["access_token"]).json()["username"] == "testuser"
    with watchword.serving() as (address, _):
        assert published(address) == keys


def test_the_start_message_names_address_data_and_a_command_that_works(watchword: Watchword) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        watchword.command("serve", "--port", str(port)),
        env=watchword.environment({}),
        cwd=watchword.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        message = ""
        while "Ctrl+C" not in message:
            line = process.stdout.readline()
            assert line, message
            message += line
        curl = next(line.split() for line in message.splitlines() if line.strip().startswith("curl"))
        said = subprocess.run(["curl", "-s", *curl[1:]], capture_output=True, text=True, check=True).stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert f"http://127.0.0.1:{port}" in message
    assert str(watchword.data_dir) in message
    assert '"access_token"' in said


def test_users_are_made_while_the_server_runs(watchword: Watchword) -> None:
    with watchword.serving() as (address, _):
        made = watchword.json(
            "users", "create", "alice", "--email", "alice@example.com", "--role", "admin", "--password-stdin",
            input="correct horse\n",
        )  # fmt: skip
        bearer = token(address, username="alice", password="correct horse")
        assert me(address, bearer).json() == made
        users = httpx.get(f"{address}/api/v1/users", headers={"Authorization": f"Bearer {bearer}"}).json()
        assert [user["username"] for user in users["users"]] == ["alice", "testuser"]
        watchword.ok("users", "deactivate", "alice")
        assert me(address, bearer).status_code == 401


def test_kill_9_loses_nothing_and_leaves_nothing_behind(watchword: Watchword) -> None:
    for round_ in range(3):
        with watchword.serving() as (_, process):
            name = f"user{round_}"
            watchword.ok("users", "create", name, "--email", f"{name}@example.com", "--password-stdin", input="x" * 8)
            process.kill()
            process.wait(60)
    listed = watchword.json("users", "list")["users"]
    assert [user["username"] for user in listed] == ["testuser", "user0", "user1", "user2"]


def test_several_workers_share_one_port_and_one_key(watchword: Watchword) -> None:
    with watchword.serving("--workers", "3") as (address, process):
        bearers = [token(address) for _ in range(6)]
        assert {me(address, bearer).status_code for bearer in bearers for _ in range(3)} == {200}
        assert len(psutil.Process(process.pid).children(recursive=True)) >= 3


def test_workers_end_with_a_killed_parent(watchword: Watchword) -> None:
    with watchword.serving("--workers", "2") as (address, process):
        token(address)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(60)
        eventually(lambda: not any(child.is_running() for child in family))


def test_sigterm_stops_in_order_with_code_0_and_takes_postgresql_along(watchword: Watchword) -> None:
    with watchword.serving() as (_, process):
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(60) == 0
        assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in family)


def test_a_port_that_is_taken_is_an_error_in_one_line(watchword: Watchword) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = watchword.run("serve", "--port", port)
    assert done.returncode == 1
    assert done.stderr == f"watchword: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_the_encryption_key_is_the_owners_alone_and_the_right_one_is_demanded(watchword: Watchword) -> None:
    with watchword.serving():
        pass
    path = watchword.data_dir / "encryption.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.geteuid()
    done = watchword.run("serve", "--port", "0", WATCHWORD_ENCRYPTION_KEY="A" * 43)
    assert done.returncode == 1
    assert "WATCHWORD_ENCRYPTION_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shared_secret_signs_with_hs256_and_publishes_nothing(watchword: Watchword) -> None:
    with watchword.serving(JWT_SECRET_KEY="s" * 32) as (address, _):
        assert me(address, token(address)).status_code == 200
        assert httpx.get(f"{address}/.well-known/jwks.json").json() == {"keys": []}


def test_memory_storage_needs_no_database(watchword: Watchword) -> None:
    with watchword.serving(WATCHWORD_STORAGE="memory") as (address, _):
        assert httpx.get(f"{address}/readyz").status_code == 200
        assert me(address, token(address)).json()["username"] == "testuser"
    assert not watchword.data_dir.exists()


def test_a_server_beyond_this_machine_gets_no_development_user(watchword: Watchword) -> None:
    with watchword.serving("--host", "0.0.0.0") as (address, _):  # noqa: S104 - what is tested
        port = address.rpartition(":")[2]
        assert httpx.post(f"http://127.0.0.1:{port}/api/v1/auth/token", data=DEV).status_code == 401


def test_a_database_of_ones_own_gets_neither_schema_nor_users_without_asking(
    watchword: Watchword, empty_database: Secret
) -> None:
    url = {"DATABASE_URL": empty_database.reveal()}
    refused = watchword.run("serve", "--port", "0", **url)
    assert refused.returncode == 1
    assert "watchword migrate" in refused.stderr
    assert watchword.json("migrate", **url) == {"applied": names(MIGRATIONS)}
    assert watchword.json("migrate", **url) == {"applied": []}
    with watchword.serving(**url) as (address, _):
        assert httpx.post(f"{address}/api/v1/auth/token", data=DEV).status_code == 401
        assert watchword.json("migrate", "--dev", **url) == {"applied": ["dev-0001.testuser"]}
        assert me(address, token(address)).status_code == 200


def test_a_database_that_is_away_does_not_keep_the_server_from_starting(watchword: Watchword) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with watchword.serving(DATABASE_URL=f"postgresql://nobody:hidden-word@127.0.0.1:{port}/none") as (address, _):
        answer = httpx.get(f"{address}/readyz")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert httpx.get(f"{address}/healthz").status_code == 200
