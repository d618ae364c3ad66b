"""The demo app: an application that signs people in through Watchword, and shows what it learns of them."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import field, frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entrypoints.demo.asking import Problem
from entrypoints.demo.pages import Pages
from entrypoints.demo.party import CALLBACK, SIGNED_OUT, RelyingParty
from entrypoints.demo.visits import Visit, Visits


def build(party: RelyingParty, *, hint: str) -> Starlette:
    """`hint` says as whom to sign in."""
    demo = Demo(party, hint, Pages(party.provider.origin), Visits())
    return Starlette(
        routes=[
            Route("/", demo.home),
            Route("/login", demo.login),
            Route(CALLBACK, demo.callback),
            Route("/userinfo", demo.userinfo, methods=["POST"]),
            Route("/refresh", demo.refresh, methods=["POST"]),
            Route("/logout", demo.logout, methods=["POST"]),
            Route(SIGNED_OUT, demo.signed_out),
            Route("/demo.css", demo.css),
            Route("/icon.svg", demo.icon),
        ]
    )


@frozen
class Demo:
    party: RelyingParty
    hint: str
    pages: Pages
    visits: Visits = field(repr=False)

    async def home(self, request: Request) -> Response:
        if not self._is_here(request):
            return self.pages.to(self.party.base + "/")
        visit = self.visits.of(request)
        problem = visit.take_problem() if visit is not None else None
        return self._page(visit or Visit(), problem=problem)

    async def login(self, request: Request) -> Response:
        """Off to the server, with what only this application and this browser know."""
        if not self._is_here(request):  # a cookie of localhost would not come along to 127.0.0.1
            return self.pages.to(self.party.base + "/login")
        visit = self.visits.of(request) or Visit()
        try:
            url = await self.party.begin(visit.begin())
        except Problem as problem:
            return self._back(request, visit, problem)
        visit.steps = []
        sent = "This app sent you to the server, with a state, a nonce and a PKCE challenge."
        visit.note(f"GET {_path(self.party.provider.authorization_endpoint)}", sent)
        response = self.pages.to(url)
        self.visits.start(response, visit, request)
        return response

    async def callback(self, request: Request) -> Response:
        """RFC 6749 §4.1.2. Whatever came is in the URL, so another page follows at once."""
        visit, query = self.visits.of(request) or Visit(), request.query_params
        attempt = visit.attempts.pop(query.get("state", ""), None)
        try:
            if attempt is None:
                raise Problem("That answer belongs to no sign-in that was begun here. Sign in again.")
            if query.get("iss") != self.party.provider.issuer:  # RFC 9207 §2.4
                raise Problem("That answer came from another server than the one that was asked.")
            if "error" in query:
                raise Problem(_refusal(query["error"], query.get("error_description")))
            visit.note(f"GET {CALLBACK}", "You came back with a code; the state and the server's name fit.")
            tokens = await self.party.redeem(query.get("code", ""), attempt)
        except Problem as problem:
            return self._back(request, visit, problem)
        visit.tokens, visit.userinfo, visit.refreshed = tokens, None, 0
        self._note_tokens(visit, "The code, the client's secret and the PKCE verifier became tokens.")
        return self._back(request, visit)

    async def userinfo(self, request: Request) -> Response:
        visit = self._signed_in(request)
        if visit is None or visit.tokens is None:
            return self.pages.to("/")
        try:
            visit.userinfo = await self.party.userinfo(visit.tokens)
        except Problem as problem:
            visit.problem = str(problem)
            return self.pages.to("/")
        visit.note(
            f"GET {_path(self.party.provider.userinfo_endpoint)}",
            "The access token opened what the server tells of you.",
        )
        return self.pages.to("/#userinfo")

    async def refresh(self, request: Request) -> Response:
        visit = self._signed_in(request)
        if visit is None or visit.tokens is None:
            return self.pages.to("/")
        try:
            visit.tokens = await self.party.refresh(visit.tokens)
        except Problem as problem:
            visit.problem = str(problem)
            return self.pages.to("/")
        visit.refreshed += 1
        self._note_tokens(visit, "The refresh token became new ones, and counts no longer.")
        return self.pages.to("/")

    async def logout(self, request: Request) -> Response:
        """Signed out here, and then at the server."""
        visit = self._signed_in(request)
        if visit is None or visit.tokens is None:
            return self.pages.to("/")
        response = self.pages.to(self.party.sign_out_url(visit.tokens))
        self.visits.end(response, request)
        return response

    async def signed_out(self, request: Request) -> Response:
        return self._page(self.visits.of(request) or Visit(), done="You are signed out, here and at the server.")

    async def css(self, _request: Request) -> Response:
        return self.pages.file("demo.css", "text/css")

    async def icon(self, _request: Request) -> Response:
        return self.pages.file("icon.svg", "image/svg+xml")

    def _page(self, visit: Visit, *, problem: str | None = None, done: str | None = None) -> Response:
        return self.pages.page(
            visit=visit,
            tokens=visit.tokens,
            provider=self.party.provider,
            client_id=self.party.client_id,
            hint=self.hint,
            problem=problem,
            done=done,
        )

    def _back(self, request: Request, visit: Visit, problem: Problem | None = None) -> Response:
        """To the first page, with a new cookie."""
        visit.problem = str(problem) if problem is not None else None
        response = self.pages.to("/")
        self.visits.start(response, visit, request)
        return response

    def _signed_in(self, request: Request) -> Visit | None:
        """Of a form that one of these pages has; None for one that another site has sent."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        foreign = origin not in {None, self.party.base} or site not in {None, "same-origin", "none"}
        return None if foreign else self.visits.of(request)

    def _is_here(self, request: Request) -> bool:
        return request.headers.get("host") == urlsplit(self.party.base).netloc

    def _note_tokens(self, visit: Visit, words: str) -> None:
        provider, tokens = self.party.provider, visit.tokens
        visit.note(f"POST {_path(provider.token_endpoint)}", words)
        if tokens is not None:
            key = f"{tokens.header.get('alg')} with the key {tokens.header.get('kid')}"
            checked = f"The ID token is good: signed by {key}, for this app, this sign-in and this moment."
            visit.note(f"GET {_path(provider.jwks_uri)}", checked)


def _path(url: str) -> str:
    return urlsplit(url).path


def _refusal(error: str, description: str | None) -> str:
    if error == "access_denied":
        return "You did not sign in, or did not allow it: the server says access_denied."
    return f"The server says {error}{f': {description}' if description else ''}."
