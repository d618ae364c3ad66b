"""UserRepository: what each store of users keeps to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from core.protocol.refusals import ChangedMeanwhile, EmailTaken, UsernameTaken, UserNotFound
from core.users.model import User
from core.users.ports import UserChanges, UserRepository

NOW = datetime(2026, 11, 23, 12, 30, 15, 123_456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECOND = datetime(2026, 11, 23, 12, 30, 16, tzinfo=UTC)


def a_user(username: str = "alice", **others: object) -> User:
    fields = {"email": f"{username}@example.com", "hashed_password": "old hash", **others}
    return User(id=uuid4(), username=username, created_at=NOW, updated_at=NOW, **fields)  # type: ignore[arg-type]


async def test_a_user_is_kept_as_it_was_given(users: UserRepository) -> None:
    full = a_user(
        "a.b_c-d@e+f",
        email="Mixed.Case@Example.com",
        is_active=False,
        roles=("b", "a"),
        tokens_valid_from=SECOND,
        hashed_password="$argon2id$ ü '\" %",
    )
    plain = a_user()
    await users.create(full)
    await users.create(plain)
    for user in (full, plain):
        assert await users.get_by_id(user.id) == user
        assert await users.get_by_username(user.username) == user


async def test_what_is_not_there_is_none(users: UserRepository) -> None:
    await users.create(a_user())
    assert await users.get_by_id(uuid4()) is None
    assert await users.get_by_username("bob") is None
    assert await users.get_by_username("ALICE") is None
    assert await users.get_by_username("") is None


async def test_times_come_back_to_the_microsecond_and_aware(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    kept = await users.get_by_id(user.id)
    assert kept is not None
    assert kept.created_at == NOW
    assert kept.created_at.utcoffset() == timedelta(0)


async def test_a_username_is_taken_once(users: UserRepository) -> None:
    await users.create(a_user())
    with pytest.raises(UsernameTaken):
        await users.create(a_user(email="other@example.com"))


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@example.com", "alice@EXAMPLE.com"])
async def test_an_email_is_taken_once_whatever_its_case(users: UserRepository, email: str) -> None:
    await users.create(a_user())
    with pytest.raises(EmailTaken):
        await users.create(a_user("bob", email=email))
    assert await users.get_by_username("bob") is None


async def test_a_creation_that_failed_uses_no_username_up(users: UserRepository) -> None:
    await users.create(a_user())
    with pytest.raises(EmailTaken):
        await users.create(a_user("bob", email="alice@example.com"))
    await users.create(a_user("bob"))


async def test_of_two_conflicts_the_username_is_named(users: UserRepository) -> None:
    await users.create(a_user())
    with pytest.raises(UsernameTaken):
        await users.create(a_user())


async def test_a_username_is_never_taken_again(users: UserRepository) -> None:
    first = a_user()
    await users.create(first)
    await users.delete(first.id)
    with pytest.raises(UsernameTaken):
        await users.create(a_user())
    assert await users.get_by_username("alice") is None


async def test_the_email_of_a_deleted_user_is_free(users: UserRepository) -> None:
    first = a_user()
    await users.create(first)
    await users.delete(first.id)
    await users.create(a_user("bob", email="Alice@example.com"))


async def test_a_deleted_user_is_gone(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    await users.delete(user.id)
    assert await users.get_by_id(user.id) is None
    assert await users.get_by_username("alice") is None
    with pytest.raises(UserNotFound):
        await users.delete(user.id)
    with pytest.raises(UserNotFound):
        await users.update(user.id, UserChanges(at=LATER))
    assert not await users.replace_hash(user.id, user.hashed_password, "new")


@pytest.mark.parametrize(
    "change",
    [
        {"email": "new@example.com"},
        {"roles": ("a", "b")},
        {"roles": ()},
        {"is_active": False},
        {"hashed_password": "new hash"},
        {"tokens_valid_from": SECOND},
        {"email": "x@example.com", "roles": ("z",), "is_active": False},
        {},
    ],
)
async def test_a_change_leaves_every_other_column(users: UserRepository, change: dict[str, object]) -> None:
    user, other = a_user(roles=("admin",)), a_user("bob", roles=("reader",))
    await users.create(user)
    await users.create(other)
    changed = await users.update(user.id, UserChanges(at=LATER, **change))  # type: ignore[arg-type]
    assert changed == evolve(user, updated_at=LATER, **change)  # type: ignore[arg-type]
    assert await users.get_by_id(user.id) == changed
    assert await users.get_by_id(other.id) == other


async def test_an_inactive_user_is_made_active(users: UserRepository) -> None:
    user = a_user(is_active=False)
    await users.create(user)
    assert (await users.update(user.id, UserChanges(at=LATER, is_active=True))).is_active


async def test_a_change_of_nobody_is_refused(users: UserRepository) -> None:
    with pytest.raises(UserNotFound):
        await users.update(UUID(int=0), UserChanges(at=LATER, email="a@example.com"))
    with pytest.raises(UserNotFound):
        await users.update(UUID(int=0), UserChanges(at=LATER, expected_hash="old hash"))


async def test_a_change_to_anothers_email_changes_nothing(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    await users.create(a_user("bob"))
    with pytest.raises(EmailTaken):
        await users.update(user.id, UserChanges(at=LATER, email="BOB@example.com", roles=("admin",)))
    assert await users.get_by_id(user.id) == user


async def test_the_case_of_ones_own_email_may_change(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    assert (await users.update(user.id, UserChanges(at=LATER, email="ALICE@example.com"))).email == "ALICE@example.com"


async def test_a_change_on_condition_of_another_hash_changes_nothing(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    with pytest.raises(ChangedMeanwhile):
        await users.update(user.id, UserChanges(at=LATER, hashed_password="new", expected_hash="another"))
    assert await users.get_by_id(user.id) == user
    changes = UserChanges(at=LATER, hashed_password="new", expected_hash="old hash")
    assert (await users.update(user.id, changes)).hashed_password == "new"


@pytest.mark.parametrize(
    ("before", "after", "kept"), [(NOW, LATER, LATER), (LATER, NOW, LATER), (None, NOW, NOW), (NOW, None, NOW)]
)
async def test_the_instant_from_which_tokens_count_only_moves_forward(
    users: UserRepository, before: datetime | None, after: datetime | None, kept: datetime
) -> None:
    user = a_user(tokens_valid_from=before)
    await users.create(user)
    changes = UserChanges(at=LATER) if after is None else UserChanges(at=LATER, tokens_valid_from=after)
    assert (await users.update(user.id, changes)).tokens_valid_from == kept


async def test_a_better_hash_replaces_the_one_it_was_made_for(users: UserRepository) -> None:
    user, other = a_user(tokens_valid_from=SECOND), a_user("bob")
    await users.create(user)
    await users.create(other)
    assert await users.replace_hash(user.id, "old hash", "new hash") is True
    assert await users.get_by_id(user.id) == evolve(user, hashed_password="new hash")
    assert await users.get_by_id(other.id) == other
    assert await users.replace_hash(user.id, "old hash", "third") is False
    assert await users.get_by_id(user.id) == evolve(user, hashed_password="new hash")


async def test_a_page_is_in_the_order_of_code_points(users: UserRepository) -> None:
    names = ["ab", "a-b", "a.b", "a_b", "a", "a+b", "a@b", "1", "b", "aa", "a1"]
    for name in names:
        await users.create(a_user(name, email=f"x{names.index(name)}@example.com"))
    page = await users.page(after=None, limit=50)
    assert [user.username for user in page.users] == sorted(names)
    assert sorted(names)[:6] == ["1", "a", "a+b", "a-b", "a.b", "a1"]
    assert page.next is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
async def test_pages_of_any_size_give_everybody_once(users: UserRepository, limit: int) -> None:
    for name in ["c", "a", "e", "b", "d"]:
        await users.create(a_user(name))
    found: list[str] = []
    after: str | None = None
    while True:
        page = await users.page(after=after, limit=limit)
        assert len(page.users) <= limit
        found += [user.username for user in page.users]
        after = page.next
        if after is None:
            break
    assert found == ["a", "b", "c", "d", "e"]


async def test_an_empty_store_has_one_empty_page(users: UserRepository) -> None:
    page = await users.page(after=None, limit=10)
    assert (page.users, page.next) == ((), None)


async def test_a_cursor_holds_while_others_come_and_go(users: UserRepository) -> None:
    made = {name: a_user(name) for name in ["b", "d", "f", "h"]}
    for user in made.values():
        await users.create(user)
    first = await users.page(after=None, limit=2)
    assert first.next == "d"
    await users.create(a_user("a"))
    await users.create(a_user("e"))
    await users.delete(made["d"].id)
    await users.delete(made["f"].id)
    rest = await users.page(after=first.next, limit=2)
    assert [user.username for user in rest.users] == ["e", "h"]
    assert rest.next is None


async def test_an_identifier_is_never_given_to_two(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    with pytest.raises(Exception):  # noqa: B017, PT011 - a mistake of the program, whatever it is called
        await users.create(evolve(user, username="bob", email="bob@example.com"))
    assert await users.get_by_id(user.id) == user


async def test_what_is_stored_does_not_change_with_what_was_given(users: UserRepository) -> None:
    roles = ["a"]
    user = a_user(roles=roles)
    await users.create(user)
    roles.append("admin")
    kept = await users.get_by_id(user.id)
    assert kept is not None
    assert kept.roles == ("a",)
