"""/api/v1/auth/register: clients that register themselves (RFC 7591, RFC 7592)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.clients.dynamic import DeleteRegistration, ReadRegistration, RegisterClient, Registered, ReplaceRegistration
from core.clients.metadata import CODE, CODE_GRANT, MEMBERS
from core.clients.model import Client
from core.protocol.refusals import InvalidFields, RegistrationRefused, TokenMissing
from core.protocol.secret import Secret
from entrypoints.http.bodies import json_object
from entrypoints.http.oauth import NO_STORE, address, no_store
from entrypoints.http.protect import bearer_token

PATH = "/api/v1/auth/register"


@frozen
class Registrations:
    """`issuer` is the URL by which clients know this server."""

    register_client: RegisterClient
    read_registration: ReadRegistration
    replace_registration: ReplaceRegistration
    delete_registration: DeleteRegistration
    issuer: str

    async def register(self, request: Request) -> Response:
        try:
            token: Secret | None = bearer_token(request)
        except TokenMissing:
            token = None
        made = await self.register_client(await _document(request), token=token, address=address(request))
        return no_store(self._view(made), status=201)

    async def show(self, request: Request) -> Response:
        token = bearer_token(request)
        client = await self.read_registration(_client_id(request), token)
        return no_store(self._view(Registered(client, None, token)))

    async def replace(self, request: Request) -> Response:
        token, client_id, document = bearer_token(request), _client_id(request), await _document(request)
        return no_store(
            self._view(await self.replace_registration(client_id, token, document, address=address(request)))
        )

    async def delete(self, request: Request) -> Response:
        await self.delete_registration(_client_id(request), bearer_token(request), address=address(request))
        return Response(status_code=204, headers=NO_STORE)

    def _view(self, registered: Registered) -> dict[str, object]:
        """RFC 7591 §3.2.1, RFC 7592 §3. Only a secret's digest is kept: it is told when it is made, or was repeated."""
        client, secret = registered.client, registered.secret
        uri = f"{self.issuer.removesuffix('/')}{PATH}/{client.client_id}"
        proofs = {"client_secret": secret.reveal(), "client_secret_expires_at": 0} if secret is not None else {}
        return {
            "client_id": client.client_id,
            "client_id_issued_at": int(client.created_at.timestamp()),
            **proofs,
            "registration_access_token": registered.token.reveal(),
            "registration_client_uri": uri,
            **metadata_view(client),
        }


def metadata_view(client: Client) -> dict[str, object]:
    """All that is registered of a client, by the names of the registry; also what it did not say itself."""
    said = client.application.members()
    shown = {name: said.get(name, getattr(client.application, name)) for name in MEMBERS}
    return {
        **({"client_name": client.name} if client.name != client.client_id else {}),
        "token_endpoint_auth_method": str(client.auth_method),
        "grant_types": list(client.grant_types),
        "response_types": list(CODE) if CODE_GRANT in client.grant_types else [],
        **({"scope": " ".join(client.scopes)} if client.scopes else {}),
        **({"jwks": dict(client.jwks)} if client.jwks is not None else {}),
        **{name: value for name, value in shown.items() if value is not None and value != ()},
    }


async def _document(request: Request) -> Mapping[str, object]:
    """The body. Whatever is wrong with it is told as RFC 7591 §3.2.2 has it."""
    try:
        return await json_object(request)
    except InvalidFields:
        raise _refused("The body must be an object that has each member once") from None
    except HTTPException as refusal:
        raise _refused(refusal.detail) from None


def _refused(description: str) -> RegistrationRefused:
    return RegistrationRefused("invalid_client_metadata", description)


def _client_id(request: Request) -> str:
    client_id: str = request.path_params["client_id"]
    return client_id
