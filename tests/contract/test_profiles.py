"""UserRepository: what a person says of themselves, and whether an address was verified."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from core.users.ports import UserChanges, UserRepository
from core.users.profile import MEMBERS, profile_errors
from tests.contract.conftest import Stores
from tests.contract.test_access_tokens import a_token
from tests.contract.test_refresh_families import kept, presenting, started
from tests.contract.test_sessions import cookie, signed_in
from tests.contract.test_users import LATER, a_user

FULL: dict[str, object] = {
    "name": "Zoë '\" % \\ 🔑",
    "given_name": "Zoë",
    "family_name": "x" * 512,
    "middle_name": "a",
    "nickname": "z",
    "gender": "other",
    "profile": "https://example.com/zoe",
    "picture": "https://example.com/zoe.png",
    "website": "https://zoe.example.com/",
    "birthdate": "0000-12-31",
    "zoneinfo": "Europe/Paris",
    "locale": "fr-CA",
    "phone_number": "+1 604 555 1234",
    "phone_number_verified": True,
    "address": {"formatted": "1 Main St\nÉvry\r\nFrance", "country": "FR"},
}


def test_the_full_profile_has_every_member() -> None:
    assert FULL.keys() == set(MEMBERS)
    assert profile_errors(FULL) == []


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("profile", [{}, {"name": "A"}, FULL])
async def test_a_profile_is_kept_as_it_was_given(stores: Stores, profile: dict[str, object], verified: bool) -> None:
    user = a_user(profile=profile, email_verified=verified)
    await stores.users.create(user)
    assert await stores.users.get_by_id(user.id) == user
    assert await stores.users.get_by_username("alice") == user
    assert (await stores.users.page(after=None, limit=9)).users == (user,)


async def test_whoever_reads_a_user_reads_the_profile(stores: Stores) -> None:
    """Of a token, of a rotation, and of a session."""
    user = a_user(profile=FULL, email_verified=True)
    await stores.users.create(user)
    await signed_in(stores)
    assert (await stores.ledger.standing(a_token())).user == user
    family = await started(stores.families)
    outcome = await stores.families.rotate(presenting(family, 0))
    assert (getattr(outcome, "user", None), getattr(outcome, "family", None)) == (user, await kept(stores, family))
    seen = await stores.sessions.look(cookie(1))
    assert seen is not None
    assert seen.user == user


async def test_a_profile_is_replaced_as_a_whole(users: UserRepository) -> None:
    user, other = a_user(profile=FULL, email_verified=True), a_user("bob", profile=FULL)
    await users.create(user)
    await users.create(other)
    for profile in ({"name": "B"}, {}, {"nickname": "b"}, FULL):
        changed = await users.update(user.id, UserChanges(at=LATER, profile=profile))
        assert changed == evolve(user, updated_at=LATER, profile=profile)
        assert await users.get_by_id(user.id) == changed
    assert (await users.update(user.id, UserChanges(at=LATER, roles=("a",)))).profile == FULL
    assert await users.get_by_id(other.id) == other


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("email", "said", "expected"),
    [
        (None, None, None),
        ("alice@example.com", None, None),
        ("new@example.com", None, False),
        ("ALICE@example.com", None, False),  # another mailbox, for all that anybody knows (RFC 5321 §2.4)
        ("new@example.com", True, True),
        ("new@example.com", False, False),
        ("alice@example.com", False, False),
        (None, True, True),
        (None, False, False),
    ],
)
async def test_a_new_address_is_not_verified_unless_somebody_says_so(
    users: UserRepository, before: bool, email: str | None, said: bool | None, expected: bool | None
) -> None:
    user = a_user(email_verified=before)
    await users.create(user)
    own = {name: value for name, value in (("email", email), ("email_verified", said)) if value is not None}
    changed = await users.update(user.id, UserChanges(at=LATER, **own))  # type: ignore[arg-type]  # of these two
    assert changed.email_verified == (before if expected is None else expected)
    assert await users.get_by_id(user.id) == changed


async def test_what_is_stored_does_not_change_with_what_was_given(users: UserRepository) -> None:
    address = {"country": "FR"}
    user = a_user(profile={"address": address})
    await users.create(user)
    address["country"] = "DE"
    found = await users.get_by_id(user.id)
    assert found is not None
    assert found.profile == {"address": {"country": "FR"}}
    changed = {"address": address}
    await users.update(user.id, UserChanges(at=LATER, profile=changed))
    address["country"] = "IT"
    found = await users.get_by_id(user.id)
    assert found is not None
    assert found.profile == {"address": {"country": "DE"}}


async def test_a_profile_and_other_changes_at_once_all_last(users: UserRepository) -> None:
    user = a_user()
    await users.create(user)
    own: dict[str, object] = {"profile": FULL, "email_verified": True, "roles": ("a",), "is_active": False}
    changes = [UserChanges(at=LATER, **{name: value}) for name, value in own.items()]  # type: ignore[arg-type]
    await asyncio.gather(*(users.update(user.id, change) for change in changes))
    assert await users.get_by_id(user.id) == evolve(user, updated_at=LATER, **own)  # type: ignore[arg-type]


async def test_an_address_that_changes_while_it_is_verified_is_not_verified_for_it(users: UserRepository) -> None:
    """Whichever comes last: what was said of the old address holds for the new one only when said after the change."""
    for number in range(10):
        user = a_user(f"u{number}")
        await users.create(user)
        moved = UserChanges(at=LATER, email=f"new{number}@example.com")
        await users.update(user.id, UserChanges(at=LATER, email_verified=True))
        await asyncio.gather(*(users.update(user.id, moved) for _ in range(5)))
        found = await users.get_by_id(user.id)
        assert found is not None
        assert (found.email, found.email_verified) == (f"new{number}@example.com", False)
