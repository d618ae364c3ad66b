"""watchword users …, on a database without a server beside it. Beside a server: `test_serve.py`, `test_demo.py`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Watchword

CREATE = ("users", "create", "alice", "--email", "alice@example.com", "--password-stdin")
PASSWORD = "correct horse"


def test_the_life_of_a_user(on_database: Watchword) -> None:
    made = on_database.json(*CREATE, "--role", "editor", "--role", "admin", input=PASSWORD)
    assert made["roles"] == ["admin", "editor"]
    assert made["is_active"] is True
    assert on_database.json("users", "show", "alice") == made
    assert on_database.json("users", "set-roles", "alice", "project_owner")["roles"] == ["project_owner"]
    assert on_database.json("users", "set-roles", "alice")["roles"] == []
    assert on_database.json("users", "deactivate", "alice")["is_active"] is False
    assert on_database.json("users", "activate", "alice")["is_active"] is True
    on_database.ok("users", "set-password", "alice", "--password-stdin", input="another horse")
    assert on_database.json("users", "delete", "alice", "--yes")["username"] == "alice"
    assert on_database.json("users", "list") == {"users": []}
    again = on_database.run(*CREATE, input=PASSWORD)
    assert again.returncode == 1
    assert "never given out again" in again.stderr


def test_people_get_sentences_and_tables(on_database: Watchword) -> None:
    assert on_database.ok(*CREATE, "--role", "admin", input=PASSWORD) == "Created alice.\n"
    table = on_database.ok("users", "list").splitlines()
    assert table[0].split() == ["USERNAME", "E-MAIL", "ROLES", "ACTIVE", "CREATED"]
    assert table[1].split()[:4] == ["alice", "alice@example.com", "admin", "yes"]
    assert "alice@example.com" in on_database.ok("users", "show", "alice")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("users", "show", "nobody"), "No such user"),
        (("users", "set-roles", "nobody", "admin"), "No such user"),
        (("users", "update", "nobody", "--name", "N"), "No such user"),
        (("users", "sign-out", "nobody"), "No such user"),
        (("users", "apps", "nobody"), "No such user"),
        (("users", "create", "alice", "--email", "a@b.c", "--locale", "?", "--password-stdin"), "profile.locale"),
        (("users", "create", "Alice", "--email", "a@b.c", "--password-stdin"), "username"),
        (("users", "create", "alice", "--email", "nonsense", "--password-stdin"), "email"),
        (("users", "create", "alice", "--email", "a@b.c", "--role", "Not A Role", "--password-stdin"), "roles"),
    ],
)
def test_mistakes_are_named_and_nothing_is_printed_but_that(
    on_database: Watchword, arguments: tuple[str, ...], said: str
) -> None:
    done = on_database.run(*arguments, input=PASSWORD)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stderr + done.stdout


def test_a_short_password_is_refused_without_being_repeated(on_database: Watchword) -> None:
    done = on_database.run(*CREATE, input="shorty\n")
    assert done.returncode == 1
    assert "8 to 1024 characters" in done.stderr
    assert "shorty" not in done.stderr + done.stdout


def test_without_a_terminal_the_password_must_come_from_standard_input(on_database: Watchword) -> None:
    done = on_database.run("users", "create", "alice", "--email", "alice@example.com")
    assert done.returncode == 2
    assert "--password-stdin" in done.stderr


def test_a_deletion_is_asked_about_and_no_is_taken(on_database: Watchword) -> None:
    on_database.ok(*CREATE, input=PASSWORD)
    done = on_database.run("users", "delete", "alice", input="n\n")
    assert done.returncode == 1
    assert [user["username"] for user in on_database.json("users", "list")["users"]] == ["alice"]


def test_what_is_told_of_a_person(on_database: Watchword, tmp_path: Path) -> None:
    here, update = on_database.here, ("users", "update", "alice")
    made = here.json(
        *CREATE, "--name", "Alice Adams", "--locale", "en-GB", "--phone-number", "+1 604 555 1234", "--email-verified",
        input=PASSWORD,
    )  # fmt: skip
    assert made["profile"] == {"name": "Alice Adams", "locale": "en-GB", "phone_number": "+1 604 555 1234"}
    assert made["email_verified"] is True
    changed = here.json(*update, "--given-name", "Alice", "--family-name", "Adams", "--zoneinfo", "Europe/Paris")
    assert changed["profile"] == {
        **made["profile"],
        "given_name": "Alice",
        "family_name": "Adams",
        "zoneinfo": "Europe/Paris",
    }
    fewer = here.json(*update, "--locale", "", "--email", "a@example.com")
    assert "locale" not in fewer["profile"]
    assert fewer["email"] == "a@example.com"
    assert here.json(*update, "--no-email-verified")["email_verified"] is False
    assert here.ok(*update, "--name", "A. Adams") == "Changed alice.\n"
    assert "A. Adams" in here.ok("users", "show", "alice")

    (tmp_path / "alice.json").write_text(json.dumps({"name": "Alice", "address": {"country": "FR"}}))
    whole = here.json(*update, "--profile", str(tmp_path / "alice.json"), "--locale", "fr")
    assert whole["profile"] == {"name": "Alice", "address": {"country": "FR"}, "locale": "fr"}
    assert here.json(*update, "--profile", "-", input="{}")["profile"] == {}


def test_a_verified_number_is_not_another_one(on_database: Watchword) -> None:
    here, update = on_database.here, ("users", "update", "alice")
    here.ok(*CREATE, input=PASSWORD)
    verified = {"phone_number": "+1 604 555 1234", "phone_number_verified": True}
    assert here.json(*update, "--profile", "-", input=json.dumps(verified))["profile"] == verified
    assert here.json(*update, "--name", "A")["profile"] == {**verified, "name": "A"}
    assert here.json(*update, "--phone-number", "+1 604 555 1235")["profile"] == {
        "name": "A",
        "phone_number": "+1 604 555 1235",
    }


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "Say what to change"),
        (("--email", "nonsense"), 1, "email: "),
        (("--phone-number", "12"), 1, "profile.phone_number: "),
        (("--zoneinfo", "no zone"), 1, "profile.zoneinfo: "),
        (("--profile", "/nonexistent"), 2, "--profile"),
        (("--profile", "-"), 2, "expected JSON"),
    ],
    ids=str,
)
def test_mistakes_in_a_profile_are_named(
    on_database: Watchword, options: tuple[str, ...], code: int, said: str
) -> None:
    on_database.here.ok(*CREATE, input=PASSWORD)
    done = on_database.here.run("users", "update", "alice", *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


@pytest.mark.parametrize("text", ["[]", '{"sub": "bob"}', '{"email": "b@example.com"}', '{"name": 7}', '{"name": NaN}'])
def test_a_profile_that_is_none_is_refused(on_database: Watchword, text: str) -> None:
    on_database.here.ok(*CREATE, input=PASSWORD)
    done = on_database.here.run("users", "update", "alice", "--profile", "-", input=text)
    assert (done.returncode in {1, 2}, done.stdout) == (True, "")
    assert "profile" in done.stderr


def test_nobody_signed_in_has_nothing_to_end(on_database: Watchword) -> None:
    on_database.here.ok(*CREATE, input=PASSWORD)
    assert on_database.here.ok("users", "sign-out", "alice") == "Signed alice out: 0 sessions have ended.\n"
    assert on_database.here.json("users", "apps", "alice") == {"apps": []}
