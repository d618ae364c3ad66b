"""An authorization request: what is refused, by which error, and on a page or by a redirect (RFC 6749 §4.1.2.1, OpenID
Connect Core §3.1.2.6).
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import evolve

from core.authorization.model import AuthorizationRequest, ReturnTo
from core.authorization.proceed import Answer
from core.authorization.request import LONGEST, LONGEST_OF_ALL, PARAMETERS, RequestPolicy
from core.clients.model import AuthMethod
from core.protocol.refusals import OAuthRefusal, PageRefusal
from tests.unit.house import AUDIENCE, CALLBACK, CHALLENGE, ISSUER, NOBODY, House, asking, said

API = "https://files.example.com"
OTHER = "https://other.example.com"

# RFC 6749 §4.1.2.1: what may stand in an error_description.
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


@pytest.fixture
async def home(openid: House) -> House:
    """With an application of each kind."""
    await openid.alice()
    await openid.create_resource(API, ("read", "write"))
    await openid.app(scopes=("openid", "profile", "email", "offline_access", "read"), resources=(API,))
    await openid.app("secret", auth_method=AuthMethod.SECRET_BASIC)
    return openid


async def checked(home: House, **changes: Any) -> AuthorizationRequest:
    """What comes of a request. Raises what refuses it."""
    parameters = asking(**changes)
    client, to = await home.check_request.return_to(parameters)
    return await home.check_request(client, to, parameters)


async def error(home: House, **changes: Any) -> str:
    """The code by which the application is told that it is refused, after everybody knows where it may be told."""
    parameters = asking(**changes)
    client, to = await home.check_request.return_to(parameters)
    with pytest.raises(OAuthRefusal) as caught:
        await home.check_request(client, to, parameters)
    assert DESCRIPTION.fullmatch(caught.value.description)
    answer = await home.authorize.begin(parameters, NOBODY)
    assert isinstance(answer, Answer)
    expected = {"error": caught.value.code, "error_description": caught.value.description, "iss": ISSUER}
    assert {name: value for name, value in said(answer).items() if name != "state"} == expected
    return caught.value.code


async def page(home: House, **changes: Any) -> str:
    """What a person is told when no application may be."""
    with pytest.raises(PageRefusal) as caught:
        await home.authorize.begin(asking(**changes), NOBODY)
    assert caught.value.remedy
    return caught.value.description


# As it should be


async def test_a_plain_request(home: House) -> None:
    assert await checked(home, scope="openid email") == AuthorizationRequest(
        to=ReturnTo(client_id="app", redirect_uri=CALLBACK, state="a state"),
        scope=("openid", "email"),
        audience=(AUDIENCE,),
        challenge=CHALLENGE,
    )


async def test_everything_that_may_be_said(home: House) -> None:
    asked = await checked(
        home,
        scope="openid read",
        nonce="a nonce",
        response_mode="form_post",
        prompt="login consent",
        max_age="60",
        login_hint="alice",
        ui_locales="de fr",
        display="popup",
        acr_values="gold silver",
        resources=(API, API),
        wibble="wobble",
    )
    assert (asked.scope, asked.audience, asked.nonce) == (("openid", "read"), (API,), "a nonce")
    assert (asked.to.response_mode, asked.prompt, asked.max_age) == ("form_post", ("login", "consent"), 60)
    assert asked.login_hint == "alice"


async def test_wishes_that_nobody_can_fulfil_are_no_errors(home: House) -> None:
    await checked(home, display="hologram", ui_locales="tlh \U0001f600")
    await checked(home, acr_values="urn:gold", claims_locales="de", dpop_jkt="x")


# Where nothing may be redirected


@pytest.mark.parametrize(
    "client_id", [None, "nobody", "App", "app ", "a" * 65, "watchword", "é", "app\0", "\ud800", "*"]
)
async def test_without_an_application_there_is_nobody_to_tell(home: House, client_id: str | None) -> None:
    assert "application" in (await page(home, client_id=client_id)).lower()


async def test_one_that_is_no_longer_active_is_told_nothing(home: House) -> None:
    await home.update_client("app", is_active=False)
    await page(home)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/cb",
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}#x",
        f"{CALLBACK};x",
        CALLBACK.upper(),
        CALLBACK.replace("https", "http"),
        CALLBACK.replace(".com", ".com:443"),
        CALLBACK.replace(".com", ".com."),
        CALLBACK.replace("app.", "user@app."),
        CALLBACK.replace("/cb", "/x/../cb"),
        CALLBACK.replace("/cb", "//cb"),
        CALLBACK.replace("/cb", "/%63b"),
        CALLBACK.replace("example", "exаmple"),
        f" {CALLBACK}",
        f"{CALLBACK}\n",
        f"{CALLBACK} https://evil.example",
        "javascript:alert(1)//",
        "com.example.app:/cb",
        "http://127.0.0.1/cb",
        "cb",
    ],
)
async def test_nothing_goes_to_where_nobody_registered_it(home: House, uri: str) -> None:
    assert "address" in await page(home, redirect_uri=uri)


async def test_the_port_of_this_machine_is_the_one_that_was_free(home: House) -> None:
    await home.app("native", redirect_uris=("http://127.0.0.1:1/cb",), application_type="native")
    free = "http://127.0.0.1:54321/cb"
    assert (await checked(home, client_id="native", redirect_uri=free)).to.redirect_uri == free
    for other in (
        "http://127.0.0.1:1/other",
        "http://localhost:1/cb",
        "https://127.0.0.1:1/cb",
        "http://127.0.0.1:0/cb",
    ):
        await page(home, client_id="native", redirect_uri=other)


async def test_a_uri_may_be_left_out_where_there_is_one_and_no_openid(home: House) -> None:
    """RFC 6749 §3.1.2.3, OpenID Connect Core §3.1.2.1."""
    asked = await checked(home, redirect_uri=None, scope="read")
    assert asked.to == ReturnTo(client_id="app", redirect_uri=CALLBACK, sent=False, state="a state")
    assert "missing" in await page(home, redirect_uri=None, scope="openid")
    await home.app("two", redirect_uris=(CALLBACK, f"{CALLBACK}2"))
    assert "missing" in await page(home, client_id="two", redirect_uri=None)
    await home.client("none")
    assert "missing" in await page(home, client_id="none", redirect_uri=None)


async def test_openid_is_seen_wherever_it_stands(home: House) -> None:
    for scope in ("openid", "read openid", "openid read", "read openid email"):
        await page(home, redirect_uri=None, scope=scope)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_twice_and_nobody_knows_which_is_meant(home: House, name: str) -> None:
    assert name in await page(home, repeated=(name,))


async def test_a_state_of_any_length_is_not_carried_along(home: House) -> None:
    assert "state" in await page(home, state="s" * (LONGEST + 1))
    assert (await checked(home, state="s" * LONGEST)).to.state == "s" * LONGEST


# What the application is told


async def test_the_state_comes_back_with_an_error_unless_there_are_two(home: House) -> None:
    answer = await home.begin(response_type="token", state="é &=")
    assert isinstance(answer, Answer)
    assert said(answer)["state"] == "é &="
    answer = await home.begin(repeated=("state",))
    assert isinstance(answer, Answer)
    assert "state" not in said(answer)
    answer = await home.begin(state=None, response_type="token")
    assert isinstance(answer, Answer)
    assert "state" not in said(answer)


@pytest.mark.parametrize("name", sorted(PARAMETERS - {"client_id", "redirect_uri", "resource"}))
async def test_no_parameter_may_be_repeated(home: House, name: str) -> None:
    """RFC 6749 §3.1"""
    assert await error(home, repeated=(name,)) == "invalid_request"


async def test_what_the_endpoint_does_not_know_is_passed_over_even_twice(home: House) -> None:
    await checked(home, repeated=("wibble", "claims_locales"))


@pytest.mark.parametrize("name", sorted(PARAMETERS - {"client_id", "redirect_uri", "resource", "state"}))
async def test_no_parameter_may_be_of_any_length(home: House, name: str) -> None:
    longest = LONGEST_OF_ALL if name in {"claims", "id_token_hint"} else LONGEST
    assert await error(home, **{name: "x" * (longest + 1)}) == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": "CODE"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "query.jwt"}, "invalid_request"),
        ({"response_mode": "QUERY"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example.com/r.jwt"}, "request_uri_not_supported"),
        ({"request_uri": "urn:ietf:params:oauth:request_ur"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"scope": "openid  email"}, "invalid_scope"),
        ({"scope": " openid"}, "invalid_scope"),
        ({"scope": 'open"id'}, "invalid_scope"),
        ({"scope": "openid\tread"}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),  # not this client's
        ({"scope": "x" * 129}, "invalid_scope"),
        ({"scope": " ".join(map(str, range(65)))}, "invalid_scope"),
        ({"scope": "read", "resources": (OTHER,)}, "invalid_target"),
        ({"resources": (API, "not a uri")}, "invalid_target"),
        ({"resources": (f"{API}#x",)}, "invalid_target"),
        ({"resources": tuple(f"https://{n}.example.com" for n in range(33))}, "invalid_request"),
        ({"prompt": "unheard-of"}, "invalid_request"),
        ({"prompt": "LOGIN"}, "invalid_request"),
        ({"prompt": "login  consent"}, "invalid_request"),
        ({"prompt": " login"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "consent none"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "１"}, "invalid_request"),
        ({"max_age": "+1"}, "invalid_request"),
        ({"max_age": "1_0"}, "invalid_request"),
        ({"max_age": "9" * 11}, "invalid_request"),
        ({"max_age": str(10**9 + 1)}, "invalid_request"),
    ],
)
async def test_each_mistake_has_its_error(home: House, changes: dict[str, Any], code: str) -> None:
    assert await error(home, **changes) == code


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "missing"),
        ({"code_challenge": None}, "missing"),
        ({"code_challenge_method": None}, "S256"),
        ({"code_challenge_method": "plain"}, "S256"),
        ({"code_challenge_method": "s256"}, "S256"),
        ({"code_challenge": CHALLENGE[:-1]}, "43"),
        ({"code_challenge": CHALLENGE + "="}, "43"),
        ({"code_challenge": "é" * 43}, "43"),
    ],
)
async def test_a_challenge_is_there_and_of_the_one_kind(home: House, changes: dict[str, Any], what: str) -> None:
    for client_id in ("app", "secret"):
        parameters = asking(client_id=client_id, **changes)
        client, to = await home.check_request.return_to(parameters)
        with pytest.raises(OAuthRefusal, match=what) as caught:
            await home.check_request(client, to, parameters)
        assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("for_all", [True, False])
@pytest.mark.parametrize("own", [None, True, False])
@pytest.mark.parametrize("public", [True, False])
async def test_who_needs_pkce(home: House, for_all: bool, own: bool | None, public: bool) -> None:
    """A public client always, whatever anybody says (RFC 9700 §2.1.1)."""
    home = evolve(home, request_policy=RequestPolicy(pkce_for_all=for_all))
    method = AuthMethod.NONE if public else AuthMethod.SECRET_BASIC
    await home.app("client", auth_method=method, require_pkce=own)
    bare = {"client_id": "client", "code_challenge": None, "code_challenge_method": None}
    if public or (for_all if own is None else own):
        assert await error(home, **bare) == "invalid_request"
    else:
        assert (await checked(home, **bare)).challenge is None
    assert (await checked(home, client_id="client")).challenge == CHALLENGE


async def test_only_a_client_of_this_grant_may_ask(home: House) -> None:
    await home.app("other", grant_types=("refresh_token",))
    assert await error(home, client_id="other") == "unauthorized_client"


async def test_who_has_to_push_its_requests(home: House) -> None:
    await home.app("pusher", require_pushed_authorization_requests=True)
    assert await error(home, client_id="pusher") == "invalid_request"
    strict = evolve(home, request_policy=RequestPolicy(pushed_only=True))
    assert await error(strict) == "invalid_request"
    for house, client_id in ((strict, "app"), (home, "pusher")):
        parameters = asking(client_id=client_id)
        client, to = await house.check_request.return_to(parameters)
        assert await house.check_request(client, to, parameters, pushed=True)


async def test_a_client_may_have_a_max_age_of_its_own(home: House) -> None:
    await home.app("hurried", default_max_age=30)
    assert (await checked(home, client_id="hurried")).max_age == 30
    assert (await checked(home, client_id="hurried", max_age="0")).max_age == 0
    assert (await checked(home)).max_age is None


# Scopes


async def test_without_a_word_nothing_is_told_of_the_person(home: House) -> None:
    assert (await checked(home)).scope == ("read",)
    assert (await checked(home, resources=(API,))).scope == ("read",)
    assert (await checked(home, client_id="secret")).scope == ()


async def test_without_openid_the_scopes_of_a_person_are_none(home: House) -> None:
    assert (await checked(home, scope="email read offline_access")).scope == ("read", "offline_access")
    assert (await checked(home, scope="openid email read")).scope == ("openid", "email", "read")
    await home.create_resource(OTHER, ("email",))
    await home.update_client("app", resources=(API, OTHER))
    assert (await checked(home, scope="email", resources=(OTHER,))).scope == ("email",)  # of the API's own


async def test_offline_access_is_for_clients_that_refresh(home: House) -> None:
    await home.app("once", grant_types=("authorization_code",))
    assert (await checked(home, client_id="once", scope="openid offline_access")).scope == ("openid",)


async def test_where_there_are_no_key_pairs_there_is_no_openid(home: House) -> None:
    plain = evolve(home, request_policy=RequestPolicy(openid=False))
    assert await error(plain, scope="openid") == "invalid_scope"
    assert (await checked(plain, scope="read")).scope == ("read",)


# Hints


async def a_hint(home: House, client_id: str = "app") -> str:
    browser = await home.signed_in()
    code = await home.code(browser, client_id=client_id, scope="openid")
    proof = await home.proof_of(client_id)
    assert proof.client.public
    token = (await home.exchange(code)).id_token
    assert token is not None
    return token.reveal()


async def test_a_hint_names_who_is_expected(home: House) -> None:
    hint = await a_hint(home)
    assert (await checked(home, id_token_hint=hint)).subject == "alice"
    home.clock.forward(days=100)
    assert (await checked(home, id_token_hint=hint)).subject == "alice"


async def test_a_hint_is_one_of_ours_for_this_very_client(home: House) -> None:
    hint = await a_hint(home)
    await home.app("other")
    for changes in (
        {"client_id": "other", "id_token_hint": hint},
        {"id_token_hint": hint[:-5]},
        {"id_token_hint": "x"},
        {"id_token_hint": (await home.log_in()).reveal()},
    ):
        assert await error(home, **changes) == "invalid_request"
