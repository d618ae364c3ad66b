"""RFC 9068, JWT Profile for OAuth 2.0 Access Tokens."""

from __future__ import annotations

import json

import pytest

from tests.http.support import ISSUER, NOT_SENT, Forge, Watched, assert_refused, claims, me, part, unb64

OWNER = "resource-owner"


def opened(token: str) -> tuple[dict[str, object], dict[str, object]]:
    header, payload, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(payload))


def test_section_2_1_the_header_is_typed_signed_and_names_its_key(live: Watched, forge: Forge) -> None:
    """ "JWT access tokens MUST be signed. ... MUST NOT use "none" as the signing algorithm. ... MUST include this media
    type in the "typ" header parameter ... it is RECOMMENDED that the "application/" prefix be omitted."
    """
    header, _ = opened(live.token(OWNER))
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": forge.kid}


def test_section_2_2_all_required_claims_are_there(live: Watched) -> None:
    """iss, exp, aud, sub, client_id, iat and jti: "REQUIRED"."""
    _, found = opened(live.token(OWNER))
    assert set(found) == {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "roles"}
    assert (found["iss"], found["aud"], found["sub"]) == (ISSUER, ISSUER, OWNER)


def test_section_2_2_expiry_agrees_with_expires_in(live: Watched) -> None:
    """ "exp REQUIRED - as defined in Section 4.1.4 of [RFC7519]", and expires_in of RFC 6749 section 5.1."""
    _, found = opened(live.token(OWNER))
    assert isinstance(found["exp"], int)
    assert isinstance(found["iat"], int)
    assert 1800 <= found["exp"] - found["iat"] <= 1802


def test_section_2_2_3_1_roles_are_a_claim_of_their_own(live: Watched) -> None:
    """ "authorization servers ... SHOULD include such attributes as ... "roles" ... claims"."""
    live.add_user("role-bearer", roles=("editor", "author"))
    _, found = opened(live.token("role-bearer"))
    assert found["roles"] == ["author", "editor"]


def test_section_2_2_nothing_personal_beyond_the_subject_is_in_a_token(live: Watched) -> None:
    """Section 6: "care should be taken ... to avoid ... personally identifiable information"."""
    payload = unb64(live.token(OWNER).split(".")[1]).decode()
    assert "example.com" not in payload
    assert "argon2" not in payload


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt"])
def test_section_4_typ_is_verified(live: Watched, forge: Forge, typ: str) -> None:
    """ "The resource server MUST verify that the "typ" header value is "at+jwt" or "application/at+jwt" and reject
    tokens carrying any other value."
    """
    assert me(live, forge.token(OWNER, {"typ": typ})).status_code == 200
    for other in ("JWT", "application/jwt", None, f"{typ}s"):
        assert_refused(me(live, forge.token(OWNER, {"typ": other})))


def test_section_4_iss_matches_exactly(live: Watched, forge: Forge) -> None:
    """ "The issuer identifier for the authorization server ... MUST exactly match the value of the "iss" claim." """
    for issuer in (f"{ISSUER}/", ISSUER.replace("127.0.0.1", "localhost"), "", None):
        assert_refused(me(live, forge.token(OWNER, iss=issuer)))


def test_section_4_aud_contains_us(live: Watched, forge: Forge) -> None:
    """ "The resource server MUST validate that the "aud" claim contains a resource indicator value corresponding to an
    identifier the resource server expects for itself."
    """
    for audience in ("https://api.example", ["https://api.example"], [], None):
        assert_refused(me(live, forge.token(OWNER, aud=audience)))


def test_section_4_the_signature_is_validated_and_none_refused(live: Watched, forge: Forge) -> None:
    """ "The resource server MUST validate the signature of all incoming JWT access tokens ... using the algorithm
    specified in the JWT "alg" header parameter. The resource server MUST reject any JWT in which the value of "alg"
    is "none"."
    """
    assert_refused(me(live, f"{part(forge.header(alg='none'))}.{part(claims(OWNER))}."))
    assert_refused(me(live, forge.token(OWNER)[:-6] + "AAAAAA"))


def test_section_4_the_time_must_be_before_exp(live: Watched, forge: Forge) -> None:
    """ "The current time MUST be before the time represented by the "exp" claim." """
    assert_refused(me(live, forge.token(OWNER, exp=1)))
    assert_refused(me(live, forge.token(OWNER, exp=None)))


def test_section_4_errors_are_those_of_rfc_6750(live: Watched) -> None:
    """ "The resource server MUST handle errors as described in Section 3.1 of [RFC6750]. In particular, in case of any
    failure in the validation checks listed above, the authorization server response MUST include the error code
    "invalid_token"."
    """
    assert_refused(me(live, "not.a.token"))
    with live.client() as client:
        assert client.get("/api/v1/users/me").headers["www-authenticate"] == NOT_SENT
