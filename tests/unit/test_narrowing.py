"""What is asked for, what a client may have, what the resources define: a table of what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from core.clients.model import AuthMethod, Client
from core.clients.narrowing import Asked, Narrow
from core.protocol.refusals import InvalidScope, InvalidTarget, OAuthRefusal
from core.protocol.scope import IDENTITY_SCOPES

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DEFAULT = "https://auth.example.com"
API = "https://api.example.com/v1"
FILES = "https://files.example.com"
ELSEWHERE = "https://elsewhere.example.com"

narrow = Narrow(DEFAULT)


def client(scopes: str = "", **definitions: str) -> Client:
    """One that may ask for these scopes, and for resources that define scopes of their own."""
    places = {"api": API, "files": FILES, "default": DEFAULT}
    return Client(
        "reports",
        AuthMethod.SECRET_BASIC,
        NOW,
        NOW,
        scopes=tuple(scopes.split()),
        resources=(API, FILES, ELSEWHERE),
        definitions={places[name]: tuple(text.split()) for name, text in definitions.items()},
    )


def itself(scopes: str = "", **definitions: str) -> Client:
    """One that registered itself: it knows every API, and nobody chose its scopes."""
    return evolve(client(scopes, **definitions), resources=(), registration=b"r" * 32)


def asked(scope: str | None = None, *resources: str) -> Asked:
    return Asked(scope=tuple(scope.split()) if scope is not None else None, resources=resources)


NOBODY = None
PLAIN = client()
READER = client("read write")
WORKER = client("read write admin", api="read write delete", files="read list", default="read")
UNDEFINED = client("read", api="")
PEOPLE = client("openid email read", api="read write", default="read")
STRANGER = itself(api="read write", files="read list")
MODEST = itself("openid read", api="read write", files="read list")


@frozen
class Row:
    who: Client | None
    asked: Asked
    scope: str
    audience: tuple[str, ...]


ALLOWED = [
    # Without a client, and without a word: for the default audience, with no scope.
    Row(NOBODY, asked(), "", (DEFAULT,)),
    Row(NOBODY, asked(None, DEFAULT), "", (DEFAULT,)),
    Row(PLAIN, asked(), "", (DEFAULT,)),
    # All that the client may have, where the default audience is registered nowhere.
    Row(READER, asked(), "read write", (DEFAULT,)),
    Row(READER, asked("write"), "write", (DEFAULT,)),
    Row(READER, asked("write read"), "write read", (DEFAULT,)),
    Row(READER, asked("read", DEFAULT), "read", (DEFAULT,)),
    Row(READER, asked(None, DEFAULT, DEFAULT), "read write", (DEFAULT,)),
    # Where it is registered, it too has the scopes that it defines.
    Row(WORKER, asked(), "read", (DEFAULT,)),
    Row(WORKER, asked("read write"), "read", (DEFAULT,)),
    # A resource: what the client may have of what it defines.
    Row(WORKER, asked(None, API), "read write", (API,)),
    Row(WORKER, asked("write", API), "write", (API,)),
    Row(WORKER, asked("admin write", API), "write", (API,)),
    Row(WORKER, asked(None, FILES), "read", (FILES,)),
    # Several: what any of them defines, and exactly they are the audience, in the order of the request.
    Row(WORKER, asked(None, FILES, API), "read write", (FILES, API)),
    Row(WORKER, asked(None, API, API, FILES), "read write", (API, FILES)),
    Row(WORKER, asked("admin read", API, FILES), "read", (API, FILES)),
    Row(WORKER, asked(None, API, DEFAULT), "read write", (API, DEFAULT)),
    # With an audience that is registered nowhere beside it, any scope of the client's has its meaning.
    Row(client("read admin", api="read"), asked(None, API, DEFAULT), "read admin", (API, DEFAULT)),
    # A resource that defines nothing, for whoever asks for nothing in particular.
    Row(UNDEFINED, asked(None, API), "", (API,)),
    Row(UNDEFINED, asked("", API), "", (API,)),
    Row(READER, asked(""), "", (DEFAULT,)),
]

REFUSED: list[tuple[Client | None, Asked, type[OAuthRefusal]]] = [
    (NOBODY, asked("read"), InvalidScope),
    (NOBODY, asked(None, API), InvalidTarget),
    (PLAIN, asked("read"), InvalidScope),
    (READER, asked("delete"), InvalidScope),
    (READER, asked("read delete"), InvalidScope),
    (READER, asked("READ"), InvalidScope),
    (READER, asked(None, API), InvalidTarget),
    (WORKER, asked("delete", API), InvalidScope),  # it is defined, and not the client's
    (WORKER, asked("admin", API), InvalidScope),  # it is the client's, and not defined
    (WORKER, asked("write", FILES), InvalidScope),
    (WORKER, asked("write"), InvalidScope),
    (UNDEFINED, asked("read", API), InvalidScope),
    (WORKER, asked(None, ELSEWHERE), InvalidTarget),  # the client's, and not registered any more
    (WORKER, asked(None, API, ELSEWHERE), InvalidTarget),
    (WORKER, asked(None, f"{API}/"), InvalidTarget),  # byte for byte
    (WORKER, asked(None, API.upper()), InvalidTarget),
    (WORKER, asked(None, "https://api.example.com:443/v1"), InvalidTarget),
    (WORKER, asked(None, "https://api.example.com"), InvalidTarget),
    (WORKER, asked(None, f"{API}#x"), InvalidTarget),
    (WORKER, asked(None, "not a uri"), InvalidTarget),
    (WORKER, asked("delete", ELSEWHERE), InvalidScope),
]


@pytest.mark.parametrize("row", ALLOWED, ids=repr)
def test_what_may_be_had(row: Row) -> None:
    assert narrow(row.asked, row.who) == (tuple(row.scope.split()), row.audience)


@pytest.mark.parametrize(("who", "request_", "refusal"), REFUSED)
def test_what_is_refused(who: Client | None, request_: Asked, refusal: type[OAuthRefusal]) -> None:
    with pytest.raises(refusal):
        narrow(request_, who)


def test_a_refusal_repeats_nothing_of_what_was_asked() -> None:
    for request_ in (asked("hunter2"), asked(None, "https://hunter2")):
        with pytest.raises(OAuthRefusal) as caught:
            narrow(request_, WORKER)
        assert "hunter" not in caught.value.description


def test_resources_that_a_client_may_name_are_those_that_are_registered_and_the_default() -> None:
    assert narrow.known(None) == {DEFAULT}
    assert narrow.known(READER) == {DEFAULT}
    assert narrow.known(WORKER) == {DEFAULT, API, FILES}


WITH_A_PERSON = [
    # The scopes of OpenID Connect are every resource's, where somebody signs in.
    Row(PEOPLE, asked("openid email"), "openid email", (DEFAULT,)),
    Row(PEOPLE, asked("openid read", API), "openid read", (API,)),
    Row(PEOPLE, asked(), "openid email read", (DEFAULT,)),
    # Who registered without a list may have whatever there is, and is given what that is.
    Row(STRANGER, asked("openid read", API), "openid read", (API,)),
    Row(STRANGER, asked("openid list write", FILES), "openid list", (FILES,)),
    Row(STRANGER, asked("openid unheard-of"), "openid", (DEFAULT,)),
    Row(STRANGER, asked(None, API), " ".join(sorted({*IDENTITY_SCOPES, "read", "write"})), (API,)),
    Row(STRANGER, asked("openid", API, FILES), "openid", (API, FILES)),
    # With a list it is given what is on it.
    Row(MODEST, asked("openid email read write", API), "openid read", (API,)),
    Row(MODEST, asked(None, FILES), "openid read", (FILES,)),
]


@pytest.mark.parametrize("row", WITH_A_PERSON, ids=repr)
def test_what_may_be_had_where_somebody_signs_in(row: Row) -> None:
    assert narrow(row.asked, row.who, person=True) == (tuple(row.scope.split()), row.audience)


@pytest.mark.parametrize(
    ("who", "request_", "refusal"),
    [
        (PEOPLE, asked("openid phone"), InvalidScope),  # somebody chose what it may have
        (PEOPLE, asked("openid", FILES), InvalidTarget),
        (STRANGER, asked("unheard-of"), InvalidScope),
        (STRANGER, asked("list", API), InvalidScope),
        (STRANGER, asked("read"), InvalidScope),  # the default audience defines nothing, and is anybody's word then
        (STRANGER, asked(None, ELSEWHERE), InvalidTarget),
        (MODEST, asked("write", API), InvalidScope),
    ],
)
def test_what_is_refused_where_somebody_signs_in(who: Client, request_: Asked, refusal: type[OAuthRefusal]) -> None:
    with pytest.raises(refusal):
        narrow(request_, who, person=True)


@pytest.mark.parametrize("who", [STRANGER, MODEST])
def test_who_registered_itself_has_nothing_of_a_person_where_nobody_signs_in(who: Client) -> None:
    scope, _ = narrow(asked(None, API), who)
    assert not {"openid", "email"} & set(scope)


NAMES = st.lists(st.sampled_from(["read", "write", "list", "admin"]), max_size=4)
PLACES = st.lists(st.sampled_from([API, FILES, DEFAULT, ELSEWHERE]), max_size=3)


@given(
    own=NAMES,
    defined=st.dictionaries(st.sampled_from([API, FILES, DEFAULT]), NAMES.map(tuple)),
    scope=st.none() | NAMES.map(tuple),
    at=PLACES,
)
def test_nobody_ever_gets_more(
    own: list[str], defined: dict[str, tuple[str, ...]], scope: tuple[str, ...] | None, at: list[str]
) -> None:
    who = Client("c", AuthMethod.NONE, NOW, NOW, scopes=own, definitions=defined)
    try:
        got, audience = narrow(Asked(scope=scope, resources=tuple(at)), who)
    except OAuthRefusal:
        return
    assert set(got) <= set(own if scope is None else scope) <= set(own)
    assert set(audience) == set(at or [DEFAULT])
    if set(audience) <= defined.keys():
        assert set(got) <= {name for place in audience for name in defined[place]}
