"""What is kept of a sign-in: the request of an application, the session of a person, what was allowed, and the code."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from attrs import field, frozen

from core.ports import Entropy
from core.protocol.secret import Secret
from core.tokens.model import Permission
from core.users.model import User

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 §2.2
CODE_PREFIX = "wwc_"
_CODE = re.compile(CODE_PREFIX + r"[A-Za-z0-9_-]{64}")  # 48 bytes

# Prompts (OpenID Connect Core §3.1.2.1).
NONE, LOGIN, CONSENT, SELECT_ACCOUNT = "none", "login", "consent", "select_account"
PROMPTS = (NONE, LOGIN, CONSENT, SELECT_ACCOUNT)

ResponseMode = Literal["query", "form_post"]


@frozen(kw_only=True)
class ReturnTo:
    """Where an application's answer goes. Made only for a client and one of its own redirect URIs.

    `sent` says whether the request named the URI, which then must be named at the token endpoint too (RFC 6749 §4.1.3).
    """

    client_id: str
    redirect_uri: str
    sent: bool = True
    response_mode: ResponseMode = "query"
    state: str | None = None


@frozen(kw_only=True)
class AuthorizationRequest:
    """RFC 6749 §4.1.1 and OpenID Connect Core §3.1.2.1, checked and narrowed.

    `audience` are the resources that tokens are to be for. `max_age` is in seconds. `subject` is the `sub` by which the
    client expects to know whoever signs in, and no other. `id_token_claims` and `userinfo_claims` were asked for one by
    one (§5.5).
    """

    to: ReturnTo
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    challenge: str | None = None
    nonce: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    login_hint: str | None = None
    subject: str | None = None
    id_token_claims: tuple[str, ...] = ()
    userinfo_claims: tuple[str, ...] = ()


@frozen
class StoredRequest:
    """A request that waits for a person, or for an application to come with its reference (RFC 9126).

    `browser` is the digest of the cookie of the one browser that may go on with it; None until one comes. `answered`
    are the prompts to which the person has said something since.
    """

    digest: bytes = field(repr=False)
    request: AuthorizationRequest
    created_at: datetime
    expires_at: datetime
    browser: bytes | None = field(default=None, repr=False)
    answered: tuple[str, ...] = ()


@frozen
class SessionPolicy:
    """`lifetime` counts from the sign-in, `idle` from the last use."""

    lifetime: timedelta = timedelta(days=14)
    idle: timedelta = timedelta(hours=12)


@frozen
class Session:
    """Somebody signed in on one browser. `id` is the `sid` of ID tokens, `digest` that of the cookie.

    `agent` and `address` are as the browser had them when it signed in, for its owner to know it again.
    """

    id: UUID
    digest: bytes = field(repr=False)
    username: str
    authenticated_at: datetime
    seen_at: datetime
    expires_at: datetime
    idle_expires_at: datetime
    agent: str = ""
    address: str = ""

    def live(self, at: datetime) -> bool:
        return at < min(self.expires_at, self.idle_expires_at)


@frozen
class Connection:
    """What a person allowed one client: `granted` are permissions as `permissions` spells them.

    Tokens from before `tokens_valid_from` have ended, as the person took everything back.
    """

    username: str
    client_id: str
    granted: tuple[str, ...]
    since: datetime
    used_at: datetime
    tokens_valid_from: datetime | None = None
    client_name: str = ""


@frozen
class Seen:
    """Who is there: a session, its user as stored at this moment, and what that user allowed the client in question."""

    session: Session
    user: User
    connection: Connection | None = None


@frozen
class Code:
    """An authorization code as it is kept (RFC 6749 §4.1.2). `grant_id` becomes that of the tokens it is exchanged for.

    Good once, until `expires_at`, for the client of `permission`, and for as long as its session lives.
    """

    digest: bytes = field(repr=False)
    grant_id: UUID
    permission: Permission
    redirect_uri: str
    redirect_uri_sent: bool
    expires_at: datetime
    session_expires_at: datetime
    challenge: str | None = None
    nonce: str | None = None
    id_token_claims: tuple[str, ...] = ()


def permissions(scope: Iterable[str], audience: Iterable[str], to: str = "") -> tuple[str, ...]:
    """Each scope at each resource, and each resource by itself, in one text: neither holds a space. They are for
    answers to the host `to` alone, where that is named.
    """
    names, end = tuple(scope), f" {to}" if to else ""
    own = (" " if to else "") + end  # of a resource by itself: the scope is empty
    return tuple(text for one in audience for text in (one + own, *(f"{one} {name}{end}" for name in names)))


def resource_and_scope(permission: str) -> tuple[str, str]:
    """Of one of `permissions`. The scope is empty for a resource by itself."""
    resource, _, rest = permission.partition(" ")
    return resource, rest.partition(" ")[0]


def digest_of(text: Secret) -> bytes:
    """SHA-256, which is enough for 256 random bits."""
    return hashlib.sha256(text.reveal().encode("utf-8", "surrogatepass")).digest()


def random_text(entropy: Entropy) -> Secret:
    """256 random bits in base64url: a cookie, or the id of a stored request."""
    return Secret(base64.urlsafe_b64encode(entropy.secret()).rstrip(b"=").decode("ascii"))


def new_code(entropy: Entropy) -> tuple[UUID, Secret]:
    """The id of a grant, and a code that begins with it and goes on with 256 random bits."""
    grant_id = entropy.uuid()
    body = base64.urlsafe_b64encode(grant_id.bytes + entropy.secret()).rstrip(b"=").decode("ascii")
    return grant_id, Secret(CODE_PREFIX + body)


def grant_of(code: Secret) -> UUID | None:
    """The grant that a code names; None for what is no code. Says nothing of whether there is such a code."""
    text = code.reveal()
    if not _CODE.fullmatch(text):
        return None
    return UUID(bytes=base64.urlsafe_b64decode(text.removeprefix(CODE_PREFIX))[:16])
