"""The rules that every user keeps, each named by its field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.model import MOST_ROLES, ROLE_RULE
from core.protocol.refusals import FieldError, InvalidFields
from core.users.model import EMAIL_RULE, USERNAME_RULE, User, next_whole_second

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALICE = User(UUID(int=1), "alice", "alice@example.com", "hash", NOW, NOW)

GOOD_USERNAMES = ["a", "7", "alice", "a.b_c-d@e+f", "alice@example.com", "0" * 64]
BAD_USERNAMES = [
    "", ".alice", "_a", "-a", "@a", "+a", "Alice", "al ice", " alice", "alice ", "alice\n", "al\0ice", "a" * 65,
    "álice", "аlice", "a/b", "a'b", "١", "a\u200b", "\ud800",
]  # fmt: skip

GOOD_EMAILS = [
    "a@b", "alice@example.com", "Alice+tag@Example.COM", "a.b@c-d.example", "o'neil@example.com",
    "!#$%&'*+/=?^_`{|}~-@x",
    "a" * 64 + "@example.com", "a@" + "b" * 63, "a@" + ".".join(["b" * 63] * 3 + ["b" * 60]),
]  # fmt: skip
BAD_EMAILS = [
    "", "alice", "@example.com", "alice@", "a@b@c", "a b@example.com", "alice@-example.com", "alice@example-.com",
    "alice@example..com", "alice@.com", "alice@example.com.", "alice@exa_mple.com", "alice@example.com\n", "a\0@b",
    "álice@example.com", "alice@exämple.com", "a" * 65 + "@example.com", "a@" + "b" * 64, '"a b"@example.com',
    "a@" + ".".join(["b" * 63] * 3 + ["b" * 61]), "\ud800@b",
]  # fmt: skip

GOOD_ROLES = ["a", "admin", "project_owner", "read:users", "a-1", "a" * 64]
BAD_ROLES = ["", "Admin", "1a", "_a", ":a", "-a", "a b", "a,b", "a.b", "admin\n", "a\0", "a" * 65, "ädmin", "\ud800"]


def faults(**fields: object) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        attrs.evolve(ALICE, **fields)  # type: ignore[arg-type]
    return {error.field: error.message for error in caught.value.errors}


@pytest.mark.parametrize("username", GOOD_USERNAMES)
def test_a_username_in_the_form_is_kept(username: str) -> None:
    assert attrs.evolve(ALICE, username=username).username == username


@pytest.mark.parametrize("username", BAD_USERNAMES)
def test_any_other_username_is_refused_by_name(username: str) -> None:
    assert faults(username=username) == {"username": USERNAME_RULE}


@pytest.mark.parametrize("email", GOOD_EMAILS)
def test_an_email_in_the_form_is_kept_as_written(email: str) -> None:
    assert attrs.evolve(ALICE, email=email).email == email


@pytest.mark.parametrize("email", BAD_EMAILS)
def test_any_other_email_is_refused_by_name(email: str) -> None:
    assert faults(email=email) == {"email": EMAIL_RULE}


@pytest.mark.parametrize("role", GOOD_ROLES)
def test_a_role_in_the_form_is_kept(role: str) -> None:
    assert attrs.evolve(ALICE, roles=(role,)).roles == (role,)


@pytest.mark.parametrize("role", BAD_ROLES)
def test_any_other_role_is_refused_by_name(role: str) -> None:
    assert faults(roles=("admin", role)) == {"roles": ROLE_RULE}


def test_more_roles_than_fit_a_token_are_refused() -> None:
    most = tuple(f"r{number}" for number in range(MOST_ROLES))
    assert len(attrs.evolve(ALICE, roles=most).roles) == MOST_ROLES
    assert faults(roles=(*most, "one-more")) == {"roles": f"at most {MOST_ROLES} roles"}


def test_roles_are_kept_once_each_and_in_order() -> None:
    assert attrs.evolve(ALICE, roles=["b", "a", "b"]).roles == ("a", "b")


def test_all_fields_at_fault_are_named_together() -> None:
    assert list(faults(username="", email="", roles=("",))) == ["username", "email", "roles"]


def test_the_message_of_a_refusal_names_field_and_rule() -> None:
    refusal = InvalidFields(FieldError("a", "first"), FieldError("b", "second"))
    assert str(refusal) == refusal.description == "a: first; b: second"


def test_a_user_is_active_and_has_no_role_unless_told() -> None:
    assert ALICE.is_active
    assert ALICE.roles == ()
    assert ALICE.tokens_valid_from is None


def test_a_user_does_not_change() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ALICE.username = "bob"  # type: ignore[misc]


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_any_text_makes_a_user_or_is_refused(username: str, email: str, roles: list[str]) -> None:
    try:
        user = attrs.evolve(ALICE, username=username, email=email, roles=roles)
    except InvalidFields:
        return
    assert "".join([user.username, user.email, *user.roles]).isascii()


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (NOW, NOW + timedelta(seconds=1)),
        (NOW + timedelta(microseconds=1), NOW + timedelta(seconds=1)),
        (NOW + timedelta(microseconds=999_999), NOW + timedelta(seconds=1)),
        (NOW.astimezone(timezone(timedelta(hours=2))), NOW + timedelta(seconds=1)),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_tokens_count_again_from_the_next_whole_second(instant: datetime, expected: datetime) -> None:
    assert next_whole_second(instant) == expected
    assert next_whole_second(instant).utcoffset() == timedelta(0)
