"""The authorization endpoint and the pages behind it: a request comes, waits for a person, and is answered."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from core.authorization.model import (
    REQUEST_URI,
    SELECT_ACCOUNT,
    AuthorizationRequest,
    Seen,
    StoredRequest,
    digest_of,
    random_text,
)
from core.authorization.ports import AuthorizationRequests
from core.authorization.proceed import Answer, Proceed, Step
from core.authorization.request import CheckRequest, Parameters
from core.authorization.sessions import Browser, CurrentSession
from core.clients.authenticate import AuthenticateClient, ClientCredential
from core.clients.model import Client
from core.ports import Audit, Clock, Entropy
from core.protocol.refusals import AuthorizationRefused, InvalidRequest, OAuthRefusal, PageRefusal
from core.protocol.secret import Secret

# How long a person may take, and how long an application may, after it pushed a request (RFC 9126 §2.2).
WAIT = timedelta(minutes=30)
PUSHED = timedelta(seconds=90)

GONE = "This sign-in is over: it was finished, it took too long, or it was begun in another browser."
COOKIELESS = "Your browser did not send the cookie that this page needs, or this sign-in was begun in another browser."


@frozen
class Waiting:
    """A request that a person has to do something for. `cookie` is the browser's own, to be set if it had none."""

    id: Secret
    step: Step
    request: AuthorizationRequest
    client: Client
    seen: Seen | None
    cookie: Secret = field(repr=False)


@frozen
class Authorize:
    check: CheckRequest
    requests: AuthorizationRequests
    current: CurrentSession
    proceed: Proceed
    clock: Clock
    entropy: Entropy
    audit: Audit

    async def begin(self, parameters: Parameters, browser: Browser) -> Answer | Waiting:
        """RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1. Raises `PageRefusal`."""
        reference = parameters.get("request_uri")
        if reference is not None and reference.startswith(REQUEST_URI):
            # RFC 9126 §4: what was pushed counts, and nothing else.
            for name in parameters.repeated & {"client_id", "request_uri"}:
                raise PageRefusal(f"The application sent {name} more than once.")
            named = parameters.get("client_id") or ""
            return await self.resume(Secret(reference.removeprefix(REQUEST_URI)), browser, of=named)
        client, to = await self.check.return_to(parameters)
        try:
            request = await self.check(client, to, parameters)
            at = self.clock.now()
            seen = await self.current(browser.cookie, client_id=client.client_id)
            step = await self.proceed.step(request, client, seen, since=self.clock.now())
            if step is None and seen is not None:
                answer = await self.proceed.answer(request, client, seen, at=at)
                if answer is not None:
                    return answer
        except OAuthRefusal as refusal:
            return self.proceed.refusal(to, refusal)
        cookie = browser.cookie or random_text(self.entropy)
        id_ = await self._keep(request, browser=digest_of(cookie), lasts=WAIT)
        return Waiting(id_, step or Step.SIGN_IN, request, client, seen, cookie)

    async def put_by(self, parameters: Parameters) -> Answer | Secret:
        """The id under which the request waits for whichever browser comes first: for one that came from another site,
        without our cookie. Raises `PageRefusal`.
        """
        client, to = await self.check.return_to(parameters)
        try:
            return await self._keep(await self.check(client, to, parameters), browser=None, lasts=PUSHED)
        except OAuthRefusal as refusal:
            return self.proceed.refusal(to, refusal)

    async def resume(self, id_: Secret, browser: Browser, *, of: str | None = None) -> Answer | Waiting:
        """What is next for a stored request, which is `of` this client where one is named.

        Raises `PageRefusal` for one that is gone, or another browser's.
        """
        cookie = browser.cookie or random_text(self.entropy)
        now = self.clock.now()
        stored = await self.requests.claim(digest_of(id_), digest_of(cookie), at=now, until=now + WAIT)
        if stored is None and browser.cookie is None:
            raise PageRefusal(
                COOKIELESS, "Allow cookies for this site, then go back to the application and start again."
            )
        if stored is not None and of not in {None, stored.request.to.client_id}:
            raise PageRefusal("The application named a request that is not its own.")
        return await self._next(id_, stored, evolve(browser, cookie=cookie), cookie)

    async def choose(self, id_: Secret, browser: Browser) -> Answer | Waiting:
        """Go on as whoever is signed in. Raises `PageRefusal`."""
        cookie = _cookie(browser)
        stored = await self.requests.note_answer(digest_of(id_), digest_of(cookie), SELECT_ACCOUNT, at=self.clock.now())
        return await self._next(id_, stored, browser, cookie)

    async def allow(self, id_: Secret, browser: Browser) -> Answer | Waiting:
        """The person agrees to all that was asked. Raises `PageRefusal`."""
        cookie = _cookie(browser)
        stored = await self.requests.find(digest_of(id_), digest_of(cookie), at=self.clock.now())
        at = self.clock.now()
        outcome = await self._next(id_, stored, browser, cookie)
        if isinstance(outcome, Answer) or outcome.step is not Step.CONSENT or outcome.seen is None:
            return outcome
        answer = await self._finish(outcome, outcome.seen, cookie, at=at)
        who, client_id = outcome.seen.user.username, outcome.client.client_id
        self.audit.note("application allowed", username=who, client_id=client_id, scope=" ".join(outcome.request.scope))
        return answer

    async def deny(self, id_: Secret, browser: Browser) -> Answer:
        """The person does not want to. Raises `PageRefusal`."""
        digest, own = digest_of(id_), digest_of(_cookie(browser))
        stored = await self.requests.find(digest, own, at=self.clock.now())
        if stored is not None:
            await self.check.still(stored.request.to)
        if stored is None or not await self.requests.drop(digest, own):
            raise PageRefusal(GONE)
        self.audit.note("application not allowed", client_id=stored.request.to.client_id)
        return self.proceed.refusal(stored.request.to, AuthorizationRefused("access_denied", "The person said no"))

    async def _next(
        self, id_: Secret, stored: StoredRequest | None, browser: Browser, cookie: Secret
    ) -> Answer | Waiting:
        if stored is None:
            raise PageRefusal(GONE)
        request = stored.request
        client = await self.check.still(request.to)
        at = self.clock.now()
        seen = await self.current(browser.cookie, client_id=client.client_id)
        try:
            step = await self.proceed.step(request, client, seen, since=stored.created_at, answered=stored.answered)
        except OAuthRefusal as refusal:
            await self.requests.drop(stored.digest, digest_of(cookie))
            return self.proceed.refusal(request.to, refusal)
        waiting = Waiting(id_, step or Step.SIGN_IN, request, client, seen, cookie)
        if step is not None or seen is None:
            return waiting
        return await self._finish(waiting, seen, cookie, at=at)

    async def _finish(self, waiting: Waiting, seen: Seen, cookie: Secret, *, at: datetime) -> Answer:
        finishes = digest_of(waiting.id), digest_of(cookie)
        answer = await self.proceed.answer(waiting.request, waiting.client, seen, at=at, finishes=finishes)
        if answer is None:
            raise PageRefusal(GONE)
        return answer

    async def _keep(self, request: AuthorizationRequest, *, browser: bytes | None, lasts: timedelta) -> Secret:
        id_, now = random_text(self.entropy), self.clock.now()
        await self.requests.keep(StoredRequest(digest_of(id_), request, now, now + lasts, browser))
        return id_


@frozen
class PushedRequest:
    """RFC 9126 §2.2. `expires_in` is in seconds."""

    request_uri: Secret
    expires_in: int


@frozen
class PushRequest:
    authenticate: AuthenticateClient
    check: CheckRequest
    requests: AuthorizationRequests
    clock: Clock
    entropy: Entropy

    async def __call__(self, credential: ClientCredential, parameters: Parameters, *, address: str) -> PushedRequest:
        """RFC 9126 §2.1. Raises an `OAuthRefusal`, `TooManyAttempts`."""
        proof = await self.authenticate(credential, address=address)
        if parameters.get("request_uri") is not None:
            raise InvalidRequest("request_uri is not for a request that is pushed")
        named = parameters.get("client_id") or proof.client.client_id
        if named != proof.client.client_id:
            raise InvalidRequest("client_id is not that of the client who pushes")
        parameters = evolve(parameters, values={**parameters.values, "client_id": named})
        try:
            client, to = await self.check.return_to(parameters)
        except PageRefusal as refusal:
            raise InvalidRequest(refusal.description) from None
        request = await self.check(client, to, parameters, pushed=True)
        id_, now = random_text(self.entropy), self.clock.now()
        await self.requests.keep(StoredRequest(digest_of(id_), request, now, now + PUSHED))
        return PushedRequest(Secret(REQUEST_URI + id_.reveal()), int(PUSHED.total_seconds()))


def _cookie(browser: Browser) -> Secret:
    if browser.cookie is None:
        raise PageRefusal(GONE)
    return browser.cookie
