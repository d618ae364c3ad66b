"""Whose tokens may manage accounts, and what a token tells that is one of others' applications."""

from __future__ import annotations

from typing import Any

import pytest

from core.clients.authenticate import ClientCredential, PublicCredential
from core.clients.model import AuthMethod
from core.grants.contract import PasswordRequest
from core.protocol.refusals import InvalidToken, NotFirstParty
from core.protocol.secret import Secret
from core.tokens.model import PSEUDONYM
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import House, basic

TYPED = Password.typed(PASSWORD)


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice(roles=("admin",))
    return openid


async def token(home: House, client_id: str, credential: ClientCredential | None = None) -> Secret:
    """What comes of a sign-in to this application."""
    code = await home.code(await home.signed_in(), client_id=client_id, scope="openid")
    return (await home.exchange(code, credential or PublicCredential(client_id))).access_token


async def by_password(home: House, credential: ClientCredential | None = None) -> Secret:
    return (await home.ask(PasswordRequest("alice", TYPED), credential)).access_token


async def test_tokens_that_no_client_was_given_may(home: House) -> None:
    for one in (await by_password(home), await home.log_in()):
        assert (await home.account_user(one)).username == "alice"


@pytest.mark.parametrize(
    ("members", "may"),
    [
        ({}, False),
        ({"itself": True}, False),
        ({"subject_type": "pairwise"}, False),
        ({"first_party": True}, True),
        ({"grant_types": ("authorization_code", "password")}, True),  # people give it their password anyhow
    ],
)
async def test_of_applications_it_is_our_own(home: House, members: dict[str, Any], may: bool) -> None:
    await home.app(**members)
    one = await token(home, "app")
    assert (await home.current_user(one)).username == "alice"
    if may:
        assert (await home.account_user(one)).roles == ("admin",)
    else:
        with pytest.raises(NotFirstParty):
            await home.account_user(one)


async def test_a_client_with_the_password_grant_may(home: House) -> None:
    made = await home.client("own")
    assert (await home.account_user(await by_password(home, basic(made)))).username == "alice"


async def test_it_is_as_the_client_is_now(home: House) -> None:
    await home.app()
    one = await token(home, "app")
    await home.update_client("app", first_party=True)
    assert (await home.account_user(one)).username == "alice"
    await home.update_client("app", first_party=False)
    with pytest.raises(NotFirstParty):
        await home.account_user(one)


async def test_what_does_not_hold_is_not_told_that_it_would_not_do(home: House) -> None:
    await home.app()
    one = await token(home, "app")
    await home.revoke(await home.proof_of("app"), one)
    for bad in (one, Secret("x"), await home.signed(home.claims(client_id="nobody"))):
        with pytest.raises(InvalidToken):
            await home.account_user(bad)


async def test_nobody_says_of_their_own_client_that_it_is_watchword(home: House) -> None:
    made = await home.app("robot", auth_method=AuthMethod.SECRET_BASIC)
    one = await token(home, "robot", basic(made))
    assert (await home.verify(one)).client_id == "robot"
    with pytest.raises(NotFirstParty):
        await home.account_user(one)


# What others are told


@pytest.fixture
async def api(home: House) -> House:
    await home.create_resource(home.policy.audience, ())
    await home.client("api", serves=(home.policy.audience,))
    return home


async def told(api: House, one: Secret) -> dict[str, object]:
    return dict(await api.introspect(await api.proof_of("api"), one))


async def test_an_api_hears_of_roles_unless_nobody_vouched_for_the_application(api: House) -> None:
    await api.app()
    await api.app("itself", itself=True)
    assert (await told(api, await token(api, "app")))["roles"] == ["admin"]
    assert (await told(api, await token(api, "itself")))["roles"] == []


async def test_behind_a_pseudonym_nobody_hears_who_it_is(api: House) -> None:
    await api.app("pairwise", subject_type="pairwise")
    answer = await told(api, await token(api, "pairwise"))
    assert answer["active"] is True
    assert str(answer["sub"]).startswith(PSEUDONYM)
    assert "alice" not in str(answer)


async def test_not_even_from_its_refresh_token(api: House) -> None:
    made = await api.app("pairwise", auth_method=AuthMethod.SECRET_BASIC, subject_type="pairwise")
    code = await api.code(await api.signed_in(), client_id="pairwise")
    response = await api.exchange(code, basic(made))
    assert response.refresh_token is not None
    answer = dict(await api.introspect(await api.proof_of("pairwise"), response.refresh_token))
    assert answer["sub"] == (await api.verify(response.access_token)).sub
    assert "alice" not in str(answer)


async def test_a_pseudonym_that_was_made_up_is_nobody(home: House) -> None:
    for sub in (PSEUDONYM, f"{PSEUDONYM}alice", PSEUDONYM + "A" * 128):
        with pytest.raises(InvalidToken) as caught:
            await home.verify(await home.signed(home.claims(sub=sub, client_id="app")))
        assert caught.value.reason == "a pseudonym of nobody"
