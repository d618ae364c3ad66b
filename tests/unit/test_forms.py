"""Form bodies: read in one way only, or refused."""

from __future__ import annotations

from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from core.protocol.refusals import InvalidRequest
from entrypoints.http.forms import MOST_FIELDS, REPEATABLE, Form, oauth_form, parse_form

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def content(form: Form) -> dict[str, str]:
    """All that a form holds, each name once."""
    return {name: value for name, (value,) in form._values.items()}


def refusal(body: bytes) -> str:
    with pytest.raises(InvalidRequest) as caught:
        parse_form(body)
    return caught.value.description


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=", {"a": ""}),
        (b"a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=b+c%20d", {"a": "b c d"}),
        (b"a=%C3%A9", {"a": "é"}),
        (b"%61=1", {"a": "1"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a=%26%3D", {"a": "&="}),
        (b"a=%F0%9F%94%91", {"a": "\U0001f511"}),
    ],
)
def test_a_form_is_read_by_name(body: bytes, form: dict[str, str]) -> None:
    assert content(parse_form(body)) == form


@pytest.mark.parametrize("body", [b"username=a&username=b", b"username=a&username=a", b"username=a&%75sername=b"])
def test_a_parameter_sent_twice_is_refused_by_name(body: bytes) -> None:
    assert refusal(body) == "username is sent more than once"


def test_what_may_be_repeated_is_read_in_its_order() -> None:
    body = b"resource=b&scope=x&resource=&resource=a&resource=b"
    form = parse_form(body, repeatable=REPEATABLE)
    assert form.all("resource") == ("b", "a", "b")  # one without a value counts as left out
    assert form.get("resource") == "b"
    assert (form.get("scope"), form.all("scope"), form.get("other"), form.all("other")) == ("x", ("x",), None, ())
    with pytest.raises(InvalidRequest, match="resource is sent more than once"):
        parse_form(body)
    with pytest.raises(InvalidRequest, match="scope is sent more than once"):
        parse_form(body + b"&scope=y", repeatable=REPEATABLE)


def test_a_parameter_that_is_needed_is_neither_missing_nor_empty() -> None:
    form = parse_form(b"username=alice&password=")
    assert form.required("username") == "alice"
    for name, words in (("password", "password is empty"), ("token", "token is missing")):
        with pytest.raises(InvalidRequest) as caught:
            form.required(name)
        assert caught.value.description == words


def test_only_resources_may_be_repeated_at_an_oauth_endpoint() -> None:
    assert {"resource"} == REPEATABLE  # RFC 8707 §2


@pytest.mark.parametrize("body", [b"username=%00", b"username=a%00b", b"a=1&username=%00"])
def test_a_nul_is_refused_by_name(body: bytes) -> None:
    assert refusal(body) == "username holds a NUL"


@pytest.mark.parametrize("body", [b"username=%ff", b"username=%C3", b"username=%ED%A0%80", b"username=%C0%80"])
def test_what_is_not_utf_8_is_refused_by_name(body: bytes) -> None:
    assert refusal(body) == "username is not UTF-8"


@pytest.mark.parametrize("body", [b"username=%", b"username=%4", b"username=%zz", b"username=100%"])
def test_a_broken_escape_is_refused_by_name(body: bytes) -> None:
    assert refusal(body).startswith("username holds a %")


def test_text_that_nobody_escaped_is_read_as_it_is() -> None:
    assert content(parse_form("password=pässwort".encode())) == {"password": "pässwort"}


@pytest.mark.parametrize("body", [b"username=\xff", "username=é".encode("latin-1"), b"username=\xed\xa0\x80"])
def test_raw_bytes_that_are_no_text_are_refused_by_name(body: bytes) -> None:
    assert refusal(body) == "username is not UTF-8"


def test_the_number_of_parameters_is_bounded() -> None:
    most = [f"p{number}=" for number in range(MOST_FIELDS)]
    assert len(content(parse_form("&".join(most).encode()))) == MOST_FIELDS
    assert "more than" in refusal("&".join([*most, "one="]).encode())


@pytest.mark.parametrize("name", ['"', "<script>", "a b", "é", "x" * 65, "\n", "\\"])
def test_a_name_that_could_do_harm_is_not_repeated(name: str) -> None:
    description = refusal(f"{quote_plus(name)}=1&{quote_plus(name)}=2".encode())
    assert description == "a parameter is sent more than once"


@given(st.binary())
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    try:
        form = content(parse_form(body))
    except InvalidRequest as refusal:
        described = refusal.description
    else:
        described = ""
        assert all("\0" not in name + value for name, value in form.items())
        "".join([*form, *form.values()]).encode()  # no lone surrogate
    # RFC 6749 §5.2: what an error_description may hold.
    assert all(" " <= character <= "~" and character not in '"\\' for character in described)


@given(st.lists(st.sampled_from(["a", "b", "=", "&", "%", "%41", "%00", "%ff", "+", ";", "\x80"])).map("".join))
def test_any_mixture_of_the_syntax_is_a_form_or_refused(text: str) -> None:
    try:
        form = content(parse_form(text.encode("latin-1")))
    except InvalidRequest:
        return
    assert content(parse_form(urlencode(form).encode())) == form


@given(st.dictionaries(TEXT, TEXT, max_size=8))
def test_whatever_was_encoded_is_read_back(form: dict[str, str]) -> None:
    assert content(parse_form(urlencode(form).encode())) == form


def request(
    query: bytes = b"", content_type: str | None = "application/x-www-form-urlencoded", **headers: str
) -> Request:
    sent = {"host": "127.0.0.1:8000", **headers} | ({} if content_type is None else {"content-type": content_type})
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "path": "/api/v1/auth/token",
        "query_string": query,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"username=alice", "more_body": False}

    return Request(scope, receive)


async def test_the_body_of_a_form_request_is_read() -> None:
    assert content(await oauth_form(request(), known=["username"])) == {"username": "alice"}


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded "]
)
async def test_parameters_and_case_of_the_media_type_do_not_matter(media: str) -> None:
    assert content(await oauth_form(request(content_type=media), known=["username"])) == {"username": "alice"}


@pytest.mark.parametrize("media", [None, "", "application/json", "multipart/form-data", "text/plain"])
async def test_another_media_type_is_refused(media: str | None) -> None:
    with pytest.raises(InvalidRequest, match="application/x-www-form-urlencoded"):
        await oauth_form(request(content_type=media), known=["username"])


@pytest.mark.parametrize(
    ("query", "named"),
    [(b"password=x", "password"), (b"x=1&username=a", "username"), (b"x=1", "parameters"), (b"x", "par")],
)
async def test_parameters_in_the_url_are_refused_by_name(query: bytes, named: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{named}"):
        await oauth_form(request(query), known=["username", "password"])


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "é", "", "x]"])
async def test_a_strange_host_is_no_mistake_of_ours(host: str) -> None:
    assert content(await oauth_form(request(host=host), known=["username"])) == {"username": "alice"}
