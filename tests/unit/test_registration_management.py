"""A client and its own registration (RFC 7592): who may look, what may change, and what an attacker makes of that."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.clients.application import Application
from core.clients.dynamic import SERVERS_OWN, Registered
from core.clients.model import AuthMethod, Resource
from core.protocol.refusals import InvalidToken, NotFound, TooManyAttempts
from core.protocol.secret import Secret
from core.users.throttle import REGISTRATIONS
from tests.unit.desk import ADDRESS, APP, CALLBACK, INITIAL, Desk
from tests.unit.jws import a_key, public
from tests.unit.strangers import stranger, whole

JWKS: dict[str, Any] = {"keys": [public(a_key(), kid="a")]}
BY_KEY: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}
PAIRWISE: dict[str, Any] = {"subject_type": "pairwise"}

VICTIM = "https://victim.example/callback"


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def shut_out(desk: Desk, client_id: str, token: Secret) -> None:
    """Each verb gives the one answer, and nothing has changed."""
    before = (await desk.clients.page(after=None, limit=100)).clients
    said = {"client_id": client_id, **APP}
    reasons = set()
    for attempt in (
        desk.find(client_id, token),
        desk.replace(client_id, token, said, address=ADDRESS),
        desk.replace(client_id, token, {"client_id": 1}, address=ADDRESS),
        desk.delete(client_id, token, address=ADDRESS),
    ):
        with pytest.raises(InvalidToken) as caught:
            await attempt
        assert caught.value.description == "Could not validate credentials"
        reasons.add(caught.value.reason)
    assert reasons == {"not the registration access token of this client"}
    assert (await desk.clients.page(after=None, limit=100)).clients == before


# Who may look


async def test_a_client_finds_itself_by_its_token(desk: Desk) -> None:
    made = await desk.register()
    assert await desk.find(made.client.client_id, made.token) == made.client


async def test_no_other_token_is_good_for_it(desk: Desk) -> None:
    made, other = await desk.register(), await desk.register()
    assert made.secret is not None
    text = made.token.reveal()
    for wrong in ("", "wwt_", text[:-1], text + "x", text.swapcase(), "\ud800", "É", "\0" * 32):
        await shut_out(desk, made.client.client_id, Secret(wrong))
    for wrong_one in (other.token, made.secret, INITIAL):
        await shut_out(desk, made.client.client_id, wrong_one)


async def test_a_client_that_is_not_there_or_not_its_own_is_told_no_different(desk: Desk) -> None:
    """RFC 7592 §2.1: no client learns which others there are."""
    made = await desk.register()
    by_admin = await desk.create(client_id="reports", grant_types=("client_credentials",))
    assert by_admin.secret is not None
    for client_id in ("nobody", "reports", "", "A", "a" * 65, "../reports", "\0", "\ud800"):
        for token in (made.token, by_admin.secret, Secret(""), Secret("\0" * 32)):
            await shut_out(desk, client_id, token)


async def test_a_client_that_was_deactivated_or_deleted_has_no_say(desk: Desk) -> None:
    made, gone = await desk.register(), await desk.register()
    await desk.update(made.client.client_id, is_active=False)
    await desk.delete(gone.client.client_id, gone.token, address=ADDRESS)
    for each in (made, gone):
        await shut_out(desk, each.client.client_id, each.token)


async def test_where_registration_is_off_nobody_manages_one(desk: Desk) -> None:
    made = await desk.register()
    desk.mode = "off"
    for attempt in (
        desk.find(made.client.client_id, made.token),
        desk.replace(made.client.client_id, made.token, APP, address=ADDRESS),
        desk.delete(made.client.client_id, made.token, address=ADDRESS),
    ):
        with pytest.raises(NotFound):
            await attempt


# What may change


async def test_a_replacement_is_all_that_is_said_from_then_on(desk: Desk) -> None:
    made = await desk.register(
        client_name="Notes",
        scope="openid notes:read",
        grant_types=["authorization_code", "refresh_token"],
        logo_uri="https://example.com/logo.png",
        contacts=["admin@example.com"],
        default_max_age=60,
        require_auth_time=True,
    )
    desk.clock.forward(minutes=1)
    changed = await desk.put(made, client_name="Notes 2", tos_uri="https://example.com/tos", redirect_uris=[VICTIM])
    client = changed.client
    assert client.application == Application(redirect_uris=(VICTIM,), tos_uri="https://example.com/tos")
    assert (client.name, client.scopes, client.grant_types) == ("Notes 2", (), ("authorization_code",))
    assert (client.created_at, client.updated_at) == (made.client.created_at, desk.clock.now())
    assert (client.secret, client.registration) == (made.client.secret, made.client.registration)
    assert client == await desk.clients.get(client.client_id)
    assert changed.token == made.token
    assert desk.audit.events == ["client registered itself", "client replaced its registration"]
    again = await desk.put(made)
    assert again.client.name == again.client.client_id


async def test_what_is_null_or_empty_is_taken_away(desk: Desk) -> None:
    """RFC 7592 §2.2."""
    left_out: list[Any] = [None, "", []]
    for nothing in left_out:
        made = await desk.register(logo_uri="https://example.com/logo.png", contacts=["a@example.com"])
        assert (await desk.put(made, logo_uri=nothing, contacts=nothing)).client.application == Application(
            redirect_uris=(CALLBACK,)
        )


async def test_a_client_says_which_one_it_is(desk: Desk) -> None:
    made, other = await desk.register(), await desk.register()
    for wrong in (None, "", other.client.client_id, made.client.client_id.upper(), 1, [made.client.client_id]):
        assert (await desk.not_put(made, client_id=wrong)).startswith("client_id: ")
    with pytest.raises(InvalidToken):
        await desk.replace(other.client.client_id, made.token, {"client_id": other.client.client_id}, address=ADDRESS)


async def test_a_secret_that_is_repeated_is_the_one_it_has_and_nobody_chooses_one(desk: Desk) -> None:
    made, other = await desk.register(), await desk.register()
    assert made.secret is not None
    assert other.secret is not None
    assert (await desk.put(made)).secret is None
    assert (await desk.put(made, client_secret=made.secret.reveal())).secret == made.secret
    for wrong in (other.secret.reveal(), "", "chosen-by-the-client", made.secret.reveal() + "x", 1, ["a"], "\ud800"):
        assert (await desk.not_put(made, client_secret=wrong)).startswith("client_secret: ")
    public_one = await desk.register(token_endpoint_auth_method="none")
    for wrong in ("", "chosen", "\0" * 32):
        assert (await desk.not_put(public_one, client_secret=wrong)).startswith("client_secret: ")


@pytest.mark.parametrize("name", SERVERS_OWN)
async def test_what_is_the_servers_to_say_is_not_the_clients(desk: Desk, name: str) -> None:
    made = await desk.register()
    assert (await desk.not_put(made, **{name: "x"})).startswith(f"{name}: ")
    await desk.put(made, **{name: None})


async def test_a_client_stays_with_its_way_to_authenticate(desk: Desk) -> None:
    methods: dict[str, dict[str, Any]] = {method: {} for method in AuthMethod}
    methods["private_key_jwt"] = {"jwks": JWKS}
    for method, keys in methods.items():
        made = await desk.register(token_endpoint_auth_method=method, **keys)
        for other in methods.keys() - {method}:
            refusal = await desk.not_put(made, token_endpoint_auth_method=other, **methods[other])
            assert refusal.startswith("token_endpoint_auth_method: ")
        for said in ({"token_endpoint_auth_method": method}, {}):
            changed = (await desk.put(made, **said, **keys)).client
            assert (changed.auth_method, changed.secret) == (made.client.auth_method, made.client.secret)


async def test_keys_change_from_one_way_to_the_other_and_are_never_without(desk: Desk) -> None:
    made = await desk.register(**BY_KEY, jwks=JWKS)
    uri = "https://app.example.com/jwks"
    by_uri = (await desk.put(made, jwks_uri=uri)).client
    assert (by_uri.jwks, by_uri.application.jwks_uri) == (None, uri)
    other = {"keys": [public(a_key(name="other"))]}
    by_value = (await desk.put(made, jwks=other)).client
    assert (by_value.jwks, by_value.application.jwks_uri) == (other, None)
    assert (await desk.not_put(made)).startswith("jwks: ")


@pytest.mark.parametrize(
    ("said", "at_fault"),
    [
        ({"redirect_uris": ["x"]}, "redirect_uris"),
        ({"redirect_uris": None}, "redirect_uris"),
        ({"grant_types": ["client_credentials"]}, "grant_types"),
        ({"grant_types": ["authorization_code", "password"]}, "grant_types"),
        ({"scope": "a  b"}, "scope"),
        ({"logo_uri": 1}, "logo_uri"),
        ({"client_name": "a\0"}, "client_name"),
    ],
)
async def test_a_replacement_keeps_to_the_rules_of_a_registration(
    desk: Desk, said: dict[str, Any], at_fault: str
) -> None:
    made = await desk.register()
    assert (await desk.not_put(made, **said)).startswith(at_fault)


async def test_what_an_administrator_decided_stays(desk: Desk) -> None:
    made = await desk.register()
    client_id = made.client.client_id
    await desk.resources.create(Resource("https://api.example.com"))
    given = await desk.update(
        client_id,
        application={"require_pkce": True},
        resources=("https://api.example.com",),
        serves=("https://api.example.com",),
        grant_types=("authorization_code", "client_credentials"),
    )
    await desk.resources.delete("https://api.example.com")  # which is no fault of the client
    grants = ["authorization_code", "client_credentials"]
    changed = (await desk.put(made, require_pkce=False, grant_types=grants, resources=[], serves=[])).client
    assert changed.application.require_pkce is True
    assert (changed.resources, changed.serves) == (given.resources, given.serves)
    assert changed.grant_types == given.grant_types
    assert (await desk.put(made)).client.grant_types == ("authorization_code",)
    assert (await desk.not_put(made, grant_types=grants)).startswith("grant_types: ")  # it gave that up


# Whose sector it is


async def pairwise_client(desk: Desk) -> Registered:
    return await desk.register(**PAIRWISE)


async def test_a_client_does_not_move_into_the_sector_of_another(desk: Desk) -> None:
    """With a code or a refresh token in hand it would learn by what name that one knows the person."""
    made = await pairwise_client(desk)
    refusal = await desk.not_put(made, **PAIRWISE, redirect_uris=[VICTIM])
    assert refusal.startswith("sector_identifier_uri: a client stays in the sector")
    refusal = await desk.not_put(made, **PAIRWISE, redirect_uris=["com.evil.app://victim.example/cb"])
    assert refusal.startswith("sector_identifier_uri: needed")
    public_one = await desk.register(redirect_uris=[VICTIM])
    assert (await desk.not_put(public_one, **PAIRWISE, redirect_uris=[VICTIM])).startswith("subject_type: ")
    assert (await desk.not_put(made)).startswith("subject_type: ")
    same = (await desk.put(made, **PAIRWISE, redirect_uris=["https://app.example.com:8443/other"])).client
    assert same.application.sector == made.client.application.sector


async def test_a_sector_document_has_the_last_word_on_new_redirect_uris(desk: Desk) -> None:
    listed = json.dumps([CALLBACK, "https://other.example.com/cb"]).encode()
    async with stranger(whole(listed)) as there:
        sector = {**PAIRWISE, "sector_identifier_uri": there.url()}
        made = await desk.register(**sector)
        more = (await desk.put(made, **sector, redirect_uris=[CALLBACK, "https://other.example.com/cb"])).client
        assert len(more.application.redirect_uris) == 2
        assert "every redirect URI" in await desk.not_put(made, **sector, redirect_uris=[CALLBACK, VICTIM])
        assert there.connections == 3
    assert "could not be fetched" in await desk.not_put(made, **sector)


async def test_nobody_has_another_server_asked_more_often_than_they_may_register(desk: Desk) -> None:
    async with stranger(whole(json.dumps([CALLBACK]).encode())) as there:
        made = await desk.register(sector_identifier_uri=there.url())
        for _ in range(REGISTRATIONS.free - 1):
            await desk.put(made, sector_identifier_uri=there.url())
        with pytest.raises(TooManyAttempts):
            await desk.put(made, sector_identifier_uri=there.url())
        assert there.connections == REGISTRATIONS.free
    await desk.put(made)


# The end


async def test_a_client_deletes_itself_once(desk: Desk) -> None:
    made, other = await desk.register(), await desk.register()
    await desk.delete(made.client.client_id, made.token, address=ADDRESS)
    assert await desk.clients.get(made.client.client_id) is None
    assert await desk.clients.get(other.client.client_id) == other.client
    assert desk.audit.events[-1] == "client deleted its registration"
    assert made.token.reveal() not in repr(desk.audit.notes)


async def test_of_a_deletion_and_a_replacement_at_once_none_is_a_fault(desk: Desk) -> None:
    for _ in range(10):
        made = await desk.register()
        client_id = made.client.client_id
        outcomes = await asyncio.gather(
            desk.put(made),
            desk.delete(client_id, made.token, address=ADDRESS),
            desk.delete(client_id, made.token, address=ADDRESS),
            desk.put(made),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in outcomes} <= {Registered, InvalidToken, type(None)}
        assert sum(outcome is None for outcome in outcomes) == 1
        assert await desk.clients.get(client_id) is None
