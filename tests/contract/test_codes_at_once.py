"""Codes, Connections, Sessions: of many at once one wins, nothing is lost, and nothing outlives its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from core.authorization.model import Code
from core.authorization.ports import FirstToken, Mismatched, NewCode, Redeemed, Replayed
from core.protocol.refusals import Unavailable
from core.tokens.ports import RefreshFamilies
from tests.contract.conftest import NOW, Stores
from tests.contract.test_access_tokens import a_token
from tests.contract.test_authorization_requests import MINE, a_stored_request
from tests.contract.test_clients import a_public_client
from tests.contract.test_codes import API, FIRST, SOON, a_code, family_of, issued, presenting
from tests.contract.test_refresh_families import presenting as refreshing_with
from tests.contract.test_sessions import a_session, cookie, refreshes, signed_in
from tests.contract.test_users_at_once import MANY, outcomes

LATER = SOON + timedelta(days=1)
Outcome = Redeemed | Replayed | Mismatched | None


async def holds(stores: Stores, code: Code) -> tuple[bool, bool]:
    """Whether access tokens of the grant stand, and whether its first refresh token is good."""
    standing = await stores.ledger.standing(a_token(grant_id=code.grant_id, jti=str(uuid4()), client_id="app"))
    family = await stores.families.find(code.grant_id)
    return not standing.revoked, family is not None and await refreshes(stores, family)


@pytest.mark.parametrize("refresh", [FIRST, None])
async def test_of_fifty_with_one_code_one_wins_and_then_all_is_revoked(
    stores: Stores, refresh: FirstToken | None
) -> None:
    code = await issued(stores)

    async def redeem() -> Outcome:
        """As the grant does it: whoever comes second ends what the first one got."""
        outcome = await stores.codes.redeem(presenting(code, refresh=refresh))
        if isinstance(outcome, Replayed):
            await stores.codes.revoke(code.grant_id, at=SOON, until=LATER)
            assert await holds(stores, code) == (False, False)
        return outcome

    done = Counter(type(outcome) for outcome in await asyncio.gather(*(redeem() for _ in range(50))))
    assert done == {Redeemed: 1, Replayed: 49}
    assert await holds(stores, code) == (False, False)


async def test_whoever_sees_a_code_spent_sees_its_family(stores: Stores) -> None:
    for number in range(10):
        code = await issued(stores, number)

        async def redeem(code: Code = code) -> bool:
            outcome = await stores.codes.redeem(presenting(code))
            family = await stores.families.find(code.grant_id)
            return isinstance(outcome, Redeemed | Replayed) and family is not None

        assert await asyncio.gather(*(redeem() for _ in range(MANY))) == [True] * MANY


async def test_of_right_and_wrong_at_once_one_of_the_right_wins(stores: Stores) -> None:
    code = await issued(stores)
    wrong: list[dict[str, object]] = [{}, {"challenge": "x"}, {"client_id": "other"}, {"audience": ("urn:other",)}]
    work = [stores.codes.redeem(presenting(code, **wrong[number % 4])) for number in range(MANY)]
    found = await asyncio.gather(*work)
    assert Counter(type(outcome) for outcome in found[::4]) == {Redeemed: 1, Replayed: len(found[::4]) - 1}
    assert {type(outcome) for outcome in found[2::4]} == {type(None)}
    assert {type(outcome) for outcome in found[1::4] + found[3::4]} <= {Mismatched, Replayed}


async def test_different_codes_do_not_get_into_each_others_way(stores: Stores) -> None:
    codes = [await issued(stores, number) for number in range(MANY)]
    found = await asyncio.gather(*(stores.codes.redeem(presenting(code)) for code in codes))
    assert [outcome.code if isinstance(outcome, Redeemed) else None for outcome in found] == codes


@pytest.mark.parametrize("before", [0, 5, 10])
async def test_once_a_session_has_ended_none_of_its_codes_and_tokens_is_good(stores: Stores, before: int) -> None:
    for turn in range(5):
        session = await signed_in(stores)
        codes = [a_code(session, 100 * turn + number) for number in range(10)]
        for code in codes:
            await stores.codes.issue(NewCode(code))
        afterwards: list[tuple[bool, Outcome]] = []

        async def end(codes: list[Code] = codes, afterwards: list[tuple[bool, Outcome]] = afterwards) -> Outcome:
            assert await stores.sessions.end("alice", None, at=SOON) == 1
            for code in codes:
                family = await stores.families.find(code.grant_id)
                good = family is not None and await refreshes(stores, family)
                afterwards.append((good, await stores.codes.redeem(presenting(code))))
            return None

        work = [stores.codes.redeem(presenting(code)) for code in codes]
        done = await asyncio.gather(*work[:before], end(), *work[before:])
        assert len(afterwards) == 10
        for code, outcome, (good, again) in zip(codes, done[:before] + done[before + 1 :], afterwards, strict=True):
            assert not good
            assert isinstance(outcome, Redeemed | None)
            assert isinstance(again, Replayed) or again is None
            family = await stores.families.find(code.grant_id)
            assert family is None or not await refreshes(stores, family)


async def test_once_a_connection_has_ended_no_refresh_token_of_it_is_good(stores: Stores) -> None:
    await issued(stores, 1)
    for turn in range(5):
        codes = [await issued(stores, 100 * (turn + 1) + number, scope=("offline_access",)) for number in range(10)]
        await stores.codes.issue(NewCode(a_code(number=100 * (turn + 1) + 99), allows=(API,)))
        work = [stores.codes.redeem(presenting(code)) for code in codes]
        end = stores.connections.end("alice", "app", valid_from=NOW + timedelta(seconds=1), at=SOON)
        await asyncio.gather(*work[:5], end, *work[5:])
        families = [await stores.families.find(code.grant_id) for code in codes]
        assert not any([await refreshes(stores, family) for family in families if family is not None])


async def test_consents_at_once_lose_nothing(stores: Stores) -> None:
    await stores.clients.create(a_public_client())
    session = await signed_in(stores)
    both = [f"{API} s{number}" for number in range(MANY)]
    new = [NewCode(a_code(session, number), allows=(API, both[number])) for number in range(MANY)]
    assert await asyncio.gather(*map(stores.codes.issue, new)) == [True] * MANY
    (connection,) = await stores.connections.of_user("alice")
    assert sorted(connection.granted) == sorted([API, *both])


async def test_of_many_answers_to_one_request_one_gives_a_code(stores: Stores) -> None:
    """A form that was posted twice."""
    await stores.clients.create(a_public_client())
    session, stored = await signed_in(stores), a_stored_request(1)
    await stores.requests.keep(stored)
    codes = [a_code(session, number) for number in range(MANY)]
    new = [NewCode(code, finishes=(stored.digest, MINE), allows=(f"s{at}",)) for at, code in enumerate(codes)]
    done = await asyncio.gather(*map(stores.codes.issue, new))
    assert Counter(done) == {True: 1, False: MANY - 1}
    (connection,) = await stores.connections.of_user("alice")
    assert connection.granted == (f"s{done.index(True)}",)
    good = [isinstance(await stores.codes.redeem(presenting(code)), Redeemed) for code in codes]
    assert good == done


async def test_of_yes_and_no_at_once_one_counts(stores: Stores) -> None:
    session = await signed_in(stores)
    for number in range(10):
        stored = a_stored_request(number)
        await stores.requests.keep(stored)
        yes = stores.codes.issue(NewCode(a_code(session, number), finishes=(stored.digest, MINE)))
        no = stores.requests.drop(stored.digest, MINE)
        assert sorted(await asyncio.gather(*([yes, no] if number % 2 else [no, yes]))) == [False, True]


async def test_of_many_sign_ins_on_one_browser_each_request_goes_to_one(stores: Stores) -> None:
    """The form was posted many times; whichever came first took over what stood under the cookie before."""
    before = await signed_in(stores)
    made = [a_stored_request(number, browser=cookie(1)) for number in range(3)]
    for stored in made:
        await stores.requests.keep(stored)
    sessions = [a_session(number=number) for number in range(10, 30)]
    await asyncio.gather(*(stores.sessions.start(session, browser=before.digest) for session in sessions))
    assert await stores.sessions.look(cookie(1)) is None
    assert len(await stores.sessions.of_user("alice")) == 20
    for stored in made:
        found = [await stores.requests.find(stored.digest, cookie(number), at=NOW) for number in (1, *range(10, 30))]
        assert sum(one is not None for one in found) == 1


@pytest.mark.parametrize("order", ["sign-in first", "claim first"])
async def test_a_second_tab_goes_on_after_the_sign_in_in_the_first(stores: Stores, order: str) -> None:
    """It claims its request under the cookie of before, or comes too late and has to begin again. It is never lost to
    another browser."""
    await signed_in(stores)
    for number in range(10):
        stored = a_stored_request(number, browser=None)
        await stores.requests.keep(stored)
        old, new = cookie(1 if number == 0 else 100 + number - 1), cookie(100 + number)
        claim = stores.requests.claim(stored.digest, old, at=NOW, until=SOON)
        start = stores.sessions.start(a_session(number=100 + number), browser=old)
        await asyncio.gather(*([start, claim] if order == "sign-in first" else [claim, start]))
        found = [await stores.requests.find(stored.digest, browser, at=NOW) for browser in (old, new)]
        assert sum(one is not None for one in found) == 1


async def test_of_many_ends_of_one_session_one_ends_it(stores: Stores) -> None:
    session = await signed_in(stores)
    await signed_in(stores, number=2)
    assert await outcomes(stores.sessions.end("alice", session.id, at=SOON) for _ in range(MANY)) == {1: 1, 0: MANY - 1}


async def test_many_ends_of_all_kinds_at_once_all_come_to_an_end(stores: Stores) -> None:
    """They take the same rows, and none waits for another that waits for it."""
    await stores.clients.create(a_public_client())
    for turn in range(5):
        sessions = [await signed_in(stores, number=1000 * (turn + 1) + number) for number in range(10)]
        codes = [a_code(session, 1000 * (turn + 1) + number) for number, session in enumerate(sessions)]
        for code in codes:
            await stores.codes.issue(NewCode(code, allows=(API,)))
            await stores.codes.redeem(presenting(code))
        work = [stores.sessions.end("alice", session.id, at=SOON) for session in reversed(sessions)]
        work += [stores.sessions.end("alice", None, at=SOON) for _ in range(5)]
        others = [stores.connections.end("alice", "app", valid_from=NOW, at=SOON) for _ in range(5)]
        others += [stores.codes.issue(NewCode(a_code(number=90_000 + turn * 10 + n), allows=("x",))) for n in range(5)]
        rotating = [rotated(stores.families, code) for code in codes]
        found = await asyncio.gather(*work, *others, *rotating, return_exceptions=True)
        assert [one for one in found if isinstance(one, BaseException)] == []
        assert await stores.sessions.of_user("alice") == ()
        assert [(await family_of(stores, code)).revoked_at for code in codes] == [SOON] * 10


async def rotated(families: RefreshFamilies, code: Code) -> bool:
    try:
        return await families.rotate(refreshing_with(code.grant_id, 0, client_id="app")) is not None
    except Unavailable:
        return False
