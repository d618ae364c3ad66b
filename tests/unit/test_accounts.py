"""The verbs of an account."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve

from core.protocol.refusals import (
    ChangedMeanwhile,
    EmailTaken,
    InvalidFields,
    InvalidToken,
    UsernameTaken,
    UserNotFound,
)
from core.users.accounts import LARGEST_PAGE
from core.users.model import User
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, House

TYPED = Password.typed(PASSWORD)
NEW = Password.typed("another long one")
SHORT = Password.typed("short")
NOBODY = UUID(int=0)


def named(refusal: InvalidFields) -> list[str]:
    return [error.field for error in refusal.errors]


async def bob(house: House) -> User:
    return await house.create_user(username="bob", email="bob@example.com", password=TYPED)


async def test_a_created_user_is_kept_with_a_hash_of_the_password(house: House) -> None:
    alice = await house.alice(roles=("admin",))
    assert alice == await house.find_user(alice.id) == await house.find_user("alice")
    assert alice.created_at == alice.updated_at == house.clock.now()
    assert alice.id.version == 4
    assert PASSWORD not in alice.hashed_password
    assert await house.hasher.verify(TYPED, alice.hashed_password)


async def test_a_creation_names_every_field_at_fault_and_hashes_nothing(house: House) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.create_user(username="A", email="a", password=SHORT, roles=("A",))
    assert named(caught.value) == ["username", "email", "password", "roles"]
    assert house.hasher.calls == []
    assert (await house.list_users()).users == ()


async def test_a_username_is_given_out_once(house: House) -> None:
    await house.alice()
    with pytest.raises(UsernameTaken):
        await house.create_user(username="alice", email="other@example.com", password=TYPED)


async def test_a_username_is_not_given_out_again_after_deletion(house: House) -> None:
    await house.delete_user((await house.alice()).id)
    with pytest.raises(UsernameTaken):
        await house.alice()


async def test_an_email_belongs_to_one_user_whatever_its_case(house: House) -> None:
    await house.alice()
    with pytest.raises(EmailTaken):
        await house.create_user(username="alice2", email="ALICE@example.com", password=TYPED)


@pytest.mark.parametrize("key", [NOBODY, "nobody", "", "Alice", "a\0", "\ud800"])
async def test_nobody_is_found_under_another_key(house: House, key: UUID | str) -> None:
    await house.alice()
    with pytest.raises(UserNotFound):
        await house.find_user(key)


async def test_pages_follow_each_other_without_gap_or_overlap(house: House) -> None:
    for name in ["b", "a", "d", "c", "e"]:
        await house.create_user(username=name, email=f"{name}@example.com", password=TYPED)
    first = await house.list_users(limit=2)
    second = await house.list_users(limit=2, after=first.next)
    third = await house.list_users(limit=2, after=second.next)
    assert [user.username for page in (first, second, third) for user in page.users] == ["a", "b", "c", "d", "e"]
    assert [first.next, second.next, third.next] == ["b", "d", None]


@pytest.mark.parametrize("limit", [1, LARGEST_PAGE])
async def test_a_limit_within_the_bounds_is_taken(house: House, limit: int) -> None:
    assert (await house.list_users(limit=limit)).users == ()


@pytest.mark.parametrize("limit", [0, -1, LARGEST_PAGE + 1, 10**30])
async def test_a_limit_outside_the_bounds_is_refused(house: House, limit: int) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.list_users(limit=limit)
    assert named(caught.value) == ["limit"]


async def test_a_cursor_that_is_no_username_is_refused_along_with_the_limit(house: House) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.list_users(limit=0, after="A\0")
    assert named(caught.value) == ["limit", "after"]


async def test_an_update_changes_what_it_names_and_nothing_else(house: House) -> None:
    alice = await house.alice(roles=("admin",))
    house.clock.forward(seconds=5)
    now = house.clock.now()
    updated = await house.update_user(alice.id, email="new@example.com")
    assert updated == evolve(alice, email="new@example.com", updated_at=now)
    updated = await house.update_user(alice.id, roles=("b", "a", "b"))
    assert updated.roles == ("a", "b")
    assert updated.tokens_valid_from is None
    assert updated == await house.find_user("alice")


async def test_an_update_may_take_every_role_away(house: House) -> None:
    alice = await house.alice(roles=("admin",))
    assert (await house.update_user(alice.id, roles=())).roles == ()


async def test_an_update_names_every_field_at_fault_and_changes_nothing(house: House) -> None:
    alice = await house.alice()
    with pytest.raises(InvalidFields) as caught:
        await house.update_user(alice.id, email="a", roles=("A",), password=SHORT)
    assert sorted(named(caught.value)) == ["email", "password", "roles"]
    assert await house.find_user("alice") == alice


async def test_an_update_cannot_take_anothers_email(house: House) -> None:
    alice = await house.alice()
    await bob(house)
    with pytest.raises(EmailTaken):
        await house.update_user(alice.id, email="BOB@example.com", roles=("admin",))
    assert await house.find_user("alice") == alice


async def test_an_update_of_nobody_is_refused(house: House) -> None:
    with pytest.raises(UserNotFound):
        await house.update_user(NOBODY, email="a@example.com")


async def test_a_reset_password_replaces_the_old_one_and_ends_earlier_tokens(house: House) -> None:
    alice = await house.alice()
    token = await house.log_in()
    updated = await house.update_user(alice.id, password=NEW)
    assert updated.tokens_valid_from == house.clock.now() + timedelta(seconds=1)
    assert await house.hasher.verify(NEW, updated.hashed_password)
    assert not await house.hasher.verify(TYPED, updated.hashed_password)
    with pytest.raises(InvalidToken):
        await house.current_user(token)


async def test_deactivation_ends_tokens_and_reactivation_does_not_bring_them_back(house: House) -> None:
    alice = await house.alice()
    token = await house.log_in()
    assert not (await house.update_user(alice.id, is_active=False)).is_active
    with pytest.raises(InvalidToken):
        await house.current_user(token)
    house.clock.forward(seconds=10)
    assert (await house.update_user(alice.id, is_active=True)).is_active
    with pytest.raises(InvalidToken):
        await house.current_user(token)
    assert await house.current_user(await house.log_in())


async def test_activation_alone_ends_no_token(house: House) -> None:
    alice = await house.alice()
    token = await house.log_in()
    assert (await house.update_user(alice.id, is_active=True)).tokens_valid_from is None
    assert await house.current_user(token)


async def test_own_email_is_changed_without_ending_tokens(house: House) -> None:
    alice = await house.alice()
    token = await house.log_in()
    assert (await house.change_email(alice, "Alice@example.com")).email == "Alice@example.com"
    assert (await house.current_user(token)).email == "Alice@example.com"


async def test_own_email_keeps_the_rules(house: House) -> None:
    alice = await house.alice()
    await bob(house)
    with pytest.raises(InvalidFields):
        await house.change_email(alice, "not an address")
    with pytest.raises(EmailTaken):
        await house.change_email(alice, "Bob@Example.com")
    await house.delete_user(alice.id)
    with pytest.raises(InvalidToken):  # what the user came with no longer holds
        await house.change_email(alice, "a@example.com")


async def test_own_password_change_ends_every_earlier_token(house: House) -> None:
    alice = await house.alice()
    token = await house.log_in()
    await house.change_password(alice, current_password=TYPED, new_password=NEW, address=ADDRESS)
    with pytest.raises(InvalidToken):
        await house.current_user(token)
    assert await house.current_user(await house.log_in(password="another long one"))


async def test_own_password_change_demands_the_current_password(house: House) -> None:
    alice = await house.alice()
    with pytest.raises(InvalidFields) as caught:
        await house.change_password(alice, current_password=NEW, new_password=NEW, address=ADDRESS)
    assert named(caught.value) == ["current_password"]
    assert await house.find_user("alice") == alice


async def test_a_new_password_that_breaks_the_rule_is_refused_before_anything_is_hashed(house: House) -> None:
    alice = await house.alice()
    house.hasher.calls.clear()
    with pytest.raises(InvalidFields) as caught:
        await house.change_password(alice, current_password=TYPED, new_password=SHORT, address=ADDRESS)
    assert named(caught.value) == ["new_password"]
    assert house.hasher.calls == []


async def test_of_two_password_changes_at_once_the_later_is_refused(house: House) -> None:
    alice = await house.alice()
    await house.change_password(alice, current_password=TYPED, new_password=NEW, address=ADDRESS)
    with pytest.raises(ChangedMeanwhile):
        await house.change_password(
            alice, current_password=TYPED, new_password=Password.typed("a third long one"), address=ADDRESS
        )
    assert await house.hasher.verify(NEW, (await house.find_user("alice")).hashed_password)


async def test_a_password_change_of_a_deleted_user_is_refused(house: House) -> None:
    alice = await house.alice()
    await house.delete_user(alice.id)
    with pytest.raises(InvalidToken):
        await house.change_password(alice, current_password=TYPED, new_password=NEW, address=ADDRESS)


async def test_a_deleted_user_is_gone_and_a_second_deletion_says_so(house: House) -> None:
    alice = await house.alice()
    await house.delete_user(alice.id)
    with pytest.raises(UserNotFound):
        await house.find_user("alice")
    with pytest.raises(UserNotFound):
        await house.delete_user(alice.id)
