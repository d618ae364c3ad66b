"""Who is at the door: one answer and one cost for every wrong one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import bcrypt
import pytest
from attrs import evolve

from adapters.hashing.pooled import PooledPasswordHasher
from adapters.memory.users import MemoryUsers
from core.protocol.refusals import InvalidGrant, InvalidToken, Unavailable, WrongCredentials
from core.users.model import User
from core.users.password import Password
from core.users.ports import UserChanges
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, House
from tests.unit.noting import nothing

TYPED = Password.typed(PASSWORD)
WRONG = Password.typed("not the password")
NEW = Password.typed("another long one")


async def refusal(house: House, username: str, password: Password) -> tuple[type, str, list[str]]:
    house.hasher.calls.clear()
    with pytest.raises(InvalidGrant) as caught:
        await house.authenticate(username, password, address=ADDRESS)
    return type(caught.value), caught.value.description, list(house.hasher.calls)


async def test_the_right_password_proves_the_user(house: House) -> None:
    alice = await house.alice()
    proof = await house.authenticate("alice", TYPED, address=ADDRESS)
    assert proof.user == alice
    assert proof.at == house.clock.now()


async def test_wrong_password_unknown_and_inactive_user_get_one_answer_at_one_cost(house: House) -> None:
    await house.alice()
    sleeper = await house.create_user(username="sleeper", email="s@example.com", password=TYPED, is_active=False)
    assert not sleeper.is_active
    expected = (WrongCredentials, "Incorrect username or password", ["verify"])
    assert await refusal(house, "alice", WRONG) == expected
    assert await refusal(house, "nobody", TYPED) == expected
    assert await refusal(house, "sleeper", TYPED) == expected
    assert await refusal(house, "sleeper", WRONG) == expected


@pytest.mark.parametrize("username", ["", "Alice", "alice\0", "a" * 1000, "\ud800", "alice ", "' or 1=1"])
async def test_a_username_that_nobody_can_have_costs_the_same_hash(house: House, username: str) -> None:
    await house.alice()
    assert await refusal(house, username, TYPED) == (WrongCredentials, "Incorrect username or password", ["verify"])


@pytest.mark.parametrize("text", ["", "short", "x" * 2000, "password\0", "\ud800" * 8])
async def test_a_password_that_nobody_can_have_costs_the_same_hash(house: House, text: str) -> None:
    await house.alice()
    expected = (WrongCredentials, "Incorrect username or password", ["verify"])
    assert await refusal(house, "alice", Password.typed(text)) == expected


async def test_a_user_who_was_deleted_is_unknown(house: House) -> None:
    await house.delete_user((await house.alice()).id)
    assert await refusal(house, "alice", TYPED) == (WrongCredentials, "Incorrect username or password", ["verify"])


async def old_hash(house: House, kind: str) -> str:
    """Give alice a hash of her password that is not of today's kind."""
    alice = await house.alice()
    if kind == "bcrypt":
        old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    else:
        weak = PooledPasswordHasher(memory_kib=16, time_cost=1, parallelism=1, threads=1)
        old = await weak.hash(TYPED)
        weak.close()
    await house.users.update(alice.id, UserChanges(at=house.clock.now(), hashed_password=old))
    return old


@pytest.mark.parametrize("kind", ["bcrypt", "other costs"])
async def test_an_old_hash_is_upgraded_by_a_login(house: House, kind: str) -> None:
    old = await old_hash(house, kind)
    house.hasher.calls.clear()
    await house.authenticate("alice", TYPED, address=ADDRESS)
    stored = (await house.find_user("alice")).hashed_password
    assert stored != old
    assert stored.startswith("$argon2id$")
    assert not house.hasher.outdated(stored)
    assert house.hasher.calls == ["verify", "hash"]
    await house.authenticate("alice", TYPED, address=ADDRESS)


@pytest.mark.parametrize("kind", ["bcrypt", "other costs"])
async def test_an_upgrade_ends_no_token_and_leaves_no_trace(house: House, kind: str) -> None:
    await old_hash(house, kind)
    before = await house.find_user("alice")
    token = await house.log_in()
    after = await house.find_user("alice")
    assert evolve(after, hashed_password=before.hashed_password) == before
    assert await house.current_user(token) == after


@pytest.mark.parametrize("kind", ["bcrypt", "other costs"])
async def test_an_old_hash_stays_after_a_wrong_password(house: House, kind: str) -> None:
    old = await old_hash(house, kind)
    assert (await refusal(house, "alice", WRONG))[2] == ["verify"]
    assert (await house.find_user("alice")).hashed_password == old


@pytest.mark.parametrize("kind", ["bcrypt", "other costs"])
async def test_an_inactive_user_gets_no_upgrade(house: House, kind: str) -> None:
    old = await old_hash(house, kind)
    alice = await house.find_user("alice")
    await house.update_user(alice.id, is_active=False)
    assert (await refusal(house, "alice", TYPED))[2] == ["verify"]
    assert (await house.find_user("alice")).hashed_password == old


async def test_an_upgrade_never_replaces_a_newer_password(house: House) -> None:
    await old_hash(house, "bcrypt")
    alice = await house.find_user("alice")

    async def change() -> None:
        await house.update_user(alice.id, password=NEW)

    house.hasher.after_verify = change
    await house.log_in()
    assert await house.hasher.verify(NEW, (await house.find_user("alice")).hashed_password)


async def test_a_current_hash_is_left_alone(house: House) -> None:
    alice = await house.alice()
    await house.authenticate("alice", TYPED, address=ADDRESS)
    assert await house.find_user("alice") == alice


async def test_a_login_right_after_a_password_change_waits_for_the_next_whole_second(house: House) -> None:
    alice = await house.alice()
    house.clock.forward(milliseconds=250)
    changed = house.clock.now()
    await house.change_password(alice, current_password=TYPED, new_password=NEW, address=ADDRESS)
    token = await house.log_in(password="another long one")
    assert (house.clock.now() - changed).total_seconds() == 0.75
    assert (await house.current_user(token)).username == "alice"


async def test_a_login_in_a_later_second_does_not_wait(house: House) -> None:
    alice = await house.alice()
    await house.update_user(alice.id, password=NEW)
    house.clock.forward(seconds=1)
    at = house.clock.now()
    assert (await house.authenticate("alice", NEW, address=ADDRESS)).at == at
    assert house.clock.now() == at


async def test_after_the_wait_the_password_is_checked_again(house: House) -> None:
    alice = await house.alice()
    await house.update_user(alice.id, password=NEW)

    async def change() -> None:
        await house.update_user(alice.id, is_active=False)

    house.hasher.after_verify = change
    with pytest.raises(InvalidGrant):
        await house.authenticate("alice", NEW, address=ADDRESS)


async def test_clocks_that_disagree_make_login_unavailable_rather_than_slow(house: House) -> None:
    alice = await house.alice()
    await house.update_user(alice.id, password=NEW)
    house.clock.forward(seconds=-5)
    with pytest.raises(Unavailable, match="clocks"):
        await house.authenticate("alice", NEW, address=ADDRESS)


async def test_clocks_that_disagree_show_nothing_to_a_wrong_password(house: House) -> None:
    alice = await house.alice()
    await house.update_user(alice.id, password=NEW)
    house.clock.forward(seconds=-5)
    assert await refusal(house, "alice", TYPED) == (WrongCredentials, "Incorrect username or password", ["verify"])


async def test_a_wait_of_two_seconds_is_the_longest(house: House) -> None:
    alice = await house.alice()
    await house.update_user(alice.id, password=NEW)
    house.clock.forward(seconds=-1)
    started = house.clock.now()
    proof = await house.authenticate("alice", NEW, address=ADDRESS)
    assert (proof.at - started).total_seconds() == 2


async def test_a_login_overtaken_by_a_password_change_yields_a_token_that_is_refused(house: House) -> None:
    alice = await house.alice()

    async def change() -> None:
        house.clock.forward(seconds=3)
        await house.update_user(alice.id, password=NEW)
        house.clock.forward(seconds=3)

    house.hasher.after_verify = change
    token = await house.log_in()
    await house.verify(token)
    with pytest.raises(InvalidToken) as caught:
        await house.current_user(token)
    assert caught.value.reason == "the user's earlier tokens were ended"


class SlowUsers(MemoryUsers):
    """A store in which something happens while a change is on its way."""

    meanwhile: Callable[[], Awaitable[None]] = staticmethod(nothing)

    async def update(self, user_id: UUID, changes: UserChanges) -> User:
        then, self.meanwhile = self.meanwhile, nothing
        await then()
        return await super().update(user_id, changes)


@pytest.mark.parametrize("how", ["reset", "own change", "deactivation"])
async def test_a_login_while_the_change_is_being_stored_yields_a_token_that_is_refused(house: House, how: str) -> None:
    users = SlowUsers()
    house = House.over(house.hasher.inner, users=users)
    alice = await house.alice()
    tokens = []

    async def log_in_late() -> None:
        house.clock.forward(seconds=1.5)  # into the second in which tokens were to count again
        tokens.append(await house.log_in())

    users.meanwhile = log_in_late
    if how == "reset":
        await house.update_user(alice.id, password=NEW)
    elif how == "own change":
        await house.change_password(alice, current_password=Password.typed(PASSWORD), new_password=NEW, address=ADDRESS)
    else:
        await house.update_user(alice.id, is_active=False)
        await house.update_user(alice.id, is_active=True)
    house.clock.forward(seconds=5)
    with pytest.raises(InvalidToken) as caught:
        await house.current_user(tokens[0])
    assert caught.value.reason == "the user's earlier tokens were ended"
