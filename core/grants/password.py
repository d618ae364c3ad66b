"""The resource owner password credentials grant (RFC 6749 §4.3), for first-party use (RFC 9700 §2.4)."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from core.clients.narrowing import Narrow
from core.grants.contract import Authorization, ClientRequest, PasswordRequest
from core.grants.identify import Identify
from core.tokens.model import Permission
from core.tokens.refresh import StartFamily
from core.users.authenticate import AuthenticateUser


@frozen
class PasswordGrant:
    """`refresh_without_client`: whether a refresh token is issued where no client takes part."""

    grant_type: ClassVar[str] = "password"

    authenticate: AuthenticateUser
    narrow: Narrow
    start: StartFamily
    identify: Identify
    refresh_without_client: bool = False

    async def __call__(self, asked: ClientRequest[PasswordRequest]) -> Authorization:
        """Raises `WrongCredentials`, `TooManyAttempts`, `InvalidScope`, `InvalidTarget`."""
        request, client = asked.request, asked.client.client if asked.client is not None else None
        scope, audience = self.narrow(request, client)  # first: a wrong request tells nothing of the password
        proof = await self.authenticate(request.username, request.password, address=asked.address)
        client_id = client.client_id if client is not None else None
        allowed = Permission(client_id, proof.user.username, scope, audience, proof.at)
        refreshes = self.refresh_without_client if client is None else "refresh_token" in client.grant_types
        token = await self.start(allowed) if refreshes else None
        grant_id, text = (token.family, token.text) if token is not None else (None, None)
        return await self.identify(Authorization(allowed, proof.user.roles, grant_id, text), client, proof.user)
