"""Sessions: begun by a password, looked at with every page, ended by their owner."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from attrs import evolve, frozen

from core.authorization.model import Seen, Session, SessionPolicy, digest_of, random_text
from core.authorization.ports import Sessions
from core.ports import Audit, Clock, Entropy
from core.protocol.refusals import SessionNotFound, Unavailable
from core.protocol.secret import Secret
from core.users.authenticate import AuthenticatedUser, AuthenticateUser
from core.users.ending import settled
from core.users.model import User
from core.users.password import Password
from core.users.ports import UserRepository

# A session in use is noted to be so this often at the most.
TOUCH = timedelta(minutes=1)

LONGEST_AGENT = 256


@frozen
class Browser:
    """Who asks for a page: the cookie that came along, and what helps its owner to know it again later."""

    cookie: Secret | None
    address: str
    agent: str = ""

    @property
    def digest(self) -> bytes | None:
        return digest_of(self.cookie) if self.cookie is not None else None


@frozen
class CurrentSession:
    sessions: Sessions
    clock: Clock
    policy: SessionPolicy

    async def __call__(self, cookie: Secret | None, *, client_id: str | None = None) -> Seen | None:
        """Who is signed in; None for nobody, also when the session has expired or was ended, as by a new password or
        the deactivation of its user. A use moves its idle end.
        """
        if cookie is None:
            return None
        seen = await self.sessions.look(digest_of(cookie), client_id=client_id)
        now = self.clock.now()
        if seen is None or not seen.session.live(now) or not in_force(seen):
            return None
        if now - seen.session.seen_at >= TOUCH:
            idle = min(now + self.policy.idle, seen.session.expires_at)
            await self.sessions.touch(seen.session.id, at=now, idle_expires_at=idle)
        return seen


def in_force(seen: Seen) -> bool:
    """Whether nothing has ended the user's earlier sign-ins."""
    ended = seen.user.tokens_valid_from
    return seen.user.is_active and (ended is None or seen.session.authenticated_at >= ended)


@frozen
class StartSession:
    sessions: Sessions
    clock: Clock
    entropy: Entropy
    policy: SessionPolicy

    async def __call__(self, proof: AuthenticatedUser, browser: Browser) -> tuple[Secret, Session]:
        """A new cookie (never the one before: whoever knew that knows nothing of this one), and the session.

        A user who signs in once more goes on with the session that there was, idle or not, and applications with their
        tokens.
        """
        now = self.clock.now()
        before = await self.sessions.look(browser.digest) if browser.digest is not None else None
        same = before is not None and before.user.username == proof.user.username
        if before is not None and same and now < before.session.expires_at and in_force(before):
            made = self._made(proof, browser, now, before.session.id)
            if await self.sessions.start(made[1], browser=browser.digest, goes_on=True):
                return made
        made = self._made(proof, browser, now, self.entropy.uuid())
        await self.sessions.start(made[1], browser=browser.digest)
        return made

    def _made(
        self, proof: AuthenticatedUser, browser: Browser, now: datetime, session_id: UUID
    ) -> tuple[Secret, Session]:
        cookie = random_text(self.entropy)
        expires = now + self.policy.lifetime
        session = Session(
            id=session_id,
            digest=digest_of(cookie),
            username=proof.user.username,
            authenticated_at=proof.at,
            seen_at=now,
            expires_at=expires,
            idle_expires_at=min(now + self.policy.idle, expires),
            agent="".join(character for character in browser.agent if character.isprintable())[:LONGEST_AGENT],
            address=browser.address,
        )
        return cookie, session


@frozen
class SignIn:
    """By the use case of the token endpoint, so by the same throttle."""

    authenticate: AuthenticateUser
    start: StartSession
    audit: Audit

    async def __call__(self, username: str, password: Password, browser: Browser) -> Secret:
        """The new cookie. Raises `WrongCredentials`, `TooManyAttempts`."""
        proof = await self.authenticate(username, password, address=browser.address)
        cookie, session = await self.start(proof, browser)
        self.audit.note("signed in", username=proof.user.username, sid=str(session.id))
        return cookie


@frozen
class SignInAgain:
    """A user who just gave the password for a new one stays signed in on this browser, and on no other."""

    users: UserRepository
    start: StartSession
    clock: Clock
    audit: Audit

    async def __call__(self, user: User, browser: Browser) -> Secret:
        """The new cookie. Raises `Unavailable`."""
        at = self.clock.now()
        current = await self.users.get_by_username(user.username)
        if current is None or not current.is_active:
            raise Unavailable("This account was changed meanwhile; sign in again")
        if not await settled(current.tokens_valid_from, at, self.clock):
            at = self.clock.now()
        cookie, session = await self.start(AuthenticatedUser(current, at), browser)
        self.audit.note("signed in", username=current.username, sid=str(session.id))
        return cookie


@frozen
class EndSessions:
    """A session ends with the refresh tokens that came of it and were not granted `offline_access`."""

    sessions: Sessions
    clock: Clock
    audit: Audit

    async def one(self, username: str, session: UUID) -> None:
        """Raises `SessionNotFound`, also for another user's."""
        if not await self.sessions.end(username, session, at=self.clock.now()):
            raise SessionNotFound
        self.audit.note("session ended", username=username, sid=str(session))

    async def all(self, username: str) -> int:
        """Sign out everywhere. How many sessions ended."""
        ended = await self.sessions.end(username, None, at=self.clock.now())
        self.audit.note("all sessions ended", username=username, number=str(ended))
        return ended


@frozen
class ListSessions:
    sessions: Sessions
    clock: Clock

    async def __call__(self, seen: Seen) -> tuple[Session, ...]:
        """Those in which this user is signed in now; the one used last comes first."""
        now: datetime = self.clock.now()
        found = await self.sessions.of_user(seen.user.username)
        return tuple(one for one in found if one.live(now) and in_force(evolve(seen, session=one)))
