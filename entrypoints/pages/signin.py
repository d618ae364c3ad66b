"""/authorize, /signin and /consent: from an application's request to its answer."""

from __future__ import annotations

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.authorization.authorize import Authorize, Waiting
from core.authorization.csrf import FormTokens
from core.authorization.model import LOGIN, REQUEST_URI, random_text
from core.authorization.proceed import Answer, Step
from core.authorization.sessions import Browser, CurrentSession, SignIn
from core.ports import Entropy
from core.protocol.redirects import host_of
from core.protocol.refusals import PageRefusal, TooManyAttempts, WrongCredentials
from core.protocol.secret import Secret
from core.users.password import Password
from entrypoints.http.forms import Form
from entrypoints.http.refusals import REASON, note_reason
from entrypoints.pages.answers import ACCOUNT, AUTHORIZE, SIGN_IN, Answers
from entrypoints.pages.browser import Cookies, OwnForms
from entrypoints.pages.parameters import read_parameters, sent_parameters
from entrypoints.pages.words import consent_context, wait_in_words

LONGEST_ID = 64


@frozen
class AuthorizePage:
    """The authorization endpoint (RFC 6749 §3.1), by GET and POST (OpenID Connect Core §3.1.2.1)."""

    authorize: Authorize
    answers: Answers
    cookies: Cookies

    async def get(self, request: Request) -> Response:
        parameters = read_parameters(request.scope["query_string"])
        outcome = await self.authorize.begin(parameters, self.cookies.browser(request))
        _note_refusal(request, outcome)
        return self.answers.next(outcome)

    async def post(self, request: Request) -> Response:
        """A form of another site comes without our cookie (SameSite=Lax); a redirect that follows it comes with it."""
        parameters = await sent_parameters(request)
        named = {name: parameters.get(name) or "" for name in ("client_id", "request_uri")}
        if named["request_uri"].startswith(REQUEST_URI) and not parameters.repeated & named.keys():
            return self.answers.to(AUTHORIZE, **named)  # it is kept already (RFC 9126)
        kept = await self.authorize.put_by(parameters)
        if isinstance(kept, Answer):
            _note_refusal(request, kept)
            return self.answers.back(kept)
        return self.answers.to(SIGN_IN, request=kept.reveal())


@frozen
class SignInPage:
    authorize: Authorize
    sign_in: SignIn
    current: CurrentSession
    forms: OwnForms
    tokens: FormTokens
    answers: Answers
    cookies: Cookies
    entropy: Entropy

    async def get(self, request: Request) -> Response:
        browser = self.cookies.browser(request)
        id_ = _id_in_query(request)
        if id_ is not None:
            outcome = await self.authorize.resume(id_, browser)
            if isinstance(outcome, Waiting) and outcome.step is not Step.CONSENT:
                return await self._page(outcome)
            return self.answers.next(outcome)
        if await self.current(browser.cookie) is not None:
            return self.answers.to(ACCOUNT)
        return await self._plain(browser.cookie or random_text(self.entropy))

    async def post(self, request: Request) -> Response:
        browser, form = await self.forms.read(request)
        id_ = _id(form.get("request"))
        choice = form.get("choice")
        if id_ is not None and choice == "cancel":
            return self.answers.back(await self.authorize.deny(id_, browser))
        if id_ is not None and choice == "continue":
            return self.answers.next(await self.authorize.choose(id_, browser))
        if id_ is not None and choice == "other":
            outcome = await self.authorize.resume(id_, browser)
            return await self._page(outcome, other=True) if isinstance(outcome, Waiting) else self.answers.back(outcome)
        return await self._signed_in(request, id_, form, browser)

    async def _signed_in(self, request: Request, id_: Secret | None, form: Form, browser: Browser) -> Response:
        username, password = (form.get("username") or "").strip().lower(), form.get("password") or ""
        errors = {}
        if not username:
            errors["username"] = "Enter your username."
        if not password:
            errors["password"] = "Enter your password."
        if errors:
            return await self._failed(id_, browser, username, errors, 400)
        try:
            cookie = await self.sign_in(username, Password.typed(password), browser)
        except WrongCredentials as refusal:
            note_reason(request, refusal)
            errors = {"password": "This username and password do not match. Check both and try again."}
            return await self._failed(id_, browser, username, errors, 400)
        except TooManyAttempts as refusal:
            note_reason(request, refusal)
            errors = {"form": f"There were too many failed attempts. {wait_in_words(refusal.wait)}"}
            response = await self._failed(id_, browser, username, errors, 429)
            response.headers["Retry-After"] = str(refusal.wait)
            return response
        response = await self._onward(id_, Browser(cookie, browser.address, browser.agent))
        self.cookies.give(response, cookie)
        return response

    async def _onward(self, id_: Secret | None, browser: Browser) -> Response:
        if id_ is None:
            return self.answers.to(ACCOUNT)
        try:
            return self.answers.next(await self.authorize.resume(id_, browser))
        except PageRefusal as refusal:
            return self.answers.page(
                "message.html",
                status=400,
                title="You are signed in",
                description=refusal.description,
                remedy=refusal.remedy,
                link=ACCOUNT,
                link_text="Go to your account",
            )

    async def _failed(
        self, id_: Secret | None, browser: Browser, username: str, errors: dict[str, str], status: int
    ) -> Response:
        cookie = browser.cookie or random_text(self.entropy)
        if id_ is None:
            return await self._plain(cookie, username=username, errors=errors, status=status)
        outcome = await self.authorize.resume(id_, browser)
        if isinstance(outcome, Answer):
            return self.answers.back(outcome)
        return await self._page(outcome, other=True, username=username, errors=errors, status=status)

    async def _plain(
        self, cookie: Secret, *, username: str = "", errors: dict[str, str] | None = None, status: int = 200
    ) -> Response:
        """Without an application, for the account page."""
        response = self.answers.page(
            "signin.html",
            status=status,
            action=SIGN_IN,
            request=None,
            csrf=await self.tokens.of(cookie),
            client_name=None,
            host=None,
            username=username,
            errors=errors or {},
            again=False,
            cancel=False,
        )
        self.cookies.give(response, cookie)
        return response

    async def _page(
        self,
        waiting: Waiting,
        *,
        other: bool = False,
        username: str | None = None,
        errors: dict[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        asked, seen = waiting.request, waiting.seen
        common = {
            "action": SIGN_IN,
            "request": waiting.id.reveal(),
            "csrf": await self.tokens.of(waiting.cookie),
            "client_name": waiting.client.name,
        }
        target = asked.to.redirect_uri
        if waiting.step is Step.SELECT_ACCOUNT and not other and seen is not None:
            response = self.answers.page("select.html", common, target=target, username=seen.user.username)
        else:
            again = seen is not None and LOGIN in asked.prompt
            known = seen.user.username if seen is not None and not other else asked.login_hint or ""
            response = self.answers.page(
                "signin.html",
                common,
                status=status,
                target=target,
                host=None if waiting.client.vouched_for else host_of(target),
                username=(known if username is None else username)[:64],
                errors=errors or {},
                again=again,
                cancel=True,
            )
        self.cookies.give(response, waiting.cookie)
        return response


@frozen
class ConsentPage:
    authorize: Authorize
    forms: OwnForms
    tokens: FormTokens
    answers: Answers
    cookies: Cookies
    issuer: str

    async def get(self, request: Request) -> Response:
        id_ = _id_in_query(request)
        if id_ is None:
            raise PageRefusal("There is nothing to decide on.")
        return await self._next(await self.authorize.resume(id_, self.cookies.browser(request)))

    async def post(self, request: Request) -> Response:
        browser, form = await self.forms.read(request)
        id_ = _id(form.get("request"))
        if id_ is None:
            raise PageRefusal("There is nothing to decide on.")
        match form.get("choice"):
            case "allow":
                return self.answers.next(await self.authorize.allow(id_, browser))
            case "deny":
                return self.answers.back(await self.authorize.deny(id_, browser))
        return await self._next(await self.authorize.resume(id_, browser))

    async def _next(self, outcome: Answer | Waiting) -> Response:
        if isinstance(outcome, Answer) or outcome.step is not Step.CONSENT or outcome.seen is None:
            return self.answers.next(outcome)
        response = self.answers.page(
            "consent.html",
            consent_context(outcome.request, outcome.client, outcome.seen, self.issuer),
            target=outcome.request.to.redirect_uri,
            action="/consent",
            request=outcome.id.reveal(),
            csrf=await self.tokens.of(outcome.cookie),
            username=outcome.seen.user.username,
        )
        self.cookies.give(response, outcome.cookie)
        return response


def _note_refusal(request: Request, outcome: Answer | Waiting) -> None:
    """For the line of this request in the log: the application may tell nobody why."""
    if isinstance(outcome, Answer) and outcome.refused is not None:
        request.scope[REASON] = outcome.refused


def _id_in_query(request: Request) -> Secret | None:
    """The id of a stored request. Raises `PageRefusal` for a query that cannot be read."""
    return _id(read_parameters(request.scope["query_string"]).get("request"))


def _id(text: str | None) -> Secret | None:
    return Secret(text) if text and len(text) <= LONGEST_ID else None
