"""/account: a person's own profile, password, devices and applications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.authorization.connections import EndConnection, ListConnections
from core.authorization.csrf import FormTokens
from core.authorization.model import Seen
from core.authorization.sessions import Browser, CurrentSession, EndSessions, ListSessions, SignInAgain
from core.protocol.refusals import Conflict, InvalidFields, InvalidToken, NotFound, TooManyAttempts, Unavailable
from core.users.accounts import ChangeEmail, ChangePassword, ChangeProfile
from core.users.password import Password
from core.users.profile import ADDRESS, MEMBERS
from entrypoints.http.forms import Form
from entrypoints.http.refusals import note_reason
from entrypoints.pages.answers import ACCOUNT, SIGN_IN, Answers
from entrypoints.pages.browser import Cookies, OwnForms
from entrypoints.pages.words import app_of, wait_in_words

DONE = {
    "profile": "Your profile was saved.",
    "email": "Your e-mail address was changed.",
    "password": "Your password was changed. You were signed out on all other devices.",
    "session": "That device was signed out.",
    "app": "The application was disconnected. It can no longer act for you.",
}


@frozen
class SessionView:
    id: str
    agent: str
    address: str
    since: object
    seen: object
    current: bool


@frozen
class AccountPage:
    current: CurrentSession
    sessions: ListSessions
    connections: ListConnections
    change_profile: ChangeProfile
    change_email: ChangeEmail
    change_password: ChangePassword
    sign_in_again: SignInAgain
    end_sessions: EndSessions
    end_connection: EndConnection
    forms: OwnForms
    tokens: FormTokens
    answers: Answers
    cookies: Cookies
    issuer: str

    async def get(self, request: Request) -> Response:
        browser = self.cookies.browser(request)
        seen = await self.current(browser.cookie)
        if seen is None:
            return self.answers.to(SIGN_IN)
        done = DONE.get(request.query_params.get("done", ""))
        return await self._page(seen, browser, done=done)

    async def profile(self, request: Request) -> Response:
        async def change(seen: Seen, _browser: Browser, form: Form) -> Response:
            await self.change_profile(seen.user, _profile(form))
            return self._done("profile")

        return await self._form(request, "profile", change)

    async def email(self, request: Request) -> Response:
        async def change(seen: Seen, _browser: Browser, form: Form) -> Response:
            await self.change_email(seen.user, (form.get("email") or "").strip())
            return self._done("email")

        return await self._form(request, "email", change)

    async def password(self, request: Request) -> Response:
        async def change(seen: Seen, browser: Browser, form: Form) -> Response:
            await self.change_password(
                seen.user,
                current_password=Password.typed(form.get("current_password") or ""),
                new_password=Password.typed(form.get("new_password") or ""),
                address=browser.address,
            )
            try:
                cookie = await self.sign_in_again(seen.user, browser)
            except Unavailable:  # the password is changed all the same
                return self.answers.to(SIGN_IN)
            response = self._done("password")
            self.cookies.give(response, cookie)
            return response

        return await self._form(request, "password", change)

    async def end_session(self, request: Request) -> Response:
        async def change(seen: Seen, _browser: Browser, form: Form) -> Response:
            session = _uuid(form.get("session"))
            if session == seen.session.id:
                return await self._signed_out(seen)
            if session is not None:
                await self.end_sessions.one(seen.user.username, session)
            return self._done("session")

        return await self._form(request, "sessions", change)

    async def end_all(self, request: Request) -> Response:
        async def change(seen: Seen, _browser: Browser, _form: Form) -> Response:
            await self.end_sessions.all(seen.user.username)
            return self._good_bye()

        return await self._form(request, "sessions", change)

    async def sign_out(self, request: Request) -> Response:
        async def change(seen: Seen, _browser: Browser, _form: Form) -> Response:
            return await self._signed_out(seen)

        return await self._form(request, "sessions", change)

    async def end_app(self, request: Request) -> Response:
        async def change(seen: Seen, _browser: Browser, form: Form) -> Response:
            await self.end_connection(seen.user.username, form.get("client_id") or "")
            return self._done("app")

        return await self._form(request, "apps", change)

    async def _form(
        self, request: Request, section: str, change: Callable[[Seen, Browser, Form], Awaitable[Response]]
    ) -> Response:
        """What a signed-in person sent from this page; with what is wrong beside each field."""
        browser, form = await self.forms.read(request)
        seen = await self.current(browser.cookie)
        if seen is None:
            return self.answers.to(SIGN_IN)
        wait = None
        try:
            return await change(seen, browser, form)
        except InvalidFields as refusal:
            note_reason(request, refusal)
            errors = {error.field.removeprefix("profile."): _sentence(error.message) for error in refusal.errors}
        except Conflict as refusal:
            note_reason(request, refusal)
            errors = {section: _sentence(refusal.description)}
        except TooManyAttempts as refusal:
            note_reason(request, refusal)
            wait = refusal.wait
            errors = {"current_password": f"There were too many failed attempts. {wait_in_words(wait)}"}
        except NotFound:  # it was ended in another tab
            return self.answers.to(ACCOUNT)
        except InvalidToken:  # the account was deleted meanwhile
            return self.answers.to(SIGN_IN)
        values = {name: form.get(name) or "" for name in form.names() if "password" not in name}
        status = 400 if wait is None else 429
        response = await self._page(seen, browser, status=status, errors=errors, values=values, section=section)
        if wait is not None:
            response.headers["Retry-After"] = str(wait)
        return response

    async def _page(
        self,
        seen: Seen,
        browser: Browser,
        *,
        status: int = 200,
        errors: dict[str, str] | None = None,
        values: dict[str, str] | None = None,
        section: str | None = None,
        done: str | None = None,
    ) -> Response:
        assert browser.cookie is not None, "whoever is signed in has one"  # noqa: S101 - says what is relied on
        sessions = [
            SessionView(
                str(one.id), one.agent, one.address, one.authenticated_at, one.seen_at, one.id == seen.session.id
            )
            for one in await self.sessions(seen)
        ]
        return self.answers.page(
            "account.html",
            status=status,
            csrf=await self.tokens.of(browser.cookie),
            user=seen.user,
            sessions=sessions,
            apps=[app_of(one, self.issuer) for one in await self.connections(seen.user.username)],
            errors=errors or {},
            values=values or {},
            section=section,
            done=done,
        )

    async def _signed_out(self, seen: Seen) -> Response:
        await self.end_sessions.one(seen.user.username, seen.session.id)
        return self._good_bye()

    def _good_bye(self) -> Response:
        response = self.answers.page("signed_out.html", client_name=None, signin=SIGN_IN)
        self.cookies.take(response)
        return response

    def _done(self, what: str) -> Response:
        return self.answers.to(ACCOUNT, done=what)


def _profile(form: Form) -> dict[str, object]:
    """Fields that were filled in; an empty one takes the claim away."""
    said: dict[str, object] = {}
    for name in MEMBERS:
        if name not in {"address", "phone_number_verified"} and (text := (form.get(name) or "").strip()):
            said[name] = text
    parts = {part: text for part in ADDRESS if (text := (form.get(f"address_{part}") or "").strip())}
    return said | ({"address": parts} if parts else {})


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
