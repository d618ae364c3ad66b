"""What a client may know of the person whose token it has (OpenID Connect Core §5.3)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from attrs import evolve

from core.authorization.request import RequestPolicy
from core.clients.application import Application
from core.clients.authenticate import PublicCredential
from core.grants.contract import ClientCredentialsRequest, PasswordRequest, RefreshRequest, TokenResponse
from core.protocol.refusals import InsufficientScope, InvalidToken, NotFound
from core.protocol.secret import Secret
from core.tokens.model import PSEUDONYM, Permission
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import APP, AUDIENCE, ISSUER, House, basic

API = "https://files.example.com"


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice(profile={"name": "Alice", "phone_number": "+1604555"}, roles=("admin",))
    await openid.app()
    return openid


async def tokens(home: House, client_id: str = "app", **request: Any) -> TokenResponse:
    """What comes of a sign-in to this client."""
    browser = await home.signed_in()
    code = await home.code(browser, client_id=client_id, **{"scope": "openid", **request})
    return await home.exchange(code, PublicCredential(client_id))


async def told(home: House, token: Secret) -> dict[str, object]:
    answer = await home.tell_user_info(token)
    assert not isinstance(answer, Secret)
    return dict(answer)


async def test_without_another_scope_it_is_told_who_it_is_and_nothing_else(home: House) -> None:
    assert await told(home, (await tokens(home)).access_token) == {"sub": "alice"}


@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("openid profile", {"sub", "name", "preferred_username", "updated_at"}),
        ("openid email", {"sub", "email", "email_verified"}),
        ("openid phone", {"sub", "phone_number", "phone_number_verified"}),
        ("openid address", {"sub"}),
        ("openid offline_access", {"sub"}),
    ],
)
async def test_each_scope_opens_its_claims(home: House, scope: str, claims: set[str]) -> None:
    answer = await told(home, (await tokens(home, scope=scope)).access_token)
    assert answer.keys() == claims
    assert answer["sub"] == "alice"


async def test_claims_that_were_asked_for_one_by_one(home: House) -> None:
    wanted = json.dumps(
        {"userinfo": {"email": None, "name": {"essential": True}, "x": None}, "id_token": {"phone_number": None}}
    )
    made = await tokens(home, claims=wanted)
    assert await told(home, made.access_token) == {"sub": "alice", "email": "alice@example.com", "name": "Alice"}
    assert made.refresh_token is not None
    later = await home.ask(RefreshRequest(made.refresh_token), APP)
    assert (await told(home, later.access_token)).keys() == {"sub", "email", "name"}


async def test_it_is_told_as_it_is_now(home: House) -> None:
    token = (await tokens(home, scope="openid profile email")).access_token
    alice = await home.find_user("alice")
    await home.update_user(alice.id, email="new@example.com", profile={"name": "Alice B."})
    answer = await told(home, token)
    assert (answer["email"], answer["name"]) == ("new@example.com", "Alice B.")


async def test_the_subject_is_that_of_the_id_token(home: House) -> None:
    """§5.3.2: the one "MUST be verified to exactly match" the other."""
    await home.app("pairwise", subject_type="pairwise")
    made = await tokens(home, "pairwise", scope="openid email")
    answer = await told(home, made.access_token)
    assert made.id_token is not None
    claims = json.loads(base64.urlsafe_b64decode(made.id_token.reveal().split(".")[1] + "=="))
    assert answer["sub"] == claims["sub"]
    assert str(answer["sub"]).startswith(PSEUDONYM)
    assert answer["email"] == "alice@example.com"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_client_may_have_it_signed(home: House, algorithm: str) -> None:
    await home.app("signed", userinfo_signed_response_alg=algorithm)
    answer = await home.tell_user_info((await tokens(home, "signed", scope="openid email")).access_token)
    assert isinstance(answer, Secret)
    header, claims = (json.loads(base64.urlsafe_b64decode(p + "==")) for p in answer.reveal().split(".")[:2])
    assert header["alg"] == algorithm
    assert claims == {
        "sub": "alice",
        "email": "alice@example.com",
        "email_verified": False,
        "iss": ISSUER,
        "aud": "signed",
    }
    assert await home.tokens.verify(answer, typ="JWT") == claims
    with pytest.raises(InvalidToken):
        await home.verify(answer)


async def test_without_openid_it_is_for_nobody(home: House) -> None:
    token = (await tokens(home, scope=None)).access_token
    for other in (token, await home.log_in()):
        with pytest.raises(InsufficientScope) as caught:
            await home.tell_user_info(other)
        assert caught.value.scope == "openid"


async def test_a_scope_that_only_looks_like_it_is_none(home: House) -> None:
    for scope in ("OPENID", "openid2 profile", "xopenid"):
        token = await home.signed(home.claims(client_id="app", scope=scope))
        with pytest.raises(InsufficientScope):
            await home.tell_user_info(token)


async def test_a_token_for_another_api_opens_nothing(home: House) -> None:
    await home.create_resource(API, ("read",))
    await home.update_client("app", resources=(API,))
    only = await tokens(home, resources=(API,))
    with pytest.raises(InvalidToken) as caught:
        await home.tell_user_info(only.access_token)
    assert caught.value.reason == "another audience"
    both = await tokens(home, resources=(API, AUDIENCE))
    assert (await told(home, both.access_token))["sub"] == "alice"


async def test_a_client_by_itself_is_nobody(home: House) -> None:
    made = await home.client("robot", scopes=("openid", "email"))
    token = (await home.ask(ClientCredentialsRequest(), basic(made))).access_token
    with pytest.raises(InvalidToken):
        await home.tell_user_info(token)


async def test_a_token_that_no_client_has_opens_nothing(home: House) -> None:
    allowed = Permission(None, "alice", ("openid", "email"), (AUDIENCE,), home.clock.now())
    with pytest.raises(InvalidToken):
        await home.tell_user_info((await home.issue(allowed)).access_token)


@pytest.mark.parametrize(
    "what", ["user gone", "user inactive", "client gone", "client inactive", "revoked", "expired", "disconnected"]
)
async def test_what_has_ended_tells_nothing(home: House, what: str) -> None:
    token = (await tokens(home, scope="openid email")).access_token
    alice = await home.find_user("alice")
    if what == "user gone":
        await home.delete_user(alice.id)
    elif what == "user inactive":
        await home.update_user(alice.id, is_active=False)
    elif what == "client gone":
        await home.delete_client("app")
    elif what == "client inactive":
        await home.update_client("app", is_active=False)
    elif what == "revoked":
        await home.revoke(await home.proof_of("app"), token)
    elif what == "expired":
        home.clock.forward(minutes=30)
    else:
        await home.end_connection("alice", "app")
    with pytest.raises(InvalidToken):
        await home.tell_user_info(token)


@pytest.mark.parametrize("text", ["", "x", "a.b.c"])
async def test_what_is_no_token_tells_nothing(home: House, text: str) -> None:
    with pytest.raises(InvalidToken):
        await home.tell_user_info(Secret(text))


async def test_a_claim_is_no_way_around_a_scope_that_the_client_may_not_have(home: House) -> None:
    await home.app("modest", scopes=("openid", "profile"))
    wanted = json.dumps({"userinfo": {"email": None, "name": None}, "id_token": {"email": None, "name": None}})
    made = await tokens(home, "modest", claims=wanted)
    assert await told(home, made.access_token) == {"sub": "alice", "name": "Alice"}
    assert made.id_token is not None
    claims = json.loads(base64.urlsafe_b64decode(made.id_token.reveal().split(".")[1] + "=="))
    assert claims["name"] == "Alice"
    assert "email" not in claims
    assert made.refresh_token is not None
    await home.update_client("modest", scopes=("openid",))
    later = await home.ask(RefreshRequest(made.refresh_token), PublicCredential("modest"))
    assert await told(home, later.access_token) == {"sub": "alice"}


async def test_where_there_are_no_key_pairs_there_is_no_such_thing(house: House) -> None:
    """A token by password may have any scope that the client has, `openid` among them."""
    house = evolve(house, request_policy=RequestPolicy(openid=False))
    await house.alice()
    application = Application(userinfo_signed_response_alg="RS256")
    made = await house.client("own", scopes=("openid", "email"), application=application)
    token = (await house.ask(PasswordRequest("alice", Password.typed(PASSWORD)), basic(made))).access_token
    assert (await house.verify(token)).scope == "openid email"
    for one in (token, Secret("x")):
        with pytest.raises(NotFound):
            await house.tell_user_info(one)
