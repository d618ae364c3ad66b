"""watchword tokens revoke and watchword prune: what ends, and what goes."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import psycopg
import pytest

from container import Container
from core.clients.authenticate import SecretCredential
from core.clients.model import AuthMethod
from core.grants.contract import ClientCredentialsRequest, PasswordRequest, Presented, TokenResponse
from core.users.password import Password
from tests.cli.conftest import Watchword, inside
from tests.support import PASSWORD

REVOKE = ("tokens", "revoke")
GRANTS = ("client_credentials", "password", "refresh_token")

Ask = Callable[[], Awaitable[TokenResponse]]


async def asking(house: Container) -> dict[str, Ask]:
    """Ways to get tokens: of alice and of bob, each with the client `app`, and of the client `reports` by itself."""

    async def asked(request: PasswordRequest | ClientCredentialsRequest, shown: SecretCredential) -> TokenResponse:
        response: TokenResponse = await house.token_endpoint()(Presented(request, shown, "127.0.0.1"))
        return response

    shown = {}
    for name in ("app", "reports"):
        made = await house.create_client()(client_id=name, grant_types=GRANTS)
        assert made.secret is not None
        shown[name] = SecretCredential(name, made.secret, AuthMethod.SECRET_BASIC)
    for name in ("alice", "bob"):
        password = Password.typed(PASSWORD)
        await house.create_user()(username=name, email=f"{name}@example.com", password=password)

    def as_user(name: str) -> Ask:
        return lambda: asked(PasswordRequest(username=name, password=Password.typed(PASSWORD)), shown["app"])

    reports: Ask = lambda: asked(ClientCredentialsRequest(), shown["reports"])  # noqa: E731 - as its siblings
    return {"alice": as_user("alice"), "bob": as_user("bob"), "reports": reports}


async def live(house: Container, token: TokenResponse) -> bool:
    explanation = await house.explain_token()(token.access_token)
    if token.refresh_token is not None:
        refresh = await house.explain_token()(token.refresh_token)
        assert refresh.accepted == explanation.accepted
    accepted: bool = explanation.accepted
    return accepted


@pytest.mark.parametrize(
    ("arguments", "said", "survivors"),
    [
        (("--user", "alice"), "The tokens of the user alice have ended.\n", {"bob", "reports"}),
        (("--client", "app"), "The tokens of the client app have ended.\n", {"reports"}),
        (("--client", "reports"), "The tokens of the client reports have ended.\n", {"alice", "bob"}),
        (("--all", "--yes"), "The tokens of everybody have ended.\n", set()),
    ],
)
async def test_whose_tokens_end_and_whose_do_not(
    on_database: Watchword, arguments: tuple[str, ...], said: str, survivors: set[str]
) -> None:
    async with inside(on_database) as house:
        ways = await asking(house)
        tokens = {name: await ask() for name, ask in ways.items()}
        assert {name for name, token in tokens.items() if await live(house, token)} == set(ways)
        done = on_database.run(*REVOKE, *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
        assert {name for name, token in tokens.items() if await live(house, token)} == survivors
        # Whoever asks after the command has a token that counts.
        assert all([await live(house, await ask()) for ask in ways.values()])


def test_programs_hear_from_when_on_tokens_count(on_database: Watchword) -> None:
    on_database.here.ok("clients", "create", "reports")
    for arguments, named in ((("--client", "reports"), {"client": "reports"}), (("--all", "--yes"), {"all": True})):
        told = on_database.here.json(*REVOKE, *arguments)
        assert datetime.fromisoformat(told.pop("valid_from")).microsecond == 0
        assert told == named


@pytest.mark.parametrize(
    "arguments", [(), ("--user", "alice", "--client", "app"), ("--all", "--user", "alice"), ("--yes",)]
)
def test_exactly_one_of_them_is_expected(shared: Watchword, arguments: tuple[str, ...]) -> None:
    done = shared.here.run(*REVOKE, *arguments)
    assert done.returncode == 2
    assert "Expected exactly one of --user, --client and --all." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--user", "nobody"), "No such user"), (("--user", ""), "No such user"), (("--client", "x"), "No such client")],
)
def test_nobody_has_no_tokens(shared: Watchword, arguments: tuple[str, ...], said: str) -> None:
    done = shared.here.run(*REVOKE, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {said}\n")


async def test_everybody_is_asked_about_and_no_is_taken(on_database: Watchword) -> None:
    async with inside(on_database) as house:
        token = await (await asking(house))["alice"]()
        done = on_database.run(*REVOKE, "--all", input="n\n")
        assert (done.returncode, done.stdout) == (1, "")
        assert await live(house, token)


# watchword prune


def leave_expired(watchword: Watchword, rows: int) -> None:
    """Notes of ended access tokens: `rows` that nobody needs any more, and one that is needed."""
    with psycopg.connect(watchword.settings["DATABASE_URL"]) as connection:
        connection.execute(
            "INSERT INTO revoked_access_tokens (jti, expires_at) "
            "SELECT 'expired ' || number, now() - interval '1 day' FROM generate_series(1, %s) AS number",
            [rows],
        )
        connection.execute("INSERT INTO revoked_access_tokens VALUES ('needed', now() + interval '1 day')")


def kept(watchword: Watchword) -> list[str]:
    with psycopg.connect(watchword.settings["DATABASE_URL"]) as connection:
        return [jti for (jti,) in connection.execute("SELECT jti FROM revoked_access_tokens")]


def test_what_has_expired_goes_and_is_counted(on_database: Watchword) -> None:
    leave_expired(on_database, 2500)  # several batches
    done = on_database.run("prune")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Deleted 2500 rows.\n", "")
    assert kept(on_database) == ["needed"]
    assert on_database.here.ok("prune") == "Nothing has expired.\n"
    assert on_database.here.json("prune") == {"deleted": 0}


def test_at_a_terminal_there_is_a_progress_bar_beside_the_output(on_database: Watchword) -> None:
    leave_expired(on_database, 2500)
    screen, terminal = pty.openpty()
    shown = b""
    with subprocess.Popen(
        on_database.command("prune", "--json"),
        env=on_database.environment({"TERM": "xterm"}),
        cwd=on_database.folder,
        stdout=subprocess.PIPE,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        with suppress(OSError):  # there is nobody left to write to it
            while written := os.read(screen, 4096):
                shown += written
        os.close(screen)
        printed, _ = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, b'{\n  "deleted": 2500\n}\n')
    assert b"2500/2500" in shown
