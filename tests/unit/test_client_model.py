"""A client and the rules that it keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from core.clients.model import (
    CLIENT_ID,
    FIRST_PARTY_CLIENT,
    LONGEST_NAME,
    MOST_KEYS,
    MOST_LEVELS,
    PRIVATE_MEMBERS,
    AuthMethod,
    Client,
    Resource,
    SecretDigests,
    client_errors,
    digest,
    missing,
    refuse_client,
)
from core.protocol.refusals import FieldError, InvalidFields
from core.protocol.secret import Secret

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CLIENT = Client("reports", AuthMethod.SECRET_BASIC, NOW, NOW)
PUBLIC = evolve(CLIENT, auth_method=AuthMethod.NONE)
KEYHOLDER = evolve(CLIENT, auth_method=AuthMethod.PRIVATE_KEY_JWT)
EC = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def nested(levels: int) -> object:
    """Lists within lists."""
    value: object = []
    for _ in range(levels):
        value = [value]
    return value


def at_fault(client: Client) -> list[str]:
    return [error.field for error in client_errors(client)]


@pytest.mark.parametrize("client_id", ["a", "0", "reports", "a.b_c-d", "watchword2", "a" * 64])
def test_a_client_id_is_lower_case_ascii(client_id: str) -> None:
    assert at_fault(evolve(CLIENT, client_id=client_id)) == []


@pytest.mark.parametrize(
    "client_id", ["", "A", "-a", ".a", "_a", "a b", "a\n", "a:b", "a@b", "a+b", "é", "a/b", "a" * 65, "a\0", "\ud800"]
)
def test_anything_else_is_no_client_id(client_id: str) -> None:
    assert at_fault(evolve(CLIENT, client_id=client_id)) == ["client_id"]


def test_nobody_takes_the_name_of_watchword_itself() -> None:
    assert CLIENT_ID.fullmatch(FIRST_PARTY_CLIENT)
    assert at_fault(evolve(CLIENT, client_id=FIRST_PARTY_CLIENT)) == ["client_id"]


@pytest.mark.parametrize(("name", "fits"), [("", True), ("Übersicht 🔑", True), ("x" * LONGEST_NAME, True)])
@pytest.mark.parametrize(("spoilt", "why"), [("", ""), ("\n", "control"), ("\0", "NUL"), ("\ud800", "surrogate")])
def test_a_name_is_printable_text_of_bounded_length(name: str, fits: bool, spoilt: str, why: str) -> None:
    assert (at_fault(evolve(CLIENT, name=name + spoilt)) == []) == (fits and not why)
    assert at_fault(evolve(CLIENT, name="x" * (LONGEST_NAME + 1))) == ["name"]


def test_lists_hold_each_value_once_in_their_order() -> None:
    client = evolve(CLIENT, grant_types=["password", "refresh_token", "password"], scopes=["b", "a", "b"])
    assert (client.grant_types, client.scopes) == (("password", "refresh_token"), ("b", "a"))
    assert Resource("https://a", ["b", "a", "b"]).scopes == ("b", "a")


@pytest.mark.parametrize("grant", ["", "Password", "implicit", "urn:x", "client_credentials "])
def test_a_grant_that_there_is_not_is_refused(grant: str) -> None:
    assert at_fault(evolve(CLIENT, grant_types=("password", grant))) == ["grant_types"]


def test_a_client_that_proves_nothing_has_fewer_rights() -> None:
    assert PUBLIC.public
    assert at_fault(evolve(PUBLIC, grant_types=("password", "refresh_token"))) == []
    assert at_fault(evolve(PUBLIC, grant_types=("client_credentials",))) == ["grant_types"]
    assert at_fault(evolve(PUBLIC, serves=("https://api.example.com",))) == ["serves"]
    for method in set(AuthMethod) - {AuthMethod.NONE}:
        assert not evolve(CLIENT, auth_method=method).public


def test_secrets_are_for_the_two_methods_that_send_one() -> None:
    assert {method for method in AuthMethod if method.by_secret} == {AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST}


def test_every_field_at_fault_is_named() -> None:
    client = evolve(
        CLIENT, client_id="A", name="\n", grant_types=("x",), scopes=("a b",), resources=("x",), serves=("x",), jwks={}
    )
    assert at_fault(client) == ["client_id", "name", "grant_types", "scopes", "resources", "serves", "jwks"]
    with pytest.raises(InvalidFields) as caught:
        refuse_client(client)
    assert list(caught.value.errors) == client_errors(client)
    assert refuse_client(CLIENT) is CLIENT


@pytest.mark.parametrize("key", [EC, {"kty": "RSA", "n": "n", "e": "AQAB", "kid": "1"}, {"kty": "OKP", "x": "x"}])
def test_a_set_of_public_keys_is_for_private_key_jwt(key: dict[str, object]) -> None:
    jwks = {"keys": [key]}
    assert at_fault(evolve(KEYHOLDER, jwks=jwks)) == []
    assert at_fault(evolve(KEYHOLDER, jwks={"keys": [{**key, "x5c": ["AA"]}], "x": nested(MOST_LEVELS - 2)})) == []
    assert at_fault(evolve(CLIENT, jwks=jwks)) == ["jwks"]
    assert at_fault(evolve(PUBLIC, jwks=jwks)) == ["jwks"]
    assert at_fault(KEYHOLDER) == ["jwks"]


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": "EC"},
        {"keys": []},
        {"keys": [EC] * (MOST_KEYS + 1)},
        {"keys": [EC, None]},
        {"keys": ["EC"]},
        {"keys": [[]]},
        {"keys": [{}]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [{"kty": "ec"}]},
        {"keys": [{"kty": None}]},
        {"keys": [{"kty": ["EC"]}]},
        {"keys": [{"kty": {}}]},
        {"keys": [{"kty": 1}]},
        {"keys": [{**EC, "kid": "\0"}]},
        {"keys": [{**EC, "kid": "\ud800"}]},
        {"keys": [{**EC, "x": float("nan")}]},
        {"keys": [{**EC, "\0": 1}]},
        {"keys": [{**EC, "x5c": nested(MOST_LEVELS)}]},
        {"keys": [{**EC, "x5c": nested(100_000)}]},
        {"keys": [EC], "x": nested(MOST_LEVELS)},
        *({"keys": [EC, {**EC, member: "secret"}]} for member in sorted(PRIVATE_MEMBERS)),
    ],
)
def test_what_is_no_set_of_public_keys_is_refused(jwks: dict[str, object]) -> None:
    assert at_fault(evolve(KEYHOLDER, jwks=jwks)) == ["jwks"]


def test_a_refusal_of_keys_does_not_repeat_them() -> None:
    (error,) = client_errors(evolve(KEYHOLDER, jwks={"keys": [{**EC, "d": "hunter2-hunter2"}]}))
    assert "hunter" not in error.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
JWK = st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "d", "k", "kid", "use", "alg"]), JSON, max_size=5)


@given(st.lists(JWK | JSON, max_size=3))
def test_any_set_is_judged(keys: list[object]) -> None:
    assert at_fault(evolve(KEYHOLDER, jwks={"keys": keys})) in ([], ["jwks"])


@pytest.mark.parametrize(("identifier", "scopes"), [("", ()), ("https://a#x", ()), ("https://a", ("a b",))])
def test_a_resource_keeps_the_rules(identifier: str, scopes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidFields):
        Resource(identifier, scopes)


def test_the_secret_before_counts_until_its_time_is_over() -> None:
    until = NOW + timedelta(hours=1)
    assert SecretDigests(b"new").accepted(NOW) == (b"new",)
    both = SecretDigests(b"new", b"old", until)
    assert both.accepted(until - timedelta(microseconds=1)) == (b"new", b"old")
    assert both.accepted(until) == (b"new",)
    assert SecretDigests(b"new", b"old", None).accepted(NOW) == (b"new",)
    assert "new" not in repr(both)
    assert "old" not in repr(both)


def test_a_secret_of_any_text_has_a_digest() -> None:
    assert len({digest(Secret(text)) for text in ("", "wws_a", "é", "\ud800", "\0")}) == 5


def test_the_first_identifier_that_is_not_registered_is_named() -> None:
    assert missing(("a", "b"), ("b", "a", "c"), "resources") == []
    assert missing(("a", "x", "y"), ("a",), "serves") == [FieldError("serves", "no such resource is registered: x")]
