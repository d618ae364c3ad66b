"""Who asks for a page: the cookie, and whether a form that was sent is one of ours."""

from __future__ import annotations

import re

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.authorization.csrf import FormTokens
from core.authorization.sessions import Browser
from core.protocol.refusals import InvalidRequest, PageRefusal
from core.protocol.secret import Secret
from entrypoints.http.forms import Form, parse_form
from entrypoints.http.oauth import address

_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")  # and ids of stored requests


class OutOfDate(PageRefusal):
    """A form that was not filled in on a page of this browser as it is now. `request` is what it was about, if any."""

    def __init__(self, description: str, remedy: str, request: str | None) -> None:
        super().__init__(description, remedy)
        self.request = request if request is not None and _COOKIE.fullmatch(request) else None


@frozen
class Cookies:
    """One cookie for a browser. Over https it is `__Host-`: no other host can set it, and no plain connection
    (RFC 6265bis §4.1.3.2).
    """

    https: bool

    @property
    def name(self) -> str:
        return "__Host-watchword" if self.https else "watchword"

    def browser(self, request: Request) -> Browser:
        sent = request.cookies.get(self.name, "")
        cookie = Secret(sent) if _COOKIE.fullmatch(sent) else None
        return Browser(cookie, address(request), request.headers.get("user-agent", ""))

    def give(self, response: Response, cookie: Secret) -> None:
        """It ends with the browser; the session under it may end sooner. One that was given before counts no more
        (RFC 6265 §4.1.1: each name once).
        """
        if "set-cookie" in response.headers:
            del response.headers["set-cookie"]
        response.set_cookie(self.name, cookie.reveal(), path="/", secure=self.https, httponly=True, samesite="lax")

    def take(self, response: Response) -> None:
        response.delete_cookie(self.name, path="/", secure=self.https, httponly=True, samesite="lax")


@frozen
class OwnForms:
    """Forms of our own pages. `origin` is that of the issuer."""

    tokens: FormTokens
    cookies: Cookies
    origin: str

    async def read(self, request: Request) -> tuple[Browser, Form]:
        """Raises `OutOfDate`, `PageRefusal`."""
        browser = self.cookies.browser(request)
        form = await posted(request)
        if not self._from_here(request):
            raise PageRefusal("This form was sent by another site.", "Nothing was changed. Open the page here again.")
        if browser.cookie is None:
            raise OutOfDate(
                "Your browser did not send the cookie that this page needs.",
                "Allow cookies for this site, then open the page again.",
                form.get("request"),
            )
        if not await self.tokens.fits(browser.cookie, form.get("csrf") or ""):
            raise OutOfDate(
                "This page is out of date: you signed in or out since it was opened.",
                "Nothing was changed. Open the page again and repeat what you did.",
                form.get("request"),
            )
        return browser, form

    def _from_here(self, request: Request) -> bool:
        """What the browser itself says of where a form comes from (Fetch, `Origin` and `Sec-Fetch-Site`).

        Pages send no referrer, by which `Origin` becomes `null` even for our own; then the other header decides.
        """
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            return False
        return origin in {None, "null", self.origin} or site == "same-origin"


async def posted(request: Request) -> Form:
    """The body of a form. Raises `PageRefusal`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise PageRefusal("This is not the form of a page.")
    try:
        return parse_form(await request.body())
    except InvalidRequest as refusal:
        raise PageRefusal(f"The form cannot be read: {refusal.description}.") from None
