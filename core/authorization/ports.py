"""What the authorization area asks of the outside."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from core.authorization.model import Code, Connection, Seen, Session, StoredRequest
from core.users.model import User


class Sessions(Protocol):
    """Who is signed in where. Each method is one transaction. All raise `Unavailable` when the store is away."""

    async def start(self, session: Session, *, browser: bytes | None, goes_on: bool = False) -> bool:
        """Keep a new session. Whatever stands under the cookie `browser` goes over to it: stored requests are from now
        on for the new cookie, and a session there was ends with its refresh tokens, as in `end`.

        `goes_on`: it is that very session, whose user signed in once more. False when that has ended meanwhile, or goes
        on under another cookie; then nothing has changed.
        """

    async def look(self, digest: bytes, *, client_id: str | None = None) -> Seen | None:
        """The session under this cookie, alive or not, its user, and what the user allowed this client.

        The user's `tokens_valid_from` is the later of the user's own and everybody's.
        """

    async def touch(self, session: UUID, *, at: datetime, idle_expires_at: datetime) -> None: ...

    async def of_user(self, username: str) -> tuple[Session, ...]:
        """The one used last comes first."""

    async def end(self, username: str, session: UUID | None, *, at: datetime) -> int:
        """End one session of this user, or all (None), and the refresh tokens that came of it and were not granted
        `offline_access`. How many sessions ended.
        """


class AuthorizationRequests(Protocol):
    """Requests that wait. Each method is one transaction. All raise `Unavailable` when the store is away."""

    async def keep(self, stored: StoredRequest) -> None: ...

    async def claim(self, digest: bytes, browser: bytes, *, at: datetime, until: datetime) -> StoredRequest | None:
        """The request, from now on this browser's; one that was nobody's expires at `until` from now on.

        None for one that is another browser's, has expired, or is none.
        """

    async def find(self, digest: bytes, browser: bytes, *, at: datetime) -> StoredRequest | None:
        """As `claim`, for one that is this browser's already."""

    async def note_answer(self, digest: bytes, browser: bytes, prompt: str, *, at: datetime) -> StoredRequest | None:
        """The person answered this prompt. The request after that, or None as in `find`."""

    async def drop(self, digest: bytes, browser: bytes) -> bool:
        """Forget it. True for the one who did."""


class Connections(Protocol):
    """What people allowed. Each method is one transaction. All raise `Unavailable` when the store is away."""

    async def of_user(self, username: str) -> tuple[Connection, ...]:
        """Those that allow something, with the clients' names, in the order of these.

        `used_at` is when tokens were last got, refreshed ones included.
        """

    async def end(self, username: str, client_id: str, *, valid_from: datetime, at: datetime) -> bool:
        """Take everything back: nothing is allowed, tokens from before `valid_from` (a whole second) have ended, and so
        have all refresh tokens that the client has for this user. `valid_from` only moves forward. False when the user
        never allowed this client anything.
        """


@frozen
class NewCode:
    """A code to keep, and what goes with it in one step.

    `finishes` is the digest of the stored request that it answers, with that of the browser. `allows` is added to what
    the user has allowed the client; None leaves that alone, and so does a code from before everything was taken back.
    """

    code: Code
    finishes: tuple[bytes, bytes] | None = field(default=None, repr=False)
    allows: tuple[str, ...] | None = None


@frozen
class FirstToken:
    """The refresh token that a code is to be exchanged for: its digest, and until when the family may live."""

    digest: bytes = field(repr=False)
    expires_at: datetime
    idle_expires_at: datetime


@frozen
class Redemption:
    """A code that somebody presents. `challenge` is what its verifier answers, `audience` the resources that are named.

    Only a code of this client, this redirect URI, this challenge and these resources is spent.
    """

    digest: bytes = field(repr=False)
    client_id: str
    redirect_uri: str | None
    challenge: str | None
    audience: tuple[str, ...]
    at: datetime
    refresh: FirstToken | None = None

    def mismatch(self, code: Code) -> str | None:
        """What does not fit a code of this client that is not spent: challenge, redirect_uri or resource.

        None when all does, and for a code that has expired. A URI that the authorization request did not name need not
        be named here (RFC 6749 §4.1.3).
        """
        if self.at >= code.expires_at:
            return None
        if self.challenge != code.challenge:
            return "challenge"
        if self.redirect_uri != code.redirect_uri and (self.redirect_uri is not None or code.redirect_uri_sent):
            return "redirect_uri"
        return None if set(self.audience) <= set(code.permission.audience) else "resource"


@frozen
class Redeemed:
    """The code was good, and is spent. The user is as stored at that moment."""

    code: Code
    user: User


@frozen
class Replayed:
    """The code was spent before."""

    code: Code


@frozen
class Mismatched:
    """There is such a code, and it is not spent. `what` does not fit: challenge, redirect_uri or resource."""

    what: str


class Codes(Protocol):
    """Each method is one transaction, but for what it says. All raise `Unavailable` when the store is away."""

    async def issue(self, new: NewCode) -> bool:
        """Keep the code. False, and nothing changed, when the stored request that it answers is gone."""

    async def redeem(self, redemption: Redemption) -> Redeemed | Replayed | Mismatched | None:
        """Decide, spend, and start the family of refresh tokens in one statement.

        The family has the id of the grant, and ends with the session at the latest, unless `offline_access` was
        granted. None for a code that is another client's, has expired, or is none; whose session has ended; or whose
        user is gone, inactive, or ended their tokens since, those of this client alone included.
        """

    async def revoke(self, grant_id: UUID, *, at: datetime, until: datetime) -> None:
        """End every token of this grant. The note on its access tokens is needed `until` then."""
