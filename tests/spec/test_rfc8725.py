"""RFC 8725, JSON Web Token Best Current Practices."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.http.support import ISSUER, Forge, Watched, assert_refused, b64, claims, me, part, unb64

OWNER = "resource-owner"


def test_section_3_1_only_the_algorithm_of_the_key_is_used(live: Watched, forge: Forge) -> None:
    """ "Each key MUST be used with exactly one algorithm, and this MUST be checked when the cryptographic operation is
    performed."
    """
    pem = forge.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = f"{part(forge.header(alg='HS256'))}.{part(claims(OWNER))}"
    assert_refused(me(live, f"{text}.{b64(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"))
    assert_refused(me(live, forge.token(OWNER, {"alg": "ES384"})))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_section_3_2_none_is_not_accepted(live: Watched, forge: Forge, alg: str) -> None:
    """ "JWT libraries SHOULD NOT generate JWTs using "none" unless explicitly requested by the caller. Similarly, JWT
    libraries SHOULD NOT consume JWTs using "none" unless explicitly requested by the caller."
    """
    text = f"{part(forge.header(alg=alg))}.{part(claims(OWNER))}"
    assert_refused(me(live, f"{text}."))
    assert_refused(me(live, f"{text}.AA"))


def test_section_3_3_all_operations_are_validated(live: Watched, forge: Forge) -> None:
    """ "All cryptographic operations used in the JWT MUST be validated and the entire JWT MUST be rejected if any of
    them fail to validate."
    """
    text, _, signature = forge.token(OWNER).rpartition(".")
    assert_refused(me(live, f"{text}.{b64(unb64(signature)[:-1] + b'x')}"))


def test_section_3_4_numbers_out_of_range_are_refused(live: Watched, forge: Forge) -> None:
    """ "Some cryptographic operations ... take inputs that may contain invalid values. ... The JWS/JWE library itself
    must validate these inputs before using them".
    """
    text = forge.token(OWNER).rpartition(".")[0]
    for signature in (bytes(64), b"\xff" * 64, bytes(32) + b"\x01" * 32, b"\x01" * 32 + bytes(32)):
        assert_refused(me(live, f"{text}.{b64(signature)}"))


def test_section_3_8_issuer_and_subject_are_validated(live: Watched, forge: Forge) -> None:
    """ "the application MUST validate that the cryptographic keys used for the cryptographic operations in the JWT
    belong to the issuer. If they do not, the application MUST reject the JWT. ... when a "sub" claim is present,
    the application MUST validate that the subject value corresponds to a valid subject".
    """
    assert_refused(me(live, forge.token(OWNER, iss="https://other.example")))
    assert_refused(me(live, forge.token("nobody-here")))
    assert_refused(me(live, Forge(ec.generate_private_key(ec.SECP256R1()), forge.public_jwk).token(OWNER)))


def test_section_3_9_the_audience_is_validated(live: Watched, forge: Forge) -> None:
    """ "the JWT MUST contain an "aud" claim that can be used to determine whether the JWT is being used by an intended
    party ... if the audience value is not present or not associated with the recipient, it MUST reject the JWT."
    """
    assert_refused(me(live, forge.token(OWNER, aud=None)))
    assert_refused(me(live, forge.token(OWNER, aud=f"{ISSUER}/other")))


@pytest.mark.parametrize("kid", ["' OR '1'='1", "../../../dev/null", "/dev/null", "| id", "key; DROP TABLE users", "*"])
def test_section_3_10_a_kid_is_no_query_and_no_path(live: Watched, forge: Forge, kid: str) -> None:
    """ "The "kid" (key ID) header is used by the relying application to perform key lookup. Applications should ensure
    that this does not create SQL or LDAP injection vulnerabilities".
    """
    assert_refused(me(live, forge.token(OWNER, {"kid": kid})))


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_section_3_10_addresses_are_not_followed(live: Watched, forge: Forge, name: str) -> None:
    """ "blindly following a "jku" (JWK set URL) or "x5u" (X.509 URL) header, which may contain an arbitrary URL, could
    result in server-side request forgery (SSRF) attacks."
    """
    impostor = Forge(ec.generate_private_key(ec.SECP256R1()), forge.public_jwk)
    assert_refused(me(live, impostor.token(OWNER, {name: "http://127.0.0.1:1/keys"})))


def test_section_3_11_tokens_are_explicitly_typed(live: Watched) -> None:
    """ "it is RECOMMENDED that the "typ" header be used to explicitly type" the kind of JWT."""
    header = json.loads(unb64(live.token(OWNER).split(".")[0]))
    assert header["typ"] == "at+jwt"


@pytest.mark.parametrize("typ", [None, "JWT", "logout+jwt", "dpop+jwt", "secevent+jwt", "id_token"])
def test_section_3_12_other_kinds_of_tokens_are_refused(live: Watched, forge: Forge, typ: str | None) -> None:
    """ "If more than one kind of JWT can be issued by the same issuer, the validation rules for those JWTs MUST be
    written such that they are mutually exclusive, rejecting JWTs of the wrong kind."
    """
    assert_refused(me(live, forge.token(OWNER, {"typ": typ})))


def test_section_3_12_a_token_with_the_claims_of_an_id_token_is_refused(live: Watched, forge: Forge) -> None:
    """ "Use different sets of required claims": an ID token has neither jti nor client_id."""
    assert_refused(me(live, forge.token(OWNER, client_id=None, jti=None, nonce="n", auth_time=1)))
