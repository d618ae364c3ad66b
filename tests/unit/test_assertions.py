"""Client assertions: by a registered key, with an algorithm of that key's own, and by nothing that they bring along."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey

from adapters.jose.assertions import LARGEST, JoseAssertions
from core.clients.application import ASSERTION_ALGORITHMS
from core.protocol.secret import Secret
from tests.unit.jws import a_key, by_hmac, encoded, public, signed

CLAIMS: dict[str, object] = {"iss": "robot", "x": [1, None, "ü"]}

ASSERTIONS = JoseAssertions()

# A key of each kind, and the algorithms that count with it.
KINDS = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "2048": ("RS256", "PS256"),
    "Ed25519": ("EdDSA", "Ed25519"),
}


def jwks(*keys: object) -> dict[str, object]:
    return {"keys": list(keys)}


def verified(token: Secret, *keys: object) -> object:
    return ASSERTIONS.verify(token, jwks(*keys))


@pytest.mark.parametrize(("kind", "alg"), [(kind, alg) for kind, algorithms in KINDS.items() for alg in algorithms])
def test_a_registered_key_verifies_with_its_own_algorithm(kind: str, alg: str) -> None:
    key = a_key(kind)
    token = signed(CLAIMS, key, alg)
    for header in ({}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"cty": "x", "x": "y"}):
        assert verified(signed(CLAIMS, key, alg, header), public(key)) == CLAIMS
    assert verified(token, public(key, alg=alg)) == CLAIMS
    assert verified(token, public(key, use="sig")) == CLAIMS
    assert verified(token, public(key, kid="1")) == CLAIMS
    assert ASSERTIONS.acceptable(jwks(public(key)))


def test_the_algorithms_that_are_advertised_are_those_that_count() -> None:
    assert set(ASSERTION_ALGORITHMS) == {alg for algorithms in KINDS.values() for alg in algorithms} - {"Ed25519"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "named", [*ASSERTION_ALGORITHMS, "none", "HS256", "RS384", "RS512", "PS512", "", None, 1, ["ES256"]]
)
def test_the_header_names_an_algorithm_of_the_key_and_no_other(kind: str, named: object) -> None:
    key, own = a_key(kind), KINDS[kind][0]
    counts = named == own
    assert (verified(signed(CLAIMS, key, own, {"alg": named}), public(key)) == CLAIMS) == counts


def test_stronger_digests_under_an_rsa_key_do_not_count() -> None:
    key = a_key("2048")
    for alg in ("RS384", "RS512", "PS384", "PS512"):
        assert verified(signed(CLAIMS, key, alg), public(key)) is None


def test_a_key_that_names_its_algorithm_counts_with_that_alone() -> None:
    key = a_key("2048")
    for own, other in (("RS256", "PS256"), ("PS256", "RS256")):
        assert verified(signed(CLAIMS, key, own), public(key, alg=own)) == CLAIMS
        assert verified(signed(CLAIMS, key, other), public(key, alg=own)) is None


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None])
def test_an_unsigned_assertion_is_refused(alg: object) -> None:
    text = f"{encoded({'alg': alg})}.{encoded(CLAIMS)}."
    for kind in KINDS:
        for end in ("", "AAAA"):
            assert verified(Secret(text + end), public(a_key(kind))) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_is_no_shared_secret(kind: str) -> None:
    key = a_key(kind)
    jwk = public(key)
    secrets = [key.as_pem(private=False), key.as_der(private=False), json.dumps(jwk).encode(), b""]
    for secret in secrets:
        for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"), (KINDS[kind][0], "sha256")):
            assert verified(by_hmac({"alg": alg}, CLAIMS, secret, digest), jwk) is None


def test_a_symmetric_key_in_the_set_verifies_nothing() -> None:
    jwk = OctKey.import_key(b"s" * 32).as_dict(private=True)
    assert verified(by_hmac({"alg": "HS256"}, CLAIMS, b"s" * 32), jwk) is None
    assert not ASSERTIONS.acceptable(jwks(jwk))


def test_a_small_rsa_key_verifies_nothing() -> None:
    key = a_key("1024")
    assert verified(signed(CLAIMS, key, "RS256"), public(key)) is None
    assert not ASSERTIONS.acceptable(jwks(public(key)))


def test_curves_that_are_not_offered_verify_nothing() -> None:
    key = ECKey.generate_key("secp256k1", private=True)
    assert verified(signed(CLAIMS, key, "ES256K"), public(key)) is None
    others: list[object] = ["secp256k1", "P-192", "p-256", "", None, 1, ["P-256"], {}]
    for crv in others:
        assert not ASSERTIONS.acceptable(jwks(public(a_key(), crv=crv)))


def test_private_members_are_never_used() -> None:
    """Registration refuses them. What stands in a set all the same is read as the public key that it is."""
    key = a_key()
    token = signed(CLAIMS, key, "ES256")
    assert verified(token, key.as_dict(private=True)) == CLAIMS
    assert verified(token, public(key, d="nonsense", k="nonsense")) == CLAIMS


@pytest.mark.parametrize(
    "member", [{"use": "enc"}, {"use": ""}, {"use": None}, {"alg": "ES384"}, {"alg": "none"}, {"alg": []}]
)
def test_a_key_for_something_else_verifies_nothing(member: dict[str, object]) -> None:
    key = a_key()
    assert verified(signed(CLAIMS, key, "ES256"), public(key, **member)) is None
    assert not ASSERTIONS.acceptable(jwks(public(key, **member)))


def test_what_a_key_says_beside_that_does_not_matter() -> None:
    key = a_key()
    others = {"key_ops": ["encrypt"], "x5c": ["AAAA"], "x5u": "https://evil.example.com", "ext": True, "x": None}
    jwk = {**others, **public(key)}
    assert verified(signed(CLAIMS, key, "ES256"), jwk) == CLAIMS


# Which of several keys


@pytest.mark.parametrize(
    ("named", "first", "second", "counts"),
    [
        (None, None, None, True),
        (None, "1", "2", True),
        ("2", "1", "2", True),
        ("2", None, None, True),
        ("1", "1", "2", False),
        ("3", "1", "2", False),
        ("", "1", "2", False),
        ("2", "2", "2", True),
        (2, "1", "2", False),
        (["2"], "1", "2", False),
    ],
)
def test_a_key_is_chosen_by_its_name_where_both_sides_name_one(
    named: object, first: object, second: object, counts: bool
) -> None:
    """The second of two keys has signed."""
    key = a_key()
    header = {} if named is None else {"kid": named}
    keys = [public(a_key(name="other")), public(key)]
    for jwk, kid in zip(keys, (first, second), strict=True):
        jwk.pop("kid", None)
        if kid is not None:
            jwk["kid"] = kid
    token = signed(CLAIMS, key, "ES256", header)
    assert (verified(token, *keys) == CLAIMS) == counts


def test_a_bad_key_in_the_set_does_not_hide_a_good_one() -> None:
    key = a_key()
    bad: list[object] = [
        None,
        "x",
        {},
        {"kty": "EC"},
        {"kty": "oct", "k": "AA"},
        public(a_key("2048")),
        public(a_key("P-384")),
    ]
    assert verified(signed(CLAIMS, key, "ES256"), *bad, public(key)) == CLAIMS


def test_another_key_verifies_nothing() -> None:
    for kind, algorithms in KINDS.items():
        if kind == "2048":
            continue
        assert verified(signed(CLAIMS, a_key(kind, "stranger"), algorithms[0]), public(a_key(kind))) is None


@pytest.mark.parametrize(
    "brought", [{"jwk": public(a_key(name="own"))}, {"jku": "https://evil.example.com"}, {"x5c": ["AA"]}]
)
@pytest.mark.parametrize("kid", [None, "1"])
def test_a_key_that_comes_with_the_assertion_is_not_looked_at(brought: dict[str, object], kid: str | None) -> None:
    header = {**brought, **({"kid": kid} if kid else {})}
    token = signed(CLAIMS, a_key(name="own"), "ES256", header)
    assert verified(token, public(a_key(), kid="1")) is None
    honest = signed(CLAIMS, a_key(), "ES256", header)
    assert verified(honest, public(a_key(), kid="1")) in (CLAIMS, None)


@pytest.mark.parametrize("crit", [["exp"], ["x"], [], "x", None])
def test_a_critical_extension_is_refused(crit: object) -> None:
    token = signed(CLAIMS, a_key(), "ES256", {"crit": crit, "x": 1, "exp": 1})
    assert verified(token, public(a_key())) is None


# Sets and texts of every kind


@pytest.mark.parametrize(
    "bad", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}, {"keys": []}, {"keys": [None, 1, "x", []]}, {"KEYS": []}]
)
def test_a_set_without_keys_verifies_nothing(bad: dict[str, object]) -> None:
    assert ASSERTIONS.verify(signed(CLAIMS, a_key(), "ES256"), bad) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"x": "AA"}, {"y": None}, {"x": 1}, {"x": "!"}, {"x": ""}, {"x": "é"}, {"kty": "RSA"}, {"kty": "OKP"},
        {"kty": None}, {"kty": ["EC"]}, {"kty": "ec"}, {"x": "A" * 5000}, {"crv": "P-384"},
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_read_verifies_nothing_and_is_not_accepted(changed: dict[str, object]) -> None:
    jwk = public(a_key(), **changed)
    assert verified(signed(CLAIMS, a_key(), "ES256"), jwk) is None
    assert not ASSERTIONS.acceptable(jwks(jwk))
    assert not ASSERTIONS.acceptable(jwks(public(a_key()), jwk))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"]), JSON))
def test_whatever_a_key_says_nothing_breaks(changed: dict[str, object]) -> None:
    jwk = {**public(a_key()), **changed}
    assert verified(signed(CLAIMS, a_key(), "ES256"), jwk) in (CLAIMS, None)
    assert ASSERTIONS.acceptable(jwks(jwk)) in (True, False)


@given(st.text() | st.lists(st.text("AQID-_=."), min_size=3, max_size=3).map(".".join))
def test_any_text_is_no_assertion(text: str) -> None:
    assert verified(Secret(text), public(a_key())) is None
    assert ASSERTIONS.issuer(Secret(text)) is None


@pytest.mark.parametrize("payload", [[], "x", 1, None, b"", b"\xff", b"{", b"[" * 4000, b"1" * 5000])
def test_a_payload_that_is_no_object_is_refused(payload: object) -> None:
    token = signed(payload, a_key(), "ES256")
    assert verified(token, public(a_key())) is None
    assert ASSERTIONS.issuer(token) is None


def test_an_assertion_has_a_bound() -> None:
    token = signed({**CLAIMS, "x": "x" * LARGEST}, a_key(), "ES256")
    assert verified(token, public(a_key())) is None
    assert ASSERTIONS.issuer(token) is None


@pytest.mark.parametrize(
    ("issuer", "read"), [("robot", "robot"), ("", ""), (None, None), (1, None), (["robot"], None), ("\ud800", "\ud800")]
)
def test_who_it_claims_to_be_from_is_read_with_nothing_verified(issuer: object, read: str | None) -> None:
    assert ASSERTIONS.issuer(signed({"iss": issuer}, a_key(name="anybody"), "ES256")) == read
    assert ASSERTIONS.issuer(Secret(f"{encoded({})}.{encoded({'iss': issuer})}.AAAA")) == read


def test_the_signature_belongs_to_header_and_claims() -> None:
    key = a_key()
    header, payload, signature = signed(CLAIMS, key, "ES256").reveal().split(".")
    for changed in (
        f"{encoded({'alg': 'ES256', 'x': 1})}.{payload}.{signature}",
        f"{header}.{encoded({**CLAIMS, 'iss': 'other'})}.{signature}",
        f"{header}.{payload}.{signature[:-4]}",
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{header}.{payload}.{signature}AAAA",
        f"{header}.{payload}.{signature} ",
    ):
        assert verified(Secret(changed), public(key)) is None
