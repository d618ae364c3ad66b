"""Who is signed in: begun by a password, under a cookie that is new each time, ended by time or by whoever may."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve

from core.authorization.authorize import GONE
from core.authorization.model import Seen, Session, SessionPolicy, digest_of
from core.authorization.proceed import Answer, Step
from core.authorization.sessions import LONGEST_AGENT, TOUCH, Browser
from core.grants.contract import RefreshRequest
from core.protocol.refusals import (
    InvalidGrant,
    PageRefusal,
    TooManyAttempts,
    WrongCredentials,
)
from core.protocol.secret import Secret
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, APP, NOBODY, House

NEW = Password.typed("another long one")
TICK = timedelta(microseconds=1)


@pytest.fixture
async def home(house: House) -> House:
    await house.alice()
    return house


async def there(home: House, browser: Browser) -> Seen | None:
    return await home.current_session(browser.cookie)


async def refreshes(home: House, token: Secret) -> bool:
    try:
        await home.ask(RefreshRequest(token), APP)
    except InvalidGrant:
        return False
    return True


async def refresh_token(home: House, browser: Browser, scope: str | None = None) -> Secret:
    token = (await home.exchange(await home.code(browser, scope=scope))).refresh_token
    assert token is not None
    return token


# How it begins


async def test_a_password_begins_a_session(home: House) -> None:
    browser = Browser(None, ADDRESS, "Mozilla/5.0")
    seen = await home.seen(await home.signed_in(browser=browser))
    now, policy = home.clock.now(), home.session_policy
    assert seen.user == await home.find_user("alice")
    assert seen.session == Session(
        id=seen.session.id,
        digest=seen.session.digest,
        username="alice",
        authenticated_at=now,
        seen_at=now,
        expires_at=now + policy.lifetime,
        idle_expires_at=now + policy.idle,
        agent="Mozilla/5.0",
        address=ADDRESS,
    )
    assert seen.connection is None
    assert home.audit.notes[-1] == ("signed in", {"username": "alice", "sid": str(seen.session.id)})


async def test_the_cookie_is_256_random_bits_and_only_its_digest_is_kept(home: House) -> None:
    browser = await home.signed_in()
    assert browser.cookie is not None
    assert len(base64.urlsafe_b64decode(browser.cookie.reveal() + "=")) == 32
    seen = await home.seen(browser)
    assert seen.session.digest == digest_of(browser.cookie)
    assert browser.cookie.reveal() not in repr(seen) + repr(browser) + repr(home.audit.notes)
    assert repr(seen.session.digest) not in repr(seen)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", PASSWORD.upper()])
async def test_without_the_password_nothing_begins(home: House, password: str) -> None:
    for username in ("alice", "nobody", "Alice", "", "\0"):
        with pytest.raises(WrongCredentials):
            await home.sign_in(username, Password.typed(password), NOBODY)
    assert await home.sessions.of_user("alice") == ()
    assert "signed in" not in home.audit.events


async def test_a_user_who_is_not_active_does_not_get_in(home: House) -> None:
    await home.person("bob", is_active=False)
    with pytest.raises(WrongCredentials):
        await home.signed_in("bob")


async def test_guesses_wait_as_they_do_at_the_token_endpoint(home: House) -> None:
    for _ in range(100):
        with suppress(WrongCredentials, TooManyAttempts):
            await home.sign_in("alice", Password.typed("wrong"), NOBODY)
    with pytest.raises(TooManyAttempts):
        await home.signed_in()
    with pytest.raises(TooManyAttempts):
        await home.log_in()


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        ("", ""),
        ("a\nb\tc\0\ud800d\u202ee", "abcde"),
        ("x" * 1000, "x" * LONGEST_AGENT),
        ("Zoë \U0001f600", "Zoë \U0001f600"),
    ],
)
async def test_what_a_browser_says_of_itself_can_be_kept_and_shown(home: House, agent: str, kept: str) -> None:
    seen = await home.seen(await home.signed_in(browser=Browser(None, ADDRESS, agent)))
    assert seen.session.agent == kept


# Whose it is


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "\ud800", "é" * 43])
async def test_another_cookie_is_nobodys(home: House, text: str) -> None:
    await home.signed_in()
    assert await home.current_session(Secret(text)) is None
    assert await home.current_session(None) is None


async def test_what_somebody_allowed_an_application_comes_along(home: House) -> None:
    await home.app()
    browser = await home.signed_in()
    await home.code(browser)
    connection = (await home.seen(browser, "app")).connection
    assert connection is not None
    assert (connection.username, connection.client_id) == ("alice", "app")
    assert (await home.seen(browser, "other")).connection is None
    assert (await home.seen(browser)).connection is None


# How it ends by itself


async def test_an_unused_session_ends(home: House) -> None:
    browser = await home.signed_in()
    home.clock.forward(seconds=home.session_policy.idle.total_seconds())
    assert await there(home, browser) is None


async def test_a_use_puts_that_off(home: House) -> None:
    browser = await home.signed_in()
    began, idle = home.clock.now(), home.session_policy.idle
    home.clock.instant = began + idle - TICK
    assert await there(home, browser) is not None
    assert (await home.seen(browser)).session.seen_at == began + idle - TICK
    home.clock.instant = began + 2 * idle - 2 * TICK
    assert await there(home, browser) is not None


async def test_uses_are_noted_now_and_then(home: House) -> None:
    browser = await home.signed_in()
    began = home.clock.now()
    home.clock.instant = began + TOUCH - TICK
    await there(home, browser)
    assert (await home.seen(browser)).session.seen_at == began
    home.clock.instant = began + TOUCH
    await there(home, browser)
    assert (await home.seen(browser)).session.seen_at == began + TOUCH


async def test_no_session_is_for_ever_however_much_it_is_used(home: House) -> None:
    home = evolve(home, session_policy=SessionPolicy(lifetime=timedelta(hours=3), idle=timedelta(hours=2)))
    browser = await home.signed_in()
    ends = home.clock.now() + timedelta(hours=3)
    home.clock.forward(hours=1.5)
    assert await there(home, browser) is not None
    assert (await home.seen(browser)).session.idle_expires_at == ends
    home.clock.instant = ends - TICK
    assert await there(home, browser) is not None
    home.clock.instant = ends
    assert await there(home, browser) is None


@pytest.mark.parametrize("how", ["own change", "reset", "deactivation", "deletion", "tokens ended", "all tokens ended"])
async def test_what_ends_somebodys_tokens_ends_the_sessions(home: House, how: str) -> None:
    await home.person("bob")
    browser, other, bobs = await home.signed_in(), await home.signed_in(), await home.signed_in("bob")
    alice = await home.find_user("alice")
    home.clock.forward(seconds=30)
    if how == "own change":
        await home.change_password(alice, current_password=Password.typed(PASSWORD), new_password=NEW, address=ADDRESS)
    elif how == "reset":
        await home.update_user(alice.id, password=NEW)
    elif how == "deactivation":
        await home.update_user(alice.id, is_active=False)
    elif how == "deletion":
        await home.delete_user(alice.id)
    elif how == "tokens ended":
        await home.end_users_tokens("alice")
    else:
        await home.end_all_tokens()
    for one in (browser, other):
        assert await there(home, one) is None
    assert (await there(home, bobs) is None) == (how == "all tokens ended")
    if how == "deactivation":  # and does not come back with the user
        await home.update_user(alice.id, is_active=True)
        home.clock.forward(seconds=30)
        assert await there(home, browser) is None


async def test_a_sign_in_within_the_second_in_which_everything_ended_counts(home: House) -> None:
    for end in (lambda: home.end_users_tokens("alice"), home.end_all_tokens):
        home.clock.forward(seconds=0.3)
        await end()
        browser = await home.signed_in()
        assert await there(home, browser) is not None
        home.clock.forward(seconds=5)
        assert await there(home, browser) is not None


async def test_a_new_e_mail_address_or_profile_ends_nothing(home: House) -> None:
    browser = await home.signed_in()
    alice = await home.find_user("alice")
    home.clock.forward(seconds=30)
    await home.change_email(alice, "new@example.com")
    await home.change_profile(alice, {"name": "Alice"})
    await home.update_user(alice.id, roles=("admin",))
    assert (await home.seen(browser)).user.roles == ("admin",)  # as stored at this moment


# Signing in once more


async def test_a_cookie_from_before_a_sign_in_is_worth_nothing_after_it(home: House) -> None:
    """Whoever planted it, or read it, knows nothing of the new one."""
    planted = Browser(Secret("A" * 43), ADDRESS)
    browser = await home.signed_in(browser=planted)
    assert browser.cookie is not None
    assert browser.cookie != planted.cookie
    assert await there(home, planted) is None
    again = await home.signed_in(browser=browser)
    assert again.cookie != browser.cookie
    assert await there(home, browser) is None
    assert await there(home, again) is not None


async def test_who_signs_in_once_more_goes_on_with_the_same_session(home: House) -> None:
    await home.app()
    browser = await home.signed_in()
    before = (await home.seen(browser)).session
    token = await refresh_token(home, browser)
    home.clock.forward(hours=1)
    again = await home.signed_in(browser=browser)
    after = (await home.seen(again)).session
    assert after.id == before.id
    assert (after.authenticated_at, after.expires_at) == (
        home.clock.now(),
        home.clock.now() + home.session_policy.lifetime,
    )
    assert len(await home.sessions.of_user("alice")) == 1
    assert await refreshes(home, token)


async def test_somebody_else_in_the_same_browser_ends_what_was_there(home: House) -> None:
    await home.app()
    await home.person("bob")
    browser = await home.signed_in()
    before = (await home.seen(browser)).session
    token, offline = await refresh_token(home, browser), await refresh_token(home, browser, "offline_access")
    bobs = await home.signed_in("bob", browser)
    after = (await home.seen(bobs)).session
    assert after.id != before.id
    assert after.username == "bob"
    assert await home.sessions.of_user("alice") == ()
    assert not await refreshes(home, token)
    assert await refreshes(home, offline)


async def test_a_session_that_nobody_used_goes_on_when_its_user_comes_back(home: House) -> None:
    await home.app()
    browser = await home.signed_in()
    before = (await home.seen(browser)).session
    token = await refresh_token(home, browser)
    home.clock.forward(seconds=home.session_policy.idle.total_seconds())
    again = await home.signed_in(browser=browser)
    assert (await home.seen(again)).session.id == before.id
    assert await refreshes(home, token)


@pytest.mark.parametrize("how", ["over", "ended", "tokens ended"])
async def test_what_had_ended_does_not_go_on(home: House, how: str) -> None:
    browser = await home.signed_in()
    before = (await home.seen(browser)).session
    if how == "over":
        home.clock.forward(seconds=home.session_policy.lifetime.total_seconds())
    elif how == "ended":
        await home.end_sessions.one("alice", before.id)
    else:
        home.clock.forward(seconds=5)
        await home.end_users_tokens("alice")
    again = await home.signed_in(browser=browser)
    assert (await home.seen(again)).session.id != before.id
    assert len(await home.list_sessions(await home.seen(again))) == 1


async def test_two_at_once_in_one_browser_leave_one_session_or_two_but_never_one_without_an_owner(home: House) -> None:
    browser = await home.signed_in()
    both = await asyncio.gather(*(home.signed_in(browser=browser) for _ in range(2)))
    assert await there(home, browser) is None
    for one in both:
        seen = await there(home, one)
        assert seen is None or seen.user.username == "alice"
    assert any([await there(home, one) for one in both])


async def test_requests_of_the_browser_go_along_and_nobody_elses(home: House) -> None:
    await home.app()
    outcome = await home.waiting()
    others = await home.waiting()
    browser = evolve(NOBODY, cookie=outcome.cookie)
    after = await home.signed_in(browser=browser)
    resumed = await home.authorize.resume(outcome.id, after)
    assert not isinstance(resumed, Answer)
    assert resumed.step is Step.CONSENT
    for id_, who in ((outcome.id, browser), (others.id, after)):
        with pytest.raises(PageRefusal, match=GONE):
            await home.authorize.resume(id_, who)
