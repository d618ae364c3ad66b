"""Which client a request claims to be from: read from the header or the body, and never from both."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from core.clients.authenticate import AssertionCredential, ClientCredential, PublicCredential, SecretCredential
from core.clients.model import AuthMethod
from core.protocol.refusals import InvalidClient, InvalidRequest
from core.protocol.secret import Secret
from entrypoints.http.forms import Form, parse_form
from entrypoints.http.oauth import JWT_BEARER, address, client_credential, no_store, required_client
from tests.unit.asgi import scope

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


def encoded(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return "Basic " + base64.b64encode(raw).decode()


def presented(body: str = "", *headers: str) -> ClientCredential | None:
    return client_credential(a_request(*headers), form(body))


def a_request(*headers: str) -> Request:
    sent = [(b"authorization", header.encode("latin-1")) for header in headers]
    return Request({**scope(), "headers": sent})


def form(body: str) -> Form:
    return parse_form(body.encode())


def refusal(body: str = "", *headers: str) -> str:
    with pytest.raises(InvalidRequest) as caught:
        presented(body, *headers)
    return caught.value.description


BASIC = SecretCredential("reports", Secret("s3cret"), AuthMethod.SECRET_BASIC)
POST = SecretCredential("reports", Secret("s3cret"), AuthMethod.SECRET_POST)
ASSERTED = f"client_assertion_type={quote_plus(JWT_BEARER)}&client_assertion=a.b.c"


@pytest.mark.parametrize(
    ("body", "headers", "credential"),
    [
        ("", (), None),
        ("client_id=", (), None),
        ("client_id=&client_secret=&client_assertion=&client_assertion_type=", (), None),
        ("client_id=reports", (), PublicCredential("reports")),
        ("client_id=reports&client_secret=", (), PublicCredential("reports")),
        ("client_id=reports&client_secret=s3cret", (), POST),
        ("", (encoded("reports:s3cret"),), BASIC),
        ("client_id=reports", (encoded("reports:s3cret"),), BASIC),
        ("client_id=&client_secret=", (encoded("reports:s3cret"),), BASIC),
        ("", (encoded("reports:"),), PublicCredential("reports")),
        (ASSERTED, (), AssertionCredential(Secret("a.b.c"), None)),
        (f"{ASSERTED}&client_id=robot", (), AssertionCredential(Secret("a.b.c"), "robot")),
        (f"{ASSERTED}&client_id=&client_secret=", (), AssertionCredential(Secret("a.b.c"), None)),
    ],
)
def test_a_client_presents_itself_in_one_of_four_ways_or_not_at_all(
    body: str, headers: tuple[str, ...], credential: ClientCredential | None
) -> None:
    assert presented(body, *headers) == credential


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("client_id=reports&client_secret=s3cret", (encoded("reports:s3cret"),)),
        ("client_secret=s3cret", (encoded("reports:s3cret"),)),
        (ASSERTED, (encoded("reports:s3cret"),)),
        (ASSERTED, (encoded("reports:"),)),
        (f"{ASSERTED}&client_secret=s3cret", ()),
        (f"{ASSERTED}&client_id=reports&client_secret=s3cret", ()),
    ],
)
def test_two_ways_in_one_request_are_refused(body: str, headers: tuple[str, ...]) -> None:
    """RFC 6749 §2.3."""
    assert refusal(body, *headers) == "a client authenticates in one way at a time"


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        ("client_id=other", (encoded("reports:s3cret"),), "client_id is not that of the Authorization header"),
        ("client_secret=s3cret", (), "client_id is missing"),
        ("client_assertion=a.b.c", (), "client_assertion_type must be"),
        ("client_assertion=a.b.c&client_assertion_type=urn:x", (), "client_assertion_type must be"),
        (f"client_assertion_type={JWT_BEARER}", (), "client_assertion is missing"),
        ("", (encoded("reports:s3cret"), encoded("reports:s3cret")), "several Authorization headers"),
    ],
)
def test_half_of_a_way_is_refused_by_name(body: str, headers: tuple[str, ...], words: str) -> None:
    assert words in refusal(body, *headers)


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
@pytest.mark.parametrize("spaces", [" ", "   "])
def test_the_scheme_is_read_in_any_case(scheme: str, spaces: str) -> None:
    assert presented("", scheme + spaces + encoded("reports:s3cret").partition(" ")[2]) == BASIC


@pytest.mark.parametrize(
    ("text", "client_id", "secret"),
    [
        ("a%2Fb:c%3Ad", "a/b", "c:d"),
        ("a+b:c%20d", "a b", "c d"),
        ("a:b:c", "a", "b:c"),
        ("%C3%A9:%F0%9F%94%91", "é", "🔑"),
        ("é:ü", "é", "ü"),
        ("a:%2B%25", "a", "+%"),
    ],
)
def test_both_parts_of_basic_are_form_encoded(text: str, client_id: str, secret: str) -> None:
    """RFC 6749 §2.3.1."""
    assert presented("", encoded(text)) == SecretCredential(client_id, Secret(secret), AuthMethod.SECRET_BASIC)


@pytest.mark.parametrize(
    "header",
    [
        "Basic", "Basic ", "Basic !", "Basic cmVwb3J0cw==", "Basic cmVwb3J0czpz\tM2NyZXQ=", "Basic cmVwb3J0czpzM2NyZXQ",
        "Basic cmVwb3J0czpzM2NyZXQ= x", "Basic é", encoded(b"\xff:x"), encoded(b"x:\xff"), encoded("a%:b"),
        encoded("a:%zz"), encoded("a:%ff"), encoded("%ED%A0%80:b"), encoded("a%00:b"), encoded("a:b%00"),
        encoded("a\0:b"), encoded(":s3cret"), encoded(":"), encoded(""),
    ],
)  # fmt: skip
def test_a_header_that_is_malformed_is_refused_without_a_word_of_it(header: str) -> None:
    """RFC 6749 §5.2: invalid_request, for no client was ever named."""
    assert "base64 of client_id:client_secret" in refusal("", header)


@pytest.mark.parametrize("header", ["", "Bearer x", "Digest x=y", "Basicx y", "x", " Basic x"])
def test_another_scheme_is_no_way_in(header: str) -> None:
    with pytest.raises(InvalidClient):
        presented("", header)


@given(TEXT.filter(bool), TEXT.filter(bool))
def test_whatever_id_and_secret_are_encoded_are_read_back(client_id: str, secret: str) -> None:
    header = encoded(f"{quote_plus(client_id)}:{quote_plus(secret)}")
    assert presented("", header) == SecretCredential(client_id, Secret(secret), AuthMethod.SECRET_BASIC)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_in_a_header_are_a_credential_or_refused(raw: bytes) -> None:
    for header in (encoded(raw), "Basic " + raw.decode("latin-1")):
        try:
            credential = presented("", header)
        except InvalidRequest:
            continue
        assert isinstance(credential, SecretCredential | PublicCredential)
        assert credential.client_id


def test_where_a_client_is_needed_nobody_is_refused() -> None:
    with pytest.raises(InvalidClient):
        required_client(a_request(), form("client_id="))
    assert required_client(a_request(), form("client_id=app")) == PublicCredential("app")


def test_no_credential_shows_its_secret() -> None:
    for credential in (BASIC, POST, AssertionCredential(Secret("s3cret"), "robot")):
        assert "s3cret" not in repr(credential)


def test_the_address_is_that_of_the_peer_and_may_be_unknown() -> None:
    assert address(a_request()) == "192.0.2.1"
    assert address(Request({**scope(), "client": None})) == ""


def test_an_answer_that_nobody_may_keep_says_so() -> None:
    response = no_store({"active": False, "name": "ü"})
    assert bytes(response.body).decode() in ('{"active":false,"name":"ü"}', '{"active":false,"name":"\\u00fc"}')
    assert response.headers["content-type"] == "application/json"
    assert (response.headers["cache-control"], response.headers["pragma"]) == ("no-store", "no-cache")
