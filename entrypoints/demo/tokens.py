"""What came from the token endpoint, and whether the ID token is good (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping

from attrs import field, frozen

from core.identity.id_token import half_hash
from core.protocol.secret import Secret
from entrypoints.demo.asking import Problem

Claims = Mapping[str, object]

# The claims of a JWT that one of these keys has signed with an algorithm of its type; None for anything else.
VerifyJwt = Callable[[Secret, Mapping[str, object]], Claims | None]

ALGORITHM = "RS256"  # what the demo registered, by leaving it out
LEEWAY = 60  # seconds that clocks may disagree


@frozen
class Tokens:
    """`header` and `claims` are those of the ID token, which was verified; `access_claims` are shown, and never relied
    on.
    """

    access: Secret
    identity: Secret
    refresh: Secret | None
    scope: str
    header: Claims
    claims: Claims = field(repr=False)
    access_claims: Claims = field(repr=False)


@frozen
class Expected:
    """What an ID token has to say: the `nonce` of the request, or after a refresh the `sub` of the one before."""

    issuer: str
    client_id: str
    nonce: str | None = None
    sub: str | None = None


def read_tokens(answer: Claims, jwks: Mapping[str, object], expected: Expected, verify: VerifyJwt) -> Tokens:
    """Raises `Problem` for an answer that is not to be believed."""
    access, identity = _secret(answer, "access_token"), _secret(answer, "id_token")
    if access is None or identity is None:
        raise Problem("The token endpoint gave no access token or no ID token.")
    header = _part(identity, 0)
    claims = verify(identity, jwks) if header.get("alg") == ALGORITHM else None
    if claims is None:
        raise Problem(f"No key of the server has signed the ID token with {ALGORITHM}.")
    _check(claims, access, expected)
    scope = answer.get("scope")
    return Tokens(
        access=access,
        identity=identity,
        refresh=_secret(answer, "refresh_token"),
        scope=scope if isinstance(scope, str) else "",
        header=header,
        claims=claims,
        access_claims=_part(access, 1),
    )


def _check(claims: Claims, access: Secret, expected: Expected) -> None:
    expires, now = claims.get("exp"), time.time()
    wrong = {
        "iss": claims.get("iss") != expected.issuer,
        "aud": claims.get("aud") not in (expected.client_id, [expected.client_id]),
        "azp": claims.get("azp", expected.client_id) != expected.client_id,
        "exp": not isinstance(expires, int | float) or expires < now - LEEWAY,
        "nonce": expected.nonce is not None and claims.get("nonce") != expected.nonce,
        "sub": not isinstance(claims.get("sub"), str) or (expected.sub or claims["sub"]) != claims["sub"],
        "at_hash": claims.get("at_hash", half_hash(access)) != half_hash(access),
    }
    if names := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise Problem(f"The ID token is not for this sign-in: {', '.join(names)} is not as expected.")


def _secret(answer: Claims, name: str) -> Secret | None:
    text = answer.get(name)
    return Secret(text) if isinstance(text, str) and text.isascii() else None


def _part(token: Secret, index: int) -> Claims:
    """The header (0) or the claims (1) of a JWT as anybody can read them; empty for what is none."""
    try:
        text = token.reveal().split(".")[index]
        members = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}
