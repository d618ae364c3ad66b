"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6): what fits spends a code, and twice ends it all."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.authorization.proceed import CODE_LIFETIME
from core.authorization.sessions import Browser
from core.clients.authenticate import PublicCredential
from core.clients.model import AuthMethod
from core.grants.contract import RefreshRequest, TokenResponse
from core.protocol.refusals import InvalidClient, InvalidGrant, InvalidToken, OAuthRefusal, UnauthorizedClient
from core.protocol.secret import Secret
from core.tokens.model import PSEUDONYM
from tests.unit.house import APP, AUDIENCE, CALLBACK, VERIFIER, House, basic

API = "https://files.example.com"
OTHER = "https://other.example.com"
TICK = timedelta(microseconds=1)
NONE: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice(roles=("writer",))
    await openid.create_resource(API, ("read", "write"))
    await openid.create_resource(OTHER, ("read",))
    scopes = ("openid", "email", "offline_access", "read", "write")
    await openid.app(scopes=scopes, resources=(API, OTHER))
    return openid


@pytest.fixture
async def alice(home: House) -> Browser:
    return await home.signed_in()


async def refused(home: House, code: Secret, credential: Any = APP, **changes: Any) -> str:
    """Why there are no tokens: the code of the error."""
    with pytest.raises(OAuthRefusal) as caught:
        await home.exchange(code, credential, **changes)
    assert "wwc_" not in caught.value.description
    return caught.value.code


async def accepted(home: House, token: Secret | None) -> bool:
    assert token is not None
    try:
        await home.current_user(token)
    except InvalidToken:
        return False
    return True


async def refreshed(home: House, token: Secret | None, credential: Any = APP, **changes: Any) -> TokenResponse:
    assert token is not None
    return await home.ask(RefreshRequest(token, **changes), credential)


# What there is for it


async def test_a_code_gives_an_access_token_a_refresh_token_and_an_id_token(home: House, alice: Browser) -> None:
    response = await home.exchange(await home.code(alice, scope="openid email"))
    token = await home.verify(response.access_token)
    assert (token.sub, token.client_id, token.aud) == ("alice", "app", (AUDIENCE,))
    assert (token.scope, token.roles, response.scope) == ("openid email", ("writer",), ("openid", "email"))
    assert token.grant_id is not None
    assert (response.expires_in, response.token_type) == (1800, "bearer")
    assert response.id_token is not None
    hint = await home.read_hint(response.id_token)
    assert hint is not None
    assert (hint.sub, hint.session) == ("alice", (await home.seen(alice)).session.id)
    again = await home.verify((await refreshed(home, response.refresh_token)).access_token)
    assert again.grant_id == token.grant_id


async def test_without_openid_there_is_no_id_token(home: House, alice: Browser) -> None:
    response = await home.exchange(await home.code(alice, scope="read"))
    assert response.id_token is None
    assert (await refreshed(home, response.refresh_token)).id_token is None


async def test_a_client_that_does_not_refresh_gets_no_refresh_token(home: House, alice: Browser) -> None:
    await home.app("once", grant_types=("authorization_code",))
    code = await home.code(alice, client_id="once", scope="openid offline_access")
    response = await home.exchange(code, PublicCredential("once"))
    assert (response.refresh_token, response.scope) == (None, ("openid",))


async def test_a_refresh_gives_an_id_token_of_the_same_sign_in(home: House, alice: Browser) -> None:
    """OpenID Connect Core §12.2, without the nonce."""
    first = await home.exchange(await home.code(alice, scope="openid email", nonce="a nonce"))
    home.clock.forward(hours=1)
    second = await refreshed(home, first.refresh_token)
    assert first.id_token is not None
    assert second.id_token is not None
    old, new = [await home.tokens.verify(one, typ="JWT") for one in (first.id_token, second.id_token)]
    assert {name: old[name] for name in ("iss", "sub", "aud", "auth_time", "sid")} == {
        name: new[name] for name in ("iss", "sub", "aud", "auth_time", "sid")
    }
    assert new["iat"] == int(home.clock.now().timestamp())
    assert "nonce" not in new
    assert (await refreshed(home, second.refresh_token, scope=("email",))).id_token is None


async def test_the_first_use_of_a_client_that_registered_itself_is_noted(home: House, alice: Browser) -> None:
    await home.app("stranger", itself=True)
    assert (await home.find_client("stranger")).used_at is None
    await home.exchange(await home.code(alice, client_id="stranger"), PublicCredential("stranger"))
    first = home.clock.now()
    home.clock.forward(minutes=1)
    await home.exchange(await home.code(alice, client_id="stranger"), PublicCredential("stranger"))
    assert (await home.find_client("stranger")).used_at == first


async def test_a_pairwise_client_knows_its_own_name_everywhere(home: House, alice: Browser) -> None:
    await home.app("pairwise", subject_type="pairwise")
    credential = PublicCredential("pairwise")
    response = await home.exchange(await home.code(alice, client_id="pairwise", scope="openid"), credential)
    later = await refreshed(home, response.refresh_token, credential)
    token, again = [await home.verify(one.access_token) for one in (response, later)]
    assert token.sub == again.sub
    assert token.sub.startswith(PSEUDONYM)
    assert token.username == "alice"
    assert (await home.current_user(response.access_token)).username == "alice"
    assert later.id_token is not None
    assert (await home.tokens.verify(later.id_token, typ="JWT"))["sub"] == token.sub


async def test_an_application_that_nobody_vouched_for_has_no_roles(home: House, alice: Browser) -> None:
    await home.app("itself", itself=True)
    credential = PublicCredential("itself")
    response = await home.exchange(await home.code(alice, client_id="itself", scope="openid"), credential)
    for one in (response, await refreshed(home, response.refresh_token, credential)):
        assert (await home.verify(one.access_token)).roles == ()
    assert (await home.current_user(response.access_token)).roles == ()


# What does not fit spends nothing


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": Secret("a" * 43)}, "invalid_grant"),
        ({"code_verifier": Secret(VERIFIER + "A")}, "invalid_grant"),
        ({"code_verifier": Secret("too short")}, "invalid_grant"),
        ({"code_verifier": Secret("é" * 43)}, "invalid_grant"),
        ({"code_verifier": Secret("\ud800" * 43)}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}/"}, "invalid_grant"),
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"resources": (OTHER,)}, "invalid_target"),
        ({"resources": (API, OTHER)}, "invalid_target"),
        ({"resources": ("https://nowhere.example",)}, "invalid_target"),
    ],
)
async def test_what_does_not_fit_spends_nothing(
    home: House, alice: Browser, changes: dict[str, Any], error: str
) -> None:
    code = await home.code(alice, scope="read", resources=(API,))
    for _ in range(3):
        assert await refused(home, code, **changes) == error
    assert (await home.exchange(code)).refresh_token is not None


async def test_a_code_of_another_client_is_none(home: House, alice: Browser) -> None:
    await home.app("thief")
    made = await home.app("robber", auth_method=AuthMethod.SECRET_BASIC)
    code = await home.code(alice)
    for credential in (PublicCredential("thief"), basic(made)):
        assert await refused(home, code, credential) == "invalid_grant"
    await home.exchange(code)
    assert await refused(home, code, PublicCredential("thief")) == "invalid_grant"
    assert "authorization code reused: tokens revoked" not in home.audit.events


async def test_without_a_client_and_for_one_that_is_not_registered_for_it(home: House, alice: Browser) -> None:
    code = await home.code(alice)
    with pytest.raises(InvalidClient):
        await home.exchange(code, None)  # type: ignore[arg-type]  # nobody
    await home.client("robot", auth_method=AuthMethod.NONE)
    with pytest.raises(UnauthorizedClient):
        await home.exchange(code, PublicCredential("robot"))
    await home.exchange(code)


@pytest.mark.parametrize("text", ["", "x", "wwc_", "wwc_" + "A" * 64, "wwr_" + "A" * 86, "\ud800", "é" * 68])
async def test_what_is_no_code(home: House, text: str) -> None:
    assert await refused(home, Secret(text)) == "invalid_grant"


async def test_a_code_that_is_changed_anywhere_is_none(home: House, alice: Browser) -> None:
    code = (await home.code(alice)).reveal()
    for at in range(len(code)):
        changed = code[:at] + ("A" if code[at] != "A" else "B") + code[at + 1 :]
        assert await refused(home, Secret(changed)) == "invalid_grant"
    await home.exchange(Secret(code))


async def test_a_verifier_where_no_challenge_was_is_refused(home: House, alice: Browser) -> None:
    """RFC 9700 §2.1.1, §4.8.2: else whoever took the challenge out of the request would be served."""
    made = await home.app("old", auth_method=AuthMethod.SECRET_BASIC, require_pkce=False)
    code = await home.code(alice, client_id="old", **NONE)
    assert await refused(home, code, basic(made)) == "invalid_grant"
    assert (await home.exchange(code, basic(made), code_verifier=None)).access_token
    code = await home.code(alice, client_id="old")
    assert await refused(home, code, basic(made), code_verifier=None) == "invalid_grant"
    assert (await home.exchange(code, basic(made))).access_token


async def test_a_redirect_uri_is_named_again_only_where_it_was(home: House, alice: Browser) -> None:
    for given in (None, CALLBACK):
        code = await home.code(alice, redirect_uri=None)
        assert await refused(home, code, redirect_uri="https://evil.example/cb") == "invalid_grant"
        assert (await home.exchange(code, redirect_uri=given)).access_token


# So long


async def test_a_code_is_good_for_a_minute(home: House, alice: Browser) -> None:
    early, late = await home.code(alice), await home.code(alice)
    home.clock.forward(seconds=(CODE_LIFETIME - TICK).total_seconds())
    assert (await home.exchange(early)).access_token
    home.clock.instant += TICK
    assert await refused(home, late) == "invalid_grant"
    assert await refused(home, late, code_verifier=None) == "invalid_grant"


# Twice


async def test_a_second_use_ends_what_the_first_gave(home: House, alice: Browser) -> None:
    code = await home.code(alice, scope="openid offline_access")
    first = await home.exchange(code)
    other = await home.exchange(await home.code(alice))
    later = await refreshed(home, first.refresh_token)
    assert await refused(home, code) == "invalid_grant"
    for one in (first, later):
        assert not await accepted(home, one.access_token)
    with pytest.raises(InvalidGrant):
        await refreshed(home, later.refresh_token)
    assert await accepted(home, other.access_token)
    assert await refreshed(home, other.refresh_token)
    token = await home.verify(first.access_token)
    told = {"grant_id": str(token.grant_id), "client_id": "app", "username": "alice"}
    assert home.audit.notes[-1] == ("authorization code reused: tokens revoked", told)


@pytest.mark.parametrize(
    "changes", [{"code_verifier": None}, {"redirect_uri": "https://evil.example"}, {"resources": (OTHER,)}]
)
async def test_also_by_who_has_nothing_but_the_code(home: House, alice: Browser, changes: dict[str, Any]) -> None:
    code = await home.code(alice)
    first = await home.exchange(code)
    assert await accepted(home, first.access_token)
    assert await refused(home, code, **changes) == "invalid_grant"
    assert not await accepted(home, first.access_token)


async def test_also_long_after(home: House, alice: Browser) -> None:
    code = await home.code(alice, scope="openid offline_access")
    first = await home.exchange(code)
    home.clock.forward(hours=5)
    second = await refreshed(home, first.refresh_token)
    assert await refused(home, code) == "invalid_grant"
    assert not await accepted(home, second.access_token)


async def test_a_client_that_does_not_refresh_loses_its_access_token(home: House, alice: Browser) -> None:
    await home.app("once", grant_types=("authorization_code",))
    code = await home.code(alice, client_id="once")
    first = await home.exchange(code, PublicCredential("once"))
    assert await accepted(home, first.access_token)
    assert await refused(home, code, PublicCredential("once")) == "invalid_grant"
    assert not await accepted(home, first.access_token)


async def test_of_many_at_once_one_wins_and_then_all_has_ended(home: House, alice: Browser) -> None:
    code = await home.code(alice)
    outcomes = await asyncio.gather(*(home.exchange(code) for _ in range(50)), return_exceptions=True)
    (winner,) = [one for one in outcomes if isinstance(one, TokenResponse)]
    assert all(isinstance(one, TokenResponse | InvalidGrant) for one in outcomes)
    assert not await accepted(home, winner.access_token)
    with pytest.raises(InvalidGrant):
        await refreshed(home, winner.refresh_token)
