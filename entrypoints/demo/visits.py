"""Who looks at the demo: kept in memory under a cookie, and gone when the demo ends."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from attrs import define, field, frozen
from starlette.requests import Request
from starlette.responses import Response

from entrypoints.demo.party import Attempt
from entrypoints.demo.tokens import Claims, Tokens

# Cookies are kept by host and not by port: the server's own has another name.
COOKIE = "watchword-demo"

MOST_VISITS = 256
MOST_ATTEMPTS = 8  # tabs in which somebody signs in at once
MOST_STEPS = 12


@frozen
class Step:
    """Something that happened, told as a line of HTTP and in words."""

    line: str
    words: str


@define
class Visit:
    attempts: OrderedDict[str, Attempt] = field(factory=OrderedDict, repr=False)
    tokens: Tokens | None = None
    userinfo: Claims | None = field(default=None, repr=False)
    refreshed: int = 0
    steps: list[Step] = field(factory=list)
    problem: str | None = None

    def begin(self) -> Attempt:
        attempt = Attempt.new()
        self.attempts[attempt.state] = attempt
        while len(self.attempts) > MOST_ATTEMPTS:
            self.attempts.popitem(last=False)
        return attempt

    def note(self, line: str, words: str) -> None:
        self.steps = [*self.steps, Step(line, words)][-MOST_STEPS:]

    def take_problem(self) -> str | None:
        """What is to be told once."""
        problem, self.problem = self.problem, None
        return problem


@define
class Visits:
    _kept: OrderedDict[str, Visit] = field(factory=OrderedDict, repr=False)

    def of(self, request: Request) -> Visit | None:
        return self._kept.get(request.cookies.get(COOKIE, ""))

    def start(self, response: Response, visit: Visit, before: Request) -> None:
        """Keep the visit under a new cookie; whoever knew the one before knows nothing of this one."""
        self._kept.pop(before.cookies.get(COOKIE, ""), None)
        cookie = secrets.token_urlsafe(32)
        self._kept[cookie] = visit
        while len(self._kept) > MOST_VISITS:
            self._kept.popitem(last=False)
        response.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="lax")

    def end(self, response: Response, request: Request) -> None:
        self._kept.pop(request.cookies.get(COOKIE, ""), None)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
