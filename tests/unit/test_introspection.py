"""What a token is worth, told to whom it concerns and to nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from core.clients.authenticate import AuthenticatedClient, PublicCredential
from core.clients.model import AuthMethod
from core.grants.contract import ClientCredentialsRequest, PasswordRequest, RefreshRequest, TokenResponse
from core.protocol.refusals import InvalidClient, InvalidToken
from core.protocol.secret import Secret
from core.tokens.introspect import INACTIVE
from core.tokens.model import Permission
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import AUDIENCE, ISSUER, House, basic

API = "https://files.example.com"
OTHER = "https://other.example.com"
TYPED = Password.typed(PASSWORD)
APP = PublicCredential("app")

DEAD = {"active": False}


@pytest.fixture
async def home(house: House) -> House:
    """Somebody, an app, two APIs, and the clients by which these ask."""
    await house.alice(roles=("writer",))
    for api in (API, OTHER):
        await house.create_resource(api, ("read", "write"))
    await house.client("app", auth_method=AuthMethod.NONE, scopes=("read",), resources=(API, OTHER))
    await house.client("files", grant_types=(), serves=(API,))
    await house.client("other", grant_types=(), serves=(OTHER,))
    return house


async def log_in(house: House, *resources: str) -> tuple[Secret, Secret]:
    response = await house.ask(PasswordRequest("alice", TYPED, resources=resources), APP)
    assert response.refresh_token is not None
    return response.access_token, response.refresh_token


async def told(house: House, client_id: str, token: Secret) -> dict[str, object]:
    return dict(await house.introspect(await house.proof_of(client_id), token))


async def test_a_live_access_token_is_described_to_whoever_serves_its_resource(home: House) -> None:
    token, _ = await log_in(home, API)
    claims = await home.verify.for_anybody(token)
    assert await told(home, "files", token) == {
        "active": True,
        "iss": ISSUER,
        "sub": "alice",
        "username": "alice",
        "aud": API,
        "exp": claims.exp,
        "iat": claims.iat,
        "jti": claims.jti,
        "client_id": "app",
        "token_type": "Bearer",
        "scope": "read",
        "roles": ["writer"],
    }


async def test_the_token_of_a_client_is_described_without_a_user(home: House) -> None:
    made = await home.client("worker", resources=(API, OTHER))
    token = (await home.ask(ClientCredentialsRequest(resources=(API, OTHER)), basic(made))).access_token
    for client_id in ("worker", "files", "other"):
        members = await told(home, client_id, token)
        assert (members["active"], members["sub"], members["aud"]) == (True, "worker", [API, OTHER])
        assert not members.keys() & {"username", "roles", "scope"}


async def test_a_live_refresh_token_is_described_to_its_own_client(home: House) -> None:
    made = await home.client("web", scopes=("read",))
    response = await home.ask(PasswordRequest("alice", TYPED), basic(made))
    assert response.refresh_token is not None
    now = int(home.clock.now().timestamp())
    assert await told(home, "web", response.refresh_token) == {
        "active": True,
        "client_id": "web",
        "sub": "alice",
        "username": "alice",
        "scope": "read",
        "aud": [AUDIENCE],
        "iss": ISSUER,
        "iat": now,
        "exp": now + int(timedelta(days=30).total_seconds()),
    }


async def test_the_end_of_a_refresh_token_is_the_nearer_of_two(home: House) -> None:
    made = await home.client("web")
    token = (await home.ask(PasswordRequest("alice", TYPED), basic(made))).refresh_token
    began = home.clock.now()
    for _ in range(4):
        assert token is not None
        home.clock.forward(days=20)
        token = (await home.ask(RefreshRequest(token), basic(made))).refresh_token
    assert token is not None
    members = await told(home, "web", token)
    assert members["exp"] == int((began + timedelta(days=90)).timestamp())
    assert members["iat"] == int(began.timestamp())
    assert "scope" not in members


async def test_nobody_else_learns_anything(home: House) -> None:
    access, refresh = await log_in(home, API)
    await home.client("stranger", resources=(API,))  # it may ask for that API, and does not serve it
    for client_id in ("other", "stranger"):
        assert await told(home, client_id, access) == DEAD
    for client_id in ("files", "other", "stranger"):
        assert await told(home, client_id, refresh) == DEAD


async def test_a_public_client_may_not_ask_at_all(home: House) -> None:
    access, refresh = await log_in(home)
    for token in (access, refresh, Secret("nonsense")):
        with pytest.raises(InvalidClient):
            await told(home, "app", token)


async def test_a_token_of_watchwords_own_concerns_whoever_serves_its_audience(home: House) -> None:
    token = await home.log_in()
    assert await told(home, "files", token) == DEAD
    await home.create_resource(AUDIENCE)
    await home.client("api", grant_types=(), serves=(AUDIENCE,))
    assert (await told(home, "api", token))["username"] == "alice"


async def end(house: House, how: str, access: Secret, refresh: Secret) -> None:
    proof = await house.proof_of("app")
    alice = await house.find_user("alice")
    match how:
        case "expired":
            house.clock.forward(days=31)
        case "revoked":
            await house.revoke(proof, access)
        case "family revoked":
            await house.revoke(proof, refresh)
        case "user deactivated":
            await house.update_user(alice.id, is_active=False)
        case "user deleted":
            await house.delete_user(alice.id)
        case "password":
            await house.update_user(alice.id, password=Password.typed("another long one"))
        case "user's tokens":
            await house.end_users_tokens("alice")
        case "client's tokens":
            await house.end_clients_tokens("app")
        case "all tokens":
            await house.end_all_tokens()
        case "client deactivated":
            await house.update_client("app", is_active=False)
        case "client deleted":
            await house.delete_client("app")


ENDINGS = [
    "expired", "revoked", "family revoked", "user deactivated", "user deleted", "password", "user's tokens",
    "client's tokens", "all tokens", "client deactivated", "client deleted",
]  # fmt: skip


@pytest.mark.parametrize("how", ENDINGS)
async def test_a_token_that_has_ended_is_no_longer_live_and_that_is_all_that_is_told(home: House, how: str) -> None:
    access, refresh = await log_in(home, API)
    assert (await told(home, "files", access))["active"]
    client = (await home.proof_of("app")).client
    await end(home, how, access, refresh)
    assert await told(home, "files", access) == DEAD
    if how == "revoked":
        return  # its refresh token lives on (RFC 7009 §2.1)
    found = await home.clients.get("app")
    # A confidential client in the place of the app, which may not ask.
    caller = AuthenticatedClient(evolve(found or client, auth_method=AuthMethod.SECRET_BASIC))
    if how not in {"client deactivated", "client deleted"}:  # such a one does not authenticate
        assert dict(await home.introspect(caller, refresh)) == DEAD


async def test_a_refresh_token_that_was_exchanged_is_live_for_as_long_as_it_may_be_repeated(home: House) -> None:
    made = await home.client("web")
    first = (await home.ask(PasswordRequest("alice", TYPED), basic(made))).refresh_token
    assert first is not None
    second = (await home.ask(RefreshRequest(first), basic(made))).refresh_token
    assert second is not None
    assert (await told(home, "web", first))["active"]
    home.clock.forward(seconds=30)
    assert await told(home, "web", first) == DEAD
    assert (await told(home, "web", second))["active"]  # to look is not to use
    assert home.audit.events.count("refresh token reused: family revoked") == 0


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("nonsense", "not a refresh token of ours"),
        ("forgotten", "not a refresh token of ours"),
        ("other client", "issued to another client"),
        ("no client", "issued to another client"),
        ("family revoked", "revoked"),
        ("expired", "expired"),
        ("exchanged", "exchanged before"),
        ("user deactivated", "the user is gone or inactive"),
        ("user deleted", "the user is gone or inactive"),
        ("user's tokens", "earlier tokens were ended"),
        ("client's tokens", "earlier tokens were ended"),
        ("all tokens", "earlier tokens were ended"),
    ],
)
async def test_why_a_refresh_token_does_not_hold_is_for_the_operator(home: House, how: str, reason: str) -> None:
    access, refresh = await log_in(home)
    client = (await home.proof_of("app")).client
    if how == "nonsense":
        refresh = Secret("wwr_nonsense")
    elif how == "forgotten":
        refresh = (await home.refresh_tokens.first(home.entropy.uuid())).text
    elif how == "other client":
        client = (await home.proof_of("files")).client
    elif how == "exchanged":
        await home.ask(RefreshRequest(refresh), APP)
        home.clock.forward(minutes=1)
    elif how != "no client":
        await end(home, how, access, refresh)
        client = (await home.proof_of("app")).client
    with pytest.raises(InvalidToken) as caught:
        await home.look_at_refresh_token(refresh, None if how == "no client" else client)
    assert caught.value.reason == reason


async def test_a_refresh_token_of_nobodys_is_looked_at_without_a_client(home: House) -> None:
    eager = evolve(home, refresh_without_client=True)
    response: TokenResponse = await eager.ask(PasswordRequest("alice", TYPED))
    assert response.refresh_token is not None
    assert (await eager.look_at_refresh_token(response.refresh_token, None)).permission.username == "alice"
    assert await told(eager, "files", response.refresh_token) == DEAD


async def test_a_family_without_a_user_needs_none(home: House) -> None:
    token = await home.start_family(Permission("files", None, (), (API,), home.clock.now()))
    members = await told(home, "files", token.text)
    assert (members["active"], members["sub"]) == (True, "files")
    assert "username" not in members


@given(st.text() | st.text("AQID-_=.wr", max_size=100).map("wwr_".__add__))
async def test_any_text_is_not_live(text: str) -> None:
    house = House.over(None)  # type: ignore[arg-type]  # nobody's password is looked at
    await house.client()
    assert await told(house, "reports", Secret(text)) == DEAD


def test_the_answer_for_everything_else_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        INACTIVE["active"] = True  # type: ignore[index]  # what is tested
