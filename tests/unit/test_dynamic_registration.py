"""Clients that register themselves: who may, what they may have, and what is made of what they say."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.registration import AuthlibMetadataRules
from core.clients.application import LONGEST_AGE, Application
from core.clients.dynamic import ID_LENGTH, TOKEN_PREFIX, RegistrationPolicy
from core.clients.metadata import FLAGS, LISTS, TEXTS, ReadMetadata
from core.clients.model import CLIENT_ID, AuthMethod
from core.protocol.refusals import InvalidToken, NotFound, RegistrationRefused, TokenMissing, TooManyAttempts
from core.protocol.secret import Secret
from core.users.throttle import REGISTRATIONS
from tests.unit.desk import APP, CALLBACK, INITIAL, Desk
from tests.unit.jws import a_key, public

JWKS: dict[str, Any] = {"keys": [public(a_key(), kid="a")]}
WITH_KEYS: list[dict[str, Any]] = [{"jwks": JWKS}, {"jwks_uri": "https://a.example/"}, {"jwks": {"keys": "x"}}]
BY_KEY: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


# Who may


async def test_nobody_registers_where_registration_is_off() -> None:
    desk = Desk("off")
    for token in (None, INITIAL):
        with pytest.raises(NotFound):
            await desk.register(token=token)
    assert (await desk.clients.page(after=None, limit=10)).clients == ()


async def test_whoever_has_the_token_registers_where_one_is_wanted() -> None:
    made = await Desk("token").register(token=INITIAL)
    assert made.client.application.redirect_uris == (CALLBACK,)


@pytest.mark.parametrize("text", ["", "x", INITIAL.reveal()[:-1], INITIAL.reveal() + "x", "É", "\ud800", "None"])
async def test_a_wrong_token_is_refused_before_anything_is_read(text: str) -> None:
    desk = Desk("token")
    with pytest.raises(InvalidToken) as caught:
        await desk.register(token=Secret(text), redirect_uris=1)
    assert not isinstance(caught.value, TokenMissing)
    assert caught.value.description == "Could not validate credentials"
    with pytest.raises(TokenMissing):
        await desk.register(redirect_uris=1)


async def test_no_token_is_the_right_one_where_none_is_set(desk: Desk) -> None:
    broken = attrs.evolve(desk.register_client, policy=RegistrationPolicy("token"))
    for text in ("", "None", "x"):
        with pytest.raises(InvalidToken):
            await broken(APP, token=Secret(text), address="192.0.2.1")


async def test_whoever_guesses_the_token_has_to_wait_and_whoever_knows_it_has_not() -> None:
    desk = Desk("token")
    for _ in range(REGISTRATIONS.free):
        with pytest.raises(InvalidToken):
            await desk.register(token=Secret("a guess"))
    with pytest.raises(TooManyAttempts):
        await desk.register(token=Secret("a guess"))
    await desk.register(token=INITIAL)
    with pytest.raises(InvalidToken):
        await desk.register(token=Secret("a guess"), address="198.51.100.1")
    assert "a guess" not in repr(desk.audit.notes)


async def test_in_the_open_a_network_registers_so_many_in_an_hour(desk: Desk) -> None:
    for number in range(REGISTRATIONS.free):
        await desk.register(address=f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts):
        await desk.register(address="192.0.2.200")
    await desk.register(address="198.51.100.1")  # is another network
    desk.clock.forward(hours=1)
    await desk.register(address="192.0.2.200")


async def test_of_many_at_once_no_more_are_registered_than_of_many_in_turn(desk: Desk) -> None:
    many = REGISTRATIONS.free + 50
    outcomes = await asyncio.gather(*(desk.register() for _ in range(many)), return_exceptions=True)
    kept = (await desk.clients.page(after=None, limit=1000)).clients
    assert len(kept) == REGISTRATIONS.free
    assert sum(isinstance(outcome, TooManyAttempts) for outcome in outcomes) == 50


async def test_who_mistypes_is_not_counted(desk: Desk) -> None:
    for _ in range(REGISTRATIONS.free + 1):
        await desk.refused(redirect_uris=["x"])
    await desk.register()


# What comes of it


async def test_a_client_is_kept_with_digests_of_what_is_shown_once(desk: Desk) -> None:
    made = await desk.register(client_name="Notes")
    client, secret, token = made.client, made.secret, made.token
    assert secret is not None
    assert secret.reveal().startswith("wws_")
    assert token.reveal().startswith(TOKEN_PREFIX)
    assert len(token.reveal()) == len(TOKEN_PREFIX) + 43
    assert client.registration == hashlib.sha256(token.reveal().encode()).digest()
    assert client.secret is not None
    assert client.secret.current == hashlib.sha256(secret.reveal().encode()).digest()
    assert client == await desk.clients.get(client.client_id)
    assert (client.name, client.created_at, client.auth_method) == ("Notes", desk.clock.now(), AuthMethod.SECRET_BASIC)
    assert (client.vouched_for, client.first_party, client.is_active) == (False, False, True)
    assert desk.audit.notes == [
        ("client registered itself", {"client_id": client.client_id, "address": "192.0.2.1"}),
    ]
    for text in (secret.reveal(), token.reveal()):
        assert text not in repr((made, desk.audit.notes))
    assert INITIAL.reveal() not in repr(RegistrationPolicy("token", INITIAL))


async def test_ids_secrets_and_tokens_are_each_another_and_hard_to_guess(desk: Desk) -> None:
    made = [await desk.register() for _ in range(50)]
    ids = {each.client.client_id for each in made}
    assert len(ids) == 50
    assert all(CLIENT_ID.fullmatch(name) and len(name) == ID_LENGTH for name in ids)
    assert len({each.secret.reveal() for each in made if each.secret}) == 50
    assert len({each.token.reveal() for each in made}) == 50


async def test_what_is_not_said_has_the_defaults_of_the_specification(desk: Desk) -> None:
    """RFC 7591 §2, OpenID Connect Registration §2. A scope that was not asked for is not made up."""
    client = (await desk.register()).client
    assert client.application == Application(redirect_uris=(CALLBACK,))
    assert (client.auth_method, client.grant_types) == (AuthMethod.SECRET_BASIC, ("authorization_code",))
    assert (client.scopes, client.resources, client.serves, client.jwks) == ((), (), (), None)
    assert client.name == client.client_id


async def test_everything_that_may_be_said_is_registered(desk: Desk) -> None:
    said: dict[str, Any] = {
        "application_type": "native",
        "redirect_uris": ["com.example.app:/cb", CALLBACK],
        "post_logout_redirect_uris": ["com.example.app:/bye"],
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "RS256",
        "default_max_age": 3600.0,
        "require_auth_time": True,
        "default_acr_values": ["1"],
        "initiate_login_uri": "https://app.example.com/login",
        "client_uri": "https://example.com/",
        "logo_uri": "https://example.com/logo.png",
        "tos_uri": "https://example.com/tos",
        "policy_uri": "https://example.com/policy",
        "contacts": ["admin@example.com"],
        "software_id": "4NRB1",
        "software_version": "2.1",
        "token_endpoint_auth_signing_alg": "ES256",
        "require_pushed_authorization_requests": True,
    }
    client = (
        await desk.register(
            **said,
            **BY_KEY,
            client_name="Notes",
            scope="openid a:b openid",
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            jwks=JWKS,
        )
    ).client
    assert client.application.members() == said
    assert (client.name, client.scopes, client.jwks) == ("Notes", ("openid", "a:b"), JWKS)
    assert client.grant_types == ("authorization_code", "refresh_token")


@pytest.mark.parametrize("method", AuthMethod)
async def test_a_client_has_a_secret_where_its_method_needs_one(desk: Desk, method: AuthMethod) -> None:
    keys: dict[str, Any] = {"jwks": JWKS} if method is AuthMethod.PRIVATE_KEY_JWT else {}
    made = await desk.register(token_endpoint_auth_method=str(method), **keys)
    assert (made.secret is not None) == (made.client.secret is not None) == method.by_secret
    assert made.client.auth_method is method


async def test_keys_are_registered_where_they_are_of_use(desk: Desk) -> None:
    for method in ("none", "client_secret_basic", None):
        given: list[dict[str, Any]] = [
            {"jwks": JWKS},
            {"jwks_uri": "https://a.example/"},
            {"jwks": {"keys": "nonsense"}},
        ]
        for keys in given:
            client = (await desk.register(token_endpoint_auth_method=method, **keys)).client
            assert (client.jwks, client.application.jwks_uri) == (None, None)
    by_uri = (await desk.register(**BY_KEY, jwks_uri="https://app.example.com/jwks")).client
    assert (by_uri.jwks, by_uri.application.jwks_uri) == (None, "https://app.example.com/jwks")
    both = {"keys": [public(a_key("2048"), use="enc"), public(a_key())]}
    assert (await desk.register(**BY_KEY, jwks=both)).client.jwks == {"keys": [public(a_key())]}


@pytest.mark.parametrize(
    "jwks",
    [
        None,
        {"a": 1},
        {"keys": []},
        {"keys": {}},
        {"keys": [1]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [a_key().as_dict(private=True)]},
        {"keys": [public(a_key("1024"))]},
        {"keys": [public(a_key(), use="enc")]},
        {"keys": [public(a_key())] * 11},
        {"keys": [public(a_key(), x="AA")]},
        {"keys": [{**public(a_key()), "x5c": ["\0"]}]},
        {"keys": [{**public(a_key()), "n": float("inf")}]},
        {"keys": [{**public(a_key()), "deep": json.loads("[" * 20 + "]" * 20)}]},
    ],
)
async def test_keys_that_verify_nothing_or_are_no_public_ones_are_refused(desk: Desk, jwks: Any) -> None:
    refusal = await desk.refused(**BY_KEY, jwks=jwks)
    assert (refusal.code, refusal.description.partition(":")[0]) == ("invalid_client_metadata", "jwks")


async def test_keys_come_in_one_way(desk: Desk) -> None:
    """RFC 7591 §2: jwks_uri and jwks MUST NOT both be present, whatever they would be used for."""
    for method in ("private_key_jwt", "none"):
        refusal = await desk.refused(
            token_endpoint_auth_method=method, jwks=JWKS, jwks_uri="https://app.example.com/jwks"
        )
        assert refusal.description == "jwks: expected either jwks or jwks_uri"


# What nobody takes for themselves

GREEDY: Mapping[str, Any] = {
    "client_id": "chosen",
    "client_secret": "chosen-by-the-client",
    "client_secret_expires_at": 1,
    "client_id_issued_at": 1,
    "registration_access_token": "chosen-by-the-client",
    "registration_client_uri": "https://evil.example/",
    "require_pkce": False,
    "first_party": True,
    "resources": ["https://api.example.com"],
    "serves": ["https://api.example.com"],
    "scopes": ["everything"],
    "roles": ["admin"],
    "is_active": False,
    "used_at": "2020-01-01",
    "name": "Watchword",
    "client_name#fr": "Le Client",
    "software_statement": "eyJhbGciOiJub25lIn0.eyJmaXJzdF9wYXJ0eSI6dHJ1ZX0.",
    "__class__": "x",
    "": 1,
}


async def test_members_that_nobody_knows_are_passed_over_and_so_are_those_that_are_the_servers_own(desk: Desk) -> None:
    plain, greedy = (await desk.register()).client, (await desk.register(**GREEDY)).client
    same = {"client_id": "same", "name": "same", "secret": None, "registration": b""}
    assert attrs.evolve(greedy, **same) == attrs.evolve(plain, **same)  # type: ignore[arg-type]  # each has its own type
    assert greedy.client_id != "chosen"


async def test_null_and_empty_are_the_same_as_left_out(desk: Desk) -> None:
    left_out: list[Any] = [None, "", [], {}]
    for nothing in left_out:
        names = sorted((TEXTS | LISTS | FLAGS | {"jwks", "default_max_age"}) - {"redirect_uris"})
        client = (await desk.register(**dict.fromkeys(names, nothing))).client
        assert client.application == Application(redirect_uris=(CALLBACK,))
        assert client.grant_types == ("authorization_code",)


OF_ANOTHER_TYPE: list[tuple[frozenset[str], list[Any]]] = [
    (TEXTS, [1, 0, True, False, 1.5, ["a"], {"a": 1}]),
    (LISTS, ["a", 1, 0, True, {"a": 1}, [1], [None], ["a", ["b"]], [{}]]),
    (FLAGS, ["true", 1, 0, ["a"], {"a": 1}]),
    (frozenset({"default_max_age"}), ["60", True, -1, 1.5, LONGEST_AGE + 1, float("nan"), float("inf"), 10**400, [60]]),
    (frozenset({"jwks"}), ["a", 1, True, [JWKS]]),
]


@pytest.mark.parametrize("name", sorted(TEXTS | LISTS | FLAGS | {"default_max_age", "jwks"}))
async def test_a_member_of_another_type_is_named(desk: Desk, name: str) -> None:
    code = "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
    values = next(values for names, values in OF_ANOTHER_TYPE if name in names)
    for value in values:
        refusal = await desk.refused(**{name: value})
        assert refusal.code == code
        assert refusal.description.startswith(f"{name}: expected ")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([CALLBACK, "code", "none"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted(TEXTS | LISTS | FLAGS | {"default_max_age", "jwks", *GREEDY})


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=6))
def test_whatever_json_comes_it_is_read_or_refused(document: dict[str, Any]) -> None:
    read = ReadMetadata(AuthlibMetadataRules())
    for said in (document, {**document, **APP}):
        with suppress(RegistrationRefused):
            application = read(said).application
            assert Application.stored(json.loads(json.dumps(application.members()))) == application
