"""RefreshFamilies: what becomes of a refresh token that somebody presents (RFC 6749 §6, RFC 9700 §4.14)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from core.tokens.model import Family, Login, Permission
from core.tokens.ports import Exceeded, RefreshFamilies, Reused, Rotated, Rotation
from core.users.ports import UserChanges
from tests.contract.conftest import NOW, Stores
from tests.contract.test_users import a_user

GRACE = timedelta(seconds=30)
IDLE = timedelta(days=30)
TICK = timedelta(microseconds=1)
SOON = NOW + timedelta(minutes=1)

ORDERS = "https://api.example.com/orders"
STOCK = "urn:example:stock"


def digest(number: int) -> bytes:
    """That of the token with this number in a chain."""
    return number.to_bytes(32, "big")


def a_family(client_id: str | None = "reports", username: str | None = "alice", **others: object) -> Family:
    """Its first token is number 0."""
    own: dict[str, object] = {"expires_at": NOW + timedelta(days=90), "idle_expires_at": NOW + IDLE, **others}
    granted = Permission(client_id, username, ("read", "write"), (ORDERS, STOCK), NOW)
    return Family(uuid4(), granted, digest(0), **own)  # type: ignore[arg-type]


def presenting(family: Family | UUID, number: int, **others: object) -> Rotation:
    """The token with this number, a minute after the grant, for all that was granted."""
    own: dict[str, object] = {"client_id": "reports", "at": SOON, "grace": GRACE, "idle": IDLE, "valid_from": None}
    return Rotation(
        family=family.id if isinstance(family, Family) else family,
        presented=digest(number),
        successor=digest(number + 1),
        **{"scope": (), "audience": (), **own, **others},  # type: ignore[arg-type]
    )


async def started(families: RefreshFamilies, **others: object) -> Family:
    family = a_family(**others)  # type: ignore[arg-type]
    await families.start(family)
    return family


async def rotated(families: RefreshFamilies, step: Rotation) -> Family:
    outcome = await families.rotate(step)
    assert isinstance(outcome, Rotated)
    return outcome.family


async def test_a_family_is_kept_as_it_was_started(families: RefreshFamilies) -> None:
    bare = Family(uuid4(), Permission("reports", None, (), (), NOW), digest(0), NOW + GRACE, NOW + GRACE)
    login = Login(NOW - TICK, uuid4())
    granted = evolve(a_family().permission, login=login, claims=("email", "https://claims.example.com/ü"))
    for family in (a_family(), a_family(client_id=None), bare, evolve(a_family(), permission=granted)):
        await families.start(family)
        assert await families.find(family.id) == family
    assert await families.find(uuid4()) is None


async def test_a_token_is_exchanged_for_its_successor(families: RefreshFamilies) -> None:
    family, other = await started(families), await started(families)
    expected = evolve(family, current=digest(1), previous=digest(0), rotated_at=SOON, idle_expires_at=SOON + IDLE)
    assert await families.rotate(presenting(family, 0)) == Rotated(expected)
    assert await families.find(family.id) == expected
    assert await families.find(other.id) == other


async def test_what_a_grant_rests_on_stays_with_it(families: RefreshFamilies) -> None:
    """The session of a family that was granted to stay may be gone."""
    permission = evolve(a_family().permission, scope=("offline_access",), login=Login(NOW, uuid4()), claims=("email",))
    family = evolve(a_family(), permission=permission)
    await families.start(family)
    for number in range(3):
        assert (await rotated(families, presenting(family, number))).permission == permission


async def test_a_chain_goes_on(families: RefreshFamilies) -> None:
    family = await started(families)
    for number in range(10):
        after = await rotated(families, presenting(family, number, at=SOON + number * TICK))
        assert (after.current, after.previous, after.rotated_at) == (
            digest(number + 1),
            digest(number),
            SOON + number * TICK,
        )
        assert after.revoked_at is None


@pytest.mark.parametrize("client_id", [None, "reports"])
async def test_whoever_was_granted_it_exchanges_it(families: RefreshFamilies, client_id: str | None) -> None:
    family = await started(families, client_id=client_id)
    assert isinstance(await families.rotate(presenting(family, 0, client_id=client_id)), Rotated)


async def test_idleness_never_outlasts_the_family(families: RefreshFamilies) -> None:
    family = await started(families, expires_at=NOW + IDLE)
    assert (await rotated(families, presenting(family, 0))).idle_expires_at == family.expires_at


async def test_a_use_within_the_grace_gets_the_same_and_changes_nothing(families: RefreshFamilies) -> None:
    family = await started(families)
    after = await rotated(families, presenting(family, 0))
    for at in (SOON, SOON + GRACE / 2, SOON + GRACE - TICK):
        assert await families.rotate(presenting(family, 0, at=at)) == Rotated(after)
    assert await families.find(family.id) == after
    assert isinstance(await families.rotate(presenting(family, 1, at=SOON + GRACE)), Rotated)


@pytest.mark.parametrize("late", [timedelta(0), TICK, timedelta(days=1)])
async def test_a_use_after_the_grace_revokes_the_family(families: RefreshFamilies, late: timedelta) -> None:
    family = await started(families)
    after = await rotated(families, presenting(family, 0))
    revoked = evolve(after, revoked_at=SOON + GRACE + late)
    assert await families.rotate(presenting(family, 0, at=SOON + GRACE + late)) == Reused(revoked)
    assert await families.find(family.id) == revoked
    for number in (0, 1):
        assert await families.rotate(presenting(family, number, at=SOON + GRACE + late)) is None
    assert await families.find(family.id) == revoked


async def test_a_use_after_that_of_the_successor_revokes_the_family(families: RefreshFamilies) -> None:
    family = await started(families)
    await rotated(families, presenting(family, 0))
    await rotated(families, presenting(family, 1))
    outcome = await families.rotate(presenting(family, 0))
    assert isinstance(outcome, Reused)
    assert outcome.family.revoked_at == SOON
    assert await families.rotate(presenting(family, 2)) is None


async def test_without_grace_a_second_use_revokes_the_family(families: RefreshFamilies) -> None:
    family = await started(families)
    await rotated(families, presenting(family, 0, grace=timedelta(0)))
    assert isinstance(await families.rotate(presenting(family, 0, grace=timedelta(0))), Reused)
    assert await families.rotate(presenting(family, 1, grace=timedelta(0))) is None


async def test_without_grace_no_slow_clock_makes_a_second_use_the_first(families: RefreshFamilies) -> None:
    """Another worker's clock is behind, or it read the clock before and came to the store after."""
    family = await started(families)
    await rotated(families, presenting(family, 0, grace=timedelta(0)))
    assert isinstance(await families.rotate(presenting(family, 0, grace=timedelta(0), at=SOON - TICK)), Reused)


async def test_without_grace_a_chain_goes_on(families: RefreshFamilies) -> None:
    family = await started(families)
    for number in range(3):
        await rotated(families, presenting(family, number, grace=timedelta(0)))


ALLOWED: list[dict[str, object]] = [
    {},
    {"scope": ("read",)},
    {"scope": ("write", "read")},
    {"audience": (STOCK,)},
    {"audience": (STOCK, ORDERS), "scope": ("write",)},
]
TOO_MUCH: list[dict[str, object]] = [
    {"scope": ("admin",)},
    {"scope": ("read", "admin")},
    {"scope": ("Read",)},
    {"audience": ("https://api.example.com",)},
    {"audience": (ORDERS, "urn:example:STOCK")},
    {"scope": ("read",), "audience": ("urn:x",)},
    {"scope": ("x",), "audience": (ORDERS,)},
]


async def test_less_may_be_asked_for_and_what_was_granted_stays(families: RefreshFamilies) -> None:
    for asked in ALLOWED:
        family = await started(families)
        after = await rotated(families, presenting(family, 0, **asked))
        assert after.permission == family.permission
        assert await families.rotate(presenting(family, 0, **asked)) == Rotated(after)
        await rotated(families, presenting(family, 1))


async def test_more_than_was_granted_changes_nothing(families: RefreshFamilies) -> None:
    for asked in TOO_MUCH:
        family = await started(families)
        assert await families.rotate(presenting(family, 0, **asked)) == Exceeded(family)
        assert await families.find(family.id) == family
        after = await rotated(families, presenting(family, 0))
        assert await families.rotate(presenting(family, 0, **asked)) == Exceeded(after)
        assert await families.find(family.id) == after


async def test_a_spent_token_that_asks_for_more_revokes_the_family(families: RefreshFamilies) -> None:
    for asked in TOO_MUCH:
        family = await started(families)
        await rotated(families, presenting(family, 0))
        assert isinstance(await families.rotate(presenting(family, 0, at=SOON + GRACE, **asked)), Reused)


async def test_a_token_that_never_was_of_its_family_revokes_it(families: RefreshFamilies) -> None:
    for asked in (*ALLOWED, *TOO_MUCH):
        family = await started(families)
        assert isinstance(await families.rotate(presenting(family, 7, **asked)), Reused)


@pytest.mark.parametrize(("own", "other"), [("reports", "billing"), ("reports", None), (None, "reports")])
async def test_another_client_neither_gets_nor_ends_anything(
    families: RefreshFamilies, own: str | None, other: str | None
) -> None:
    family = await started(families, client_id=own)
    after = await rotated(families, presenting(family, 0, client_id=own))
    for asked in (*ALLOWED, *TOO_MUCH):
        for number, at in product((0, 1, 7), (SOON, SOON + GRACE)):
            assert await families.rotate(presenting(family, number, client_id=other, at=at, **asked)) is None
    assert await families.find(family.id) == after


@pytest.mark.parametrize("end", ["expired", "idle", "revoked", "client", "everybody", "never was"])
async def test_a_family_that_has_ended_gives_nothing_and_stays_as_it_is(stores: Stores, end: str) -> None:
    at, valid_from = SOON, None
    family = await started(stores.families)
    after: Family | None = await rotated(stores.families, presenting(family, 0))
    match end:
        case "expired":
            after = family = await started(stores.families, expires_at=at)
        case "idle":
            at += IDLE
        case "revoked":
            await stores.families.revoke(family.id, at=SOON)
            after = await stores.families.find(family.id)
        case "client":
            valid_from = NOW + TICK
        case "everybody":
            await stores.ledger.end_all(NOW + TICK)
        case _:
            family, after = a_family(), None
    for asked, number in product((*ALLOWED, *TOO_MUCH), (0, 1, 7)):
        assert await stores.families.rotate(presenting(family, number, at=at, valid_from=valid_from, **asked)) is None
    assert await stores.families.find(family.id) == after


@pytest.mark.parametrize("moment", ["expires_at", "idle_expires_at"])
async def test_a_family_lives_to_its_last_moment(families: RefreshFamilies, moment: str) -> None:
    family = await started(families, **{moment: SOON})
    assert await families.rotate(presenting(family, 0, at=SOON)) is None
    assert isinstance(await families.rotate(presenting(family, 0, at=SOON - TICK)), Rotated)


async def test_a_family_of_the_instant_from_which_tokens_count_lives(stores: Stores) -> None:
    family = await started(stores.families)
    await stores.ledger.end_all(NOW)
    assert isinstance(await stores.families.rotate(presenting(family, 0, valid_from=NOW)), Rotated)


async def test_a_revocation_is_noted_once(families: RefreshFamilies) -> None:
    family, other = await started(families), await started(families)
    await families.revoke(family.id, at=SOON)
    await families.revoke(family.id, at=SOON + TICK)
    await families.revoke(uuid4(), at=SOON)
    assert await families.find(family.id) == evolve(family, revoked_at=SOON)
    assert await families.find(other.id) == other


async def test_a_family_is_started_once(families: RefreshFamilies) -> None:
    family = await started(families)
    await rotated(families, presenting(family, 0))
    with pytest.raises(Exception):  # noqa: B017, PT011 - a mistake of the program, whatever it is called
        await families.start(family)
    await rotated(families, presenting(family, 1))


async def test_with_a_rotation_comes_the_user_that_is_stored(stores: Stores) -> None:
    family, other = await started(stores.families), await started(stores.families, username=None)
    assert await stores.families.rotate(presenting(family, 0)) == Rotated(await kept(stores, family), None)
    user = a_user("alice", roles=("b", "a"))
    await stores.users.create(user)
    await stores.users.create(a_user("bob"))
    for number in (0, 1):  # again, and anew
        outcome = await stores.families.rotate(presenting(family, number))
        assert outcome == Rotated(await kept(stores, family), user)
    changed = await stores.users.update(user.id, UserChanges(at=SOON, is_active=False, tokens_valid_from=SOON))
    assert await stores.families.rotate(presenting(family, 2)) == Rotated(await kept(stores, family), changed)
    assert await stores.families.rotate(presenting(other, 0)) == Rotated(await kept(stores, other), None)
    await stores.users.delete(user.id)
    assert await stores.families.rotate(presenting(family, 3)) == Rotated(await kept(stores, family), None)


async def kept(stores: Stores, family: Family) -> Family:
    found = await stores.families.find(family.id)
    assert found is not None
    return found


async def test_times_come_back_to_the_microsecond_and_aware(families: RefreshFamilies) -> None:
    family = await started(families)
    after = await rotated(families, presenting(family, 0))
    times: list[datetime | None] = [after.permission.at, after.rotated_at, after.expires_at, after.idle_expires_at]
    assert {time.utcoffset() if time else None for time in times} == {timedelta(0)}
    assert after.permission.at == NOW
