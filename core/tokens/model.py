"""Access tokens: JWTs by RFC 9068. Refresh tokens and their families: RFC 6749 §6."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from attrs import Factory, field, frozen

from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret
from core.users.model import User

ACCESS_TOKEN_TYP = "at+jwt"  # RFC 9068 §2.1

# Begins the `sub` that only one sector knows a user by (OpenID Connect Core §8.1). No username has a capital letter.
PSEUDONYM = "P"

LARGEST_TOKEN = 8 * 1024  # bytes
LONGEST_JTI = 256  # characters: what is revoked by its identifier has to fit into an index


@frozen
class AccessTokenPolicy:
    issuer: str
    audience: str
    lifetime: timedelta = timedelta(minutes=30)
    leeway: timedelta = timedelta(0)


@frozen
class RefreshPolicy:
    """`lifetime` counts from the first token of a family, `idle` from its last use; `grace` is for a repeated use."""

    lifetime: timedelta = timedelta(days=90)
    idle: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(seconds=30)


@frozen
class Login:
    """The sign-in that a grant rests on: when the person gave the password, and in which session (`sid`)."""

    at: datetime
    session: UUID


@frozen
class Permission:
    """For whom, by whom and for what tokens may be issued. `at` is when that was decided, the `iat` of access tokens.

    `client_id` is None where no registered client took part; `username` where the client acts for itself. `claims` are
    those that userinfo tells beside what the scope opens (OpenID Connect Core §5.5).
    """

    client_id: str | None
    username: str | None
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    at: datetime
    login: Login | None = None
    claims: tuple[str, ...] = ()


@frozen
class Family:
    """All refresh tokens that follow from one grant. One row of the store, however often it rotates.

    `current` is the digest of the token that is good now, `previous` that of the one which was exchanged for it at
    `rotated_at`.
    """

    id: UUID
    permission: Permission
    current: bytes = field(repr=False)
    expires_at: datetime
    idle_expires_at: datetime
    previous: bytes | None = field(default=None, repr=False)
    rotated_at: datetime | None = None
    revoked_at: datetime | None = None

    def live(self, at: datetime) -> bool:
        return self.revoked_at is None and at < min(self.expires_at, self.idle_expires_at)

    def accepts(self, digest: bytes, *, at: datetime, grace: timedelta) -> bool:
        """Whether a token with this digest would be exchanged."""
        if digest == self.current:
            return True
        if not grace or self.rotated_at is None:
            return False
        return digest == self.previous and at < self.rotated_at + grace


@frozen
class IssuedToken:
    """A fresh access token. `expires_in` is in seconds (RFC 6749 §5.1)."""

    access_token: Secret
    expires_in: int


@frozen
class AccessToken:
    """The claims of a verified access token. Times are NumericDates: seconds since 1970 (RFC 7519 §2).

    `grant_id` names the family of refresh tokens that it came with, `userinfo` the claims that were asked for one by
    one. `username` is whose it is, also where `sub` is a pseudonym.
    """

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
    grant_id: UUID | None = None
    userinfo: tuple[str, ...] = ()
    username: str = Factory(lambda token: token.sub, takes_self=True)

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
            jti=_identifier(claims, "jti"),
            client_id=_text(claims, "client_id"),
            roles=_texts(claims, "roles") if "roles" in claims else (),
            scope=_text(claims, "scope") if "scope" in claims else "",
            nbf=_date(claims, "nbf") if "nbf" in claims else None,
            grant_id=_uuid(claims, "grant_id") if "grant_id" in claims else None,
            userinfo=_texts(claims, "userinfo") if "userinfo" in claims else (),
        )


@frozen
class Standing:
    """What the store knows at this moment of an access token that verified.

    `revoked`: by itself, or with its family. `client_active` is None when no such client is registered, and
    `valid_from` the latest instant before which tokens ended, for its client, for everybody, or for what the user
    granted to the client. `first_party`: its client may manage accounts. `vouched_for`: it did not register itself.
    """

    user: User | None
    revoked: bool
    client_active: bool | None
    valid_from: datetime | None
    first_party: bool = False
    vouched_for: bool = True


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidToken(f"claim {name}: missing or not a text")
    # With a shared secret others make tokens, too, and no store can look for such a text.
    if "\0" in value or not _encodable(value):
        raise InvalidToken(f"claim {name}: holds a NUL or a lone surrogate")
    return value


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _identifier(claims: Mapping[str, object], name: str) -> str:
    value = _text(claims, name)
    if len(value) > LONGEST_JTI:
        raise InvalidToken(f"claim {name}: longer than {LONGEST_JTI} characters")
    return value


def _texts(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = claims.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidToken(f"claim {name}: missing or not a list of texts")
    return tuple(value)


def _date(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    # JSON in Python knows NaN and Infinity, whole numbers too large for a float, and years that no calendar has.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise InvalidToken(f"claim {name}: missing or not a number of seconds")
    return value


def _uuid(claims: Mapping[str, object], name: str) -> UUID:
    try:
        return UUID(_text(claims, name))
    except ValueError:
        raise InvalidToken(f"claim {name}: not a UUID") from None
