"""/api/v1/clients: the administrator's view of clients."""

from __future__ import annotations

from datetime import timedelta

from attrs import asdict, frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.clients.application import Application
from core.clients.model import AuthMethod
from core.clients.register import (
    CreateClient,
    DeleteClient,
    FindClient,
    ListClients,
    NewSecret,
    RotateSecret,
    UpdateClient,
)
from core.protocol.refusals import FieldError, InvalidFields
from core.protocol.unset import UNSET, Unset
from core.users.model import User
from entrypoints.http.applications import FIELDS, ApplicationFields
from entrypoints.http.bodies import json_body
from entrypoints.http.paging import page_query
from entrypoints.views import client_view

PATH = "/api/v1/clients"


@frozen(kw_only=True)
class NewClient(ApplicationFields):
    client_id: str
    name: str = ""
    token_endpoint_auth_method: AuthMethod = AuthMethod.SECRET_BASIC
    grant_types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    jwks: dict[str, object] | Unset = UNSET
    first_party: bool = False


@frozen(kw_only=True)
class ClientPatch(ApplicationFields):
    name: str | Unset = UNSET
    grant_types: tuple[str, ...] | Unset = UNSET
    scopes: tuple[str, ...] | Unset = UNSET
    resources: tuple[str, ...] | Unset = UNSET
    serves: tuple[str, ...] | Unset = UNSET
    jwks: dict[str, object] | Unset = UNSET
    is_active: bool | Unset = UNSET
    first_party: bool | Unset = UNSET


@frozen
class SecretRotation:
    overlap_seconds: int = 0


@frozen
class AdminClients:
    create_client: CreateClient
    find_client: FindClient
    list_clients: ListClients
    update_client: UpdateClient
    rotate_secret: RotateSecret
    delete_client: DeleteClient

    async def list(self, request: Request, _admin: User) -> Response:
        after, limit = page_query(request)
        page = await self.list_clients(after=after, limit=limit)
        return JSONResponse({"clients": [client_view(client) for client in page.clients], "next": page.next})

    async def create(self, request: Request, _admin: User) -> Response:
        body = await json_body(request, NewClient)
        made = await self.create_client(
            client_id=body.client_id,
            name=body.name,
            auth_method=body.token_endpoint_auth_method,
            grant_types=body.grant_types,
            scopes=body.scopes,
            resources=body.resources,
            serves=body.serves,
            jwks=None if isinstance(body.jwks, Unset) else body.jwks,
            application=Application.stored(body.said()),
            first_party=body.first_party,
        )
        return JSONResponse(_with_secret(made), 201, {"Location": f"{PATH}/{made.client.client_id}"})

    async def show(self, request: Request, _admin: User) -> Response:
        return JSONResponse(client_view(await self.find_client(_client_id(request))))

    async def patch(self, request: Request, _admin: User) -> Response:
        body = await json_body(request, ClientPatch)
        given = asdict(body, recurse=False, filter=lambda _, value: not isinstance(value, Unset))
        changes = {name: value for name, value in given.items() if name not in FIELDS}
        if said := body.said():
            changes["application"] = said
        if not changes:
            raise InvalidFields(FieldError("body", "expected at least one field to change"))
        return JSONResponse(client_view(await self.update_client(_client_id(request), **changes)))

    async def rotate(self, request: Request, _admin: User) -> Response:
        body = await json_body(request, SecretRotation)
        # Whatever no timedelta can hold is out of range, and the use case says which range that is.
        overlap = timedelta(seconds=max(-1, min(body.overlap_seconds, 10**9)))
        return JSONResponse(_with_secret(await self.rotate_secret(_client_id(request), overlap=overlap)))

    async def delete(self, request: Request, _admin: User) -> Response:
        await self.delete_client(_client_id(request))
        return Response(status_code=204)


def _with_secret(made: NewSecret) -> dict[str, object]:
    view = client_view(made.client)
    return view if made.secret is None else {**view, "client_secret": made.secret.reveal()}


def _client_id(request: Request) -> str:
    client_id: str = request.path_params["client_id"]
    return client_id
