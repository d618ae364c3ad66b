"""A client, the APIs that tokens are for, and the rules that both keep (RFC 6749 §2, RFC 7591 §2, RFC 8707)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from core.clients.application import Application, application_errors
from core.protocol.refusals import FieldError, InvalidFields
from core.protocol.scope import IDENTITY_SCOPES, resource_errors, scope_errors, unique
from core.protocol.secret import Secret

CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
CLIENT_ID_RULE = "a client id is 1 to 64 characters of a-z 0-9 . _ -, starting with a letter or digit"

# RFC 9068 §2.2 requires a client_id. Tokens that no registered client asked for name Watchword itself.
FIRST_PARTY_CLIENT = "watchword"

LONGEST_NAME = 200
SECRET_PREFIX = "wws_"

GRANT_TYPES = ("authorization_code", "client_credentials", "refresh_token", "password")

# RFC 7518 §6: which members make a public key, and which must not be there.
PUBLIC_KEY_TYPES = ("EC", "RSA", "OKP")  # no set: what is asked of it may be unhashable
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MOST_KEYS = 10
MOST_LEVELS = 8


class AuthMethod(StrEnum):
    """How a client proves at our endpoints who it is (RFC 7591 §2, `token_endpoint_auth_method`)."""

    SECRET_BASIC = "client_secret_basic"
    SECRET_POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"

    @property
    def by_secret(self) -> bool:
        return self in {AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST}


@frozen
class Resource:
    """An API that tokens are for. `identifier` is the `aud` of its tokens (RFC 8707 §2), byte for byte."""

    identifier: str
    scopes: tuple[str, ...] = field(default=(), converter=unique)
    created_at: datetime | None = field(default=None, eq=False)

    def __attrs_post_init__(self) -> None:
        errors = [*resource_errors([self.identifier], "identifier"), *scope_errors(self.scopes)]
        if errors:
            raise InvalidFields(*errors)


@frozen
class SecretDigests:
    """What is kept of a client's secret: its SHA-256, and that of the one before while that still counts."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)
    previous_until: datetime | None = None

    def accepted(self, at: datetime) -> tuple[bytes, ...]:
        if self.previous is None or self.previous_until is None or self.previous_until <= at:
            return (self.current,)
        return (self.current, self.previous)


@frozen
class Client:
    """Software that asks for tokens. `client_id` is the `sub` of the tokens it gets for itself.

    It shares one space of names with usernames, and neither is ever given out again, so that no `sub` is two parties'.
    `resources` are those it may ask for, and `serves` those it speaks for when it introspects. `definitions`
    holds the scopes of each of its `resources` that is registered at this moment; of every resource, for a client that
    registered itself. Access tokens with an `iat` before
    `tokens_valid_from` (a whole second, or None) are no longer acceptable. A `first_party` client belongs to whoever
    runs the server: people are not asked for their consent, and its tokens may manage accounts. `registration` is the
    digest of the registration access token of a client that registered itself (RFC 7592), `used_at` when such a
    one first got a token.
    """

    client_id: str
    auth_method: AuthMethod
    created_at: datetime
    updated_at: datetime
    name: str = ""
    grant_types: tuple[str, ...] = field(default=(), converter=unique)
    scopes: tuple[str, ...] = field(default=(), converter=unique)
    resources: tuple[str, ...] = field(default=(), converter=unique)
    serves: tuple[str, ...] = field(default=(), converter=unique)
    jwks: Mapping[str, object] | None = None
    secret: SecretDigests | None = None
    is_active: bool = True
    tokens_valid_from: datetime | None = None
    application: Application = field(factory=Application)
    first_party: bool = False
    registration: bytes | None = field(default=None, repr=False)
    used_at: datetime | None = None
    definitions: Mapping[str, tuple[str, ...]] = field(factory=dict, eq=False)

    @property
    def public(self) -> bool:
        """RFC 6749 §2.1: a client that can keep no secret."""
        return self.auth_method is AuthMethod.NONE

    @property
    def allowed_scopes(self) -> frozenset[str]:
        """What it may ask for. One that registered itself without a list may ask for whatever its resources define."""
        if self.scopes or self.vouched_for:
            return frozenset(self.scopes)
        return frozenset(IDENTITY_SCOPES).union(*self.definitions.values())

    @property
    def vouched_for(self) -> bool:
        """Whether an administrator registered it. Otherwise what it says of itself is nobody's word but its own."""
        return self.registration is None


def digest(secret: Secret) -> bytes:
    """SHA-256, which is enough for 256 random bits."""
    return hashlib.sha256(secret.reveal().encode("utf-8", "surrogatepass")).digest()


def client_errors(client: Client) -> list[FieldError]:
    """Everything that is wrong with a client, whether it is new or changed."""
    return [
        *_client_id_errors(client.client_id),
        *_name_errors(client.name),
        *_grant_errors(client),
        *scope_errors(client.scopes),
        *resource_errors(client.resources),
        *resource_errors(client.serves, "serves"),
        *_key_errors(client),
        *application_errors(client.application),
        *_trust_errors(client),
    ]


def _client_id_errors(client_id: str) -> list[FieldError]:
    if client_id == FIRST_PARTY_CLIENT:
        return [FieldError("client_id", f"{FIRST_PARTY_CLIENT} is Watchword's own")]
    return [] if CLIENT_ID.fullmatch(client_id) else [FieldError("client_id", CLIENT_ID_RULE)]


def _name_errors(name: str) -> list[FieldError]:
    fits = len(name) <= LONGEST_NAME and name.isprintable() and not name.isspace()  # people are to read it
    return [] if fits else [FieldError("name", f"a name is at most {LONGEST_NAME} printable characters")]


def _grant_errors(client: Client) -> list[FieldError]:
    unknown = [name for name in client.grant_types if name not in GRANT_TYPES]
    if unknown:
        return [FieldError("grant_types", f"expected some of {', '.join(GRANT_TYPES)}")]
    if client.public and "client_credentials" in client.grant_types:  # RFC 6749 §4.4
        return [FieldError("grant_types", "client_credentials is for clients that authenticate")]
    if client.public and client.serves:
        return [FieldError("serves", "only a client that authenticates may introspect")]
    if "authorization_code" in client.grant_types and not client.application.redirect_uris:
        return [FieldError("redirect_uris", "authorization_code needs at least one")]
    return []


def _trust_errors(client: Client) -> list[FieldError]:
    if client.vouched_for:
        return []
    if client.first_party:
        return [FieldError("first_party", "a client that registered itself is nobody's own")]
    if "password" in client.grant_types:
        return [FieldError("grant_types", "password is for clients that an administrator registered")]
    return []


def _key_errors(client: Client) -> list[FieldError]:
    if client.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        given = {"jwks": client.jwks, "jwks_uri": client.application.jwks_uri}
        return [FieldError(name, "keys are for private_key_jwt alone") for name in given if given[name] is not None]
    if client.application.jwks_uri is not None:
        return [FieldError("jwks", "expected either jwks or jwks_uri")] if client.jwks is not None else []
    keys = client.jwks.get("keys") if client.jwks is not None else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_KEYS:
        return [FieldError("jwks", f"private_key_jwt needs a JWK Set of 1 to {MOST_KEYS} public keys (RFC 7517 §5)")]
    if not _is_shallow(client.jwks, MOST_LEVELS):
        return [FieldError("jwks", f"expected at most {MOST_LEVELS} levels of objects and lists")]
    if not _is_i_json(client.jwks):
        return [FieldError("jwks", "expected text without NUL or halves of surrogate pairs, and finite numbers")]
    return [] if all(map(_is_public, keys)) else [FieldError("jwks", "expected public keys of the types EC, RSA, OKP")]


def _is_shallow(value: object, levels: int) -> bool:
    """Far from what a reader of JSON can bear: whatever is kept must be readable everywhere."""
    if not isinstance(value, Mapping | list):
        return True
    parts = value.values() if isinstance(value, Mapping) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in parts)


def _is_i_json(value: object) -> bool:
    """JSON that every store can keep (RFC 7493 §2), and no NUL in it."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        return False
    return "\\u0000" not in text


def _is_public(jwk: object) -> bool:
    return isinstance(jwk, Mapping) and jwk.get("kty") in PUBLIC_KEY_TYPES and not PRIVATE_MEMBERS & jwk.keys()


def refuse_client(client: Client) -> Client:
    """The client, which keeps every rule. Raises `InvalidFields`, naming every field that breaks one."""
    errors = client_errors(client)
    if errors:
        raise InvalidFields(*errors)
    return client


def is_first_party(client: Client) -> bool:
    """Whether people give it their password, or the operator says that it is their own."""
    return client.first_party or "password" in client.grant_types


def missing(identifiers: Iterable[str], registered: Iterable[str], field_name: str) -> list[FieldError]:
    known = set(registered)
    unknown = [identifier for identifier in identifiers if identifier not in known]
    return [FieldError(field_name, f"no such resource is registered: {unknown[0]}")] if unknown else []
