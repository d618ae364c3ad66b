"""UserRepository: of many at once, one wins."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from datetime import timedelta

import pytest

from core.protocol.refusals import ChangedMeanwhile, EmailTaken, UsernameTaken, UserNotFound
from core.users.ports import UserChanges, UserRepository
from tests.contract.test_users import LATER, NOW, a_user

MANY = 50


async def outcomes(work: Iterable[Awaitable[object]]) -> Counter[object]:
    done = await asyncio.gather(*work, return_exceptions=True)
    return Counter(type(outcome) if isinstance(outcome, BaseException) else outcome for outcome in done)


async def test_of_many_creations_of_one_username_one_wins(users: UserRepository) -> None:
    made = [a_user("alice", email=f"a{number}@example.com") for number in range(MANY)]
    assert await outcomes(map(users.create, made)) == {None: 1, UsernameTaken: MANY - 1}
    winner = await users.get_by_username("alice")
    assert winner in made
    assert (await users.page(after=None, limit=200)).users == (winner,)


async def test_of_many_creations_with_one_email_one_wins(users: UserRepository) -> None:
    made = [
        a_user(f"u{number}", email="One@example.com" if number % 2 else "oNE@example.com") for number in range(MANY)
    ]
    assert await outcomes(map(users.create, made)) == {None: 1, EmailTaken: MANY - 1}
    assert len((await users.page(after=None, limit=200)).users) == 1


async def test_of_many_changes_to_one_email_one_wins(users: UserRepository) -> None:
    made = [a_user(f"u{number:02}") for number in range(MANY)]
    await outcomes(map(users.create, made))
    changes = UserChanges(at=LATER, email="one@example.com")
    done = await asyncio.gather(*(users.update(user.id, changes) for user in made), return_exceptions=True)
    assert Counter(type(outcome) for outcome in done)[EmailTaken] == MANY - 1
    page = await users.page(after=None, limit=200)
    assert [user.email for user in page.users].count("one@example.com") == 1


async def test_of_many_better_hashes_for_one_hash_one_is_kept(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    hashes = [f"hash {number}" for number in range(MANY)]
    assert await outcomes(users.replace_hash(user.id, "old hash", new) for new in hashes) == {True: 1, False: MANY - 1}
    kept = await users.get_by_id(user.id)
    assert kept is not None
    assert kept.hashed_password in hashes


async def test_of_two_password_changes_at_once_one_wins(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    changes = [UserChanges(at=LATER, hashed_password=new, expected_hash="old hash") for new in ("first", "second")]
    done = await asyncio.gather(*(users.update(user.id, change) for change in changes), return_exceptions=True)
    winners = [outcome for outcome in done if not isinstance(outcome, BaseException)]
    assert [type(outcome) for outcome in done if isinstance(outcome, BaseException)] == [ChangedMeanwhile]
    assert [await users.get_by_id(user.id)] == winners


async def test_changes_of_different_columns_at_once_all_last(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    changes = [
        UserChanges(at=LATER, email="new@example.com"),
        UserChanges(at=LATER, roles=("admin",)),
        UserChanges(at=LATER, is_active=False),
        UserChanges(at=LATER, hashed_password="new hash"),
        UserChanges(at=LATER, tokens_valid_from=NOW),
    ]
    await asyncio.gather(*(users.update(user.id, change) for change in changes))
    kept = await users.get_by_id(user.id)
    assert kept is not None
    assert (kept.email, kept.roles, kept.is_active) == ("new@example.com", ("admin",), False)
    assert (kept.hashed_password, kept.tokens_valid_from) == ("new hash", NOW)


async def test_of_many_instants_the_latest_is_kept(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    instants = [NOW + timedelta(seconds=(number * 7) % MANY) for number in range(MANY)]
    await asyncio.gather(*(users.update(user.id, UserChanges(at=LATER, tokens_valid_from=at)) for at in instants))
    kept = await users.get_by_id(user.id)
    assert kept is not None
    assert kept.tokens_valid_from == max(instants)


async def test_of_many_deletions_one_deletes(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    assert await outcomes(users.delete(user.id) for _ in range(MANY)) == {None: 1, UserNotFound: MANY - 1}


@pytest.mark.parametrize("order", ["deletion first", "creation first"])
async def test_a_creation_never_gets_a_name_that_is_being_deleted(users: UserRepository, order: str) -> None:
    for number in range(10):
        name = f"u{number}"
        old = a_user(name)
        await users.create(old)
        work = [users.delete(old.id), *(users.create(a_user(name, email=f"{at}@{name}.com")) for at in range(5))]
        done = await outcomes(work if order == "deletion first" else reversed(work))
        assert done == {None: 1, UsernameTaken: 5}
        assert await users.get_by_username(name) is None
