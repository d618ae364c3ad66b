"""RefreshFamilies: many present one token at once, and somebody ends it all meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest
from attrs import evolve

from core.tokens.model import Family
from core.tokens.ports import Exceeded, RefreshFamilies, Reused, Rotated, Rotation
from tests.contract.conftest import Stores
from tests.contract.test_refresh_families import GRACE, IDLE, SOON, TICK, digest, presenting, rotated, started
from tests.contract.test_users_at_once import MANY

Outcome = Rotated | Reused | Exceeded | None


async def at_once(families: RefreshFamilies, steps: Iterable[Rotation]) -> list[Outcome]:
    return await asyncio.gather(*map(families.rotate, steps))


def kinds(outcomes: Iterable[Outcome]) -> Counter[type[object]]:
    return Counter(map(type, outcomes))


async def state(families: RefreshFamilies, family: Family) -> Family:
    found = await families.find(family.id)
    assert found is not None
    return found


async def test_many_with_one_token_get_one_successor_by_one_rotation(families: RefreshFamilies) -> None:
    family = await started(families)
    moments = [SOON + number * TICK for number in range(MANY)]
    outcomes = await at_once(families, (presenting(family, 0, at=at) for at in moments))
    after = await state(families, family)
    assert outcomes == [Rotated(after)] * MANY
    assert after.rotated_at in moments
    assert after == evolve(
        family,
        current=digest(1),
        previous=digest(0),
        rotated_at=after.rotated_at,
        idle_expires_at=after.rotated_at + IDLE,
    )


async def test_workers_that_share_a_token_go_on_together(families: RefreshFamilies) -> None:
    family = await started(families)
    for number in range(10):
        outcomes = await at_once(families, (presenting(family, number) for _ in range(10)))
        assert outcomes == [Rotated(await state(families, family))] * 10
    assert (await state(families, family)).current == digest(10)


async def test_without_grace_one_of_many_gets_the_successor_and_the_family_ends(families: RefreshFamilies) -> None:
    family = await started(families)
    outcomes = await at_once(families, (presenting(family, 0, grace=timedelta(0)) for _ in range(MANY)))
    assert kinds(outcomes) == {Rotated: 1, Reused: 1, type(None): MANY - 2}
    assert (await state(families, family)).revoked_at == SOON


async def test_of_many_with_a_token_spent_long_ago_one_ends_the_family(families: RefreshFamilies) -> None:
    family = await started(families)
    await rotated(families, presenting(family, 0))
    moments = [SOON + GRACE + number * TICK for number in range(MANY)]
    outcomes = await at_once(families, (presenting(family, 0, at=at) for at in moments))
    assert kinds(outcomes) == {Reused: 1, type(None): MANY - 1}
    (reused,) = (outcome for outcome in outcomes if isinstance(outcome, Reused))
    assert reused.family == await state(families, family)


@pytest.mark.parametrize("order", ["old first", "new first", "in turn"])
async def test_the_old_token_and_the_new_at_once_give_one_line_or_end_it(families: RefreshFamilies, order: str) -> None:
    family = await started(families)
    await rotated(families, presenting(family, 0))
    half = MANY // 2
    numbers = {"old first": [0] * half + [1] * half, "new first": [1] * half + [0] * half, "in turn": [0, 1] * half}
    outcomes = await at_once(families, (presenting(family, number) for number in numbers[order]))
    after = await state(families, family)
    for number, outcome in zip(numbers[order], outcomes, strict=True):
        if isinstance(outcome, Rotated):  # nobody ever gets another successor than that of the own token
            assert outcome.family.current == digest(number + 1)
        elif isinstance(outcome, Reused):
            assert number == 0
            assert outcome.family == after
    # The old token was no longer good once the new one was used, and that is noted once.
    assert kinds(outcomes)[Reused] == (after.revoked_at is not None)
    assert after.current == digest(2)


async def test_a_token_and_more_than_it_is_good_for_at_once_are_told_apart(families: RefreshFamilies) -> None:
    family = await started(families)
    asked: list[dict[str, object]] = [{}, {"scope": ("admin",)}]
    outcomes = await at_once(families, (presenting(family, 0, **asked[number % 2]) for number in range(MANY)))
    assert [type(outcome) for outcome in outcomes] == [Rotated, Exceeded] * (MANY // 2)
    assert (await state(families, family)).current == digest(1)


@pytest.mark.parametrize("before", [0, 5, 10])
async def test_once_a_revocation_has_returned_nobody_rotates(families: RefreshFamilies, before: int) -> None:
    for _ in range(5):
        family = await started(families)

        async def revoke(family: Family = family) -> list[Outcome]:
            await families.revoke(family.id, at=SOON)
            return await at_once(families, (presenting(family, number) for number in (0, 1)))

        work = [families.rotate(presenting(family, 0)) for _ in range(10)]
        *during, afterwards = await asyncio.gather(*work[:before], *work[before:], revoke())
        assert afterwards == [None, None]
        assert {type(outcome) for outcome in during} <= {Rotated, type(None)}
        after = await state(families, family)
        assert after.revoked_at == SOON
        assert after.current == digest(1 if any(during) else 0)


async def test_a_revocation_meanwhile_is_never_undone(families: RefreshFamilies) -> None:
    """Each task follows the chain as far as it gets; when the family has ended they all come to an end."""
    family = await started(families)

    async def follow() -> int:
        number = 0
        while isinstance(await families.rotate(presenting(family, number)), Rotated):
            number += 1
        return number

    async def revoke() -> int:
        for _ in range(20):
            await families.find(family.id)
        await families.revoke(family.id, at=SOON)
        return 0

    reached = await asyncio.gather(follow(), revoke())
    after = await state(families, family)
    assert after.revoked_at == SOON
    assert after.current == digest(reached[0])


async def test_once_all_tokens_have_ended_nobody_rotates(stores: Stores) -> None:
    made = [await started(stores.families) for _ in range(10)]

    async def end() -> list[Outcome]:
        await stores.ledger.end_all(SOON)
        return await at_once(stores.families, (presenting(family, 0) for family in made))

    *during, afterwards = await asyncio.gather(*(stores.families.rotate(presenting(f, 0)) for f in made), end())
    assert afterwards == [None] * 10
    assert {type(outcome) for outcome in during} <= {Rotated, type(None)}


async def test_families_do_not_get_into_each_others_way(families: RefreshFamilies) -> None:
    made = [await started(families) for _ in range(10)]
    outcomes = await at_once(families, (presenting(family, 0) for family in made for _ in range(5)))
    assert kinds(outcomes) == {Rotated: 50}
    assert [(await state(families, family)).current for family in made] == [digest(1)] * 10
