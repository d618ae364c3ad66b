"""POST /api/v1/auth/token."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.grants.contract import PasswordRequest, TokenRequest
from core.grants.token_endpoint import TokenEndpoint
from core.protocol.refusals import InvalidClient, InvalidRequest, InvalidScope, UnsupportedGrantType
from core.users.password import Password
from entrypoints.http.forms import oauth_form

Form = Mapping[str, str]

NAMES = ("grant_type", "username", "password", "scope", "client_id", "client_secret")


def password_request(form: Form) -> PasswordRequest:
    return PasswordRequest(required(form, "username"), Password.typed(required(form, "password")))


# Another grant is another line here.
PARSERS: Mapping[str, Callable[[Form], TokenRequest]] = {"password": password_request}


@frozen
class TokenRoute:
    endpoint: TokenEndpoint

    async def __call__(self, request: Request) -> Response:
        response = await self.endpoint(parse(await oauth_form(request, known=NAMES), request))
        body = {
            "access_token": response.access_token.reveal(),
            "token_type": response.token_type,
            "expires_in": response.expires_in,
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})  # RFC 6749 §5.1


def parse(form: Form, request: Request) -> TokenRequest:
    """A typed request of the grant that is asked for. Raises an `OAuthRefusal`."""
    grant_type = form.get("grant_type", "password")
    if not grant_type:
        raise InvalidRequest("grant_type is empty")
    parser = PARSERS.get(grant_type)
    if parser is None:
        raise UnsupportedGrantType("grant_type must be password, or left out")
    # RFC 6749 §3.2: a parameter without a value counts as left out.
    if form.get("client_id") or form.get("client_secret") or "authorization" in request.headers:
        raise InvalidClient("No client is registered here; send neither client_id nor client credentials")
    if form.get("scope"):
        raise InvalidScope("No scope is defined here; leave scope out")
    return parser(form)


def required(form: Form, name: str) -> str:
    """Raises `InvalidRequest`, naming the parameter that is missing or empty."""
    value = form.get(name)
    if not value:
        raise InvalidRequest(f"{name} is {'missing' if value is None else 'empty'}")
    return value
