"""RFC 7519, JSON Web Token: claims and the steps of validation."""

from __future__ import annotations

import json
import time

import pytest

from tests.http.support import ISSUER, Forge, Watched, assert_refused, b64, claims, me, part, unb64

OWNER = "resource-owner"


def issued(live: Watched) -> dict[str, object]:
    found: dict[str, object] = json.loads(unb64(live.token(OWNER).split(".")[1]))
    return found


def test_section_2_a_numeric_date_is_a_number_of_seconds(live: Watched, forge: Forge) -> None:
    """ "A JSON numeric value representing the number of seconds from 1970-01-01T00:00:00Z UTC" """
    found = issued(live)
    assert all(type(found[name]) is int for name in ("exp", "iat"))
    assert_refused(me(live, forge.token(OWNER, exp=str(int(time.time()) + 60))))


def test_section_4_claim_names_must_be_unique_or_the_last_one_counts(live: Watched, forge: Forge) -> None:
    """ "JWT parsers MUST either reject JWTs with duplicate Claim Names or use a JSON parser that returns only the
    lexically last duplicate member name".
    """
    good = json.dumps(claims(OWNER))[1:-1]
    payload = f'{{{good}, "exp": 1}}'
    assert_refused(me(live, forge.sign(forge.header(), payload.encode())))


def test_section_4_claims_that_are_not_understood_are_ignored(live: Watched, forge: Forge) -> None:
    """ "all claims that are not understood by implementations MUST be ignored." """
    extra = {"https://example.com/claim": {"a": [1]}, "act": {"sub": "somebody"}}
    assert me(live, forge.sign(forge.header(), {**claims(OWNER), **extra})).status_code == 200


def test_section_4_1_1_iss_is_case_sensitive(live: Watched, forge: Forge) -> None:
    """ "The "iss" value is a case-sensitive string containing a StringOrURI value." """
    assert issued(live)["iss"] == ISSUER
    assert_refused(me(live, forge.token(OWNER, iss=ISSUER.replace("http", "HTTP"))))


def test_section_4_1_2_sub_is_case_sensitive_and_unique(live: Watched, forge: Forge) -> None:
    """ "The subject value MUST either be scoped to be locally unique in the context of the issuer or be globally
    unique."
    """
    assert issued(live)["sub"] == OWNER
    assert_refused(me(live, forge.token(OWNER.upper())))


def test_section_4_1_3_a_principal_that_is_not_in_aud_must_refuse(live: Watched, forge: Forge) -> None:
    """ "If the principal processing the claim does not identify itself with a value in the "aud" claim when this claim
    is present, then the JWT MUST be rejected." In general it is an array; with one audience it may be a string.
    """
    assert issued(live)["aud"] == ISSUER
    for audience in ("https://other.example", ["https://other.example"], []):
        assert_refused(me(live, forge.token(OWNER, aud=audience)))
    for audience in (ISSUER, [ISSUER], ["https://other.example", ISSUER]):
        assert me(live, forge.token(OWNER, aud=audience)).status_code == 200


def test_section_4_1_4_a_token_is_not_accepted_on_or_after_exp(live: Watched, forge: Forge) -> None:
    """ "The "exp" claim identifies the expiration time on or after which the JWT MUST NOT be accepted for
    processing."
    """
    now = int(time.time())
    assert_refused(me(live, forge.token(OWNER, exp=now, iat=now - 10)))


def test_section_4_1_5_a_token_is_not_accepted_before_nbf(live: Watched, forge: Forge) -> None:
    """ "the time before which the JWT MUST NOT be accepted for processing." """
    now = int(time.time())
    assert_refused(me(live, forge.token(OWNER, nbf=now + 60)))
    assert me(live, forge.token(OWNER, nbf=now - 1)).status_code == 200


def test_section_4_1_6_iat_is_when_the_token_was_issued(live: Watched) -> None:
    """ "The "iat" claim identifies the time at which the JWT was issued." """
    before = int(time.time())
    issued_at = issued(live)["iat"]
    assert isinstance(issued_at, int)
    assert before <= issued_at <= time.time()


def test_section_4_1_7_jti_is_unique(live: Watched) -> None:
    """ "The identifier value MUST be assigned in a manner that ensures that there is a negligible probability that the
    same value will be accidentally assigned to a different data object".
    """
    assert len({issued(live)["jti"] for _ in range(10)}) == 10


def test_section_7_2_step_1_a_token_contains_a_period(live: Watched) -> None:
    """ "Verify that the JWT contains at least one period ('.') character." """
    assert_refused(me(live, "notatoken"))


def test_section_7_2_steps_2_to_5_the_header_is_a_json_object_that_is_understood(live: Watched, forge: Forge) -> None:
    """ "Base64url decode the Encoded JOSE Header following the restriction that no line breaks, whitespace, or other
    additional characters have been used. ... Verify that the resulting octet sequence is a ... completely valid
    JSON object. Verify that the resulting JOSE Header includes only parameters and values whose syntax and
    semantics are both understood and supported or that are specified as being ignored when not understood."
    """
    _, payload, signature = forge.token(OWNER).split(".")
    for header in ("*", "e30", b64(b"[]"), b64(b"{"), b64(b"\xff")):
        assert_refused(me(live, f"{header}.{payload}.{signature}"))


def test_section_7_2_step_6_a_jwe_is_not_taken_for_a_jws(live: Watched) -> None:
    """ "Determine whether the JWT is a JWS or a JWE". None of ours is encrypted."""
    header = part({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt"})
    assert_refused(me(live, f"{header}..{b64(bytes(12))}.{b64(bytes(40))}.{b64(bytes(16))}"))


def test_section_7_2_step_8_a_nested_token_is_refused(live: Watched, forge: Forge) -> None:
    """ "If the JOSE Header contains a "cty" value of "JWT", then the Message is a JWT that was the subject of nested
    signing". Its payload is no set of claims.
    """
    inner = forge.token(OWNER)
    assert_refused(me(live, forge.sign(forge.header(cty="JWT"), inner.encode())))


@pytest.mark.parametrize("payload", [b"[]", b"null", b"1", b'"text"', b"{", b"", b"\xff", b"{} x"])
def test_section_7_2_step_10_the_claims_are_a_completely_valid_json_object(
    live: Watched, forge: Forge, payload: bytes
) -> None:
    """ "Verify that the resulting octet sequence is a UTF-8-encoded representation of a completely valid JSON
    object".
    """
    assert_refused(me(live, forge.sign(forge.header(), payload)))


def test_section_7_2_step_10_claims_in_another_encoding_are_refused(live: Watched, forge: Forge) -> None:
    """ "a UTF-8-encoded representation" """
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        assert_refused(me(live, forge.sign(forge.header(), json.dumps(claims(OWNER)).encode(encoding))))


@pytest.mark.parametrize("alg", ["HS256", "RS256", "none", "ES384"])
def test_section_7_2_an_algorithm_that_is_not_acceptable_is_refused(live: Watched, forge: Forge, alg: str) -> None:
    """ "even if a JWT can be successfully validated, unless the algorithms used in the JWT are acceptable to the
    application, it SHOULD reject the JWT."
    """
    assert_refused(me(live, forge.token(OWNER, {"alg": alg})))
