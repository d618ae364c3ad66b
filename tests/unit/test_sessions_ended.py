"""Sessions that their owner ends, or that a new password leaves (nobody else's, and what came of them with them)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from attrs import evolve

from core.authorization.sessions import Browser
from core.protocol.refusals import InvalidGrant, SessionNotFound, Unavailable
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, House, code_in
from tests.unit.test_sessions import NEW, refresh_token, refreshes, there


@pytest.fixture
async def home(house: House) -> House:
    await house.alice()
    return house


# After a new password


async def test_who_gave_the_password_for_a_new_one_stays_signed_in_here_and_nowhere_else(home: House) -> None:
    browser, elsewhere = await home.signed_in(), await home.signed_in()
    alice = await home.find_user("alice")
    home.clock.forward(seconds=30)
    await home.change_password(alice, current_password=Password.typed(PASSWORD), new_password=NEW, address=ADDRESS)
    cookie = await home.sign_in_again(alice, browser)
    after = evolve(browser, cookie=cookie)
    assert await there(home, after) is not None
    assert len(await home.list_sessions(await home.seen(after))) == 1
    for old in (browser, elsewhere):
        assert await there(home, old) is None


@pytest.mark.parametrize("how", ["deleted", "deactivated"])
async def test_but_not_who_is_gone_meanwhile(home: House, how: str) -> None:
    browser = await home.signed_in()
    alice = await home.find_user("alice")
    if how == "deleted":
        await home.delete_user(alice.id)
    else:
        await home.update_user(alice.id, is_active=False)
    with pytest.raises(Unavailable):
        await home.sign_in_again(alice, browser)


# Ended by their owner


async def test_one_is_ended_and_the_others_stay(home: House) -> None:
    await home.app()
    first, second = await home.signed_in(), await home.signed_in()
    tokens = [await refresh_token(home, one) for one in (first, second)]
    offline = await refresh_token(home, first, "offline_access")
    session = (await home.seen(first)).session
    await home.end_sessions.one("alice", session.id)
    assert (await there(home, first), await there(home, second)) == (None, await home.seen(second))
    assert [await refreshes(home, one) for one in (*tokens, offline)] == [False, True, True]
    assert home.audit.notes[-1] == ("session ended", {"username": "alice", "sid": str(session.id)})
    with pytest.raises(SessionNotFound):
        await home.end_sessions.one("alice", session.id)


async def test_nobody_ends_anothers(home: House) -> None:
    await home.person("bob")
    browser = await home.signed_in()
    session = (await home.seen(browser)).session
    for username, id_ in (("bob", session.id), ("alice", uuid4()), ("nobody", session.id)):
        with pytest.raises(SessionNotFound):
            await home.end_sessions.one(username, id_)
    assert await there(home, browser) is not None


async def test_all_are_ended_at_once(home: House) -> None:
    await home.app()
    await home.person("bob")
    browsers = [await home.signed_in() for _ in range(3)]
    bobs = await home.signed_in("bob")
    token = await refresh_token(home, browsers[0])
    assert await home.end_sessions.all("alice") == 3
    assert [await there(home, one) for one in browsers] == [None] * 3
    assert await there(home, bobs) is not None
    assert not await refreshes(home, token)
    assert home.audit.notes[-1] == ("all sessions ended", {"username": "alice", "number": "3"})
    assert await home.end_sessions.all("alice") == 0


async def test_a_code_that_is_on_its_way_is_worth_nothing_then(home: House) -> None:
    await home.app()
    browser = await home.signed_in()
    code = code_in(await home.answered(browser))
    await home.end_sessions.all("alice")
    with pytest.raises(InvalidGrant):
        await home.exchange(code)


async def test_people_see_where_they_are_signed_in_the_last_used_first(home: House) -> None:
    await home.person("bob")
    await home.signed_in("bob")
    first = await home.signed_in(browser=Browser(None, ADDRESS, "first"))
    home.clock.forward(minutes=5)
    second = await home.signed_in(browser=Browser(None, "192.0.2.2", "second"))
    home.clock.forward(minutes=5)
    assert [one.agent for one in await home.list_sessions(await home.seen(second))] == ["second", "first"]
    home.clock.forward(minutes=5)
    seen = await home.seen(first)
    assert [one.agent for one in await home.list_sessions(seen)] == ["first", "second"]
    home.clock.forward(seconds=home.session_policy.idle.total_seconds() - 60)
    assert [one.agent for one in await home.list_sessions(seen)] == ["first"]
