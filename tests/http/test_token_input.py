"""Forms that are refused: 400 invalid_request, naming the parameter."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from tests.http.support import FORM, TOKEN, Watched, post_form
from tests.support import PASSWORD

GOOD = f"username=somebody&password={PASSWORD.replace(' ', '+')}"


def send(live: Watched, body: bytes | str, *, query: str = "", **headers: str) -> httpx.Response:
    with live.client() as client:
        return client.post(TOKEN + query, content=body, headers={**FORM, **headers})


def assert_invalid(answer: httpx.Response, *words: str) -> None:
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    assert body["error"] == "invalid_request"
    for word in words:
        assert word in body["error_description"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "name", "how"),
    [
        ("password=whatever1", "username", "missing"),
        ("username=somebody", "password", "missing"),
        ("", "username", "missing"),
        ("username=&password=whatever1", "username", "empty"),
        ("username=somebody&password=", "password", "empty"),
        ("username&password=whatever1", "username", "empty"),
        (f"{GOOD}&grant_type=", "grant_type", "empty"),
        (f"{GOOD}&username=other", "username", "more than once"),
        (f"{GOOD}&username=somebody", "username", "more than once"),
        (f"{GOOD}&password=", "password", "more than once"),
        (f"{GOOD}&grant_type=password&grant_type=password", "grant_type", "more than once"),
        (f"{GOOD}&%75sername=other", "username", "more than once"),
        (f"{GOOD}&scope=&scope=", "scope", "more than once"),
    ],
)
def test_a_parameter_that_is_missing_empty_or_repeated_is_named(live: Watched, body: str, name: str, how: str) -> None:
    assert_invalid(send(live, body), name, how)


@pytest.mark.parametrize("name", ["username", "password", "grant_type", "scope", "client_id", "client_secret"])
def test_a_parameter_in_the_url_is_refused_and_named(live: Watched, name: str) -> None:
    assert_invalid(send(live, GOOD, query=f"?{name}=whatever1"), name, "body")


def test_credentials_in_the_url_alone_are_refused_and_not_repeated(live: Watched) -> None:
    answer = send(live, "", query="?username=somebody&password=in-the-address-bar")
    assert_invalid(answer, "username")
    assert "in-the-address-bar" not in answer.text


def test_an_unknown_parameter_in_the_url_is_refused_too(live: Watched) -> None:
    assert_invalid(send(live, GOOD, query="?colour=blue"))


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
        "application/x-www-form-urlencodedx",
        "application/x-www-form-urlencoded, application/json",
    ],
)
def test_another_content_type_is_refused(live: Watched, kind: str) -> None:
    assert_invalid(send(live, GOOD, **{"Content-Type": kind}), "content type")


def test_no_content_type_is_refused(live: Watched) -> None:
    with live.client() as client:
        answer = client.post(TOKEN, content=GOOD.encode())
    assert "content-type" not in answer.request.headers
    assert_invalid(answer, "content type")


def test_json_and_multipart_bodies_are_refused(live: Watched) -> None:
    fields = {"username": "somebody", "password": PASSWORD}
    with live.client() as client:
        assert_invalid(client.post(TOKEN, json=fields))
        assert_invalid(client.post(TOKEN, data=fields, files={"x": b"y"}))


@pytest.mark.parametrize(
    ("body", "name", "how"),
    [
        ("username=%FF&password=whatever1", "username", "UTF-8"),
        ("username=somebody&password=%C3%28%C3%28%C3", "password", "UTF-8"),
        ("username=somebody&password=%ED%A0%80abcdefg", "password", "UTF-8"),
        ("username=somebody&password=%C0%80abcdefgh", "password", "UTF-8"),
        ("username=some%00body&password=whatever1", "username", "NUL"),
        ("username=somebody&password=whatever%00", "password", "NUL"),
        ("username=some%body&password=whatever1", "username", "%"),
        ("username=somebody&password=whatever%", "password", "%"),
        ("username=somebody&password=whatever%zz", "password", "%"),
        ("username=somebody&password=whatever%2", "password", "%"),
        (b"username=somebody&password=whatever1\x00", "password", "NUL"),
    ],
)
def test_text_that_is_not_clean_utf_8_is_refused_and_the_parameter_named(
    live: Watched, body: str | bytes, name: str, how: str
) -> None:
    assert_invalid(send(live, body), name, how)


@pytest.mark.parametrize("raw", [b"\xff", "é".encode("latin-1"), b"\xed\xa0\x80", b"\x80"])
def test_bytes_that_are_no_text_are_refused(live: Watched, raw: bytes) -> None:
    assert_invalid(send(live, b"username=somebody&password=whatever" + raw))


def test_what_cannot_stand_in_an_error_description_is_not_repeated(live: Watched) -> None:
    for name in ("a%22b", "%5C", "%C3%A9", "%3Cscript%3E", "x" * 300, "%0D%0ASet-Cookie%3A"):
        answer = send(live, f"{name}=1&{name}=2&{GOOD}")
        assert_invalid(answer, "more than once")
        description = answer.json()["error_description"]
        assert len(description) < 120
        assert not set(description) & set('"\\<>\r\né')


def test_very_many_parameters_are_refused(live: Watched) -> None:
    assert_invalid(send(live, GOOD + "".join(f"&p{number}=" for number in range(5000))), "100")


def test_a_hundred_parameters_are_fine(live: Watched) -> None:
    live.add_user("hundred")
    body = GOOD.replace("somebody", "hundred") + "".join(f"&p{number}=" for number in range(98))
    assert send(live, body).status_code == 200


def test_a_semicolon_separates_nothing(live: Watched) -> None:
    assert_invalid(send(live, GOOD.replace("&", ";")), "password", "missing")


def test_form_bytes_sent_one_by_one_are_one_form(live: Watched) -> None:
    live.add_user("slowly")
    request = post_form(GOOD.replace("somebody", "slowly").encode())
    with live.wire() as wire:
        wire.send(*(bytes([byte]) for byte in request))
        assert wire.answer("POST").status == 200


def test_empty_sequences_between_ampersands_are_no_parameters(live: Watched) -> None:
    """URL Standard §5.1: an empty sequence is passed over."""
    live.add_user("ampersands")
    assert send(live, "&" + GOOD.replace("somebody", "ampersands").replace("&", "&&&") + "&").status_code == 200
