"""Between a code and its tokens, and behind them: what ends, and what may no longer be had."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from attrs import evolve

from core.authorization.model import SessionPolicy
from core.authorization.sessions import Browser
from core.protocol.refusals import InvalidGrant
from core.tokens.model import RefreshPolicy
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, AUDIENCE, House
from tests.unit.test_code_grant import API, OTHER, TICK, accepted, refreshed, refused

NEW = Password.typed("another long one")


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice()
    await openid.create_resource(API, ("read", "write"))
    await openid.create_resource(OTHER, ("read",))
    scopes = ("openid", "email", "offline_access", "read", "write")
    await openid.app(scopes=scopes, resources=(API, OTHER))
    return openid


@pytest.fixture
async def alice(home: House) -> Browser:
    return await home.signed_in()


# What ends a code


async def one_session(home: House, browser: Browser) -> None:
    await home.end_sessions.one("alice", (await home.seen(browser)).session.id)


async def all_sessions(home: House, _: Browser) -> None:
    await home.end_sessions.all("alice")


async def deactivated(home: House, _: Browser) -> None:
    alice = await home.find_user("alice")
    await home.update_user(alice.id, is_active=False)


async def deactivated_and_back(home: House, browser: Browser) -> None:
    await deactivated(home, browser)
    await home.update_user((await home.find_user("alice")).id, is_active=True)


async def deleted(home: House, _: Browser) -> None:
    await home.delete_user((await home.find_user("alice")).id)


async def new_password(home: House, browser: Browser) -> None:
    alice = await home.find_user("alice")
    await home.change_password(alice, current_password=Password.typed(PASSWORD), new_password=NEW, address=ADDRESS)
    await home.sign_in_again(alice, browser)


async def tokens_of_the_user(home: House, _: Browser) -> None:
    await home.end_users_tokens("alice")


async def tokens_of_everybody(home: House, _: Browser) -> None:
    await home.end_all_tokens()


async def tokens_of_the_client(home: House, _: Browser) -> None:
    await home.end_clients_tokens("app")


async def disconnected(home: House, _: Browser) -> None:
    await home.end_connection("alice", "app")


async def somebody_else(home: House, browser: Browser) -> None:
    await home.person("bob")
    await home.signed_in("bob", browser)


Ending = Callable[[House, Browser], Awaitable[None]]
ENDINGS: list[Ending] = [
    one_session,
    all_sessions,
    deactivated,
    deactivated_and_back,
    deleted,
    new_password,
    tokens_of_the_user,
    tokens_of_everybody,
    tokens_of_the_client,
    disconnected,
    somebody_else,
]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
async def test_what_ends_ends_a_code_that_is_on_its_way(
    home: House, alice: Browser, ending: Ending, scope: str
) -> None:
    code, other = await home.code(alice, scope=scope), await home.code(await home.signed_in(), scope=scope)
    home.clock.forward(seconds=1)
    await ending(home, alice)
    for _ in range(2):
        home.clock.forward(seconds=1)
        assert await refused(home, code) == "invalid_grant"
    if ending in (one_session, somebody_else):  # and nothing else
        assert (await home.exchange(other)).access_token
    assert "authorization code reused: tokens revoked" not in home.audit.events


async def test_a_session_that_nobody_used_ends_its_codes(home: House) -> None:
    brief = evolve(home, session_policy=SessionPolicy(idle=timedelta(seconds=30)))
    browser = await brief.signed_in()
    early, late = await brief.code(browser), await brief.code(browser)
    home.clock.forward(seconds=29)
    assert (await home.exchange(early)).access_token
    home.clock.forward(seconds=1)
    assert await refused(home, late) == "invalid_grant"


async def test_who_signs_in_once_more_in_that_browser_ends_nothing(home: House, alice: Browser) -> None:
    code = await home.code(alice)
    home.clock.forward(seconds=1)
    await home.signed_in(browser=alice)
    assert (await home.exchange(code)).access_token


# What ends tokens, too


@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_ends_ends_tokens_and_not_all_of_it_those_that_go_on_without_a_session(
    home: House, alice: Browser, ending: Ending
) -> None:
    plain, offline = [
        await home.exchange(await home.code(alice, scope=scope)) for scope in ("openid", "openid offline_access")
    ]
    home.clock.forward(seconds=1)
    await ending(home, alice)
    home.clock.forward(seconds=1)
    with pytest.raises(InvalidGrant):
        await refreshed(home, plain.refresh_token)
    assert not await accepted(home, plain.access_token)
    if ending in (one_session, all_sessions, somebody_else):  # what may go on without a session does
        assert await accepted(home, offline.access_token)
        assert (await refreshed(home, offline.refresh_token)).access_token
    else:
        assert not await accepted(home, offline.access_token)
        with pytest.raises(InvalidGrant):
            await refreshed(home, offline.refresh_token)


async def test_refresh_tokens_end_with_the_session_unless_they_are_offline(home: House) -> None:
    brief = evolve(home, session_policy=SessionPolicy(lifetime=timedelta(hours=1), idle=timedelta(minutes=40)))
    browser = await brief.signed_in()
    plain, offline = [
        await home.exchange(await brief.code(browser, scope=scope)) for scope in ("openid", "openid offline_access")
    ]
    began = home.clock.now()
    home.clock.instant = began + timedelta(hours=1) - TICK
    plain, offline = await refreshed(home, plain.refresh_token), await refreshed(home, offline.refresh_token)
    home.clock.instant = began + timedelta(hours=1)
    with pytest.raises(InvalidGrant):
        await refreshed(home, plain.refresh_token)
    assert (await refreshed(home, offline.refresh_token)).refresh_token


async def test_what_is_offline_has_an_end_of_its_own(home: House, alice: Browser) -> None:
    strict = evolve(home, refresh_policy=RefreshPolicy(lifetime=timedelta(days=2), idle=timedelta(days=1)))
    first = await strict.exchange(await strict.code(alice, scope="offline_access"))
    began = home.clock.now()
    for hours in (23, 46):
        home.clock.instant = began + timedelta(hours=hours)
        first = await refreshed(strict, first.refresh_token)
    home.clock.instant = began + timedelta(days=2)
    with pytest.raises(InvalidGrant):
        await refreshed(strict, first.refresh_token)


# What may no longer be had


async def test_one_resource_of_those_that_were_granted(home: House, alice: Browser) -> None:
    """RFC 8707 §2.2"""
    code = await home.code(alice, scope="read write", resources=(API, OTHER))
    response = await home.exchange(code, resources=(OTHER, OTHER))
    token = await home.verify.for_anybody(response.access_token)
    assert (token.aud, token.scope) == ((OTHER,), "read")
    later = await refreshed(home, response.refresh_token, resources=(API,))
    token = await home.verify.for_anybody(later.access_token)
    assert (token.aud, token.scope) == ((API,), "read write")  # the grant is as wide as it was


async def test_all_that_were_granted_when_none_is_named(home: House, alice: Browser) -> None:
    response = await home.exchange(await home.code(alice, scope="read", resources=(API, OTHER)))
    assert (await home.verify.for_anybody(response.access_token)).aud == (API, OTHER)


async def test_a_client_that_may_have_less_by_now_gets_less(home: House, alice: Browser) -> None:
    code, other = [await home.code(alice, scope="openid read write", resources=(API, AUDIENCE)) for _ in range(2)]
    await home.update_client("app", scopes=("openid", "read"))
    assert (await home.exchange(code)).scope == ("openid", "read")
    await home.update_client("app", resources=())
    response = await home.exchange(other)
    assert (await home.verify(response.access_token)).aud == (AUDIENCE,)


async def test_a_resource_that_is_gone_is_left_out_and_without_any_there_is_nothing(
    home: House, alice: Browser
) -> None:
    both, one = [await home.code(alice, scope="read", resources=names) for names in ((API, OTHER), (OTHER,))]
    await home.delete_resource(OTHER)
    response = await home.exchange(both)
    assert (await home.verify.for_anybody(response.access_token)).aud == (API,)
    assert await refused(home, one) == "invalid_grant"


async def test_a_client_that_may_not_sign_people_in_any_more_gets_nothing(home: House, alice: Browser) -> None:
    code = await home.code(alice)
    await home.update_client("app", grant_types=("refresh_token",))
    assert await refused(home, code) == "unauthorized_client"
    await home.update_client("app", is_active=False)
    assert await refused(home, code) == "invalid_client"
