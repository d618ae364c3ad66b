"""The ID tokens that the demo app believes (OpenID Connect Core §3.1.3.7), and those that it does not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from adapters.jose.assertions import JoseAssertions
from core.identity.id_token import half_hash
from core.protocol.secret import Secret
from entrypoints.demo.asking import Problem
from entrypoints.demo.tokens import Expected, Tokens, read_tokens

ISSUER = "http://127.0.0.1:8000"
KEY = RSAKey.generate_key(2048, {"kid": "own", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "own", "use": "sig"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})
ACCESS = jwt.encode({"alg": "RS256", "typ": "at+jwt"}, {"sub": "alice", "jti": "1"}, KEY)
EXPECTED = Expected(ISSUER, "demo-app", nonce="n")


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    own = {"iss": ISSUER, "aud": "demo-app", "azp": "demo-app", "sub": "alice", "nonce": "n"}
    all_ = {**own, "iat": now, "exp": now + 60, "at_hash": half_hash(Secret(ACCESS)), **changed}
    return {name: value for name, value in all_.items() if value is not None}


def read(
    changed: dict[str, Any] | None = None,
    *,
    key: Any = KEY,
    alg: str = "RS256",
    expected: Expected = EXPECTED,
    **answer: Any,
) -> Tokens:
    token = jwt.encode({"alg": alg, "kid": key.kid}, claims(**(changed or {})), key, algorithms=[alg])
    jwks = {"keys": [one.as_dict(private=False) for one in (KEY, CURVE)]}
    members = {"access_token": ACCESS, "id_token": token, "refresh_token": "wwr_x", "scope": "openid", **answer}
    return read_tokens(members, jwks, expected, JoseAssertions().verify)


def test_a_good_answer_is_read() -> None:
    tokens = read()
    assert (tokens.claims["sub"], tokens.header["alg"], tokens.scope) == ("alice", "RS256", "openid")
    assert tokens.access_claims == {"sub": "alice", "jti": "1"}
    assert ACCESS not in repr(tokens)
    assert "wwr_x" not in repr(tokens)


def test_after_a_refresh_it_is_about_the_same_person_and_needs_no_nonce() -> None:
    assert read({"nonce": None}, expected=Expected(ISSUER, "demo-app", sub="alice")).claims["sub"] == "alice"
    with pytest.raises(Problem, match="sub"):
        read({"nonce": None}, expected=Expected(ISSUER, "demo-app", sub="bob"))


@pytest.mark.parametrize("audience", ["demo-app", ["demo-app"]])
def test_the_audience_is_this_client_alone(audience: object) -> None:
    assert read({"aud": audience}).claims["aud"] == audience


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["demo-app", "another"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"azp": "another"}, "azp"),
        ({"exp": int(time.time()) - 90}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
        ({"at_hash": "another"}, "at_hash"),
    ],
    ids=str,
)
def test_a_claim_that_does_not_fit_is_named(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(Problem, match=rf": {named} is not as expected"):
        read(changed)


def test_only_a_published_key_signs_and_only_with_what_was_registered() -> None:
    with pytest.raises(Problem, match="No key of the server"):
        read(key=OTHER)
    with pytest.raises(Problem, match="No key of the server"):
        read(key=CURVE, alg="ES256")
    with pytest.raises(Problem, match="No key of the server"):
        read(key=OctKey.generate_key(256, {"kid": "own"}), alg="HS256")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "é.é.é", 7, None, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_id_token_is_a_problem_and_no_error(token: object) -> None:
    with pytest.raises(Problem):
        read(id_token=token)


def test_an_access_token_that_is_no_jwt_is_nothing_to_show() -> None:
    opaque = "opaque"
    assert read({"at_hash": half_hash(Secret(opaque))}, access_token=opaque).access_claims == {}
