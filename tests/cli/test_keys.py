"""watchword keys …: what a rotation does to a server that runs, and what there is without one."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2 as httpx
import pytest

from container import SealError
from core.protocol.secret import Secret
from core.users.password import Password
from tests.cli.conftest import Watchword, eventually, inside
from tests.support import PASSWORD

A, B, C = (letter * 43 for letter in "ABC")  # encryption keys


def states(watchword: Watchword, *options: str) -> dict[str, str]:
    return {key["kid"]: key["state"] for key in watchword.json("keys", "list", *options)["keys"]}


def kids(keys: dict[str, Any], state: str, algorithm: str = "ES256") -> list[str]:
    return [key["kid"] for key in keys["keys"] if (key["state"], key["algorithm"]) == (state, algorithm)]


def published(address: str) -> set[str]:
    return {key["kid"] for key in httpx.get(f"{address}/.well-known/jwks.json").json()["keys"]}


def log_in(address: str) -> str:
    answer = httpx.post(f"{address}/api/v1/auth/token", data={"username": "alice", "password": PASSWORD})
    bearer: str = answer.json()["access_token"]
    return bearer


def signer(bearer: str) -> str:
    header = bearer.partition(".")[0]
    kid: str = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    return kid


def accepts(address: str, bearer: str) -> bool:
    answer = httpx.get(f"{address}/api/v1/users/me", headers={"Authorization": f"Bearer {bearer}"})
    return answer.status_code == 200


async def test_a_rotation_and_a_retirement_reach_a_server_that_runs(shared: Watchword, address: str) -> None:
    async with inside(shared) as house:
        await house.create_user()(username="alice", email="a@example.com", password=Password.typed(PASSWORD))
    before = log_in(address)
    first = signer(before)
    eventually(lambda: kids(shared.json("keys", "list"), "next") != [])  # the server's background makes it
    listed = shared.json("keys", "list")
    assert kids(listed, "active") == [first]
    eventually(lambda: published(address) == {key["kid"] for key in listed["keys"]})  # read again within a second
    (second,) = kids(listed, "next")

    too_soon = shared.run("keys", "rotate")
    assert (too_soon.returncode, too_soon.stdout) == (1, "")
    assert too_soon.stderr.endswith("; --now does not wait\n")
    assert kids(shared.json("keys", "rotate", "--now"), "active") == [second]
    eventually(lambda: signer(log_in(address)) == second)
    after = log_in(address)
    assert states(shared)[first] == "retired"
    assert first in published(address)
    assert accepts(address, before)

    asked = shared.run("keys", "retire", second, input="n\n")
    assert asked.returncode == 1
    assert accepts(address, after)
    assert shared.ok("keys", "retire", second, "--yes").startswith(f"Retired {second}: ")
    eventually(lambda: second not in published(address))
    eventually(lambda: not accepts(address, after))
    assert accepts(address, before)
    assert signer(log_in(address)) not in {first, second}
    assert second not in states(shared)
    assert states(shared, "--all")[second] == "gone"
    again = shared.run("keys", "retire", second, "--yes")
    assert (again.returncode, again.stderr) == (1, "Error: No such key, or it was retired before\n")


def test_people_get_a_table_and_sentences(on_database: Watchword) -> None:
    assert "There is no key yet" in on_database.here.ok("keys", "list")
    assert on_database.here.json("keys", "list") == {"keys": []}
    said = on_database.here.ok("keys", "rotate", "--now")
    assert sorted(line.split()[::2] for line in said.splitlines()) == [["ES256:", "signs."], ["RS256:", "signs."]]
    table = on_database.here.ok("keys", "list").splitlines()
    assert table[0].split("  ")[0] == "KEY"
    assert {"ALGORITHM", "STATE", "SIGNS FROM", "PUBLISHED UNTIL"} <= {part.strip() for part in table[0].split("  ")}
    assert [line.split()[2] for line in table[1:]].count("active") == 2


def test_a_key_that_everybody_can_know_signs_without_haste(on_database: Watchword) -> None:
    on_database.here.ok("keys", "rotate", "--now")
    (coming,) = kids(on_database.here.json("keys", "list"), "next")
    eventually(lambda: on_database.here.run("keys", "rotate", WATCHWORD_JWKS_CACHE_SECONDS="1").returncode == 0)
    assert states(on_database.here)[coming] in {"active", "retired"}


def test_without_scheduled_rotation_the_next_key_waits_until_it_is_told(on_database: Watchword) -> None:
    unscheduled = {"WATCHWORD_KEY_ROTATION_DAYS": "0"}
    made = on_database.here.json("keys", "rotate", "--now", **unscheduled)["keys"]
    assert [key["signs_from"] for key in made if key["state"] == "next"] == [None, None]
    assert [key["published_until"] for key in made if key["state"] == "active"] == [None, None]
    assert on_database.here.ok("keys", "list", **unscheduled).count("when rotated") == 2


@pytest.mark.parametrize("command", [("list",), ("rotate", "--now"), ("retire", "x", "--yes"), ("reseal",)])
def test_a_shared_secret_has_no_keys_and_says_so(shared: Watchword, command: tuple[str, ...]) -> None:
    done = shared.here.run("keys", *command, JWT_SECRET_KEY="s" * 32)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: Tokens are signed with JWT_SECRET_KEY; there are no key pairs\n"


@pytest.mark.parametrize("kid", ["-DXT7UGQqDf", "--UGQqDf_x", "-", "--y"])
def test_a_key_may_have_a_name_that_begins_as_an_option_does(on_database: Watchword, kid: str) -> None:
    done = on_database.here.run("keys", "retire", kid, "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Error: No such key, or it was retired before\n")


def test_no_key_is_made_that_servers_could_not_open(on_database: Watchword) -> None:
    made = on_database.json("keys", "rotate", "--now", WATCHWORD_ENCRYPTION_KEY=A)
    for command in (("rotate", "--now"), ("retire", kids(made, "active")[0], "--yes")):
        done = on_database.run("keys", *command, WATCHWORD_ENCRYPTION_KEY=C)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("watchword: a key in the database was sealed with another encryption key")
    assert on_database.json("keys", "list", WATCHWORD_ENCRYPTION_KEY=A) == made


async def test_everything_comes_under_a_new_encryption_key(on_database: Watchword) -> None:
    on_database.ok("keys", "rotate", "--now", WATCHWORD_ENCRYPTION_KEY=A)
    kept = len(on_database.json("keys", "list", "--all", WATCHWORD_ENCRYPTION_KEY=A)["keys"])
    done = on_database.run("keys", "reseal", WATCHWORD_ENCRYPTION_KEY=C)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("watchword: a key in the database was sealed with another encryption key")
    both = {"WATCHWORD_ENCRYPTION_KEY": B, "WATCHWORD_PREVIOUS_ENCRYPTION_KEYS": f"{C},{A}"}
    assert on_database.json("keys", "reseal", **both) == {"resealed": kept}
    assert on_database.ok("keys", "reseal", **both) == "Nothing to do: all is under the current key.\n"
    async with inside(on_database, encryption_key=Secret(B)) as house:
        await house.tokens().prepare()
    async with inside(on_database, encryption_key=Secret(A)) as house:
        with pytest.raises(SealError):
            await house.tokens().prepare()
