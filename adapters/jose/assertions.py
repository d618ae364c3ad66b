"""Client assertions by joserfc: a client's own keys, each with the algorithms of its type (RFC 7523 §3, RFC 8725)."""

from __future__ import annotations

from collections.abc import Mapping

from joserfc.util import urlsafe_b64decode

from adapters.jose import signatures
from adapters.jose.making import PairKey, imported
from core.clients.ports import AssertionVerifier
from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret

LARGEST = 8 * 1024  # characters
LEAST_RSA_BITS = 2048  # RFC 7518 §3.3

# By the type of the key, and its curve.
ALGORITHMS: Mapping[tuple[object, object], tuple[str, ...]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "PS256"),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}


class JoseAssertions:
    """Built keys and their rules are kept for as long as the process lives, by what the JWK says."""

    def issuer(self, assertion: Secret) -> str | None:
        try:
            issuer = self._bounded(assertion).get("iss")
        except InvalidToken:
            return None
        return issuer if isinstance(issuer, str) else None

    def verify(self, assertion: Secret, jwks: Mapping[str, object]) -> Mapping[str, object] | None:
        """Each key is tried that has the header's `kid`, or every key where the header or the key names none."""
        if len(assertion.reveal()) > LARGEST:
            return None
        for jwk in _keys(jwks):
            try:
                key, algorithms = _usable(jwk)

                def find(kid: str | None, own: object = jwk.get("kid"), key: PairKey = key) -> PairKey | None:
                    return key if kid is None or own is None or kid == own else None

                rules = signatures.registry(*algorithms)
                return signatures.verify(assertion, typ=None, find_key=find, rules=rules)
            except (InvalidToken, *signatures.HOSTILE):
                continue
        return None

    def acceptable(self, jwks: Mapping[str, object]) -> bool:
        try:
            return all(_usable(jwk) for jwk in _keys(jwks))
        except signatures.HOSTILE:
            return False

    def _bounded(self, assertion: Secret) -> Mapping[str, object]:
        if len(assertion.reveal()) > LARGEST:
            raise InvalidToken("too large")
        return signatures.unverified(assertion)


def _keys(jwks: Mapping[str, object]) -> list[dict[str, object]]:
    keys = jwks.get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _usable(jwk: dict[str, object]) -> tuple[PairKey, tuple[str, ...]]:
    """The key and what it may sign with. Raises one of `signatures.HOSTILE`."""
    algorithms = ALGORITHMS[jwk.get("kty"), jwk.get("crv")]
    named = jwk.get("alg")
    if named is not None:
        algorithms = tuple(algorithm for algorithm in algorithms if algorithm == named)
    if not algorithms or jwk.get("use", "sig") != "sig":
        raise ValueError("not a key for signatures that are accepted here")
    if jwk["kty"] == "RSA" and _bits(jwk.get("n")) < LEAST_RSA_BITS:  # the library would take it, with a warning
        raise ValueError("an RSA key of less than 2048 bits")
    # Whatever else it says (key_ops, x5c, …) is not looked at.
    return imported({name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}), algorithms


def _bits(number: object) -> int:
    """How long a Base64urlUInt is (RFC 7518 §2)."""
    return int.from_bytes(urlsafe_b64decode(str(number).encode()), "big").bit_length()


_: type[AssertionVerifier] = JoseAssertions
