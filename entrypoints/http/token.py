"""POST /api/v1/auth/token."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.grants.contract import (
    ClientCredentialsRequest,
    CodeRequest,
    PasswordRequest,
    Presented,
    RefreshRequest,
    TokenRequest,
)
from core.grants.token_endpoint import TokenEndpoint
from core.protocol.refusals import InvalidRequest, InvalidTarget, UnsupportedGrantType
from core.protocol.scope import MOST_RESOURCES, parse_scope
from core.protocol.secret import Secret
from core.users.password import Password
from entrypoints.http.forms import Form, oauth_form
from entrypoints.http.oauth import CLIENT_NAMES, address, client_credential, no_store

NAMES = (
    *("grant_type", "username", "password", "refresh_token", "code", "code_verifier", "redirect_uri", "scope"),
    *("resource", *CLIENT_NAMES),
)


def password_request(form: Form) -> PasswordRequest:
    username, password = form.required("username"), form.required("password")
    return PasswordRequest(username, Password.typed(password), scope=scope(form), resources=resources(form))


def client_credentials_request(form: Form) -> ClientCredentialsRequest:
    return ClientCredentialsRequest(scope=scope(form), resources=resources(form))


def refresh_request(form: Form) -> RefreshRequest:
    token = Secret(form.required("refresh_token"))
    return RefreshRequest(token, scope=scope(form), resources=resources(form))


def code_request(form: Form) -> CodeRequest:
    code, verifier = Secret(form.required("code")), form.get("code_verifier")
    return CodeRequest(
        code,
        redirect_uri=form.get("redirect_uri") or None,
        code_verifier=Secret(verifier) if verifier else None,
        resources=resources(form),
    )


# Another grant is another line here.
PARSERS: Mapping[str, Callable[[Form], TokenRequest]] = {
    "authorization_code": code_request,
    "password": password_request,
    "client_credentials": client_credentials_request,
    "refresh_token": refresh_request,
}


@frozen
class TokenRoute:
    endpoint: TokenEndpoint

    async def __call__(self, request: Request) -> Response:
        response = await self.endpoint(parse(await oauth_form(request, known=NAMES), request))
        body: dict[str, object] = {
            "access_token": response.access_token.reveal(),
            "token_type": response.token_type,
            "expires_in": response.expires_in,
        }
        if response.scope:
            body["scope"] = " ".join(response.scope)
        if response.refresh_token is not None:
            body["refresh_token"] = response.refresh_token.reveal()
        if response.id_token is not None:
            body["id_token"] = response.id_token.reveal()
        return no_store(body)


def parse(form: Form, request: Request) -> Presented[TokenRequest]:
    """A typed request of the grant that is asked for. Raises an `OAuthRefusal`."""
    grant_type = form.get("grant_type")
    if grant_type == "":
        raise InvalidRequest("grant_type is empty")
    parser = PARSERS.get(grant_type or "password")
    if parser is None:
        raise UnsupportedGrantType(f"grant_type must be one of {', '.join(PARSERS)}; left out, it is password")
    credential = client_credential(request, form)
    return Presented(parser(form), credential, address(request))


def scope(form: Form) -> tuple[str, ...] | None:
    """RFC 6749 §3.2: a parameter without a value counts as left out."""
    text = form.get("scope")
    return parse_scope(text) if text else None


def resources(form: Form) -> tuple[str, ...]:
    named = form.all("resource")
    if len(named) > MOST_RESOURCES:
        raise InvalidTarget(f"more than {MOST_RESOURCES} resources")
    return named
