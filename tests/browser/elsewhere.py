"""Another site: an application's pages, as a browser comes to them, and pages of whoever means no good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import parse_qsl, urlencode

from attrs import field, frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from entrypoints.http import server
from tests.http.support import record
from tests.support import serving

CALLBACK, CHAINED, SIGNED_OUT = "/callback", "/chained", "/signed-out"
BACK, GOODBYE = "Back at the application", "Good-bye"

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Elsewhere</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><main>"""


@frozen
class Told:
    """What the browser brought to the application, and how."""

    method: str
    parameters: dict[str, str] = field(repr=False)
    referrer: str | None


@frozen
class Elsewhere:
    """`url` is on `localhost`, which is another site than 127.0.0.1: that one's cookies do not come along from here."""

    url: str
    told: list[Told] = field(factory=list)

    @property
    def last(self) -> dict[str, str]:
        return self.told[-1].parameters

    def framing(self, url: str) -> str:
        """A page with that one in a frame."""
        return f"{self.url}/frame?{urlencode({'of': url})}"

    def posting(self, action: str, **fields: str) -> str:
        """A page with a button, Go, that posts these fields there."""
        return f"{self.url}/form?{urlencode({'action': action, **fields})}"

    async def callback(self, request: Request) -> Response:
        parameters = dict(parse_qsl(await _sent(request), keep_blank_values=True))
        record.keep(parameters.get("code"))
        self.told.append(Told(request.method, parameters, request.headers.get("referer")))
        return HTMLResponse(f"{PAGE}<h1>{BACK}</h1>")

    async def chained(self, request: Request) -> Response:
        """Applications send people on at once, often to a host that nobody registered: here to the other name of this
        machine, by the same scheme.
        """
        host, _, port = request.headers["host"].partition(":")
        other = "127.0.0.1" if host == "localhost" else "localhost"
        return RedirectResponse(f"//{other}:{port}{CALLBACK}?{await _sent(request)}", 303)

    async def signed_out(self, request: Request) -> Response:
        self.told.append(Told(request.method, dict(request.query_params), request.headers.get("referer")))
        return HTMLResponse(f"{PAGE}<h1>{GOODBYE}</h1>")

    async def frame(self, request: Request) -> Response:
        return HTMLResponse(
            f'{PAGE}<h1>Win a prize</h1><iframe title="prize" src="{escape(request.query_params["of"])}">'
        )

    async def form(self, request: Request) -> Response:
        fields = dict(request.query_params)
        action = fields.pop("action")
        inputs = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in fields.items())
        return HTMLResponse(f'{PAGE}<form method="post" action="{escape(action)}">{inputs}<button>Go</button></form>')


async def _sent(request: Request) -> str:
    return request.url.query if request.method == "GET" else (await request.body()).decode()


@contextmanager
def being_elsewhere() -> Iterator[Elsewhere]:
    listener = server.listen("127.0.0.1", 0)
    site = Elsewhere(f"http://localhost:{listener.getsockname()[1]}")
    routes = [
        Route(CALLBACK, site.callback, methods=["GET", "POST"]),
        Route(CHAINED, site.chained, methods=["GET", "POST"]),
        Route(SIGNED_OUT, site.signed_out),
        Route("/frame", site.frame),
        Route("/form", site.form),
    ]
    with serving(Starlette(routes=routes), listener):
        yield site
