"""watchword users …, on a database without a server beside it. Beside a server: `test_serve.py`."""

from __future__ import annotations

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
