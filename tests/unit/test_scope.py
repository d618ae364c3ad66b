"""Scopes and resource indicators: what they look like, and how lists of them narrow."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.refusals import FieldError, InvalidScope
from core.protocol.scope import (
    LONGEST_RESOURCE,
    MOST_RESOURCES,
    MOST_SCOPES,
    RESOURCE_RULE,
    SCOPE_RULE,
    common,
    parse_scope,
    resource_errors,
    scope_errors,
    unique,
)

# RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E.
ALLOWED = "".join(sorted(set(string.digits + string.ascii_letters + string.punctuation) - set('"\\')))
SCOPE = st.text(ALLOWED, min_size=1, max_size=128)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ("a",)),
        ("b a", ("b", "a")),
        ("a b a", ("a", "b")),
        ("a A", ("a", "A")),
        ("reports:read https://api.example.com/x", ("reports:read", "https://api.example.com/x")),
        (ALLOWED, (ALLOWED,)),
        ("x" * 128, ("x" * 128,)),
    ],
)
def test_a_scope_parameter_is_a_list_of_names_each_once_in_their_order(text: str, names: tuple[str, ...]) -> None:
    assert parse_scope(text) == names


@pytest.mark.parametrize(
    "text",
    ["", " ", " a", "a ", "a  b", "a\tb", "a\nb", "a\n", 'a"b', "a\\b", "é", "a\x7f", "a\0", "\ud800", "x" * 129],
)
def test_a_scope_parameter_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidScope, match="malformed"):
        parse_scope(text)


def test_the_number_of_scopes_is_bounded_whether_they_are_asked_for_or_kept() -> None:
    names = [f"s{number}" for number in range(MOST_SCOPES)]
    assert parse_scope(" ".join(names)) == tuple(names)
    assert parse_scope(" ".join([*names, "s0"])) == tuple(names)
    assert scope_errors(names) == []
    with pytest.raises(InvalidScope, match=f"more than {MOST_SCOPES}"):
        parse_scope(" ".join([*names, "more"]))
    assert scope_errors([*names, "more"]) == [FieldError("scopes", f"at most {MOST_SCOPES} scopes")]


@given(st.lists(SCOPE, min_size=1, max_size=8))
def test_any_names_of_the_form_are_read_back(names: list[str]) -> None:
    assert parse_scope(" ".join(names)) == unique(names)
    assert scope_errors(names) == []


@given(st.text(max_size=200))
def test_any_text_is_a_list_of_names_or_refused(text: str) -> None:
    try:
        names = parse_scope(text)
    except InvalidScope:
        return
    assert all(names)
    assert set(text) <= {*ALLOWED, " "}
    assert unique(text.split(" ")) == names


@pytest.mark.parametrize("name", ["", " ", "a b", 'a"', "a\\", "é", "a\n", "x" * 129])
def test_a_kept_scope_has_the_same_form(name: str) -> None:
    assert scope_errors(["a", name]) == [FieldError("scopes", SCOPE_RULE)]
    assert scope_errors([name], "anything") == [FieldError("anything", SCOPE_RULE)]


def test_what_is_allowed_is_kept_in_the_order_of_whoever_asks() -> None:
    assert common(("c", "a", "b"), {"b", "c", "d"}) == ("c", "b")
    assert common((), {"a"}) == common(("a",), ()) == ()


@pytest.mark.parametrize(
    "identifier",
    [
        "https://api.example.com",
        "https://api.example.com/",
        "https://api.example.com/v1?tenant=a",
        "https://api.example.com:8443/a//b/../c",
        "https://API.example.com/%7Euser",
        "https://[2001:db8::1]:8443/",
        "urn:example:api",
        "api:v1",
        "a:b",
        "https://api.example.com/" + "x" * (LONGEST_RESOURCE - len("https://api.example.com/")),
    ],
)
def test_an_absolute_uri_without_a_fragment_is_a_resource(identifier: str) -> None:
    assert resource_errors([identifier]) == []


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "api",
        "/v1",
        "//api.example.com",
        "api.example.com",
        "https:",
        "file:///etc",
        "https://",
        "://x",
        "https://api.example.com#x",
        "https://api.example.com/#",
        "https://api.example.com/ x",
        " https://api.example.com",
        "https://api.example.com\n",
        "https://api.example.com/é",
        "https://api.example.com/\0",
        "https://api.example.com/\ud800",
        'https://api.example.com/"',
        "https://api.example.com/<x>",
        "https://api.example.com/{x}",
        "https://api.example.com\\x",
        "https://api.example.com:port/",
        "https://[2001:db8::1/",
        "https://api.example.com/" + "x" * (LONGEST_RESOURCE - len("https://api.example.com/") + 1),
    ],
)
def test_anything_else_is_no_resource(identifier: str) -> None:
    assert resource_errors(["https://ok.example.com", identifier]) == [FieldError("resources", RESOURCE_RULE)]
    assert resource_errors([identifier], "serves") == [FieldError("serves", RESOURCE_RULE)]


@given(st.text())
def test_any_text_is_a_resource_or_not(text: str) -> None:
    if not resource_errors([text]):
        assert text.isascii()
        assert not set(text) & set(' #<>"\\\n')
        assert ":" in text


def test_the_number_of_resources_is_bounded() -> None:
    identifiers = [f"https://api.example.com/{number}" for number in range(MOST_RESOURCES)]
    assert resource_errors(identifiers) == []
    assert resource_errors([*identifiers, "https://a"]) == [
        FieldError("resources", f"at most {MOST_RESOURCES} resources")
    ]
