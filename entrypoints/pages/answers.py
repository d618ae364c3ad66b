"""How pages answer: HTML under a strict policy, redirects, and what goes back to an application."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from attrs import frozen
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.authorization.authorize import Waiting
from core.authorization.proceed import Answer, Step
from entrypoints.pages.browser import Cookies
from entrypoints.pages.render import Pages

# Everything a page loads is ours, and nothing of it is written into the page.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "
NO_STORE = {"Cache-Control": "no-store"}

AUTHORIZE, SIGN_IN, CONSENT, ACCOUNT = "/authorize", "/signin", "/consent", "/account"


@frozen
class Answers:
    pages: Pages
    cookies: Cookies

    def page(
        self,
        template: str,
        shared: Mapping[str, object] | None = None,
        *,
        status: int = 200,
        target: str | None = None,
        **context: object,
    ) -> Response:
        """`target` is where an application is answered, if the forms of this page lead there."""
        headers = NO_STORE | {"Content-Security-Policy": POLICY + form_action(target)}
        return HTMLResponse(self.pages.render(template, **(shared or {}), **context), status, headers)

    def to(self, path: str, **query: str) -> Response:
        """Another page of ours."""
        url = self.pages.site.base + path + (f"?{urlencode(query)}" if query else "")
        return RedirectResponse(url, 303, NO_STORE)

    def next(self, outcome: Answer | Waiting) -> Response:
        """The application's answer, or the page on which a person has something to do."""
        if isinstance(outcome, Answer):
            return self.back(outcome)
        path = CONSENT if outcome.step is Step.CONSENT else SIGN_IN
        response = self.to(path, request=outcome.id.reveal())
        self.cookies.give(response, outcome.cookie)
        return response

    def back(self, answer: Answer) -> Response:
        """RFC 6749 §4.1.2: by a redirect, or by a form (OAuth 2.0 Form Post Response Mode).

        303, so that whatever was posted here is posted nowhere else (RFC 9700 §4.12).
        """
        uri = answer.to.redirect_uri
        if answer.to.response_mode == "form_post":
            script = "script-src 'self'; "
            headers = NO_STORE | {"Content-Security-Policy": script + POLICY + form_action(uri)}
            html = self.pages.render("form_post.html", target=uri, fields=answer.parameters, client_name=None)
            return HTMLResponse(html, 200, headers)
        separator = "&" if "?" in uri else "?"
        return Redirect(uri + separator + urlencode(answer.parameters))


class Redirect(Response):
    """To an address that is spelled as it was registered: Starlette's own would quote it anew."""

    def __init__(self, url: str) -> None:
        super().__init__(status_code=303, headers=NO_STORE | {"Location": url})


def form_action(target: str | None) -> str:
    """Where forms may go. Browsers hold this against every redirect behind a form, also those that the application
    makes of the answer, on hosts that we do not know: so https is allowed, and of the rest what this answer needs.
    """
    if target is None:
        return "'self'"
    parts = urlsplit(target)
    if parts.scheme == "https":
        return "'self' https:"
    if parts.scheme == "http":
        return "'self' https: http://127.0.0.1:* http://localhost:*" + (" http:" if "[" in parts.netloc else "")
    return f"'self' https: {parts.scheme}:"
