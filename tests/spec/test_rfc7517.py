"""RFC 7517, JSON Web Key: the set that is published."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from core.protocol.secret import Secret
from tests.http.support import Forge, Watched, unb64, watching
from tests.support import settings_for

JWKS = "/.well-known/jwks.json"

# RFC 7518 §6.2.1, §6.3.1: what each type of key has in public.
KINDS = {("EC", "ES256"): {"crv", "x", "y"}, ("RSA", "RS256"): {"n", "e"}}


def published(live: Watched) -> list[dict[str, str]]:
    with live.client() as client:
        keys: list[dict[str, str]] = client.get(JWKS).json()["keys"]
    return keys


def signing(live: Watched) -> dict[str, str]:
    """The one that a token's header names."""
    kid = json.loads(unb64(live.token("resource-owner").split(".")[0]))["kid"]
    (key,) = [key for key in published(live) if key["kid"] == kid]
    return key


def test_section_5_a_set_is_an_object_with_an_array_of_keys(live: Watched) -> None:
    """ "The JSON object MUST have a "keys" member, with its value being an array of JWKs." """
    with live.client() as client:
        body = client.get(JWKS).json()
    assert isinstance(body["keys"], list)
    assert body["keys"]


def test_section_5_a_server_with_a_shared_secret_publishes_an_empty_set(database_url: Secret, tmp_path: Path) -> None:
    """The "keys" member is there even where no key is. A symmetric key is never in it (section 9.2)."""
    settings = settings_for(database_url, tmp_path, jwt_secret_key=Secret("s" * 40), jwt_algorithm="HS256")
    with watching(settings) as server, server.client() as client:
        assert client.get(JWKS).json() == {"keys": []}


def test_section_4_each_key_says_its_type_use_algorithm_and_id(live: Watched) -> None:
    """4.1 "kty" MUST be present; 4.2 "use"; 4.4 "alg"; 4.5 "kid": "When used with JWS or JWE, the "kid" value is used
    to match a JWS or JWE "kid" Header Parameter value."
    """
    keys = published(live)
    assert {key["use"] for key in keys} == {"sig"}
    assert {(key["kty"], key["alg"]) for key in keys} <= KINDS.keys()
    assert len({key["kid"] for key in keys}) == len(keys)
    assert (signing(live)["kty"], signing(live)["alg"]) == ("EC", "ES256")


def test_section_9_2_private_members_are_never_published(live: Watched, forge: Forge) -> None:
    """ "Private and symmetric keys MUST be protected from disclosure to unintended parties." """
    for key in published(live):
        assert not set(key) & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
        assert set(key) == {"kty", "use", "alg", "kid"} | KINDS[key["kty"], key["alg"]]


def test_section_8_5_1_the_set_has_a_media_type_of_its_own(live: Watched) -> None:
    """ "application/jwk-set+json" """
    with live.client() as client:
        assert client.get(JWKS).headers["content-type"] == "application/jwk-set+json"


def test_section_5_the_published_key_verifies_what_the_server_signs(live: Watched) -> None:
    """A JWK Set "represents a set of JWKs" by which others verify."""
    jwk = signing(live)
    x, y = (int.from_bytes(unb64(jwk[name]), "big") for name in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    text, _, signature = live.token("resource-owner").rpartition(".")
    raw = unb64(signature)
    assert len(raw) == 64
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(der, text.encode(), ec.ECDSA(hashes.SHA256()))
