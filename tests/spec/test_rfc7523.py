"""RFC 7523, JWT Profile for OAuth 2.0 Client Authentication: every rule of §3."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from core.clients.model import AuthMethod
from tests.http.clients import (
    INTROSPECT,
    JWT_BEARER,
    REVOKE,
    Form,
    Keyholder,
    Registered,
    Timed,
    assert_error,
    assert_no_client,
    asserting,
    post,
    register,
)
from tests.http.support import ISSUER, TOKEN, Watched, b64, part
from tests.support import SetClock

ENDPOINT = f"{ISSUER}{TOKEN}"
GRANT = {"grant_type": "client_credentials"}

pytestmark = pytest.mark.usefixtures("another_day")


@pytest.fixture(scope="module")
def live(timed: Timed) -> Timed:
    return timed


@pytest.fixture(scope="module")
def signer(live: Timed) -> Registered:
    return register(live, "signer", method=AuthMethod.PRIVATE_KEY_JWT)


@pytest.fixture(scope="module")
def other(live: Timed) -> Registered:
    return register(live, "other-signer", method=AuthMethod.PRIVATE_KEY_JWT)


def show(live: Watched, assertion: str, **form: str) -> httpx.Response:
    return post(live, TOKEN, {**GRANT, **asserting(assertion), **form})


def test_section_2_2_the_type_and_the_assertion_belong_together(signer: Registered) -> None:
    """Section 2.2: the value of "client_assertion_type" is
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", and "client_assertion" holds a single JWT.
    """
    assertion = signer.assertion()
    forms: list[Form] = [
        {"client_assertion": assertion},
        {"client_assertion": assertion, "client_assertion_type": JWT_BEARER.upper()},
        {"client_assertion": assertion, "client_assertion_type": JWT_BEARER.replace("client-assertion", "grant")},
        {"client_assertion_type": JWT_BEARER},
        {"client_assertion": "", "client_assertion_type": JWT_BEARER},
        {"client_assertion": [assertion, assertion], "client_assertion_type": JWT_BEARER},
    ]
    for form in forms:
        assert_error(post(signer.live, TOKEN, {**GRANT, **form}), 400, "invalid_request")
    assert show(signer.live, assertion).status_code == 200


def test_section_2_2_a_client_id_beside_the_assertion_is_that_of_its_subject(signer: Registered) -> None:
    """RFC 7521 §4.2, on which this profile rests: a "client_id" that is sent must identify the same client."""
    assert show(signer.live, signer.assertion(), client_id="signer").status_code == 200
    assert_no_client(show(signer.live, signer.assertion(), client_id="other-signer"))


@pytest.mark.parametrize("path", [REVOKE, INTROSPECT])
def test_section_2_2_is_for_every_endpoint_where_clients_authenticate(signer: Registered, path: str) -> None:
    """RFC 7009 §2.1 and RFC 7662 §2.1 take client authentication as the token endpoint does."""
    assert signer.post(path, {"token": "x"}).status_code == 200


@pytest.mark.parametrize("issuer", [None, "", "nobody", "Signer", "other-signer", ISSUER, 1, True, ["signer"], {}])
def test_section_3_rule_1_iss_is_the_client(signer: Registered, other: Registered, issuer: object) -> None:
    """ "The JWT MUST contain an "iss" (issuer) claim that contains a unique identifier for the entity that issued the
    JWT." That is the client itself, compared byte for byte.
    """
    assert other
    assert_no_client(show(signer.live, signer.assertion(iss=issuer)))


@pytest.mark.parametrize("subject", [None, "", "nobody", "Signer", "other-signer", 1, True, ["signer"], {}])
def test_section_3_rule_2_sub_is_the_client(signer: Registered, other: Registered, subject: object) -> None:
    """ "For client authentication, the subject MUST be the "client_id" of the OAuth client." """
    assert other
    assert_no_client(show(signer.live, signer.assertion(sub=subject)))


@pytest.mark.parametrize(
    "audience",
    [ISSUER, ENDPOINT, [ISSUER], ["https://elsewhere.example", ENDPOINT], [1, None, ISSUER]],
    ids=repr,
)
def test_section_3_rule_3_aud_is_the_issuer_or_the_token_endpoint(signer: Registered, audience: object) -> None:
    """ "The JWT MUST contain an "aud" (audience) claim containing a value that identifies the authorization server as
    an intended audience. The token endpoint URL of the authorization server MAY be used as a value for an "aud"
    element".
    """
    assert show(signer.live, signer.assertion(aud=audience)).status_code == 200


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        f"{ISSUER}/",
        ISSUER.upper(),
        f"{ENDPOINT}/",
        f"{ISSUER}{INTROSPECT}",
        "https://elsewhere.example",
        [],
        [[ISSUER]],
        [f"{ISSUER}/", ""],
        {ISSUER: True},
        {"aud": ISSUER},
        1,
        True,
    ],
    ids=repr,
)
def test_section_3_rule_3_any_other_audience_is_refused(signer: Registered, audience: object) -> None:
    """ "The authorization server MUST reject any JWT that does not contain its own identity as the intended audience."
    Compared by the "Simple String Comparison method".
    """
    assert_no_client(show(signer.live, signer.assertion(aud=audience)))


def test_section_3_rule_4_exp_is_to_come_and_at_most_five_minutes_away(signer: Registered, clock: SetClock) -> None:
    """ "The authorization server MUST reject any JWT with an expiration time that has passed, subject to allowable
    clock skew between systems. Note that the authorization server may reject JWTs with an "exp" claim value that is
    unreasonably far in the future."
    """
    now = int(clock.now().timestamp())
    for away in (0, -1, 301, 86400):
        assert_no_client(show(signer.live, signer.assertion(exp=now + away)))
    for expiry in (now + 1, now + 300, now + 299.5):
        assert show(signer.live, signer.assertion(exp=expiry)).status_code == 200


@pytest.mark.parametrize("expiry", [None, "soon", True, [], {}, -1, 0, 1e11, 1e300, 10**400], ids=repr)
def test_section_3_rule_4_exp_must_be_there_and_be_a_time(signer: Registered, expiry: object) -> None:
    """ "The JWT MUST contain an "exp" (expiration time) claim that limits the time window during which the JWT can be
    used."
    """
    assert_no_client(show(signer.live, signer.assertion(exp=expiry)))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_section_3_rule_4_what_json_does_not_know_is_no_time(signer: Registered, name: str, text: str) -> None:
    """RFC 7519 §2: a NumericDate is a "JSON numeric value"."""
    assert signer.keyholder
    claims = json.dumps(signer.claims(**{name: "HERE"})).replace('"HERE"', text)
    assert_no_client(show(signer.live, signer.keyholder.assertion(claims.encode())))


def test_section_3_rule_5_not_before_nbf(signer: Registered, clock: SetClock) -> None:
    """ "The JWT MAY contain an "nbf" (not before) claim that identifies the time before which the token MUST NOT be
    accepted for processing."
    """
    now = int(clock.now().timestamp())
    assert show(signer.live, signer.assertion(nbf=now)).status_code == 200
    for wrong in (now + 1, "now", True):
        assert_no_client(show(signer.live, signer.assertion(nbf=wrong)))


def test_section_3_rule_6_iat_is_not_to_come(signer: Registered, clock: SetClock) -> None:
    """ "The JWT MAY contain an "iat" (issued at) claim that identifies the time at which the JWT was issued." """
    now = int(clock.now().timestamp())
    assert show(signer.live, signer.assertion(iat=now)).status_code == 200
    for wrong in (now + 1, "now", [now]):
        assert_no_client(show(signer.live, signer.assertion(iat=wrong)))


def test_section_3_rule_7_a_jti_counts_once(signer: Registered, other: Registered, clock: SetClock) -> None:
    """ "The authorization server MAY ensure that JWTs are not replayed by maintaining the set of used "jti" values for
    the length of time for which the JWT would be considered valid based on the applicable "exp" instant." For each
    client by itself, at all endpoints together, and whatever else the assertion says.
    """
    live, until = signer.live, int(clock.now().timestamp()) + 300
    first = signer.assertion(jti="the-only-one", exp=until)
    assert show(live, first).status_code == 200
    assert_no_client(show(live, first))
    assert_no_client(post(live, INTROSPECT, {"token": "x", **asserting(first)}))
    assert_no_client(show(live, signer.assertion(jti="the-only-one", exp=until - 200, aud=ENDPOINT)))
    clock.forward(seconds=299)
    assert_no_client(show(live, first))
    assert show(live, other.assertion(jti="the-only-one")).status_code == 200


def test_section_3_rule_7_of_many_at_once_one_counts(signer: Registered) -> None:
    """Rule 7 under load: the assertion is redeemed in one step."""
    assertion = signer.assertion()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: show(signer.live, assertion), range(10)))
    found = Counter(answer.status_code for answer in answers)
    assert found[200] == 1
    assert found.keys() <= {200, 401, 429}


def test_section_3_rule_7_a_refused_assertion_spends_nothing(signer: Registered, clock: SetClock) -> None:
    """Rule 7: who cannot sign cannot use up the "jti" of who can."""
    now = int(clock.now().timestamp())
    for wrong in ({"aud": "https://elsewhere.example"}, {"exp": now}, {"sub": "nobody"}):
        assert_no_client(show(signer.live, signer.assertion(**{"jti": "spared", **wrong})))
    assert signer.keyholder
    stranger = Keyholder.new().assertion(signer.claims(jti="spared"))
    assert_no_client(show(signer.live, stranger))
    assert show(signer.live, signer.assertion(jti="spared")).status_code == 200


@pytest.mark.parametrize("jti", [None, "", "x" * 257, 1, True, ["a"], {"a": 1}], ids=repr)
def test_section_3_rule_7_a_jti_is_required_here_and_is_a_short_text(signer: Registered, jti: object) -> None:
    """Rule 7 leaves it open; without one nothing could be used only once."""
    assert_no_client(show(signer.live, signer.assertion(jti=jti)))


@pytest.mark.parametrize("jti", ["x" * 256, "é\u0000\ud83d\ude00", "\ud800", "'; --"], ids=ascii)
def test_section_3_rule_7_a_jti_is_any_text(signer: Registered, jti: str) -> None:
    """RFC 7519 §4.1.7: "The "jti" value is a case-sensitive string." """
    assert show(signer.live, signer.assertion(jti=jti)).status_code == 200
    assert_no_client(show(signer.live, signer.assertion(jti=jti)))


def test_section_3_rule_8_other_claims_are_ignored(signer: Registered) -> None:
    """ "The JWT MAY contain other claims." """
    more = {"scope": "admin", "roles": ["admin"], "client_id": "other-signer", "azp": 1, "x": {"y": [None]}}
    assert show(signer.live, signer.assertion(**more)).status_code == 200


def test_section_3_rule_9_by_the_registered_keys_alone(signer: Registered, other: Registered) -> None:
    """ "The JWT MUST be digitally signed or have a Message Authentication Code (MAC) applied by the issuer. The
    authorization server MUST reject JWTs with an invalid signature or MAC."
    """
    assert other.keyholder
    good = signer.assertion()
    head, payload, signature = good.split(".")
    for wrong in (
        f"{head}.{payload}.{'A' * len(signature)}",
        f"{head}.{part(signer.claims())}.{signature}",
        other.keyholder.assertion(signer.claims()),
        Keyholder.new().assertion(signer.claims()),
    ):
        assert_no_client(show(signer.live, wrong))
    assert show(signer.live, good).status_code == 200


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES384", "EdDSA", "", "XX", None, 1, ["ES256"]])
def test_section_3_rule_9_only_with_an_algorithm_of_the_key(signer: Registered, alg: object) -> None:
    """RFC 8725 §3.1: an algorithm is accepted only with keys that are meant for it."""
    claims = signer.claims()
    if isinstance(alg, str) and alg.lower() == "none":
        assert_no_client(show(signer.live, f"{part({'alg': alg})}.{part(claims)}."))
    assert_no_client(show(signer.live, signer.assertion({"alg": alg})))


def test_section_3_rule_9_a_public_key_is_no_shared_secret(signer: Registered) -> None:
    """RFC 8725 §2.1, algorithm confusion: a MAC whose secret is the public key, in whatever spelling."""
    assert signer.keyholder
    forge = signer.keyholder.forge
    public = forge.key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), der, json.dumps(dict(forge.public_jwk)).encode(), b""):
        text = f"{part({'alg': 'HS256', 'kid': forge.kid})}.{part(signer.claims())}"
        mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        assert_no_client(show(signer.live, f"{text}.{b64(mac)}"))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit"])
def test_section_3_rule_9_keys_that_an_assertion_brings_along_are_not_used(signer: Registered, name: str) -> None:
    """RFC 8725 §3.10: neither a key in the header nor the address of one is trusted; RFC 7515 §4.1.11 for "crit"."""
    stranger = Keyholder.new()
    values: Mapping[str, object] = {
        "jwk": dict(stranger.forge.public_jwk),
        "jku": "https://elsewhere.example/jwks.json",
        "x5u": "https://elsewhere.example/cert.pem",
        "x5c": ["AAAA"],
        "crit": ["exp"],
    }
    assert_no_client(show(signer.live, stranger.assertion(signer.claims(), {name: values[name]})))
    if name == "crit":
        assert_no_client(show(signer.live, signer.assertion({name: values[name], "exp": 1})))


def test_section_3_rule_9_a_key_is_found_by_its_kid_or_among_all(live: Timed) -> None:
    """RFC 7515 §4.1.4: "kid" is a hint. A client may have several keys, and change them while it goes on."""
    old, new = Keyholder.new("old"), Keyholder.new("new")
    client = register(live, "two-keys", method=AuthMethod.PRIVATE_KEY_JWT)
    update = live.container.update_client()
    both: dict[str, object] = {"keys": [dict(old.forge.public_jwk), dict(new.forge.public_jwk)]}
    live.run(update("two-keys", jwks=both))
    for keyholder in (old, new):
        assert show(live, keyholder.assertion(client.claims())).status_code == 200
        assert show(live, keyholder.assertion(client.claims(), {"kid": None})).status_code == 200
    for wrong in ("old", "unknown", 1):
        assert_no_client(show(live, new.assertion(client.claims(), {"kid": wrong})))
    live.run(update("two-keys", jwks=new.jwks))
    assert_no_client(show(live, old.assertion(client.claims())))
    assert show(live, new.assertion(client.claims())).status_code == 200


def test_section_3_rule_9_rsa_and_ed25519_keys(live: Timed) -> None:
    """RFC 7518 §3.1 and RFC 8037: keys of these types sign with RS256 or PS256, and with EdDSA."""
    rsa_key, ed_key = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
    numbers = rsa_key.public_key().public_numbers()
    raw = ed_key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    keys = [
        {"kty": "RSA", "n": b64(numbers.n.to_bytes(256, "big")), "e": b64(numbers.e.to_bytes(3, "big"))},
        {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)},
    ]
    client = register(live, "more-keys", method=AuthMethod.PRIVATE_KEY_JWT)
    live.run(live.container.update_client()("more-keys", jwks={"keys": keys}))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)

    def signed(alg: str) -> str:
        text = f"{part({'alg': alg})}.{part(client.claims())}"
        if alg == "EdDSA":
            return f"{text}.{b64(ed_key.sign(text.encode()))}"
        form = pss if alg == "PS256" else padding.PKCS1v15()
        return f"{text}.{b64(rsa_key.sign(text.encode(), form, hashes.SHA256()))}"

    for alg in ("RS256", "PS256", "EdDSA"):
        assert show(live, signed(alg)).status_code == 200
    live.run(live.container.update_client()("more-keys", jwks={"keys": [{**keys[0], "alg": "PS256"}]}))
    assert_no_client(show(live, signed("RS256")))
    assert_no_client(show(live, signed("EdDSA")))
    assert show(live, signed("PS256")).status_code == 200


@pytest.mark.parametrize(
    "assertion",
    ["x", "..", "a.b", "a.b.c", "a.b.c.d.e", "é.é.é", "=.=.=", "eyJ9.eyJ9.x", "x" * 9000, "e30.e30.", "bnVsbA.W10.AA"],
)
def test_section_3_rule_10_what_is_no_jwt_is_refused(live: Timed, assertion: str) -> None:
    """ "The authorization server MUST reject a JWT that is not valid in all other respects per "JSON Web Token (JWT)"
    [JWT]."
    """
    assert_no_client(show(live, assertion))


def test_section_3_an_inactive_client_is_refused(live: Timed) -> None:
    """Section 3.2: a client that is refused is told "invalid_client", as by any other method."""
    client = register(live, "retired-signer", method=AuthMethod.PRIVATE_KEY_JWT)
    assert client.ask().status_code == 200
    live.run(live.container.update_client()("retired-signer", is_active=False))
    assert_no_client(client.ask())
