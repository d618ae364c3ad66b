"""Sign-out that an application asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from contextlib import suppress

from attrs import frozen

from core.authorization.model import Seen
from core.authorization.sessions import Browser, CurrentSession, EndSessions
from core.clients.model import CLIENT_ID, Client
from core.clients.ports import ClientRepository
from core.identity.id_token import Hint, ReadHint
from core.protocol.redirects import is_registered
from core.protocol.refusals import PageRefusal, SessionNotFound
from core.protocol.secret import Secret
from core.tokens.subjects import Subjects


@frozen
class LogoutRequest:
    """§2. `redirect_uri` is the `post_logout_redirect_uri`."""

    hint: Secret | None = None
    client_id: str | None = None
    redirect_uri: str | None = None
    state: str | None = None


@frozen
class LogoutTarget:
    """Where the browser goes afterwards: to a URI that is registered for this client."""

    client_name: str
    redirect_uri: str
    state: str | None = None


@frozen
class SignedOut:
    target: LogoutTarget | None


@frozen
class Question:
    """Whether the person wants that: nothing has shown that the application may ask for it."""

    seen: Seen
    target: LogoutTarget | None


@frozen
class LogOut:
    clients: ClientRepository
    current: CurrentSession
    read_hint: ReadHint
    subjects: Subjects
    end: EndSessions

    async def __call__(
        self, request: LogoutRequest, browser: Browser, *, confirmed: bool = False
    ) -> SignedOut | Question:
        """Raises `PageRefusal` for a redirect URI that is not registered, and then nothing has ended."""
        hint = await self.read_hint(request.hint) if request.hint is not None else None
        client = await self._client(request, hint)
        target = await self._target(request, client)
        seen = await self.current(browser.cookie)
        if seen is None:
            # Whoever registers a client may not have this server lead people wherever they like (RFC 9700 §4.11.2).
            trusted = hint is not None or (client is not None and client.vouched_for)
            return SignedOut(target if trusted else None)
        if not confirmed and not await self._is_meant(hint, client, seen):
            return Question(seen, target)
        with suppress(SessionNotFound):  # another tab was faster
            await self.end.one(seen.user.username, seen.session.id)
        return SignedOut(target)

    async def _client(self, request: LogoutRequest, hint: Hint | None) -> Client | None:
        named = request.client_id or (hint.audience[0] if hint is not None else None)
        if named is None:
            return None
        if hint is not None and named not in hint.audience:
            raise PageRefusal("The application named another one than its ID token is for.")
        return await self.clients.recent(named) if CLIENT_ID.fullmatch(named) else None

    async def _target(self, request: LogoutRequest, client: Client | None) -> LogoutTarget | None:
        if request.redirect_uri is None:
            return None
        if client is not None and not _may_go(client, request.redirect_uri):
            client = await self.clients.get(client.client_id)  # it may have been registered a moment ago
        if client is None or not _may_go(client, request.redirect_uri):
            raise PageRefusal(
                "The application wants to go on to an address that is not registered for it.",
                "Nobody was signed out. To sign out, go to your account page.",
            )
        return LogoutTarget(client.name, request.redirect_uri, request.state)

    async def _is_meant(self, hint: Hint | None, client: Client | None, seen: Seen) -> bool:
        """Whether an ID token shows that its client knows whoever is signed in."""
        if hint is None or client is None:
            return False
        if hint.session is not None:
            return hint.session == await self.subjects.session(client, seen.session.id)
        return hint.sub == await self.subjects(client, seen.user.username)


def _may_go(client: Client, redirect_uri: str) -> bool:
    return client.is_active and is_registered(redirect_uri, client.application.post_logout_redirect_uris)
