"""The constraints of PostgreSQL and the rules of the core accept the same values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.refusals import FieldError
from core.protocol.secret import Secret
from core.users.model import email_errors, role_errors, username_errors

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

# No NUL and no lone surrogate: no text of PostgreSQL's can hold one, so no constraint has to refuse it.
CASES = [
    "", "a", "7", "alice", "Alice", "ALICE", "a.b_c-d@e+f", "0" * 64, "0" * 65, ".a", "_a", "-a", "@a", "+a",
    "a b", " a", "a ",
    "a\n", "\na", "a\nb", "a\r", "a\t", "é", "а", "İ", "ı", "ß", "ſ", "K", "١", "a\u200b", "a/b", "a'b", "a\\b",
    "a$b", "a^b",
    "admin", "read:users", "project_owner", "a:", "1a", ":a", "a" * 64, "a" * 65, "a,b", "a.b",
    "a@b", "a@b.c", "A@B.C", "a@b@c", "@b", "a@", "a@-b", "a@b-", "a@b-c", "a@b..c", "a@.b", "a@b.", "a@b_c", "a@b\n",
    "!#$%&'*+/=?^_`{|}~-@b", '"a"@b', "a@" + "b" * 63, "a@" + "b" * 64, "a" * 64 + "@b", "a" * 65 + "@b", "é@b",
    "a@é", "a@b.é",
    "a@" + ".".join(["b" * 63] * 3 + ["b" * 60]), "a@" + ".".join(["b" * 63] * 3 + ["b" * 61]), "a[b]@c", "a(b)@c",
    "a,b@c", "a;b@c",
]  # fmt: skip
TEXT = st.text("abzAZ09._@+-: \n'é{|}!\\", max_size=8) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4
)


@pytest.fixture(scope="module")
async def connection(module_database_url: Secret) -> AsyncIterator[Connection]:
    opened = await asyncpg.connect(module_database_url.reveal())
    yield opened
    await opened.close()


async def fits(
    connection: Connection, *, username: str = "alice", email: str = "a@b", roles: list[str] | None = None
) -> bool:
    """Whether PostgreSQL keeps such a user. Nothing lasts."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("INSERT INTO usernames (username) VALUES ($1)", username)
        await connection.execute(
            "INSERT INTO users (id, username, email, hashed_password, roles) VALUES ($1, $2, $3, 'x', $4)",
            uuid4(), username, email, roles or [],
        )  # fmt: skip
    except asyncpg.CheckViolationError:
        return False
    finally:
        await transaction.rollback()
    return True


def accepts(*errors: FieldError) -> bool:
    return not errors


@pytest.mark.parametrize("text", CASES)
async def test_a_text_in_question_is_judged_alike(connection: Connection, text: str) -> None:
    assert await fits(connection, username=text) == accepts(*username_errors(text))
    assert await fits(connection, email=text) == accepts(*email_errors(text))
    assert await fits(connection, roles=[text]) == accepts(*role_errors([text]))
    assert await fits(connection, roles=["a", text, "b"]) == accepts(*role_errors(["a", text, "b"]))


@given(username=TEXT, email=TEXT | st.builds("{}@{}".format, TEXT, TEXT), roles=st.lists(TEXT, max_size=3))
async def test_any_text_is_judged_alike(connection: Connection, username: str, email: str, roles: list[str]) -> None:
    assert await fits(connection, username=username) == accepts(*username_errors(username))
    assert await fits(connection, email=email) == accepts(*email_errors(email))
    assert await fits(connection, roles=roles) == accepts(*role_errors(roles))


@pytest.mark.parametrize("number", [0, 1, 63, 64, 65, 100])
async def test_the_number_of_roles_is_judged_alike(connection: Connection, number: int) -> None:
    roles = [f"r{at}" for at in range(number)]
    assert await fits(connection, roles=roles) == accepts(*role_errors(roles))


async def test_a_username_in_use_cannot_be_forgotten(connection: Connection) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO usernames VALUES ('alice')")
    await connection.execute(
        "INSERT INTO users (id, username, email, hashed_password) VALUES ($1, 'alice', 'a@b', 'x')", uuid4()
    )
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("DELETE FROM usernames WHERE username = 'alice'")
    await transaction.rollback()


async def test_addresses_compare_without_case_whatever_the_locale_of_the_database(connection: Connection) -> None:
    # In a Turkish locale lower('I') is a dotless i: INFO@example.com and info@example.com would be two addresses.
    collation = await connection.fetchval(
        "SELECT collname FROM pg_index JOIN pg_collation ON pg_collation.oid = indcollation[0]"
        " WHERE indexrelid = 'users_email_key'::regclass"
    )
    assert collation in {"C", "ucs_basic", "pg_c_utf8"}
