"""The refresh token grant: what was granted, and may still be had."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from attrs import evolve

from adapters.memory.users import MemoryUsers
from core.clients.authenticate import PublicCredential
from core.clients.model import AuthMethod
from core.grants.contract import PasswordRequest, RefreshRequest, TokenResponse
from core.protocol.refusals import InvalidClient, InvalidGrant, InvalidScope, InvalidTarget, InvalidToken
from core.protocol.secret import Secret
from core.tokens.model import RefreshPolicy
from core.users.model import User
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import AUDIENCE, House, basic
from tests.unit.noting import nothing

API = "https://files.example.com"
OTHER = "https://other.example.com"
TYPED = Password.typed(PASSWORD)
NEW = Password.typed("another long one")

CLIENT = {"scopes": ("read", "write"), "resources": (API, OTHER)}


@pytest.fixture
async def home(house: House) -> House:
    """With somebody in it, two APIs, and a client that may ask for both."""
    await house.alice(roles=("writer",))
    await house.create_resource(API, ("read", "write"))
    await house.create_resource(OTHER, ("read",))
    await house.client("app", auth_method=AuthMethod.NONE, **CLIENT)
    return house


APP = PublicCredential("app")


async def logged_in(house: House, scope: str | None = None, *resources: str) -> Secret:
    names = tuple(scope.split()) if scope is not None else None
    response = await house.ask(PasswordRequest("alice", TYPED, scope=names, resources=resources), APP)
    assert response.refresh_token is not None
    return response.refresh_token


async def refreshed(house: House, token: Secret, scope: str | None = None, *resources: str) -> TokenResponse:
    names = tuple(scope.split()) if scope is not None else None
    return await house.ask(RefreshRequest(token, scope=names, resources=resources), APP)


async def test_a_refresh_gives_an_access_token_of_the_same_grant_and_the_next_refresh_token(home: House) -> None:
    first = await home.ask(PasswordRequest("alice", TYPED), APP)
    assert first.refresh_token is not None
    home.clock.forward(minutes=20)
    second = await refreshed(home, first.refresh_token)
    old, new = [await home.verify(each.access_token) for each in (first, second)]
    assert (new.sub, new.client_id, new.aud, new.scope) == (old.sub, old.client_id, old.aud, old.scope)
    assert new.grant_id == old.grant_id is not None
    assert new.iat == old.iat + 1200
    assert new.exp == old.exp + 1200
    assert new.jti != old.jti
    assert second.refresh_token is not None
    assert second.refresh_token != first.refresh_token
    assert (second.scope, second.expires_in) == (("read", "write"), 1800)
    assert (await home.current_user(second.access_token)).username == "alice"


async def test_roles_are_those_of_now(home: House) -> None:
    token = await logged_in(home)
    alice = await home.find_user("alice")
    await home.update_user(alice.id, roles=("reader",))
    assert (await home.verify((await refreshed(home, token)).access_token)).roles == ("reader",)


async def test_scope_and_audience_may_narrow_for_one_access_token(home: House) -> None:
    token = await logged_in(home, None, API, OTHER)
    narrow = await refreshed(home, token, "read", OTHER)
    claims = await home.verify.for_anybody(narrow.access_token)
    assert (claims.scope, claims.aud, narrow.scope) == ("read", (OTHER,), ("read",))
    assert narrow.refresh_token is not None
    whole = await refreshed(home, narrow.refresh_token)
    claims = await home.verify.for_anybody(whole.access_token)
    assert (claims.scope, claims.aud) == ("read write", (API, OTHER))


async def test_more_than_was_granted_is_refused_and_spends_nothing(home: House) -> None:
    token = await logged_in(home, "read", API)
    for scope, resources, refusal in (
        ("write", (), InvalidScope),  # the client's, and not granted
        ("admin", (), InvalidScope),  # not even the client's
        (None, (OTHER,), InvalidTarget),
        (None, (AUDIENCE,), InvalidTarget),
        (None, ("https://elsewhere.example.com",), InvalidTarget),
        ("read write", (OTHER,), InvalidScope),
    ):
        with pytest.raises(refusal):
            await refreshed(home, token, scope, *resources)
    assert (await refreshed(home, token)).scope == ("read",)
    assert home.audit.events == ["client created"]


async def test_a_client_that_may_have_less_by_now_gets_less(home: House) -> None:
    token = await logged_in(home, None, API, OTHER)
    await home.update_client("app", scopes=("read",), resources=(API,))
    response = await refreshed(home, token)
    claims = await home.verify.for_anybody(response.access_token)
    assert (claims.scope, claims.aud) == ("read", (API,))
    await home.update_client("app", scopes=("read", "write", "more"), resources=(API, OTHER))
    assert response.refresh_token is not None
    claims = await home.verify.for_anybody((await refreshed(home, response.refresh_token)).access_token)
    assert (claims.scope, claims.aud) == ("read write", (API, OTHER))  # what was granted, and no more


async def test_what_a_resource_defines_by_now_counts(home: House) -> None:
    token = await logged_in(home, None, API)
    await home.update_resource(API, ("write", "more"))
    response = await refreshed(home, token)
    assert response.scope == ("write",)
    await home.update_resource(API, ())
    assert response.refresh_token is not None
    assert (await refreshed(home, response.refresh_token)).scope == ()


async def test_a_grant_for_nothing_that_is_still_there_is_spent(home: House) -> None:
    token = await logged_in(home, None, API)
    await home.delete_resource(API)
    with pytest.raises(InvalidGrant):
        await refreshed(home, token)


async def test_a_grant_for_the_default_audience_outlives_every_resource(home: House) -> None:
    token = await logged_in(home)
    await home.update_client("app", resources=())
    assert (await home.verify((await refreshed(home, token)).access_token)).aud == (AUDIENCE,)


@pytest.mark.parametrize("how", ["deactivated", "reactivated", "deleted", "password", "ended"])
async def test_whatever_ends_the_users_tokens_ends_this_one(home: House, how: str) -> None:
    token = await logged_in(home)
    alice = await home.find_user("alice")
    home.clock.forward(minutes=1)
    if how == "deleted":
        await home.delete_user(alice.id)
    elif how == "password":
        await home.change_password(alice, current_password=TYPED, new_password=NEW, address="192.0.2.1")
    elif how == "ended":
        await home.end_users_tokens("alice")
    else:
        await home.update_user(alice.id, is_active=False)
        if how == "reactivated":
            await home.update_user(alice.id, is_active=True)
    home.clock.forward(minutes=1)
    with pytest.raises(InvalidGrant, match=r"^This refresh token is not acceptable$"):
        await refreshed(home, token)


@pytest.mark.parametrize("how", ["tokens ended", "reactivated", "all tokens ended"])
async def test_whatever_ends_the_clients_tokens_ends_this_one(home: House, how: str) -> None:
    token = await logged_in(home)
    home.clock.forward(minutes=1)
    if how == "tokens ended":
        await home.end_clients_tokens("app")
    elif how == "all tokens ended":
        await home.end_all_tokens()
    else:
        await home.update_client("app", is_active=False)
        with pytest.raises(InvalidClient):
            await refreshed(home, token)
        await home.update_client("app", is_active=True)
    home.clock.forward(minutes=1)
    with pytest.raises(InvalidGrant):
        await refreshed(home, token)
    later = await logged_in(home)
    assert await refreshed(home, later)


async def test_a_token_is_its_clients_alone(home: House) -> None:
    token = await logged_in(home)
    other = await home.client("other", **CLIENT)
    with pytest.raises(InvalidGrant):
        await home.ask(RefreshRequest(token), basic(other))
    with pytest.raises(InvalidClient):
        await home.ask(RefreshRequest(token))
    assert await refreshed(home, token)


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(home: House) -> None:
    response = await home.ask(PasswordRequest("alice", TYPED), APP)
    assert response.refresh_token is not None
    with pytest.raises(InvalidGrant):
        await refreshed(home, response.access_token)
    with pytest.raises(InvalidToken):
        await home.current_user(response.refresh_token)


async def test_a_reuse_ends_the_access_tokens_of_the_family_as_well(home: House) -> None:
    token = await logged_in(home)
    response = await refreshed(home, token)
    home.clock.forward(minutes=1)
    assert await home.current_user(response.access_token)
    with pytest.raises(InvalidGrant):
        await refreshed(home, token)
    with pytest.raises(InvalidToken) as caught:
        await home.current_user(response.access_token)
    assert caught.value.reason == "revoked"


async def test_a_scope_that_no_resource_knows_any_more_is_refused_and_not_passed_over(home: House) -> None:
    home = evolve(home, refresh_policy=RefreshPolicy(grace=timedelta(0)))
    token = await logged_in(home, None, API)
    await home.update_resource(API, ("other",))
    for _ in range(3):
        with pytest.raises(InvalidScope):
            await refreshed(home, token, "read")
    await home.update_resource(API, ("read",))
    assert (await refreshed(home, token, "read")).scope == ("read",)  # nothing was spent


async def test_many_workers_with_one_token_all_go_on(home: House) -> None:
    token = await logged_in(home)
    responses = await asyncio.gather(*(refreshed(home, token) for _ in range(20)))
    assert len({each.access_token.reveal() for each in responses}) == 20
    (successor,) = {each.refresh_token.reveal() for each in responses if each.refresh_token is not None}
    assert await refreshed(home, Secret(successor))


class OvertakenUsers(MemoryUsers):
    """A store in which something happens right after a user was read."""

    meanwhile: Callable[[], Awaitable[None]] = staticmethod(nothing)

    async def get_by_username(self, username: str) -> User | None:
        found = await super().get_by_username(username)
        then, self.meanwhile = self.meanwhile, nothing
        await then()
        return found


async def test_a_refresh_that_an_end_of_tokens_overtakes_yields_a_token_that_is_refused(house: House) -> None:
    users = OvertakenUsers()
    home = House.over(house.hasher.inner, users=users)
    await home.alice()
    await home.client("app", auth_method=AuthMethod.NONE)
    token = await logged_in(home)
    home.clock.forward(minutes=1)

    async def end() -> None:
        home.clock.forward(seconds=5)
        await home.end_users_tokens("alice")
        home.clock.forward(seconds=5)

    users.meanwhile = end
    response = await refreshed(home, token)
    with pytest.raises(InvalidToken) as caught:
        await home.current_user(response.access_token)
    assert caught.value.reason == "the user's earlier tokens were ended"
