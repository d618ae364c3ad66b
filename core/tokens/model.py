"""Access tokens: JWTs by RFC 9068."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from attrs import frozen

from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret

ACCESS_TOKEN_TYP = "at+jwt"  # RFC 9068 §2.1

# RFC 9068 §2.2 requires a client_id. Tokens that no registered client asked for name Watchword itself.
FIRST_PARTY_CLIENT = "watchword"

LARGEST_TOKEN = 8 * 1024  # bytes


@frozen
class AccessTokenPolicy:
    issuer: str
    audience: str
    lifetime: timedelta = timedelta(minutes=30)
    leeway: timedelta = timedelta(0)


@frozen
class IssuedToken:
    """A fresh access token. `expires_in` is in seconds (RFC 6749 §5.1)."""

    access_token: Secret
    expires_in: int


@frozen
class AccessToken:
    """The claims of a verified access token. Times are NumericDates: seconds since 1970 (RFC 7519 §2)."""

    iss: str
    sub: str
    aud: tuple[str, ...]
    exp: float
    iat: float
    jti: str
    client_id: str
    roles: tuple[str, ...] = ()
    scope: str = ""
    nbf: float | None = None

    @property
    def username(self) -> str:
        return self.sub

    @classmethod
    def parse(cls, claims: Mapping[str, object]) -> AccessToken:
        """Claims of the right types, all that RFC 9068 §2.2 requires among them. Raises `InvalidToken`."""
        audience = claims.get("aud")
        return cls(
            iss=_text(claims, "iss"),
            sub=_text(claims, "sub"),
            aud=(audience,) if isinstance(audience, str) else _texts(claims, "aud"),
            exp=_date(claims, "exp"),
            iat=_date(claims, "iat"),
            jti=_text(claims, "jti"),
            client_id=_text(claims, "client_id"),
            roles=_texts(claims, "roles") if "roles" in claims else (),
            scope=_text(claims, "scope") if "scope" in claims else "",
            nbf=_date(claims, "nbf") if "nbf" in claims else None,
        )


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidToken(f"claim {name}: missing or not a text")
    return value


def _texts(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = claims.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidToken(f"claim {name}: missing or not a list of texts")
    return tuple(value)


def _date(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    # JSON in Python knows NaN and Infinity, and whole numbers too large for a float; none of them is a time.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise InvalidToken(f"claim {name}: missing or not a number of seconds")
    return value
