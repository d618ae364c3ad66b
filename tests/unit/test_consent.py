"""A request that waits: for the one browser, for one answer, for so long, and for whoever signs in there."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from core.authorization.authorize import PUSHED, WAIT, Waiting
from core.authorization.model import permissions
from core.authorization.proceed import Answer, Step
from core.authorization.sessions import Browser
from core.protocol.refusals import PageRefusal
from core.protocol.secret import Secret
from tests.unit.house import ADDRESS, AUDIENCE, CALLBACK, NOBODY, House, asking, code_in, said

TICK = timedelta(microseconds=1)


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice()
    await openid.person("bob")
    await openid.app()
    return openid


@pytest.fixture
async def alice(home: House) -> Browser:
    return await home.signed_in()


async def asked(home: House, browser: Browser, **changes: Any) -> Waiting:
    """A question that waits for an answer."""
    waiting = await home.waiting(browser, **{"scope": "openid", **changes})
    assert waiting.step is Step.CONSENT
    return waiting


async def allowed(home: House, browser: Browser, waiting: Waiting) -> Answer:
    outcome = await home.authorize.allow(waiting.id, browser)
    assert isinstance(outcome, Answer), outcome
    return outcome


async def gone(home: House, browser: Browser, waiting: Waiting) -> None:
    """Whatever somebody does there, nothing comes of it."""
    for do in (home.authorize.resume, home.authorize.allow, home.authorize.choose, home.authorize.deny):
        with pytest.raises(PageRefusal):
            await do(waiting.id, browser)


async def step(home: House, browser: Browser, waiting: Waiting) -> Step | None:
    outcome = await home.authorize.resume(waiting.id, browser)
    return outcome.step if isinstance(outcome, Waiting) else None


# One answer


async def test_who_allows_it_goes_back_with_a_code(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    assert (waiting.client.client_id, waiting.request.scope) == ("app", ("openid",))
    assert waiting.seen is not None
    answer = await allowed(home, alice, waiting)
    assert answer.refused is None
    assert home.audit.notes[-1] == (
        "application allowed",
        {"username": "alice", "client_id": "app", "scope": "openid"},
    )
    assert answer.to.redirect_uri == CALLBACK
    assert (await home.exchange(code_in(answer))).scope == ("openid",)
    await gone(home, alice, waiting)


async def test_what_was_allowed_is_remembered_for_less_and_asked_again_for_more(home: House, alice: Browser) -> None:
    await allowed(home, alice, await asked(home, alice, scope="openid email"))
    for scope in ("openid email", "openid", "email openid", None):
        assert isinstance(await home.begin(alice, scope=scope), Answer)
    await asked(home, alice, scope="openid email phone")
    await asked(home, await home.signed_in("bob"))
    (connection,) = await home.list_connections("alice")
    assert connection.granted == permissions(("openid", "email"), (AUDIENCE,))


async def test_twice_at_once_gives_one_code(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    outcomes = await asyncio.gather(
        *(home.authorize.allow(waiting.id, alice) for _ in range(10)), return_exceptions=True
    )
    assert len([one for one in outcomes if isinstance(one, Answer)]) == 1
    assert all(isinstance(one, Answer | PageRefusal) for one in outcomes)


async def test_yes_and_no_at_once_is_one_of_them(home: House, alice: Browser) -> None:
    for _ in range(10):
        waiting = await asked(home, alice, scope="openid email", prompt="consent")
        yes, no = await asyncio.gather(
            home.authorize.allow(waiting.id, alice), home.authorize.deny(waiting.id, alice), return_exceptions=True
        )
        assert isinstance(yes, Answer) != isinstance(no, Answer)


async def test_who_denies_it_says_so_to_the_application_and_nothing_is_kept(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    answer = await home.authorize.deny(waiting.id, alice)
    assert said(answer) == {
        "error": "access_denied",
        "error_description": "The person said no",
        "state": "a state",
        "iss": home.policy.issuer,
    }
    assert answer.refused == "access_denied: The person said no"
    assert home.audit.notes[-1] == ("application not allowed", {"client_id": "app"})
    await gone(home, alice, waiting)
    assert await home.list_connections("alice") == ()
    await asked(home, alice)


async def test_who_is_not_signed_in_may_turn_back(home: House) -> None:
    waiting = await home.waiting()
    answer = await home.authorize.deny(waiting.id, evolve(NOBODY, cookie=waiting.cookie))
    assert said(answer)["error"] == "access_denied"


async def test_nobody_allows_anything_without_signing_in(home: House) -> None:
    waiting = await home.waiting(scope="openid")
    outcome = await home.authorize.allow(waiting.id, evolve(NOBODY, cookie=waiting.cookie))
    assert isinstance(outcome, Waiting)
    assert outcome.step is Step.SIGN_IN


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent", "select_account consent"])
async def test_yes_is_no_answer_to_another_question(home: House, alice: Browser, prompt: str) -> None:
    home.clock.forward(minutes=1)
    waiting = await home.waiting(alice, prompt=prompt)
    outcome = await home.authorize.allow(waiting.id, alice)
    assert isinstance(outcome, Waiting)
    assert outcome.step is waiting.step is not Step.CONSENT


async def test_to_choose_is_no_consent_and_no_sign_in(home: House, alice: Browser) -> None:
    home.clock.forward(minutes=1)
    waiting = await home.waiting(alice, prompt="select_account consent")
    for _ in range(2):
        outcome = await home.authorize.choose(waiting.id, alice)
        assert isinstance(outcome, Waiting)
        assert outcome.step is Step.CONSENT
    await allowed(home, alice, waiting)
    waiting = await home.waiting(alice, prompt="login")
    outcome = await home.authorize.choose(waiting.id, alice)
    assert isinstance(outcome, Waiting)
    assert outcome.step is Step.SIGN_IN


async def test_a_choice_is_for_this_request_alone(home: House, alice: Browser) -> None:
    await allowed(home, alice, await asked(home, alice))
    home.clock.forward(minutes=1)
    first = await home.waiting(alice, prompt="select_account", scope="openid")
    second = await home.waiting(alice, prompt="select_account", scope="openid")
    assert isinstance(await home.authorize.choose(first.id, alice), Answer)
    assert await step(home, alice, second) is Step.SELECT_ACCOUNT


# One browser


async def test_a_request_belongs_to_the_browser_that_brought_it(home: House, alice: Browser) -> None:
    """Whoever sends somebody else a link to it gets nothing, and nothing happens to it."""
    bob = await home.signed_in("bob")
    waiting = await asked(home, alice)
    await gone(home, bob, waiting)
    await gone(home, NOBODY, waiting)
    await gone(home, Browser(Secret("A" * 43), ADDRESS), waiting)
    await allowed(home, alice, waiting)


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "\ud800", "é" * 43])
async def test_what_was_never_kept_is_gone(home: House, alice: Browser, text: str) -> None:
    await gone(home, alice, evolve(await asked(home, alice), id=Secret(text)))


async def test_the_id_of_a_request_is_no_secret_that_is_shown(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    assert waiting.id.reveal() not in repr(waiting)
    assert waiting.cookie.reveal() not in repr(waiting)


async def test_a_browser_without_a_cookie_gets_one_of_its_own(home: House) -> None:
    cookies = [(await home.waiting()).cookie.reveal() for _ in range(5)]
    assert len(set(cookies)) == 5
    browser = Browser(Secret(cookies[0]), ADDRESS)
    assert (await home.waiting(browser)).cookie == browser.cookie


# So long


async def test_a_request_waits_so_long(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    home.clock.forward(seconds=(WAIT - TICK).total_seconds())
    assert await step(home, alice, waiting) is Step.CONSENT
    home.clock.instant += TICK
    await gone(home, alice, waiting)


async def test_looking_at_it_does_not_prolong_it(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    for _ in range(3):
        home.clock.forward(seconds=WAIT.total_seconds() / 3 - 1)
        await step(home, alice, waiting)
    home.clock.forward(seconds=3)
    await gone(home, alice, waiting)


# Whoever signs in there


async def test_a_second_tab_goes_on_after_a_sign_in_in_the_first(home: House) -> None:
    first = await home.waiting(scope="openid")
    before = evolve(NOBODY, cookie=first.cookie)
    second = await home.waiting(before, scope="openid", state="the second")
    after = await home.signed_in(browser=before)
    assert await step(home, after, second) is Step.CONSENT
    await allowed(home, after, first)
    outcome = await home.authorize.resume(second.id, after)
    assert isinstance(outcome, Answer)  # as it was allowed in the first
    assert said(outcome)["state"] == "the second"
    await gone(home, before, second)


async def test_whoever_signs_in_is_asked_and_not_whoever_was_there(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    bob = await home.signed_in("bob", alice)
    answer = await allowed(home, bob, waiting)
    token = (await home.exchange(code_in(answer))).access_token
    assert (await home.verify(token)).sub == "bob"
    assert await home.list_connections("alice") == ()


async def test_after_a_sign_out_a_request_waits_for_a_sign_in(home: House, alice: Browser) -> None:
    waiting = await asked(home, alice)
    await home.end_sessions.all("alice")
    assert await step(home, alice, waiting) is Step.SIGN_IN
    outcome = await home.authorize.allow(waiting.id, alice)
    assert isinstance(outcome, Waiting)
    assert await home.list_connections("alice") == ()


async def test_a_sign_in_that_is_older_than_the_request_is_none_for_it(home: House, alice: Browser) -> None:
    home.clock.forward(minutes=1)
    waiting = await home.waiting(alice, prompt="login", scope="openid")
    home.clock.forward(minutes=5)
    again = await home.signed_in(browser=alice)
    assert await step(home, again, waiting) is Step.CONSENT
    home.clock.forward(seconds=1)
    later = await home.waiting(again, prompt="login", scope="openid")
    assert later.step is Step.SIGN_IN


async def test_another_than_was_expected_is_told_to_the_application(home: House, alice: Browser) -> None:
    claims = '{"id_token": {"sub": {"value": "alice"}}}'
    bob = await home.signed_in("bob")
    home.clock.forward(minutes=1)
    waiting = await home.waiting(bob, scope="openid", claims=claims)
    assert waiting.step is Step.SIGN_IN
    home.clock.forward(minutes=1)
    bob = await home.signed_in("bob", bob)
    outcome = await home.authorize.resume(waiting.id, bob)
    assert isinstance(outcome, Answer)
    assert said(outcome)["error"] == "login_required"
    await gone(home, bob, waiting)


# What changes meanwhile


@pytest.mark.parametrize("how", ["inactive", "deleted", "other redirect URI"])
async def test_an_application_that_changed_is_told_nothing_it_should_not_be(
    home: House, alice: Browser, how: str
) -> None:
    waiting = await asked(home, alice)
    if how == "inactive":
        await home.update_client("app", is_active=False)
    elif how == "deleted":
        await home.delete_client("app")
    else:
        await home.update_client("app", application={"redirect_uris": [f"{CALLBACK}2"]})
    await gone(home, alice, waiting)


# Requests that are nobody's yet


async def put_by(home: House, **changes: Any) -> Secret:
    kept = await home.authorize.put_by(asking(**{"scope": "openid", **changes}))
    assert isinstance(kept, Secret)
    return kept


async def test_a_form_of_another_site_waits_for_whoever_comes_first(home: House, alice: Browser) -> None:
    id_ = await put_by(home)
    outcome = await home.authorize.resume(id_, alice)
    assert isinstance(outcome, Waiting)
    assert outcome.step is Step.CONSENT
    await gone(home, await home.signed_in("bob"), outcome)
    home.clock.forward(seconds=(WAIT - TICK).total_seconds())
    await allowed(home, alice, outcome)


async def test_and_not_for_long(home: House, alice: Browser) -> None:
    early, late = await put_by(home), await put_by(home)
    home.clock.forward(seconds=(PUSHED - TICK).total_seconds())
    assert isinstance(await home.authorize.resume(early, alice), Waiting)
    home.clock.instant += TICK
    with pytest.raises(PageRefusal):
        await home.authorize.resume(late, alice)
    assert isinstance(await home.authorize.resume(early, alice), Waiting)  # it has found its browser


async def test_what_is_wrong_with_it_is_said_at_once(home: House) -> None:
    outcome = await home.authorize.put_by(asking(response_type="token"))
    assert isinstance(outcome, Answer)
    assert said(outcome)["error"] == "unsupported_response_type"
    with pytest.raises(PageRefusal):
        await home.authorize.put_by(asking(redirect_uri="https://evil.example"))


async def test_without_a_word_to_a_person_it_is_answered_when_the_browser_comes(home: House, alice: Browser) -> None:
    id_ = await put_by(home, prompt="none")
    outcome = await home.authorize.resume(id_, alice)
    assert isinstance(outcome, Answer)
    assert said(outcome)["error"] == "consent_required"
    with pytest.raises(PageRefusal):
        await home.authorize.resume(id_, alice)
