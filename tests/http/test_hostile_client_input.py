"""What an attacker sends to the endpoints of clients: whatever it is, it is refused, and nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from tests.http.clients import (
    CLIENTS,
    INTROSPECT,
    JWT_BEARER,
    REVOKE,
    Form,
    Keyholder,
    Registered,
    Timed,
    asserting,
    basic,
    post,
    raw_basic,
    register,
)
from tests.http.support import FORM, PROBLEM, TOKEN, part

pytestmark = pytest.mark.usefixtures("another_day")

GRANT = {"grant_type": "client_credentials"}
JSON = {"Content-Type": "application/json"}
ENDPOINTS = (TOKEN, REVOKE, INTROSPECT)

# Names that mean something to somebody on the way.
NASTY = [
    "' OR '1'='1",
    "x'; DROP TABLE clients; --",
    "$1",
    "\r\nSet-Cookie: a=b",
    "a\nb",
    "\t",
    "\x7f",
    "..",
    "../../etc/passwd",
    "%2e%2e",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "<script>",
    "\u202e",
    "\ufeff",
    "e\u0301" * 300,
    "😀" * 100,
    "x" * 20_000,
    "*",
    "null",
    "__proto__",
]


@pytest.fixture(scope="module")
def live(timed: Timed) -> Timed:
    return timed


@pytest.fixture(scope="module")
def app(live: Timed) -> Registered:
    return register(live, "app", grants=("client_credentials", "password", "refresh_token"), scopes=("read",))


@pytest.fixture(scope="module")
def signer(live: Timed) -> Registered:
    return register(live, "signer", method=AuthMethod.PRIVATE_KEY_JWT)


@pytest.fixture
def admin(live: Timed) -> Iterator[httpx.Client]:
    with live.admin() as client:
        yield client


def secret(text: str) -> str:
    """A text that is sent nowhere but where secrets belong: it is searched for in logs and errors afterwards."""
    return f"{text} as a secret"


def assert_refused(answer: httpx.Response) -> None:
    """An error of RFC 6749 §5.2 in visible ASCII, in which nothing of what was sent comes back."""
    assert answer.status_code in {400, 401, 429}, answer.text
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    assert all(text.isascii() and text.isprintable() and len(text) < 300 for text in body.values())
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", NASTY, ids=lambda name: ascii(name)[:20])
def test_nasty_names_and_secrets_of_clients(live: Timed, name: str) -> None:
    for headers, form in (
        ({"Authorization": basic(name, "x")}, {}),
        ({}, {"client_id": name, "client_secret": "x"}),
        ({}, {"client_id": name}),
        ({"Authorization": basic("app", secret(name))}, {}),
    ):
        assert_refused(post(live, TOKEN, {**GRANT, **form}, headers))


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text)[:20])
def test_nasty_parameters(app: Registered, text: str) -> None:
    for form in (
        {"scope": text},
        {"scope": f"read {text}"},
        {"resource": text},
        {"resource": f"https://{text}"},
    ):
        assert_refused(app.post(TOKEN, {**GRANT, **form}))
    assert_refused(app.post(TOKEN, {"grant_type": text}))
    assert_refused(app.post(TOKEN, {"grant_type": "password", "username": text, "password": secret(text)}))
    for token in (secret(text), f"wwr_{secret(text)}", f"a.{secret(text)}.c"):
        assert_refused(app.refresh(token))
        assert app.introspect(token) == {"active": False}
        assert app.revoke(token, token_type_hint=text).status_code == 200


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    "pair",
    [
        b":",
        b"::::",
        b"\xff\xfe:\xff",
        b"\xed\xa0\x80:x",
        b"app:\x00",
        b"\x00:\x00",
        b"%00:%00",
        b"%ff:%ff",
        b"%:%",
        b"a" * 30_000,
        b"a" * 30_000 + b":" + b"b" * 10_000,
        b"app:" + b"%41" * 10_000,
        "é:ü".encode("latin-1"),
        "😀:😀".encode("utf-16"),
    ],
    ids=lambda pair: ascii(pair)[:24],
)
def test_a_basic_header_of_anything(live: Timed, path: str, pair: bytes) -> None:
    assert_refused(post(live, path, {**GRANT, "token": "x"}, {"Authorization": raw_basic(pair)}))


@pytest.mark.parametrize(
    "header", ["Basic ====", "Basic a", "Basic -_-_", "Basic\tYTpi", "Basic,YTpi", "basic YTpi,", "Bas"]
)
def test_an_authorization_header_that_is_nothing(live: Timed, header: str) -> None:
    for path in ENDPOINTS:
        assert_refused(post(live, path, {**GRANT, "token": "x"}, {"Authorization": header}))


def test_two_authorization_headers(app: Registered) -> None:
    header = basic(app.client_id, app.secret)
    with app.live.client() as client:
        for other in (header, "Bearer x"):
            headers = [("Authorization", header), ("Authorization", other)]
            assert_refused(client.post(TOKEN, data=GRANT, headers=headers))


@pytest.mark.parametrize(
    "name",
    ["client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "token", "token_type_hint"],
)
def test_a_repeated_parameter_is_refused_and_named(live: Timed, name: str) -> None:
    """RFC 6749 §3.2: two programs on the way would each take another of them."""
    for path in ENDPOINTS:
        answer = post(live, path, {**GRANT, "token": "x", name: ["one", "two"]})
        assert_refused(answer)
        assert (answer.json()["error"], name in answer.json()["error_description"]) == ("invalid_request", True)


@pytest.mark.parametrize("number", [33, 90, 1000])
def test_more_resources_than_anybody_needs(app: Registered, number: int) -> None:
    assert_refused(app.post(TOKEN, {**GRANT, "resource": ["https://api.example.com"] * number}))


@pytest.mark.parametrize("scope", ["x" * 10_000, "x " * 5_000, " ".join(f"s{n}" for n in range(2_000)), " " * 10_000])
def test_a_scope_of_ten_thousand_characters(app: Registered, scope: str) -> None:
    assert_refused(app.post(TOKEN, {**GRANT, "scope": scope}))


@pytest.mark.parametrize(
    "body", [b"&" * 60_000, b"=" * 60_000, b"%" * 60_000, b"a=1&" * 16_000, b"+" * 60_000, b"\xff" * 9]
)
def test_bodies_of_separators(live: Timed, body: bytes) -> None:
    with live.client() as client:
        for path in ENDPOINTS:
            assert_refused(client.post(path, content=body, headers=FORM))


ODD: list[object] = [
    None,
    "",
    1,
    1.5,
    -1,
    True,
    [],
    ["app"],
    [["a"]],
    {},
    {"a": {"b": []}},
    "x" * 5_000,
    "\0",
    "\ud800",
]


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"])
def test_claims_of_any_type_where_others_belong(signer: Registered, name: str) -> None:
    assert signer.keyholder
    for value in ODD:
        if name == "jti" and isinstance(value, str) and 0 < len(value) <= 256:
            continue  # any short text is a good one
        if name in {"nbf", "iat"} and isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            continue  # times that have passed
        claims = {**signer.claims(), name: value}
        assert_refused(post(signer.live, TOKEN, {**GRANT, **asserting(signer.keyholder.assertion(claims))}))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{",
        b"\xff",
        b'{"iss":"signer","iss":"other"}',
        b'{"iss":"signer"' + b',"a":1' * 500 + b"}",
        b"[" * 5_000,
        b'{"a":' * 1_000,
        b'{"exp":' + b"9" * 5_000 + b"}",
        '{"iss":"signer"}'.encode("utf-16"),
    ],
    ids=lambda payload: ascii(payload)[:24],
)
def test_payloads_of_anything(signer: Registered, payload: bytes) -> None:
    assert signer.keyholder
    assert_refused(post(signer.live, TOKEN, {**GRANT, **asserting(signer.keyholder.assertion(payload))}))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"alg":',
        b"\xff",
        b"[" * 5_000,
        b'{"alg":"ES256","kid":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
    ids=lambda header: ascii(header)[:24],
)
def test_headers_of_anything(signer: Registered, header: bytes) -> None:
    assertion = f"{part(header)}.{part(signer.claims())}.{'A' * 86}"
    for form in (asserting(assertion), {"token": assertion, **asserting(assertion)}):
        for path in ENDPOINTS:
            assert_refused(post(signer.live, path, {**GRANT, "token": "x", **form}))


@pytest.mark.parametrize("jti", ["x" * 10_000, "😀" * 2_000, "\0" * 1_000])
def test_a_jti_of_ten_thousand_bytes(signer: Registered, jti: str) -> None:
    assert_refused(post(signer.live, TOKEN, {**GRANT, **asserting(signer.assertion(jti=jti))}))


@pytest.mark.parametrize("issuer", NASTY, ids=lambda issuer: ascii(issuer)[:20])
def test_nasty_issuers_of_assertions(signer: Registered, issuer: str) -> None:
    form: Form = {"client_assertion": signer.assertion(iss=issuer, sub=issuer), "client_assertion_type": JWT_BEARER}
    assert_refused(post(signer.live, TOKEN, {**GRANT, **form}))


# The admin API is for administrators, who make mistakes, and whose browsers and scripts can be made to make some.


def assert_no_client_was_made(admin: httpx.Client, answer: httpx.Response, client_id: str = "hostile") -> None:
    assert answer.status_code in {400, 413, 422}, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert admin.get(f"{CLIENTS}/{client_id}").status_code == 404


def with_jwks(jwks: object) -> dict[str, object]:
    return {"client_id": "hostile", "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}


def own_key(**changes: object) -> dict[str, object]:
    return {**Keyholder.new().forge.public_jwk, **changes}


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_member_in_a_key_is_refused_and_not_repeated(admin: httpx.Client, member: str) -> None:
    answer = admin.post(CLIENTS, json=with_jwks({"keys": [own_key(**{member: "a-private-part"})]}))
    assert_no_client_was_made(admin, answer)
    assert "a-private-part" not in answer.text


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "oct"},
        {},
        {"kty": "EC"},
        {"kty": ["EC"], "crv": "P-256"},
        {"kty": "EC", "crv": ["P-256"]},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": 2},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "secp256k1", "x": "A" * 43, "y": "A" * 43},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "RSA", "n": "A" * 343, "e": "AQAB"},
        {"kty": "RSA", "n": "_" * 342, "e": "AA"},
        {"kty": "RSA", "n": "é", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": "!!!"},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
        "EC",
        None,
        [],
    ],
    ids=lambda jwk: ascii(jwk)[:40],
)
def test_keys_that_cannot_verify_an_assertion_are_refused(admin: httpx.Client, jwk: object) -> None:
    assert_no_client_was_made(admin, admin.post(CLIENTS, json=with_jwks({"keys": [jwk]})))


@pytest.mark.parametrize(
    "changes", [{"use": "enc"}, {"alg": "HS256"}, {"alg": "none"}, {"alg": ["ES256"]}, {"use": []}]
)
def test_keys_that_are_for_something_else_are_refused(admin: httpx.Client, changes: dict[str, object]) -> None:
    assert_no_client_was_made(admin, admin.post(CLIENTS, json=with_jwks({"keys": [own_key(**changes)]})))


@pytest.mark.parametrize("jwks", [None, "x", 1, [], {}, {"keys": None}, {"keys": {}}, {"keys": []}, {"keys": "EC"}])
def test_what_is_no_set_of_keys_is_refused(admin: httpx.Client, jwks: object) -> None:
    assert_no_client_was_made(admin, admin.post(CLIENTS, json=with_jwks(jwks)))


def test_more_keys_than_anybody_needs(admin: httpx.Client) -> None:
    assert_no_client_was_made(admin, admin.post(CLIENTS, json=with_jwks({"keys": [own_key()] * 11})))


@pytest.mark.parametrize("text", ['"\\u0000"', '"\\ud800"', "1e999", "-1e999", "NaN", '"a\\udfffb"', "9" * 4_500])
@pytest.mark.parametrize("place", ["kid", "x5c", "anything", "outside"])
def test_values_that_no_database_keeps(admin: httpx.Client, place: str, text: str) -> None:
    """In members that nobody looks at. Whether they are taken or not, they do not break anything."""
    keys = {"keys": [own_key(**({} if place == "outside" else {place: "HERE"}))], "outside": "HERE"}
    body = json.dumps(with_jwks(keys)).replace('"HERE"', text)
    assert_no_client_was_made(admin, admin.post(CLIENTS, content=body, headers=JSON))


@pytest.mark.parametrize("depth", [9, 200, 900, 960, 965, 968, 971, 972, 975, 1_000, 5_000, 15_000])
def test_json_that_goes_deep(admin: httpx.Client, depth: int) -> None:
    """Not even where it could just be read: it would have to be read again, from elsewhere, for the list of clients."""
    jwks = '{"keys":[' + json.dumps(own_key(x5c="HERE")).replace('"HERE"', "[" * depth + "]" * depth) + "]}"
    body = json.dumps(with_jwks("HERE")).replace('"HERE"', jwks)
    assert_no_client_was_made(admin, admin.post(CLIENTS, content=body, headers=JSON))


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text)[:20])
def test_nasty_texts_in_the_admin_api(admin: httpx.Client, text: str) -> None:
    for body in (
        {"client_id": text},
        {"client_id": "hostile", "scopes": [f"a {text}"]},
        {"client_id": "hostile", "grant_types": [text]},
        {"client_id": "hostile", "resources": [f"#{text}"]},
        {"client_id": "hostile", "token_endpoint_auth_method": text},
        {"client_id": "hostile", text: 1},
    ):
        if body != {"client_id": "null"}:  # which is as good a name as any
            assert_no_client_was_made(admin, admin.post(CLIENTS, json=body))
    answer = admin.get(f"{CLIENTS}/{quote(text, safe='')}", params={"x": text})
    assert answer.status_code in {404, 405}
    assert admin.get(CLIENTS, params={"after": text}).status_code in {200, 422}
