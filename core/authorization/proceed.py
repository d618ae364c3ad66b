"""What comes next: a sign-in, a choice, a question, or the answer to the application."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from attrs import frozen

from core.authorization.model import (
    CONSENT,
    LOGIN,
    NONE,
    SELECT_ACCOUNT,
    AuthorizationRequest,
    Code,
    ReturnTo,
    Seen,
    digest_of,
    new_code,
    permissions,
)
from core.authorization.ports import Codes, NewCode
from core.clients.model import Client
from core.identity.claims import scopes_of
from core.ports import Clock, Entropy
from core.protocol.redirects import host_of, is_assured
from core.protocol.refusals import AuthorizationRefused, OAuthRefusal
from core.protocol.scope import unique
from core.tokens.model import Login, Permission
from core.tokens.subjects import Subjects
from core.users.ending import settled

CODE_LIFETIME = timedelta(seconds=60)

# An application that is in use is noted to be so this often at the most.
USED = timedelta(minutes=5)


@frozen(kw_only=True)
class Answer:
    """What an application is told, and where (RFC 6749 §4.1.2, §4.1.2.1, RFC 9207). It hides what it holds."""

    to: ReturnTo
    parameters: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Answer({self.to.client_id})"

    @property
    def refused(self) -> str | None:
        """Why the application gets no code, as it is told; None when it gets one."""
        said = dict(self.parameters)
        return f"{said['error']}: {said['error_description']}" if "error" in said else None


class Step(Enum):
    """What a person has to do first."""

    SIGN_IN = "sign in"
    SELECT_ACCOUNT = "select account"
    CONSENT = "consent"


REFUSALS = {
    Step.SIGN_IN: ("login_required", "Nobody is signed in who would do"),
    Step.SELECT_ACCOUNT: ("account_selection_required", "The person has to choose an account"),
    Step.CONSENT: ("consent_required", "The person has not allowed this yet"),
}


def wanted(request: AuthorizationRequest) -> tuple[str, ...]:
    """The scopes that people are asked for: claims that are asked for one by one are asked for by their scopes."""
    return unique((*request.scope, *scopes_of((*request.userinfo_claims, *request.id_token_claims))))


def allowed_by(request: AuthorizationRequest, client: Client) -> tuple[str, ...]:
    """The permissions that a consent to this request gives.

    Of a client that registered itself nobody knows whose it is, and it may have redirect URIs anywhere, and others
    tomorrow: people allow it what they do for the host that they are shown.
    """
    to = "" if client.vouched_for else host_of(request.to.redirect_uri)
    return permissions(wanted(request), request.audience, to)


@frozen
class Proceed:
    codes: Codes
    subjects: Subjects
    clock: Clock
    entropy: Entropy
    issuer: str

    async def step(
        self,
        request: AuthorizationRequest,
        client: Client,
        seen: Seen | None,
        *,
        since: datetime,
        answered: tuple[str, ...] = (),
    ) -> Step | None:
        """What has to be done before the answer; None for nothing.

        `since` is when the request came: a sign-in after that satisfies whatever asks for one. Raises
        `AuthorizationRefused` where nobody may be asked, or somebody else signed in than was expected.
        """
        step = await self._step(request, client, seen, since=since, answered=answered)
        if step is not None and NONE in request.prompt:
            # Whether the request names the right person is told to nobody whom that person allows nothing.
            known = seen is not None and seen.connection is not None and seen.connection.granted
            guessed = request.subject is not None and not known
            raise AuthorizationRefused(*REFUSALS[Step.SIGN_IN if guessed else step])
        return step

    async def _step(
        self,
        request: AuthorizationRequest,
        client: Client,
        seen: Seen | None,
        *,
        since: datetime,
        answered: tuple[str, ...],
    ) -> Step | None:
        if seen is None:
            return Step.SIGN_IN
        signed_in_for_this = seen.session.authenticated_at >= since
        if not signed_in_for_this and self._too_old(request, seen):
            return Step.SIGN_IN
        if request.subject is not None and request.subject != await self.subjects(client, seen.user.username):
            if signed_in_for_this:
                raise AuthorizationRefused("login_required", "Another user signed in than the request names")
            return Step.SIGN_IN
        chosen = signed_in_for_this or SELECT_ACCOUNT in answered
        if SELECT_ACCOUNT in request.prompt and not chosen:
            return Step.SELECT_ACCOUNT
        return Step.CONSENT if self._to_be_asked(request, client, seen) else None

    def _too_old(self, request: AuthorizationRequest, seen: Seen) -> bool:
        if LOGIN in request.prompt:
            return True
        if request.max_age is None:
            return False
        age = self.clock.now() - seen.session.authenticated_at
        return request.max_age == 0 or age > timedelta(seconds=request.max_age)

    def _to_be_asked(self, request: AuthorizationRequest, client: Client, seen: Seen) -> bool:
        if CONSENT in request.prompt:
            return True
        # RFC 8252 §8.6: on this machine anybody could say to be it, and would be trusted with what is our own.
        if client.public and not is_assured(request.to.redirect_uri):
            return True
        if client.first_party:
            return False
        allowed = seen.connection.granted if seen.connection is not None else ()
        return not set(allowed_by(request, client)) <= set(allowed)

    async def answer(
        self,
        request: AuthorizationRequest,
        client: Client,
        seen: Seen,
        *,
        at: datetime,
        finishes: tuple[bytes, bytes] | None = None,
    ) -> Answer | None:
        """A code for the application. What it is for is kept as allowed.

        `at` is an instant before it was looked who is there: whatever the person took back since is not given again.
        None when the stored request that it answers was answered before.
        """
        known = seen.connection
        if known is not None and not await settled(known.tokens_valid_from, at, self.clock):
            at = self.clock.now()
        grant_id, text = new_code(self.entropy)
        session, allows = seen.session, allowed_by(request, client)
        fresh = known is not None and set(allows) <= set(known.granted) and at - known.used_at < USED
        code = Code(
            digest=digest_of(text),
            grant_id=grant_id,
            permission=Permission(
                request.to.client_id,
                seen.user.username,
                request.scope,
                request.audience,
                at,
                Login(session.authenticated_at, session.id),
                request.userinfo_claims,
            ),
            redirect_uri=request.to.redirect_uri,
            redirect_uri_sent=request.to.sent,
            expires_at=at + CODE_LIFETIME,
            session_expires_at=session.expires_at,
            challenge=request.challenge,
            nonce=request.nonce,
            id_token_claims=request.id_token_claims,
        )
        if not await self.codes.issue(NewCode(code, finishes=finishes, allows=None if fresh else allows)):
            return None
        return self._to(request.to, ("code", text.reveal()))

    def refusal(self, to: ReturnTo, refusal: OAuthRefusal) -> Answer:
        return self._to(to, ("error", refusal.code), ("error_description", refusal.description))

    def _to(self, to: ReturnTo, *said: tuple[str, str]) -> Answer:
        state = (("state", to.state),) if to.state is not None else ()
        return Answer(to=to, parameters=(*said, *state, ("iss", self.issuer)))
