"""/logout: the end_session_endpoint (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from urllib.parse import urlencode

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.authorization.csrf import FormTokens
from core.authorization.logout import LogOut, LogoutRequest, LogoutTarget, Question
from core.authorization.request import Parameters
from core.authorization.sessions import Browser
from core.protocol.refusals import PageRefusal
from core.protocol.secret import Secret
from entrypoints.pages.answers import ACCOUNT, SIGN_IN, Answers, Redirect
from entrypoints.pages.browser import Cookies, OwnForms
from entrypoints.pages.parameters import read_parameters

LOGOUT = "/logout"
CARRIED = ("client_id", "post_logout_redirect_uri", "state")
MEANT = (*CARRIED, "id_token_hint", "logout_hint", "ui_locales")


@frozen
class LogoutPage:
    log_out: LogOut
    forms: OwnForms
    tokens: FormTokens
    answers: Answers
    cookies: Cookies

    async def get(self, request: Request) -> Response:
        return await self._answer(_read(request.scope["query_string"]), self.cookies.browser(request))

    async def post(self, request: Request) -> Response:
        """Our own question answered, or an application's request (§2), which comes without our cookie: a redirect that
        follows it comes with it.
        """
        parameters = _read(await request.body())
        if parameters.get("csrf") is None:
            meant = {name: value for name in MEANT if (value := parameters.get(name)) is not None}
            return self.answers.to(LOGOUT, **meant)
        browser, form = await self.forms.read(request)
        if form.get("choice") != "signout":
            return self.answers.to(ACCOUNT)
        return await self._answer(parameters, browser, confirmed=True)

    async def _answer(self, parameters: Parameters, browser: Browser, *, confirmed: bool = False) -> Response:
        hint = parameters.get("id_token_hint")
        asked = LogoutRequest(
            Secret(hint) if hint is not None else None,
            parameters.get("client_id"),
            parameters.get("post_logout_redirect_uri"),
            parameters.get("state"),
        )
        outcome = await self.log_out(asked, browser, confirmed=confirmed)
        if not isinstance(outcome, Question):
            response = self._gone(outcome.target)
            self.cookies.take(response)
            return response
        assert browser.cookie is not None, "somebody is signed in"  # noqa: S101 - says what is relied on
        target = outcome.target
        return self.answers.page(
            "logout.html",
            target=target.redirect_uri if target is not None else None,
            action=LOGOUT,
            csrf=await self.tokens.of(browser.cookie),
            username=outcome.seen.user.username,
            client_name=target.client_name if target is not None else None,
            fields={name: value for name in CARRIED if (value := parameters.get(name)) is not None},
        )

    def _gone(self, target: LogoutTarget | None) -> Response:
        if target is None:
            return self.answers.page("signed_out.html", client_name=None, signin=SIGN_IN)
        uri, state = target.redirect_uri, target.state
        if state is not None:
            uri += ("&" if "?" in uri else "?") + urlencode({"state": state})
        return Redirect(uri)


def _read(raw: bytes) -> Parameters:
    """Raises `PageRefusal`."""
    parameters = read_parameters(raw)
    for name in parameters.repeated.intersection(MEANT):
        raise PageRefusal(f"The application sent {name} more than once.")
    return parameters
