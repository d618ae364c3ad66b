"""POST /api/v1/auth/revoke (RFC 7009) and POST /api/v1/auth/introspect (RFC 7662)."""

from __future__ import annotations

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.clients.authenticate import AuthenticateClient
from core.protocol.secret import Secret
from core.tokens.introspect import IntrospectionEndpoint
from core.tokens.revoke import RevokeToken
from entrypoints.http.forms import oauth_form
from entrypoints.http.oauth import CLIENT_NAMES, NO_STORE, address, client_credential, no_store, required_client

NAMES = ("token", "token_type_hint", *CLIENT_NAMES)


@frozen
class RevokeRoute:
    authenticate: AuthenticateClient
    revoke: RevokeToken

    async def __call__(self, request: Request) -> Response:
        """200 without a body, whatever became of the token (RFC 7009 §2.2)."""
        form = await oauth_form(request, known=NAMES)
        credential = client_credential(request, form)
        token = Secret(form.required("token"))
        client = await self.authenticate(credential, address=address(request)) if credential is not None else None
        await self.revoke(client, token)
        return Response(status_code=200, headers=NO_STORE)


@frozen
class IntrospectRoute:
    endpoint: IntrospectionEndpoint

    async def __call__(self, request: Request) -> Response:
        form = await oauth_form(request, known=NAMES)
        credential = required_client(request, form)
        token = Secret(form.required("token"))
        return no_store(await self.endpoint(credential, token, address=address(request)))
