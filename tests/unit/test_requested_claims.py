"""The `claims` parameter (OpenID Connect Core §5.5): single claims, the person who is meant, and how to sign in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.authorization.authorize import Waiting
from core.authorization.model import AuthorizationRequest
from core.authorization.proceed import wanted
from core.identity.claims import CLAIMS
from core.protocol.refusals import OAuthRefusal
from tests.unit.house import House, asking
from tests.unit.test_authorization_request import checked, error


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice()
    await openid.app()
    return openid


async def asked(home: House, claims: object, **changes: Any) -> AuthorizationRequest:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    return await checked(home, **{"scope": "openid", "claims": text, **changes})


async def refused(home: House, claims: object, **changes: Any) -> str:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    return await error(home, **{"scope": "openid", "claims": text, **changes})


async def test_each_may_be_asked_for_in_either_place(home: House) -> None:
    request = await asked(home, {"userinfo": {"name": None, "email": {"essential": True}}, "id_token": {"locale": {}}})
    assert (request.userinfo_claims, request.id_token_claims) == (("name", "email"), ("locale",))
    everything = dict.fromkeys(CLAIMS)
    request = await asked(home, {"userinfo": everything, "id_token": everything})
    assert request.userinfo_claims == request.id_token_claims == CLAIMS


async def test_what_the_scope_opens_need_not_be_kept_twice(home: House) -> None:
    request = await asked(home, {"userinfo": {"name": None, "email": None}}, scope="openid profile")
    assert request.userinfo_claims == ("email",)


async def test_people_are_asked_for_single_claims_by_their_scopes(home: House) -> None:
    request = await asked(home, {"userinfo": {"name": None}, "id_token": {"phone_number": None}})
    assert wanted(request) == ("openid", "profile", "phone")


async def test_what_nobody_has_is_passed_over(home: House) -> None:
    """§5.5.1: "not an error to not return a requested claim"."""
    for claims in (
        {},
        {"userinfo": None},
        {"other": {"name": None}},
        {"userinfo": {"x": None, "roles": None, "sub": None}},
    ):
        request = await asked(home, claims)
        assert (request.userinfo_claims, request.id_token_claims, request.subject) == ((), (), None)


async def test_a_claim_is_no_way_around_a_scope_that_the_client_may_not_have(home: House) -> None:
    await home.app("modest", scopes=("openid", "profile"))
    everything = dict.fromkeys(CLAIMS)
    request = await asked(home, {"userinfo": everything, "id_token": everything}, client_id="modest")
    assert "email" not in request.userinfo_claims
    assert wanted(request) == ("openid", "profile")
    await home.app("itself", itself=True)  # without a list it may ask for everything, and the person decides
    request = await asked(home, {"userinfo": everything}, client_id="itself")
    assert request.userinfo_claims == CLAIMS


async def test_without_openid_it_is_not_looked_at(home: House) -> None:
    request = await checked(home, claims='{"userinfo": {"email": null}, "id_token": {"sub": {"value": "bob"}}}')
    assert (request.userinfo_claims, request.subject) == ((), None)
    assert (await checked(home, claims="no JSON")).userinfo_claims == ()


@pytest.mark.parametrize(
    "text",
    [
        *("x", "{", "[]", "1", '"x"', "null", "NaN", "[" * 8000, "{'userinfo': {}}", '{"userinfo": []}'),
        *(
            '{"userinfo": {"name": true}}',
            '{"userinfo": {"x": 1}}',
            '{"id_token": "x"}',
            '{"id_token": {"name": [null]}}',
        ),
    ],
)
async def test_what_is_no_such_document_is_refused(home: House, text: str) -> None:
    assert await refused(home, text) == "invalid_request"


# Who is expected


async def test_somebody_in_particular(home: House) -> None:
    assert (await asked(home, {"id_token": {"sub": {"value": "alice"}}})).subject == "alice"
    assert (await asked(home, {"userinfo": {"sub": {"value": "alice"}}})).subject == "alice"
    both = {"id_token": {"sub": {"essential": True}}, "userinfo": {"sub": {"value": "alice"}}}
    assert (await asked(home, both)).subject == "alice"


async def test_two_different_people_are_nobody(home: House) -> None:
    both = {"id_token": {"sub": {"value": "alice"}}, "userinfo": {"sub": {"value": "bob"}}}
    assert await refused(home, both) == "invalid_request"


@pytest.mark.parametrize(
    "value", [None, 1, True, [], ["alice"], {}, "", "x" * 256, "a\0", "a\nb", "\ud800", "é", "a b"]
)
async def test_what_could_be_nobodys_name_is_refused(home: House, value: object) -> None:
    """Some of these no store could keep with the request."""
    for member in ("id_token", "userinfo"):
        assert await refused(home, {member: {"sub": {"value": value}}}) == "invalid_request"


async def test_a_hint_and_a_claim_agree(home: House) -> None:
    browser = await home.signed_in()
    hint = (await home.exchange(await home.code(browser, scope="openid"))).id_token
    assert hint is not None
    both = {"id_token": {"sub": {"value": "alice"}}}
    assert (await asked(home, both, id_token_hint=hint.reveal())).subject == "alice"
    both["id_token"]["sub"]["value"] = "bob"
    assert await refused(home, both, id_token_hint=hint.reveal()) == "invalid_request"


# How somebody is to sign in


@pytest.mark.parametrize(
    ("acr", "met"),
    [
        ({"essential": True}, True),
        ({"essential": True, "value": "1"}, True),
        ({"essential": True, "values": ["gold", "1"]}, True),
        ({"essential": True, "value": "gold"}, False),
        ({"essential": True, "values": ["gold"]}, False),
        ({"essential": True, "values": []}, False),
        ({"essential": True, "values": "1"}, False),
        ({"essential": True, "value": 1}, False),
        ({"essential": False, "value": "gold"}, True),
        ({"value": "gold"}, True),
        (None, True),
    ],
)
async def test_what_must_be_met_and_cannot_is_said(home: House, acr: object, met: bool) -> None:
    """§5.5.1.1"""
    if met:
        await asked(home, {"id_token": {"acr": acr}})
    else:
        assert await refused(home, {"id_token": {"acr": acr}}) == "unmet_authentication_requirements"
    await asked(home, {"userinfo": {"acr": acr}})  # userinfo tells nothing of it


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["userinfo", "id_token", "sub", "acr", "value", "values", "essential", "name"]), inner
        )
    ),
)


@given(JSON)
async def test_whatever_json_it_is_it_is_understood_or_refused(open_to_all: House, claims: object) -> None:
    parameters = asking(scope="openid", claims=json.dumps(claims))
    client, to = await open_to_all.check_request.return_to(parameters)
    try:
        request = await open_to_all.check_request(client, to, parameters)
    except OAuthRefusal:
        return
    json.dumps(request.subject, ensure_ascii=False).encode()
    assert {*request.userinfo_claims, *request.id_token_claims} <= set(CLAIMS)


@pytest.fixture(scope="session")
async def open_to_all(cheap_hasher: Any, key_pairs: Any) -> House:
    """One for all examples of a property."""
    house = House.over(cheap_hasher, tokens=key_pairs)
    await house.app()
    return house


async def test_they_are_shown_to_a_person_before_they_are_told(home: House) -> None:
    browser = await home.signed_in()
    await home.code(browser, scope="openid")
    outcome = await home.begin(browser, scope="openid", claims='{"userinfo": {"email": null}}')
    assert isinstance(outcome, Waiting)
