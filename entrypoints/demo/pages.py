"""The demo's pages: one template, under a policy as strict as that of the server's own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from entrypoints.demo.tokens import Claims
from entrypoints.pages.render import moment

HERE: Final = Path(__file__).parent

# What the claims are for, as somebody is told who sees them for the first time.
MEANINGS: Final = {
    "acr": "how strong the sign-in was",
    "amr": "how it was done: pwd is by password",
    "at_hash": "ties the access token to this one",
    "aud": "whom it is for",
    "auth_time": "when the password was given",
    "azp": "the client that asked",
    "client_id": "the client that has it",
    "exp": "until when it counts",
    "grant_id": "the grant that it came from",
    "iat": "when it was made",
    "iss": "who says so",
    "jti": "its own number",
    "nonce": "ties it to this sign-in",
    "roles": "the roles of the person",
    "scope": "what it may be used for",
    "sid": "the session at the server",
    "sub": "who it is about, the same for ever",
}
TIMES: Final = frozenset({"auth_time", "exp", "iat", "nbf", "updated_at"})


@frozen
class Row:
    name: str
    value: str | Markup
    meaning: str | None


def rows(claims: Claims) -> Iterable[Row]:
    for name, value in claims.items():
        yield Row(name, _value(name, value), MEANINGS.get(name))


def _value(name: str, value: object) -> str | Markup:
    if name in TIMES and isinstance(value, int | float) and 0 <= value < 10**11:
        return moment(datetime.fromtimestamp(value, UTC))
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@frozen
class Pages:
    """`server` is the origin to which the form for signing out leads."""

    server: str
    headers: dict[str, str] = field(init=False)
    _template: Template = field(init=False, repr=False, eq=False)

    @headers.default
    def _made(self) -> dict[str, str]:
        # A policy has no way to spell an address of IPv6.
        goes = "http: https:" if "[" in self.server else self.server
        policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        return {
            "Cache-Control": "no-store",
            "Content-Security-Policy": f"{policy}; form-action 'self' {goes}",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }

    @_template.default
    def _compiled(self) -> Template:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(rows=rows, path=lambda url: urlsplit(url).path)
        return environment.get_template("demo.html")

    def page(self, *, status: int = 200, **context: object) -> Response:
        return HTMLResponse(self._template.render(context), status, self.headers)

    def to(self, url: str) -> Response:
        return RedirectResponse(url, 303, self.headers)

    def file(self, name: str, media_type: str) -> Response:
        return Response((HERE / "static" / name).read_bytes(), headers=self.headers, media_type=media_type)
