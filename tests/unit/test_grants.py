"""The grants at the token endpoint: password, with and without a client, and client credentials."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve

from core.clients.authenticate import PublicCredential, SecretCredential
from core.clients.model import AuthMethod
from core.grants.contract import (
    ClientCredentialsRequest,
    ClientRequest,
    PasswordRequest,
    Presented,
    RefreshRequest,
    TokenRequest,
)
from core.protocol.refusals import (
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    OAuthRefusal,
    UnauthorizedClient,
    UnsupportedGrantType,
    WrongCredentials,
)
from core.protocol.secret import Secret
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, AUDIENCE, House, basic

API = "https://files.example.com"
TYPED = Password.typed(PASSWORD)
LOGIN = PasswordRequest("alice", TYPED)
ITSELF = ClientCredentialsRequest()


@pytest.fixture
async def home(house: House) -> House:
    """With somebody in it, and an API that defines two scopes."""
    await house.alice(roles=("writer",))
    await house.create_resource(API, ("read", "write"))
    return house


# Whose request it is


async def test_a_grant_is_decided_by_the_kind_of_the_request(home: House) -> None:
    made = await home.client()
    user = await home.verify((await home.ask(LOGIN, basic(made))).access_token)
    client = await home.verify((await home.ask(ITSELF, basic(made))).access_token)
    assert (user.sub, client.sub) == ("alice", "reports")


@pytest.mark.parametrize("request_", [LOGIN, ITSELF, RefreshRequest(Secret("wwr_"))])
async def test_a_grant_that_is_missing_is_switched_off_for_everybody(home: House, request_: TokenRequest) -> None:
    made = await home.client()
    kind = type(request_)
    endpoint = home.token_endpoint
    endpoint = evolve(endpoint, grants={key: grant for key, grant in endpoint.grants.items() if key is not kind})
    for credential in (None, basic(made), PublicCredential("nobody")):
        with pytest.raises(UnsupportedGrantType):
            await endpoint(Presented(request_, credential, ADDRESS))


async def test_only_the_password_grant_is_for_those_who_are_no_clients(home: House) -> None:
    await home.ask(LOGIN)
    others: list[TokenRequest] = [ITSELF, RefreshRequest(Secret("wwr_"))]
    for request_ in others:
        with pytest.raises(InvalidClient):
            await home.ask(request_)


@pytest.mark.parametrize("grant", ["password", "client_credentials", "refresh_token"])
async def test_a_client_uses_the_grants_that_it_is_registered_for_alone(home: House, grant: str) -> None:
    made = await home.client(grant_types=(grant,))
    requests: dict[str, TokenRequest] = {"password": LOGIN, "client_credentials": ITSELF}
    requests["refresh_token"] = RefreshRequest(Secret("wwr_"))
    home.hasher.calls.clear()
    for other in requests.keys() - {grant}:
        with pytest.raises(UnauthorizedClient):
            await home.ask(requests[other], basic(made))
    assert home.hasher.calls == []
    with suppress(InvalidGrant):  # a refresh token of nobody's: the grant was asked
        await home.ask(requests[grant], basic(made))


async def test_a_client_authenticates_before_anything_else_is_looked_at(home: House) -> None:
    made = await home.client()
    wrong = evolve(basic(made), secret=Secret("wws_wrong"))
    home.hasher.calls.clear()
    requests: list[TokenRequest] = [LOGIN, ITSELF, RefreshRequest(Secret("wwr_"))]
    for request_ in requests:
        with pytest.raises(InvalidClient):
            await home.ask(request_, wrong)
    assert home.hasher.calls == []


# The password grant


async def test_without_a_client_a_login_gets_a_token_of_watchwords_own_and_no_refresh_token(home: House) -> None:
    response = await home.ask(LOGIN)
    claims = await home.verify(response.access_token)
    assert (claims.sub, claims.client_id, claims.aud) == ("alice", "watchword", (AUDIENCE,))
    assert (claims.roles, claims.scope, claims.grant_id) == (("writer",), "", None)
    assert (response.scope, response.refresh_token, response.expires_in) == ((), None, 1800)


async def test_without_a_client_there_is_a_refresh_token_where_that_is_switched_on(home: House) -> None:
    eager = evolve(home, refresh_without_client=True)
    response = await eager.ask(LOGIN)
    assert response.refresh_token is not None
    assert (await eager.verify(response.access_token)).grant_id is not None
    again = await eager.ask(RefreshRequest(response.refresh_token))
    assert (await eager.current_user(again.access_token)).username == "alice"


@pytest.mark.parametrize("method", [AuthMethod.SECRET_BASIC, AuthMethod.NONE])
async def test_a_client_that_may_refresh_gets_a_refresh_token_with_a_login(home: House, method: AuthMethod) -> None:
    made = await home.client(auth_method=method, scopes=("read",))
    credential = basic(made) if made.secret else PublicCredential("reports")
    response = await home.ask(LOGIN, credential)
    claims = await home.verify(response.access_token)
    assert (claims.sub, claims.client_id, claims.roles, claims.scope) == ("alice", "reports", ("writer",), "read")
    assert response.scope == ("read",)
    assert response.refresh_token is not None
    assert response.refresh_token.reveal().startswith("wwr_")
    assert (await home.current_user(response.access_token)).username == "alice"


async def test_a_client_that_may_not_refresh_gets_no_refresh_token(home: House) -> None:
    made = await home.client(grant_types=("password",))
    response = await home.ask(LOGIN, basic(made))
    assert response.refresh_token is None
    assert (await home.verify(response.access_token)).grant_id is None


async def test_a_login_is_for_the_resource_that_is_named(home: House) -> None:
    made = await home.client(scopes=("read", "admin"), resources=(API,))
    response = await home.ask(PasswordRequest("alice", TYPED, resources=(API,)), basic(made))
    claims = await home.verify.for_anybody(response.access_token)
    assert (claims.aud, claims.scope, response.scope) == ((API,), "read", ("read",))


async def test_a_request_for_too_much_is_refused_before_the_password_is_looked_at(home: House) -> None:
    made = await home.client(scopes=("read",))
    home.hasher.calls.clear()
    for password in (TYPED, Password.typed("wrong horse battery")):
        for request_, refusal in (
            (PasswordRequest("alice", password, scope=("admin",)), InvalidScope),
            (PasswordRequest("alice", password, resources=(API,)), InvalidTarget),
        ):
            for credential in (None, basic(made)):
                with pytest.raises(refusal):
                    await home.ask(request_, credential)
    assert home.hasher.calls == []


async def test_a_wrong_password_is_refused_alike_with_and_without_a_client(home: House) -> None:
    made = await home.client()
    for credential in (None, basic(made)):
        with pytest.raises(WrongCredentials):
            await home.ask(PasswordRequest("alice", Password.typed("wrong horse battery")), credential)


async def test_the_token_of_a_login_that_a_password_change_overtakes_is_refused(home: House) -> None:
    alice = await home.find_user("alice")

    async def change() -> None:
        home.clock.forward(seconds=3)
        await home.update_user(alice.id, password=Password.typed("another long one"))
        home.clock.forward(seconds=3)

    made = await home.client()
    home.hasher.after_verify = change
    response = await home.ask(LOGIN, basic(made))
    assert response.refresh_token is not None
    with pytest.raises(OAuthRefusal):
        await home.ask(RefreshRequest(response.refresh_token), basic(made))


# Client credentials


async def test_a_client_gets_a_token_of_its_own_with_neither_user_nor_refresh_token(home: House) -> None:
    made = await home.client(scopes=("read", "write"))
    response = await home.ask(ITSELF, basic(made))
    claims = await home.verify(response.access_token)
    assert (claims.sub, claims.client_id, claims.aud) == ("reports", "reports", (AUDIENCE,))
    assert (claims.scope, claims.roles, claims.grant_id) == ("read write", (), None)
    raw = await home.tokens.verify(response.access_token, typ="at+jwt")
    assert "roles" not in raw
    assert (response.scope, response.refresh_token) == (("read", "write"), None)


async def test_a_client_gets_what_it_asks_for_of_what_it_may_have(home: House) -> None:
    made = await home.client(scopes=("read", "admin"), resources=(API,))
    asked = ClientCredentialsRequest(scope=("read",), resources=(API, AUDIENCE))
    claims = await home.verify((await home.ask(asked, basic(made))).access_token)
    assert (claims.scope, claims.aud) == ("read", (API, AUDIENCE))
    for request_, refusal in (
        (ClientCredentialsRequest(scope=("write",)), InvalidScope),
        (ClientCredentialsRequest(scope=("admin",), resources=(API,)), InvalidScope),
        (ClientCredentialsRequest(resources=("https://elsewhere.example.com",)), InvalidTarget),
    ):
        with pytest.raises(refusal):
            await home.ask(request_, basic(made))


async def test_whoever_proves_nothing_gets_no_token_of_its_own(home: House) -> None:
    public = (await home.client("app", auth_method=AuthMethod.NONE)).client
    assert "client_credentials" not in public.grant_types
    proof = evolve(await home.proof_of("app"), client=evolve(public, grant_types=("client_credentials",)))
    for client in (None, proof):
        with pytest.raises(InvalidClient):
            await home.client_credentials_grant(ClientRequest(ITSELF, client, ADDRESS))


async def test_right_after_its_tokens_were_ended_a_client_waits_for_the_next_whole_second(home: House) -> None:
    made = await home.client()
    home.clock.forward(milliseconds=250)
    ended = home.clock.now()
    old = (await home.ask(ITSELF, basic(made))).access_token
    await home.end_clients_tokens("reports")
    new = (await home.ask(ITSELF, basic(made))).access_token
    assert home.clock.now() - ended == timedelta(milliseconds=750)
    caller = await home.proof_of()
    assert not (await home.introspect(caller, old))["active"]
    assert (await home.introspect(caller, new))["active"]
    at = home.clock.now()
    await home.ask(ITSELF, basic(made))
    assert home.clock.now() == at


async def test_the_token_of_a_client_opens_no_door_of_a_user(home: House) -> None:
    made = await home.client()
    token = (await home.ask(ITSELF, basic(made))).access_token
    with pytest.raises(InvalidToken) as caught:
        await home.current_user(token)
    assert caught.value.reason == "the token of a client, with no user behind it"


async def test_no_secret_is_in_any_repr(home: House) -> None:
    made = await home.client()
    assert made.secret is not None
    credential = SecretCredential("reports", made.secret, AuthMethod.SECRET_BASIC)
    response = await home.ask(LOGIN, credential)
    assert response.refresh_token is not None
    shown = repr([Presented(LOGIN, credential, ADDRESS), response, home.audit.notes, made])
    for secret in (made.secret, response.access_token, response.refresh_token, Secret(PASSWORD)):
        assert secret.reveal() not in shown
