"""The pages, as routes of the one application."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.authorization.authorize import Authorize
from core.authorization.connections import EndConnection, ListConnections
from core.authorization.csrf import FormTokens
from core.authorization.logout import LogOut
from core.authorization.sessions import CurrentSession, EndSessions, ListSessions, SignIn, SignInAgain
from core.ports import Entropy
from core.protocol.refusals import PageRefusal, Refusal, TooManyAttempts, Unavailable
from core.users.accounts import ChangeEmail, ChangePassword, ChangeProfile
from entrypoints.http.protect import Endpoint
from entrypoints.http.refusals import Refused, note_reason, refused
from entrypoints.http.routes import Resource
from entrypoints.pages.account import AccountPage
from entrypoints.pages.answers import ACCOUNT, AUTHORIZE, CONSENT, SIGN_IN, Answers
from entrypoints.pages.assets import Asset, logo_of
from entrypoints.pages.browser import Cookies, OutOfDate, OwnForms
from entrypoints.pages.logout import LOGOUT, LogoutPage
from entrypoints.pages.render import Pages, Site
from entrypoints.pages.signin import AuthorizePage, ConsentPage, SignInPage
from entrypoints.pages.theme import icon, stylesheet
from entrypoints.pages.words import wait_in_words

STATIC = Path(__file__).parent / "static"

# By the names that the metadata have for them.
PAGE_ENDPOINTS = {"authorization_endpoint": AUTHORIZE, "end_session_endpoint": LOGOUT}


@frozen
class PageUseCases:
    """Everything that the pages ask of the core."""

    authorize: Authorize
    sign_in: SignIn
    sign_in_again: SignInAgain
    current_session: CurrentSession
    list_sessions: ListSessions
    end_sessions: EndSessions
    list_connections: ListConnections
    end_connection: EndConnection
    change_profile: ChangeProfile
    change_email: ChangeEmail
    change_password: ChangePassword
    log_out: LogOut
    form_tokens: FormTokens
    entropy: Entropy


@frozen
class Look:
    """How the pages present the service. `issuer` says under which address they are found."""

    issuer: str
    name: str
    colour: str
    logo: Path | None


def page_routes(use: PageUseCases, look: Look) -> list[Route]:
    parts = urlsplit(look.issuer)
    logo = logo_of(look.logo) if look.logo is not None else None
    site = Site(
        name=look.name,
        base=unquote(parts.path.removesuffix("/")),
        accent=look.colour,
        logo=logo[0] if logo is not None else None,
    )
    cookies = Cookies(https=parts.scheme == "https")
    answers = Answers(Pages(site), cookies)
    forms = OwnForms(use.form_tokens, cookies, f"{parts.scheme}://{parts.netloc}")
    authorize = AuthorizePage(use.authorize, answers, cookies)
    sign_in = SignInPage(
        use.authorize, use.sign_in, use.current_session, forms, use.form_tokens, answers, cookies, use.entropy
    )
    consent = ConsentPage(use.authorize, forms, use.form_tokens, answers, cookies, look.issuer)
    account = AccountPage(
        use.current_session,
        use.list_sessions,
        use.list_connections,
        use.change_profile,
        use.change_email,
        use.change_password,
        use.sign_in_again,
        use.end_sessions,
        use.end_connection,
        forms,
        use.form_tokens,
        answers,
        cookies,
        look.issuer,
    )
    logout = LogoutPage(use.log_out, forms, use.form_tokens, answers, cookies)
    refuse = PageRefuser(answers)

    def page(path: str, **methods: Endpoint) -> Route:
        return Route(path, Resource(methods, refuse), methods=list(methods))

    css = Asset(stylesheet(look.colour), "text/css; charset=utf-8")
    script = Asset((STATIC / "submit.js").read_bytes(), "text/javascript; charset=utf-8")
    return [
        page(AUTHORIZE, GET=authorize.get, POST=authorize.post),
        page(SIGN_IN, GET=sign_in.get, POST=sign_in.post),
        page(CONSENT, GET=consent.get, POST=consent.post),
        page(ACCOUNT, GET=account.get),
        page(f"{ACCOUNT}/profile", POST=account.profile),
        page(f"{ACCOUNT}/email", POST=account.email),
        page(f"{ACCOUNT}/password", POST=account.password),
        page(f"{ACCOUNT}/sessions/end", POST=account.end_session),
        page(f"{ACCOUNT}/sessions/end-all", POST=account.end_all),
        page(f"{ACCOUNT}/apps/end", POST=account.end_app),
        page(f"{ACCOUNT}/signout", POST=account.sign_out),
        page(LOGOUT, GET=logout.get, POST=logout.post),
        page("/assets/pages.css", GET=css),
        page("/assets/submit.js", GET=script),
        page("/assets/icon.svg", GET=Asset(icon(look.colour), "image/svg+xml")),
        *([page(logo[0], GET=logo[1])] if logo is not None else []),
    ]


@frozen
class PageRefuser:
    """A refusal as a page, which says what is wrong and how to go on."""

    answers: Answers

    async def __call__(self, request: Request, refusal: Refused) -> Response:
        if not isinstance(refusal, Refusal) or isinstance(refusal, HTTPException):
            return await refused(request, refusal)
        note_reason(request, refusal)
        match refusal:
            case OutOfDate():
                query = f"?request={refusal.request}" if refusal.request is not None else ""
                text, remedy = refusal.description, refusal.remedy
                return self._page(403, "This page is out of date", text, remedy, link=SIGN_IN + query)
            case PageRefusal():
                return self._page(400, "This did not work", refusal.description, refusal.remedy)
            case TooManyAttempts():
                text = "There were too many failed attempts."
                response = self._page(429, "Wait a moment", text, wait_in_words(refusal.wait))
                response.headers["Retry-After"] = str(refusal.wait)
                return response
            case Unavailable():
                response = self._page(503, "Not available at the moment", refusal.description + ".", "Try again soon.")
                response.headers["Retry-After"] = "1"
                return response
        return await refused(request, refusal)

    def _page(self, status: int, title: str, description: str, remedy: str, *, link: str | None = None) -> Response:
        return self.answers.page(
            "message.html",
            status=status,
            title=title,
            description=description,
            remedy=remedy,
            link=link,
            link_text="Open the page again",
        )
