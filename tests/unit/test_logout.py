"""Sign-out that an application asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.authorization.logout import LogoutRequest, LogoutTarget, Question, SignedOut
from core.authorization.proceed import Answer, Step
from core.authorization.sessions import Browser
from core.clients.authenticate import PublicCredential
from core.grants.contract import TokenResponse
from core.protocol.refusals import InvalidGrant, PageRefusal
from core.protocol.secret import Secret
from tests.unit.house import ADDRESS, NOBODY, House, said
from tests.unit.test_code_grant import refreshed

BYE = "https://app.example.com/bye"


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice()
    await openid.app(post_logout_redirect_uris=(BYE,))
    await openid.app("other", post_logout_redirect_uris=("https://other.example.com/bye",))
    return openid


@pytest.fixture
async def alice(home: House) -> Browser:
    return await home.signed_in()


async def tokens(home: House, browser: Browser, client_id: str = "app", scope: str = "openid") -> TokenResponse:
    return await home.exchange(await home.code(browser, client_id=client_id, scope=scope), PublicCredential(client_id))


async def hint(home: House, browser: Browser, client_id: str = "app") -> Secret:
    token = (await tokens(home, browser, client_id)).id_token
    assert token is not None
    return token


async def asked(home: House, browser: Browser, *, confirmed: bool = False, **request: Any) -> SignedOut | Question:
    return await home.log_out(LogoutRequest(**request), browser, confirmed=confirmed)


async def is_there(home: House, browser: Browser) -> bool:
    return await home.current_session(browser.cookie) is not None


async def question(home: House, browser: Browser, **request: Any) -> Question:
    outcome = await asked(home, browser, **request)
    assert isinstance(outcome, Question)
    assert await is_there(home, browser)
    return outcome


async def signed_out(home: House, browser: Browser, **request: Any) -> LogoutTarget | None:
    outcome = await asked(home, browser, **request)
    assert isinstance(outcome, SignedOut)
    assert not await is_there(home, browser)
    return outcome.target


async def turned_down(home: House, browser: Browser, **request: Any) -> None:
    before = await is_there(home, browser)
    for confirmed in (False, True):
        with pytest.raises(PageRefusal):
            await asked(home, browser, confirmed=confirmed, **request)
    assert await is_there(home, browser) == before


# Without a question


async def test_who_shows_an_id_token_of_this_session_signs_out_at_once(home: House, alice: Browser) -> None:
    target = await signed_out(home, alice, hint=await hint(home, alice), redirect_uri=BYE, state="a state")
    assert target == LogoutTarget("app", BYE, "a state")
    assert home.audit.events[-1] == "session ended"


async def test_one_that_has_expired_is_as_good(home: House, alice: Browser) -> None:
    token = await hint(home, alice)
    home.clock.forward(hours=5)
    assert await signed_out(home, alice, hint=token) is None


async def test_also_after_signing_in_once_more(home: House, alice: Browser) -> None:
    token = await hint(home, alice)
    home.clock.forward(hours=1)
    assert await signed_out(home, await home.signed_in(browser=alice), hint=token) is None


async def test_one_by_another_key_that_names_no_session_shows_whom(home: House, alice: Browser) -> None:
    claims = dict(await home.tokens.verify(await hint(home, alice), typ="JWT"))
    del claims["sid"]
    older = await home.signed(claims, typ="JWT")
    assert await signed_out(home, alice, hint=older) is None
    other = await home.signed({**claims, "sub": "bob"}, typ="JWT")
    await question(home, await home.signed_in(), hint=other)


async def test_a_pairwise_client_shows_whom_by_its_own_name(home: House, alice: Browser) -> None:
    await home.app("pairwise", subject_type="pairwise", post_logout_redirect_uris=(BYE,))
    claims = dict(await home.tokens.verify(await hint(home, alice, "pairwise"), typ="JWT"))
    del claims["sid"]
    older = await home.signed(claims, typ="JWT")
    await question(home, alice, hint=await home.signed({**claims, "sub": "alice"}, typ="JWT"))
    target = await signed_out(home, alice, hint=older, redirect_uri=BYE)
    assert target is not None
    assert target.redirect_uri == BYE


async def test_nobody_is_there_to_be_asked(home: House, alice: Browser) -> None:
    token = await hint(home, alice)
    for browser in (NOBODY, Browser(Secret("A" * 43), ADDRESS)):
        for request in ({}, {"hint": token}, {"client_id": "app"}, {"hint": Secret("x")}):
            assert await asked(home, browser, **request) == SignedOut(None)
    found = await asked(home, NOBODY, client_id="app", redirect_uri=BYE)
    assert found == SignedOut(LogoutTarget("app", BYE))
    assert await is_there(home, alice)


# With one


async def test_whoever_shows_nothing_has_people_asked(home: House, alice: Browser) -> None:
    assert (await question(home, alice)).target is None
    assert (await question(home, alice, client_id="app")).target is None
    shown = await question(home, alice, client_id="app", redirect_uri=BYE, state="x")
    assert shown.target == LogoutTarget("app", BYE, "x")
    assert shown.seen.user.username == "alice"


async def test_also_with_one_of_another_session_or_of_another_person(home: House, alice: Browser) -> None:
    """Else anybody could sign people out: by an image whose address has an ID token of their own."""
    await home.person("bob")
    elsewhere, bobs = await hint(home, await home.signed_in()), await hint(home, await home.signed_in("bob"))
    for token in (elsewhere, bobs):
        await question(home, alice, hint=token)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\ud800"])
async def test_what_is_no_id_token_is_as_good_as_none(home: House, alice: Browser, text: str) -> None:
    await question(home, alice, hint=Secret(text))
    await question(home, alice, hint=Secret(text), client_id="app", redirect_uri=BYE)
    await turned_down(home, alice, hint=Secret(text), redirect_uri=BYE)  # then nobody knows whose it is


async def test_who_says_yes_is_signed_out(home: House, alice: Browser) -> None:
    target = await signed_out(home, alice, confirmed=True, client_id="app", redirect_uri=BYE)
    assert target == LogoutTarget("app", BYE)


async def test_twice_at_once_is_no_mistake(home: House, alice: Browser) -> None:
    outcomes = await asyncio.gather(*(asked(home, alice, confirmed=True) for _ in range(5)))
    assert outcomes == [SignedOut(None)] * 5


# Where to


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/bye",
        f"{BYE}/",
        f"{BYE}?x=1",
        f"{BYE}#x",
        BYE.upper(),
        BYE.replace("https", "http"),
        BYE.replace("app.", "user@app."),
        "https://other.example.com/bye",
        "https://app.example.com/cb",  # a redirect URI is no such URI
        "javascript:alert(1)",
        "",
    ],
)
async def test_only_to_where_the_client_registered_it(home: House, alice: Browser, uri: str) -> None:
    token = await hint(home, alice)
    for request in ({"hint": token}, {"client_id": "app"}, {"hint": token, "client_id": "app"}):
        await turned_down(home, alice, redirect_uri=uri, **request)


async def test_nobody_s_is_nowhere(home: House, alice: Browser) -> None:
    for client_id in (None, "nobody", "", "App", "\ud800", "a" * 65):
        await turned_down(home, alice, client_id=client_id, redirect_uri=BYE)
    await home.update_client("app", is_active=False)
    await turned_down(home, alice, client_id="app", redirect_uri=BYE)


async def test_the_client_is_the_one_of_the_id_token(home: House, alice: Browser) -> None:
    token = await hint(home, alice)
    await turned_down(home, alice, hint=token, client_id="other")
    await turned_down(home, alice, hint=token, client_id="other", redirect_uri="https://other.example.com/bye")
    assert await signed_out(home, alice, hint=token, client_id="app") is None


async def test_after_a_client_is_gone_its_tokens_still_sign_out_but_lead_nowhere(home: House, alice: Browser) -> None:
    token = await hint(home, alice)
    await home.delete_client("app")
    await turned_down(home, alice, hint=token, redirect_uri=BYE)
    await question(home, alice, hint=token)


# What ends


async def test_the_session_ends_with_what_is_not_offline(home: House, alice: Browser) -> None:
    elsewhere = await home.signed_in()
    plain, offline = await tokens(home, alice), await tokens(home, alice, scope="openid offline_access")
    others, there = await tokens(home, alice, "other"), await tokens(home, elsewhere)
    await signed_out(home, alice, hint=plain.id_token)
    for gone, credential in ((plain, PublicCredential("app")), (others, PublicCredential("other"))):
        with pytest.raises(InvalidGrant):
            await refreshed(home, gone.refresh_token, credential)
    for stays in (offline, there):
        assert (await refreshed(home, stays.refresh_token)).access_token
    assert await is_there(home, elsewhere)


async def test_an_application_that_asks_again_has_people_sign_in(home: House, alice: Browser) -> None:
    token = await hint(home, alice)
    await signed_out(home, alice, hint=token)
    outcome = await home.begin(alice, scope="openid", prompt="none")
    assert isinstance(outcome, Answer)
    assert said(outcome)["error"] == "login_required"
    assert (await home.waiting(alice, scope="openid")).step is Step.SIGN_IN


@pytest.mark.parametrize("hinted", [True, False])
async def test_nobody_is_sent_where_a_stranger_likes(home: House, alice: Browser, hinted: bool) -> None:
    """RFC 9700 §4.11.2: whoever registers a client may not have this server lead people anywhere."""
    await home.app("stranger", itself=True, post_logout_redirect_uris=(BYE,))
    token = await hint(home, alice, "stranger") if hinted else None
    outcome = await asked(home, NOBODY, hint=token, client_id="stranger", redirect_uri=BYE)
    assert isinstance(outcome, SignedOut)
    assert outcome.target == (LogoutTarget("stranger", BYE) if hinted else None)
