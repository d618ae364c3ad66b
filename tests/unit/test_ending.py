"""The end of somebody's tokens: nothing of before survives it, and what is issued afterwards counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from core.clients.model import AuthMethod
from core.grants.contract import ClientCredentialsRequest, PasswordRequest
from core.protocol.refusals import InvalidToken, Unavailable
from core.tokens.verify import in_good_standing
from core.users.ending import end_tokens, settled
from core.users.password import Password
from tests.support import PASSWORD, SetClock
from tests.unit.house import AUDIENCE, House, basic

TYPED = Password.typed(PASSWORD)


async def stored_in(clock: SetClock, seconds: float) -> tuple[datetime, list[datetime]]:
    """What became the instant, and all that were stored, by a store that takes so long for the first."""
    stored: list[datetime] = []

    async def store(instant: datetime) -> datetime:
        if not stored:
            clock.forward(seconds=seconds)
        stored.append(instant)
        return instant

    return await end_tokens(clock, store), stored


async def test_an_end_that_is_stored_in_time_is_stored_once() -> None:
    clock = SetClock()
    clock.forward(seconds=0.2)
    start = clock.now()
    instant, stored = await stored_in(clock, 0.7)
    assert stored == [instant]
    assert instant == start.replace(microsecond=0) + timedelta(seconds=1)


@pytest.mark.parametrize("seconds", [0.8, 1.0, 1.7])
async def test_an_end_that_took_long_moves_on_behind_what_was_issued_meanwhile(seconds: float) -> None:
    clock = SetClock()
    clock.forward(seconds=0.2)
    instant, stored = await stored_in(clock, seconds)
    assert len(stored) == 2
    assert instant > clock.now()


async def test_clocks_that_disagree_are_said_and_not_waited_for() -> None:
    clock = SetClock()
    assert await settled(None, clock.now(), clock)
    assert await settled(clock.now(), clock.now(), clock)
    assert not await settled(clock.now() + timedelta(seconds=1), clock.now(), clock)
    with pytest.raises(Unavailable):
        await settled(clock.now() + timedelta(seconds=3), clock.now(), clock)


async def by_all(house: House) -> None:
    await house.end_all_tokens()


async def by_client(house: House) -> None:
    await house.end_clients_tokens("reports")


@pytest.mark.parametrize("end", [by_all, by_client])
async def test_what_is_asked_for_in_the_second_of_an_end_counts(
    house: House, end: Callable[[House], Awaitable[None]]
) -> None:
    await house.alice()
    made = await house.client("reports")
    house.clock.forward(seconds=0.3)
    await end(house)
    for request in (ClientCredentialsRequest(), PasswordRequest("alice", TYPED)):
        response = await house.ask(request, basic(made))
        claims = await house.verify(response.access_token)
        in_good_standing(claims, await house.ledger.standing(claims))
    if end is by_all:
        login = await house.ask(PasswordRequest("alice", TYPED))
        assert (await house.current_user(login.access_token)).username == "alice"


async def test_roles_that_were_taken_away_are_told_by_introspection_at_once(house: House) -> None:
    user = await house.alice(roles=("admin", "writer"))
    await house.create_resource(AUDIENCE)
    await house.client("api", serves=(AUDIENCE,))
    token = await house.log_in()
    await house.update_user(user.id, roles=("writer",))
    answer = await house.introspect(await house.proof_of("api"), token)
    assert (answer["active"], answer["roles"]) == (True, ["writer"])


async def test_the_scopes_of_the_default_audience_count_where_it_is_registered(house: House) -> None:
    await house.create_resource(AUDIENCE, ("x",))
    await house.client("app", auth_method=AuthMethod.NONE, scopes=("x", "y"))
    client = await house.find_client("app")
    assert client.definitions == {AUDIENCE: ("x",)}
    assert house.narrow(ClientCredentialsRequest(), client) == (("x",), (AUDIENCE,))


async def test_a_deleted_user_who_was_called_watchword_is_nobody(house: House) -> None:
    await house.create_user(username="watchword", email="w@example.com", password=TYPED)
    token = await house.log_in("watchword")
    await house.delete_user((await house.find_user("watchword")).id)
    with pytest.raises(InvalidToken, match="Could not validate"):
        await house.current_user(token)
    claims = await house.verify(token)
    with pytest.raises(InvalidToken) as caught:
        in_good_standing(claims, await house.ledger.standing(claims))
    assert caught.value.reason == "no such user"
