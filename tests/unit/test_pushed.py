"""Pushed authorization requests (RFC 9126): checked when they are pushed, good once, for the client that pushed."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from core.authorization.authorize import PUSHED, PushedRequest, Waiting
from core.authorization.model import REQUEST_URI
from core.authorization.proceed import Answer, Step
from core.authorization.request import Parameters, RequestPolicy
from core.authorization.sessions import Browser
from core.clients.authenticate import ClientCredential, SecretCredential
from core.clients.model import AuthMethod
from core.clients.register import NewSecret
from core.protocol.refusals import InvalidClient, InvalidRequest, OAuthRefusal, PageRefusal
from core.protocol.secret import Secret
from tests.unit.house import ADDRESS, APP, CALLBACK, House, asking, basic, code_in, said


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice()
    await openid.app()
    return openid


@pytest.fixture
async def alice(home: House) -> Browser:
    return await home.signed_in()


@pytest.fixture
async def shop(home: House) -> NewSecret:
    return await home.app("shop", auth_method=AuthMethod.SECRET_BASIC)


async def pushed(home: House, credential: ClientCredential = APP, **changes: Any) -> PushedRequest:
    return await home.push_request(credential, asking(**{"scope": "openid", **changes}), address=ADDRESS)


def reference(made: PushedRequest, client_id: str | None = "app", **others: str) -> Parameters:
    """What the browser brings along after that."""
    named = {"client_id": client_id} if client_id is not None else {}
    return Parameters({**named, "request_uri": made.request_uri.reveal(), **others})


async def test_what_was_pushed_is_answered_as_if_it_had_come_by_the_browser(home: House, alice: Browser) -> None:
    made = await pushed(home, nonce="a nonce")
    assert made.request_uri.reveal().startswith(REQUEST_URI)
    assert len(made.request_uri.reveal()) == len(REQUEST_URI) + 43
    assert made.expires_in == PUSHED.total_seconds()
    waiting = await home.authorize.begin(reference(made), alice)
    assert isinstance(waiting, Waiting)
    assert (waiting.step, waiting.request.nonce) == (Step.CONSENT, "a nonce")
    answer = await home.authorize.allow(waiting.id, alice)
    assert isinstance(answer, Answer)
    assert (await home.exchange(code_in(answer))).id_token is not None


async def test_the_reference_is_shown_nowhere(home: House) -> None:
    made = await pushed(home)
    assert made.request_uri.reveal() not in repr(made)


async def test_nothing_that_the_browser_says_beside_it_counts(home: House, alice: Browser) -> None:
    made = await pushed(home)
    said_beside = {"scope": "openid email", "redirect_uri": "https://evil.example", "state": "x", "prompt": "none"}
    waiting = await home.authorize.begin(reference(made, **said_beside), alice)
    assert isinstance(waiting, Waiting)
    assert (waiting.request.scope, waiting.request.to.redirect_uri) == (("openid",), CALLBACK)
    assert (waiting.request.to.state, waiting.request.prompt) == ("a state", ())


async def test_it_is_answered_once(home: House, alice: Browser) -> None:
    await home.code(alice, scope="openid")
    made = await pushed(home)
    assert isinstance(await home.authorize.begin(reference(made), alice), Answer)
    with pytest.raises(PageRefusal):
        await home.authorize.begin(reference(made), alice)


async def test_a_page_that_is_loaded_again_is_the_same_page_and_in_another_browser_none(
    home: House, alice: Browser
) -> None:
    made = await pushed(home)
    for _ in range(3):
        assert isinstance(await home.authorize.begin(reference(made), alice), Waiting)
    with pytest.raises(PageRefusal):
        await home.authorize.begin(reference(made), await home.signed_in())


async def test_it_does_not_wait_for_long(home: House, alice: Browser) -> None:
    made = await pushed(home)
    home.clock.forward(seconds=made.expires_in)
    with pytest.raises(PageRefusal):
        await home.authorize.begin(reference(made), alice)


@pytest.mark.parametrize("client_id", ["other", None, "nobody", ""])
async def test_it_is_for_the_client_that_pushed_it(home: House, alice: Browser, client_id: str | None) -> None:
    await home.app("other")
    with pytest.raises(PageRefusal):
        await home.authorize.begin(reference(await pushed(home), client_id), alice)


@pytest.mark.parametrize("name", ["client_id", "request_uri"])
async def test_two_of_what_counts_are_none(home: House, alice: Browser, name: str) -> None:
    twice = evolve(reference(await pushed(home)), repeated=frozenset({name}))
    with pytest.raises(PageRefusal, match="more than once"):
        await home.authorize.begin(twice, alice)


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "../x", "\ud800"])
async def test_what_nobody_pushed_is_nothing(home: House, alice: Browser, text: str) -> None:
    parameters = Parameters({"client_id": "app", "request_uri": REQUEST_URI + text})
    with pytest.raises(PageRefusal):
        await home.authorize.begin(parameters, alice)


# Who pushes


async def test_a_client_with_a_secret_shows_it(home: House, shop: NewSecret, alice: Browser) -> None:
    made = await pushed(home, basic(shop), client_id="shop")
    waiting = await home.authorize.begin(reference(made, "shop"), alice)
    assert isinstance(waiting, Waiting)
    for wrong in (
        SecretCredential("shop", Secret("wws_wrong"), AuthMethod.SECRET_BASIC),
        evolve(APP, client_id="shop"),
    ):
        with pytest.raises(InvalidClient):
            await pushed(home, wrong, client_id="shop")


async def test_it_names_itself_once(home: House, shop: NewSecret) -> None:
    made = await pushed(home, basic(shop), client_id=None)
    assert made.expires_in
    with pytest.raises(InvalidRequest):
        await pushed(home, basic(shop), client_id="app")


async def test_where_everybody_has_to_push_it_is_how_it_is_done(home: House, alice: Browser) -> None:
    strict = evolve(home, request_policy=RequestPolicy(pushed_only=True))
    refused = await strict.begin(alice, scope="openid")
    assert isinstance(refused, Answer)
    assert said(refused)["error"] == "invalid_request"
    assert isinstance(await strict.authorize.begin(reference(await pushed(strict)), alice), Waiting)


# What is wrong is said to the client, and nothing is kept


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "https://evil.example"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"request_uri": f"{REQUEST_URI}{'A' * 43}"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"resources": ("https://nowhere.example",)}, "invalid_target"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"repeated": ("scope",)}, "invalid_request"),
        ({"repeated": ("client_id",)}, "invalid_request"),
        ({"repeated": ("redirect_uri",)}, "invalid_request"),
        ({"state": "s" * 2049}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
    ],
)
async def test_each_mistake_has_its_error(home: House, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(OAuthRefusal) as caught:
        await pushed(home, **changes)
    assert caught.value.code == code
