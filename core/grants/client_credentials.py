"""The client credentials grant (RFC 6749 §4.4): a client acts for itself, and gets no refresh token (§4.4.3)."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from core.clients.narrowing import Narrow
from core.grants.contract import Authorization, ClientCredentialsRequest, ClientRequest
from core.ports import Clock
from core.protocol.refusals import InvalidClient
from core.tokens.model import Permission


@frozen
class ClientCredentialsGrant:
    grant_type: ClassVar[str] = "client_credentials"

    narrow: Narrow
    clock: Clock

    async def __call__(self, asked: ClientRequest[ClientCredentialsRequest]) -> Authorization:
        """Raises `InvalidClient`, `InvalidScope`, `InvalidTarget`."""
        if asked.client is None or asked.client.client.public:
            raise InvalidClient("This grant is for clients that authenticate")
        client = asked.client.client
        scope, audience = self.narrow(asked.request, client)
        return Authorization(Permission(client.client_id, None, scope, audience, self.clock.now()))
