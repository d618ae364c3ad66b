"""Tokens whose signature, header or key is not ours. Each has claims that would otherwise do."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from tests.http.support import Forge, Watched, assert_refused, b64, claims, me, part, raw_signature, unb64

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module", autouse=True)
def victim(live: Watched) -> str:
    live.add_user("victim", roles=("admin",))
    return "victim"


def with_hmac(header: object, key: bytes, digest: str = "sha256") -> str:
    text = f"{part(header)}.{part(claims('victim'))}"
    return f"{text}.{b64(hmac.new(key, text.encode(), digest).digest())}"


def test_the_forge_makes_tokens_that_hold(live: Watched, forge: Forge) -> None:
    """Or else none of the refusals below would say anything."""
    assert me(live, forge.token("victim")).status_code == 200


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "none ", "", " none", "\u200bnone", "noné"])
def test_alg_none_is_refused_with_any_signature(live: Watched, forge: Forge, alg: str) -> None:
    for header in (forge.header(alg=alg), forge.header(alg=alg, kid=None), {"alg": alg, "typ": "at+jwt"}):
        text = f"{part(header)}.{part(claims('victim'))}"
        for signature in ("", "AA", b64(bytes(64)), forge.token("victim").rpartition(".")[2]):
            assert_refused(me(live, f"{text}.{signature}"))
        assert_refused(me(live, forge.sign(header, claims("victim"))))


@pytest.mark.parametrize("alg", [None, True, 1, ["ES256"], {"alg": "ES256"}, "es256", "ES256 ", "ES256K", "ES384"])
def test_an_alg_that_is_not_exactly_ours_is_refused(live: Watched, forge: Forge, alg: object) -> None:
    assert_refused(me(live, forge.sign({**forge.header(), "alg": alg}, claims("victim"))))
    assert_refused(me(live, forge.sign(forge.header(alg=None), claims("victim"))))


@pytest.mark.parametrize(("alg", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")])
def test_hmac_under_anything_that_is_public_is_refused(live: Watched, forge: Forge, alg: str, digest: str) -> None:
    public = forge.key.public_key()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, spki)
    x, y = forge.public_jwk["x"], forge.public_jwk["y"]
    with live.client() as client:
        jwks = client.get("/.well-known/jwks.json").content
    keys = [
        pem,
        pem.rstrip(b"\n"),
        pem.replace(b"\n", b"\r\n"),
        public.public_bytes(serialization.Encoding.DER, spki),
        public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
        public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint),
        json.dumps(dict(forge.public_jwk)).encode(),
        *(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode() for jwk in json.loads(jwks)["keys"]),
        jwks,
        x.encode(),
        unb64(x),
        y.encode(),
        unb64(x) + unb64(y),
        forge.kid.encode(),
        b"",
        b"\0" * 32,
        b"secret",
    ]
    for key in keys:
        for kid in (forge.kid, None):
            assert_refused(me(live, with_hmac(forge.header(alg=alg, kid=kid), key, digest)))
            assert_refused(me(live, with_hmac(forge.header(alg="ES256", kid=kid), key, digest)))


@pytest.mark.parametrize(
    "kid",
    [None, "", "other", " ", 0, 1, True, [], {}, ["x"], 1.5, "../../dev/null", "' OR 1=1 --", "\0", "x" * 2000, "é"],
)
def test_another_kid_is_refused_of_whatever_type(live: Watched, forge: Forge, kid: object) -> None:
    assert_refused(me(live, forge.sign({**forge.header(), "kid": kid}, claims("victim"))))


def test_no_kid_and_a_kid_that_nearly_fits_are_refused(live: Watched, forge: Forge) -> None:
    assert_refused(me(live, forge.token("victim", {"kid": None})))
    for kid in (forge.kid + " ", forge.kid.swapcase(), forge.kid[:-1], [forge.kid], {forge.kid: forge.kid}):
        assert_refused(me(live, forge.sign({**forge.header(), "kid": kid}, claims("victim"))))


@pytest.fixture(scope="module")
def stranger() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: ec.EllipticCurvePrivateKey, **others: str) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, **others}


def test_another_key_under_our_kid_is_refused(
    live: Watched, forge: Forge, stranger: ec.EllipticCurvePrivateKey
) -> None:
    assert_refused(me(live, Forge(stranger, forge.public_jwk).token("victim")))


def test_a_key_that_the_token_brings_along_is_not_looked_at(
    live: Watched, forge: Forge, stranger: ec.EllipticCurvePrivateKey
) -> None:
    theirs = public_jwk(stranger, kid=forge.kid, alg="ES256", use="sig")
    impostor = Forge(stranger, forge.public_jwk)
    for extra in ({"jwk": theirs}, {"jwk": json.dumps(theirs)}, {"x5c": ["MIIB"]}, {"keys": [theirs]}):
        for kid in (forge.kid, None, "stranger"):
            assert_refused(me(live, impostor.token("victim", {**extra, "kid": kid})))


@pytest.fixture
def elsewhere(stranger: ec.EllipticCurvePrivateKey) -> Iterator[tuple[str, list[str]]]:
    """A server with the stranger's keys, and the list of what was fetched from it."""
    fetched: list[str] = []
    keys = json.dumps({"keys": [public_jwk(stranger, kid="stranger")]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(keys)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", fetched
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_address_in_a_header_is_ever_fetched(
    live: Watched, forge: Forge, stranger: ec.EllipticCurvePrivateKey, elsewhere: tuple[str, list[str]]
) -> None:
    url, fetched = elsewhere
    impostor = Forge(stranger, forge.public_jwk)
    for name in ("jku", "x5u", "iss", "kid"):
        header: dict[str, object] = {"kid": "stranger", name: f"{url}/{name}"}
        assert_refused(me(live, impostor.token("victim", header)))
        assert_refused(me(live, impostor.token("victim", header, iss=url)))
    assert fetched == []


def test_a_header_with_a_foreign_key_or_address_does_not_harm_a_token_of_ours(live: Watched, forge: Forge) -> None:
    """They are passed over: whoever holds our key is us, whatever the header adds."""
    for extra in ({"jku": "http://127.0.0.1:1/"}, {"x5u": "http://127.0.0.1:1/"}, {"x-unknown": 1}):
        assert me(live, forge.token("victim", extra)).status_code == 200


@pytest.mark.parametrize("crit", [["exp"], ["x-unknown"], ["b64", "x-unknown"], [], "b64", {}, True, 1, [1], [[]]])
def test_a_critical_extension_that_is_not_understood_refuses_the_token(
    live: Watched, forge: Forge, crit: object
) -> None:
    """RFC 7515 §4.1.11; the list must not be empty either."""
    for extra in ({}, {"b64": False}, {"x-unknown": 1}, {"exp": 1}):
        assert_refused(me(live, forge.sign({**forge.header(), **extra, "crit": crit}, claims("victim"))))


def test_an_unencoded_payload_is_refused(live: Watched, forge: Forge) -> None:
    """RFC 7797 §6: `b64` counts only where `crit` names it; and a JWT never uses it (§7)."""
    header = part(forge.header(b64=False, crit=["b64"]))
    payload = json.dumps(claims("victim"), separators=(",", ":"))
    text = f"{header}.{payload}"
    signature = raw_signature(forge.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    assert_refused(me(live, f"{text}.{b64(signature)}"))
    assert_refused(me(live, f"{header}..{b64(signature)}"))


@pytest.mark.parametrize(
    "typ", [None, "JWT", "jwt", "at", "at+jwtx", "at+JWS", "application/jwt", "id+jwt", "", 1, ["at+jwt"], "dpop+jwt"]
)
def test_another_typ_is_refused(live: Watched, forge: Forge, typ: object) -> None:
    assert_refused(me(live, forge.sign({**forge.header(), "typ": typ}, claims("victim"))))
    assert_refused(me(live, forge.token("victim", {"typ": None})))


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_the_typ_of_an_access_token_is_a_media_type(live: Watched, forge: Forge, typ: str) -> None:
    assert me(live, forge.token("victim", {"typ": typ})).status_code == 200


def test_a_signature_in_der_is_refused(live: Watched, forge: Forge) -> None:
    text = forge.token("victim").rpartition(".")[0]
    der = forge.key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    assert_refused(me(live, f"{text}.{b64(der)}"))


@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (0, 1), (1, 0), (ORDER, ORDER), (ORDER, 0), (1, 1), (ORDER - 1, 1), (2**256 - 1, 2**256 - 1)]
)
def test_a_signature_of_impossible_numbers_is_refused(live: Watched, forge: Forge, r: int, s: int) -> None:
    """All zeros once held in Java (CVE-2022-21449)."""
    text = forge.token("victim").rpartition(".")[0]
    assert_refused(me(live, f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"))


def test_a_signature_of_another_length_is_refused(live: Watched, forge: Forge) -> None:
    text, _, signature = forge.token("victim").rpartition(".")
    raw = unb64(signature)
    for other in (b"\0", raw[:-1], raw + b"\0", b"\0" + raw, raw[:32], raw * 2, bytes(96), b"\0" * 4096):
        assert_refused(me(live, f"{text}.{b64(other)}"))


def test_a_signature_of_another_token_is_refused(live: Watched, forge: Forge) -> None:
    own = live.token("victim")
    header, payload, signature = own.split(".")
    stolen = json.loads(unb64(payload)) | {"sub": "somebody-else"}
    assert_refused(me(live, f"{header}.{part(stolen)}.{signature}"))
    assert_refused(me(live, f"{part(forge.header())}.{payload}.{forge.token('victim').rpartition('.')[2]}"))


def test_signatures_by_other_algorithms_under_our_kid_are_refused(live: Watched, forge: Forge) -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    p384 = ec.generate_private_key(ec.SECP384R1())
    for alg in ("RS256", "PS256", "ES384", "EdDSA"):
        text = f"{part(forge.header(alg=alg))}.{part(claims('victim'))}"
        signatures = [
            rsa_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()),
            raw_signature(forge.key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))),
            b"".join(
                number.to_bytes(48, "big")
                for number in utils.decode_dss_signature(p384.sign(text.encode(), ec.ECDSA(hashes.SHA384())))
            ),
        ]
        for signature in signatures:
            assert_refused(me(live, f"{text}.{b64(signature)}"))


def test_a_signature_over_another_hash_is_refused(live: Watched, forge: Forge) -> None:
    text = forge.token("victim").rpartition(".")[0]
    digest = hashlib.sha384(text.encode()).digest()[:32]
    other = raw_signature(forge.key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    assert_refused(me(live, f"{text}.{b64(other)}"))


@pytest.mark.parametrize("header", [b"", b"null", b"[]", b'"at+jwt"', b"1", b"{", b"\xff", b'{"alg":NaN}', b"[" * 3000])
def test_a_header_that_is_no_json_object_is_refused(live: Watched, forge: Forge, header: bytes) -> None:
    assert_refused(me(live, forge.sign(header, claims("victim"))))


def test_an_encrypted_token_is_refused(live: Watched, forge: Forge) -> None:
    """RFC 7516 §9 tells a JWE by its five parts; there is no key here to open one with."""
    header = part({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt", "kid": forge.kid})
    assert_refused(me(live, f"{header}..{b64(bytes(12))}.{part(claims('victim'))}.{b64(bytes(16))}"))
    assert_refused(me(live, forge.token("victim", {"enc": "A256GCM", "zip": "DEF"}) + "..x"))
