"""RFC 7515, JSON Web Signature: what the header of a token may and may not do."""

from __future__ import annotations

import json

import pytest

from tests.http.support import Forge, Watched, assert_refused, b64, claims, me, part, unb64

OWNER = "resource-owner"


def test_section_3_1_a_token_is_three_parts_of_base64url_without_padding(live: Watched) -> None:
    """ "BASE64URL(UTF8(JWS Protected Header)) || '.' || BASE64URL(JWS Payload) || '.' || BASE64URL(JWS Signature)" """
    parts = live.token(OWNER).split(".")
    assert [b64(unb64(text)) for text in parts] == parts


def test_section_2_padding_line_breaks_and_other_characters_are_refused(live: Watched) -> None:
    """ "Base64url Encoding ... with all trailing '=' characters omitted ... and without the inclusion of any line
    breaks, whitespace, or other additional characters."
    """
    first, second, third = live.token(OWNER).split(".")
    for text in (f"{first}=.{second}.{third}", f"{first}.{second} .{third}", f"{first}.{second}.{third}=="):
        assert_refused(me(live, text))


def test_section_4_header_parameter_names_must_be_unique_or_the_last_one_counts(live: Watched, forge: Forge) -> None:
    """ "The Header Parameter names within the JOSE Header MUST be unique; JWS parsers MUST either reject JWSs with
    duplicate Header Parameter names or use a JSON parser that returns only the lexically last duplicate member
    name".
    """
    good = json.dumps(forge.header())[1:-1]
    assert_refused(me(live, forge.sign(f'{{{good}, "alg": "none"}}'.encode(), claims(OWNER))))
    assert_refused(me(live, forge.sign(f'{{{good}, "kid": "other"}}'.encode(), claims(OWNER))))


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "ES512", "es256", None, 256])
def test_section_4_1_1_alg_must_be_supported_and_fit_the_key(live: Watched, forge: Forge, alg: object) -> None:
    """ "The JWS Signature value is not valid if the "alg" value does not represent a supported algorithm or if there is
    not a key for use with that algorithm associated with the party that digitally signed".
    """
    assert_refused(me(live, forge.sign({**forge.header(), "alg": alg}, claims(OWNER))))


def test_section_4_1_1_alg_must_be_present(live: Watched, forge: Forge) -> None:
    """ "This Header Parameter MUST be present and MUST be understood and processed by implementations." """
    assert_refused(me(live, forge.sign(forge.header(alg=None), claims(OWNER))))


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c"])
def test_section_4_1_2_to_4_1_6_keys_and_their_addresses_in_a_header_are_not_used(
    live: Watched, forge: Forge, name: str
) -> None:
    """jku, jwk, x5u and x5c: "Use of this Header Parameter is OPTIONAL." """
    other = {"jku": "http://127.0.0.1:1/", "jwk": {"kty": "EC"}, "x5u": "http://127.0.0.1:1/", "x5c": ["MIIB"]}
    assert_refused(me(live, forge.token(OWNER, {"kid": "another", name: other[name]})))


def test_section_4_1_4_kid_is_a_case_sensitive_string(live: Watched, forge: Forge) -> None:
    """ "Its value MUST be a case-sensitive string." """
    assert_refused(me(live, forge.token(OWNER, {"kid": forge.kid.swapcase()})))
    assert_refused(me(live, forge.token(OWNER, {"kid": [forge.kid]})))


def test_section_4_1_9_typ_may_leave_out_application(live: Watched, forge: Forge) -> None:
    """ "A recipient using the media type value MUST treat it as if "application/" were prepended to any "typ" value not
    containing a '/'."
    """
    for typ in ("at+jwt", "application/at+jwt"):
        assert me(live, forge.token(OWNER, {"typ": typ})).status_code == 200
    assert_refused(me(live, forge.token(OWNER, {"typ": "text/at+jwt"})))


@pytest.mark.parametrize("name", ["exp", "http://example.com/UNDEFINED", "x"])
def test_section_4_1_11_crit_extensions_must_be_understood(live: Watched, forge: Forge, name: str) -> None:
    """ "If any of the listed extension Header Parameters are not understood and supported by the recipient, then the
    JWS is invalid."
    """
    assert_refused(me(live, forge.token(OWNER, {"crit": [name], name: 1})))


def test_section_4_1_11_crit_must_not_be_empty(live: Watched, forge: Forge) -> None:
    """ "Producers MUST NOT use the empty list "[]" as the "crit" value." """
    assert_refused(me(live, forge.token(OWNER, {"crit": []})))


def test_section_4_1_11_crit_names_must_occur_in_the_header(live: Watched, forge: Forge) -> None:
    """ "names that do not occur as Header Parameter names within the JOSE Header" are not allowed in the list."""
    assert_refused(me(live, forge.token(OWNER, {"crit": ["b64"]})))
    assert_refused(me(live, forge.token(OWNER, {"crit": ["absent"]})))


def test_section_5_2_the_header_must_be_a_valid_json_object_in_utf_8(live: Watched, forge: Forge) -> None:
    """ "Verify that the resulting octet sequence is a UTF-8-encoded representation of a completely valid JSON
    object".
    """
    for header in (b"[]", b"null", b"{", b"\xff\xfe", json.dumps(forge.header()).encode("utf-16"), b"{}{}"):
        assert_refused(me(live, forge.sign(header, claims(OWNER))))


def test_section_5_2_every_bit_of_what_is_signed_counts(live: Watched, forge: Forge) -> None:
    """ "Validate the JWS Signature against the JWS Signing Input"."""
    first, second, third = forge.token(OWNER).split(".")
    flipped = bytes([unb64(third)[0] ^ 1]) + unb64(third)[1:]
    assert_refused(me(live, f"{first}.{second}.{b64(flipped)}"))
    assert_refused(me(live, f"{part({**forge.header(), 'x': 1})}.{second}.{third}"))
    assert_refused(me(live, f"{first}.{part(claims(OWNER, jti='another'))}.{third}"))
