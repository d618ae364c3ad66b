"""POST /api/v1/auth/par (RFC 9126)."""

from __future__ import annotations

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.authorization.authorize import PushRequest
from core.authorization.request import PARAMETERS, Parameters
from entrypoints.http.forms import Form, oauth_form
from entrypoints.http.oauth import CLIENT_NAMES, address, no_store, required_client


@frozen
class PushedRoute:
    push: PushRequest

    async def __call__(self, request: Request) -> Response:
        form = await oauth_form(request, known=(*CLIENT_NAMES, *sorted(PARAMETERS)))
        credential = required_client(request, form)
        pushed = await self.push(credential, pushed_parameters(form), address=address(request))
        body = {"request_uri": pushed.request_uri.reveal(), "expires_in": pushed.expires_in}
        return no_store(body, status=201)


def pushed_parameters(form: Form) -> Parameters:
    """What the form has of an authorization request; a parameter without a value counts as left out."""
    values = {name: value for name in PARAMETERS - {"resource"} if (value := form.get(name))}
    return Parameters(values, form.all("resource"))
