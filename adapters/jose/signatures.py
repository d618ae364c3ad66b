"""What every signer and verifier shares: one strict reading of a JWS, by joserfc."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, extract_compact, validate_compact
from joserfc.util import json_b64encode, urlsafe_b64decode, urlsafe_b64encode

from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret

Key = ECKey | OctKey | OKPKey | RSAKey

# RFC 7515 §3.1 with the alphabet of base64url and no padding. Python's decoder would skip over anything else, which
# would give one token many spellings.
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

# Made once: `json.dumps` makes an encoder for every call that wants no white space.
_json = json.JSONEncoder(separators=(",", ":")).encode

# Hostile tokens bring more than joserfc's own errors out of JSON and base64.
HOSTILE = (JoseError, ValueError, TypeError, KeyError, RecursionError)


class EdDSA(EdDSAAlgorithm):
    """Ed25519 by the name that RFC 8037 gave it, which verifiers know; RFC 9864 has another, which few know yet."""

    security_warning = ""


class Registry(JWSRegistry):
    algorithms = {**JWSRegistry.algorithms, "EdDSA": EdDSA()}  # noqa: RUF012 - as the base class has it
    max_header_length = 4096  # the default of 512 bytes refuses honest headers; the whole token is bounded already


def registry(*algorithms: str) -> JWSRegistry:
    """What may appear in a header: these algorithms (RFC 8725 §3.1), and no `crit` that we do not know."""
    return Registry(algorithms=list(algorithms), strict_check_header=False)


class Signer:
    """Signs under one header, which is written once."""

    def __init__(self, header: dict[str, str], key: Key, rules: JWSRegistry) -> None:
        rules.check_header(header)
        self._algorithm = rules.get_alg(header["alg"])
        self._algorithm.check_key(key)
        self._key = key
        self._header = json_b64encode(header)

    def __call__(self, claims: Mapping[str, object]) -> Secret:
        payload = urlsafe_b64encode(_json(claims).encode())
        signed = b"%s.%s" % (self._header, payload)
        signature = urlsafe_b64encode(self._algorithm.sign(signed, self._key))
        return Secret((signed + b"." + signature).decode("ascii"))


def verify(
    token: Secret, *, typ: str | None, find_key: Callable[[str | None], Key | None], rules: JWSRegistry
) -> dict[str, object]:
    """The claims of a token that one of these keys signed. With `typ` None the header may say whatever it likes there.

    `find_key` gets the header's `kid`, and nothing else of it: keys or addresses of keys that a token brings along
    (`jwk`, `jku`, `x5c`, `x5u`) are never looked at (RFC 8725 §3.10). Raises `InvalidToken`.
    """
    text = token.reveal()
    if not COMPACT.fullmatch(text):
        raise InvalidToken("not a compact JWS")
    try:
        _check_encoding(urlsafe_b64decode(text.partition(".")[0].encode()))
        jws = extract_compact(text.encode(), registry=rules)
        header = jws.headers()
        if "crit" in header:  # RFC 7515 §4.1.11: no extension is known here
            raise InvalidToken("a critical extension")
        if typ is not None:
            _check_typ(header, typ)
        kid = header.get("kid")
        key = find_key(kid) if kid is None or isinstance(kid, str) else None
        if key is None:
            raise InvalidToken("signed by a key that is not ours")
        if not validate_compact(jws, key, registry=rules):
            raise InvalidToken("bad signature")
        claims = json.loads((jws.payload or b"").decode())
    except HOSTILE as error:
        raise InvalidToken(f"signature or header: {type(error).__name__}") from None
    if not isinstance(claims, dict):
        raise InvalidToken("the payload is not an object")
    return claims


def unverified(token: Secret) -> dict[str, object]:
    """What a token claims, with nothing verified. Raises `InvalidToken`."""
    text = token.reveal()
    if not COMPACT.fullmatch(text):
        raise InvalidToken("not a compact JWS")
    try:
        claims = json.loads(urlsafe_b64decode(text.split(".")[1].encode()).decode())
    except HOSTILE as error:
        raise InvalidToken(f"payload: {type(error).__name__}") from None
    if not isinstance(claims, dict):
        raise InvalidToken("the payload is not an object")
    return claims


def _check_encoding(header: bytes) -> None:
    """RFC 7515 §5.2: UTF-8. Python's reader of JSON also takes UTF-16 and UTF-32, which hold NULs, and a BOM."""
    if b"\0" in header or header.startswith(b"\xef\xbb\xbf"):
        raise InvalidToken("the header is not in UTF-8")


def _check_typ(header: Mapping[str, object], typ: str) -> None:
    """RFC 9068 §4: with or without the prefix `application/`, in any case (RFC 7515 §4.1.9)."""
    value = header.get("typ")
    if not isinstance(value, str) or value.lower().removeprefix("application/") != typ.lower():
        raise InvalidToken("another typ")
