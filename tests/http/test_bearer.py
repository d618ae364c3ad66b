"""What the Authorization header may look like, and what is answered to all that it may not."""

from __future__ import annotations

import pytest

from tests.http.support import (
    ME,
    NOT_SENT,
    PROBLEM,
    USERS,
    Forge,
    Watched,
    assert_refused,
    head,
    me,
)


@pytest.fixture(scope="module")
def token(live: Watched) -> str:
    live.add_user("bearer")
    return live.token("bearer")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ME),
        ("PATCH", ME),
        ("PUT", f"{ME}/password"),
        ("GET", USERS),
        ("POST", USERS),
        ("GET", f"{USERS}/00000000-0000-4000-8000-000000000000"),
        ("PATCH", f"{USERS}/00000000-0000-4000-8000-000000000000"),
        ("DELETE", f"{USERS}/00000000-0000-4000-8000-000000000000"),
    ],
)
def test_no_token_is_401_without_an_error_code_and_a_bad_one_is_401_with_it(
    live: Watched, method: str, path: str
) -> None:
    with live.client() as client:
        answer = client.request(method, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == NOT_SENT
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["detail"] == "Could not validate credentials"
        assert_refused(client.request(method, path, headers={"Authorization": "Bearer x"}))


@pytest.mark.parametrize("header", ["Basic YmVhcmVyOnBhc3M=", "Digest username=x", "Bearerx", "token", "", "Negotiate"])
def test_another_scheme_is_as_no_token(live: Watched, header: str) -> None:
    with live.client() as client:
        answer = client.get(ME, headers={"Authorization": header})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, NOT_SENT)


def test_the_scheme_is_read_without_regard_to_case(live: Watched, token: str) -> None:
    """RFC 9110 §11.1."""
    with live.client() as client:
        for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
            assert client.get(ME, headers={"Authorization": f"{scheme} {token}"}).status_code == 200


def test_spaces_between_scheme_and_token_are_no_part_of_the_token(live: Watched, token: str) -> None:
    with live.client() as client:
        assert client.get(ME, headers={"Authorization": f"Bearer   {token}"}).status_code == 200


MALFORMED = [
    "x",
    ".",
    "..",
    "...",
    "a.b",
    "a.b.c",
    "a.b.c.d",
    "a.b.c.d.e",
    "e30.e30.",
    "e30.e30.e30",
    "e30..e30",
    ".e30.e30",
    "W10.W10.W10",
    "bnVsbA.bnVsbA.bnVsbA",
    "MQ.MQ.MQ",
    "eyJhbGciOiJFUzI1NiI.e30.AA",
    "{}.{}.{}",
    '"token"',
    "null",
    "undefined",
    "Bearer",
    "' OR '1'='1",
    "../../etc/passwd",
    "%00",
    "a=b",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_token_is_refused(live: Watched, text: str) -> None:
    assert_refused(me(live, text))


def test_a_scheme_without_a_token_is_refused(live: Watched) -> None:
    for line in ("Authorization: Bearer", "Authorization: Bearer ", "Authorization: Bearer    "):
        with live.wire() as wire:
            assert wire.send(head("GET", ME, line)).answer().status == 401


def test_a_token_with_anything_more_or_less_is_refused(live: Watched, token: str) -> None:
    first, second, third = token.split(".")
    for text in (
        token + ".",
        token + "..",
        "." + token,
        token + "=",
        token + "==",
        f"{first}=.{second}.{third}",
        f"{first}.{second}",
        f"{first}.{second}.",
        f"{first}..{third}",
        f".{second}.{third}",
        f"{first}.{second}.{third}.{third}",
        f"{first} .{second}.{third}",
        f"{first}.{second} {third}",
        token + ",",
        token + " " + token,
        f'"{token}"',
        token[:-1],
        token + "A",
        token.swapcase(),
        f"{first}.{second}.{third[:-4]}AAAA",
        f"{first}.{second[:-2]}AA.{third}",
        f"{second}.{first}.{third}",
    ):
        assert_refused(me(live, text))


@pytest.mark.parametrize("raw", [b"\xff\xfe", "é".encode(), b"\x80", "ｅ３０".encode()])
def test_bytes_beyond_ascii_are_refused(live: Watched, token: str, raw: bytes) -> None:
    for text in (raw, raw + token.encode(), token.encode() + raw):
        with live.wire() as wire:
            assert_refused(wire.send(head("GET", ME, b"Authorization: Bearer " + text)).answer())


def test_a_tab_does_not_part_scheme_and_token_nor_end_it(live: Watched, token: str) -> None:
    with live.wire() as wire:
        assert wire.send(head("GET", ME, f"Authorization: Bearer\t{token}")).answer().status == 401
    with live.wire() as wire:
        assert_refused(wire.send(head("GET", ME, f"Authorization: Bearer {token}\t{token}")).answer())


def test_two_authorization_headers_are_refused_even_when_both_hold(live: Watched, token: str) -> None:
    line = f"Authorization: Bearer {token}"
    for lines in ([line, line], [line, "Authorization: Basic eDp5"], ["Authorization:", line]):
        with live.wire() as wire:
            assert_refused(wire.send(head("GET", ME, *lines)).answer())


def test_a_token_over_8_kib_is_refused_and_one_of_nearly_8_kib_is_not(live: Watched, forge: Forge, token: str) -> None:
    def padded(size: int) -> str:
        return forge.token("bearer", pad="x" * size)

    room = 8192 - len(padded(0))
    largest = padded(room * 3 // 4 - 3)
    assert 8180 < len(largest) <= 8192
    assert me(live, largest).status_code == 200
    assert_refused(me(live, padded(room * 3 // 4 + 3)))
    assert_refused(me(live, padded(20000)))
    assert_refused(me(live, "A" * 30000))
    assert_refused(me(live, token + "A" * 30000))


def test_a_token_counts_in_the_header_alone(live: Watched, token: str) -> None:
    """RFC 6750 §2.2 and §2.3 name two other places; neither is offered."""
    with live.client() as client:
        for answer in (
            client.get(ME, params={"access_token": token}),
            client.request("GET", ME, data={"access_token": token}),
            client.get(ME, headers={"Cookie": f"access_token={token}"}),
            client.get(ME, headers={"X-Access-Token": token, "Proxy-Authorization": f"Bearer {token}"}),
        ):
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, NOT_SENT)


def test_the_answer_says_nothing_about_why(live: Watched, forge: Forge, token: str) -> None:
    tokens = ["x", token + "A", forge.token("bearer", exp=1), forge.token("nobody"), forge.token("bearer", iss="x")]
    answers = [me(live, text) for text in tokens]
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["www-authenticate"] for answer in answers}) == 1
