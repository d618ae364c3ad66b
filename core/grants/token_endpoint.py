"""The token endpoint (RFC 6749 §3.2): who is the client, which grant is it, what does that allow, issue it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from core.clients.authenticate import AuthenticateClient, AuthenticatedClient
from core.grants.contract import ClientRequest, Grant, Presented, TokenRequest, TokenResponse
from core.identity.id_token import IssueIdToken
from core.ports import Clock
from core.protocol.refusals import InvalidClient, InvalidScope, InvalidTarget, UnauthorizedClient, UnsupportedGrantType
from core.tokens.issue import IssueAccessToken
from core.users.ending import settled


@frozen
class TokenEndpoint:
    """`grants` maps each kind of request to the grant that decides it; what is not in it is switched off.

    `without_client` are the grant types for which no client need take part.
    """

    grants: Mapping[type[TokenRequest], Grant[Any]]
    authenticate: AuthenticateClient
    clock: Clock
    issue: IssueAccessToken
    issue_id_token: IssueIdToken
    without_client: frozenset[str]

    async def __call__(self, presented: Presented[Any]) -> TokenResponse:
        """Raises an `OAuthRefusal`, `TooManyAttempts`, or `Unavailable`."""
        grant = self.grants.get(type(presented.request))
        if grant is None:
            raise UnsupportedGrantType("This grant is switched off")
        client = await self._client(presented, grant.grant_type, fresh=False)
        try:
            authorization = await grant(ClientRequest(presented.request, client, presented.address))
        except (InvalidScope, InvalidTarget):  # neither of which has changed anything
            if client is None or not client.remembered:
                raise
            client = await self._client(presented, grant.grant_type, fresh=True)
            authorization = await grant(ClientRequest(presented.request, client, presented.address))
        if client is not None and not client.client.vouched_for and client.client.used_at is None:
            await self.authenticate.clients.used(client.client.client_id, at=self.clock.now())
        allowed = authorization.permission
        issued = await self.issue(
            allowed, roles=authorization.roles, grant_id=authorization.grant_id, subject=authorization.subject
        )
        id_token = None
        if client is not None and authorization.signed_in is not None:
            access_token = issued.access_token
            id_token = await self.issue_id_token(client.client, authorization.signed_in, access_token=access_token)
        return TokenResponse(
            issued.access_token, issued.expires_in, allowed.scope, authorization.refresh_token, id_token
        )

    async def _client(self, presented: Presented[Any], grant_type: str, *, fresh: bool) -> AuthenticatedClient | None:
        if presented.credential is None:
            if grant_type not in self.without_client:
                raise InvalidClient("This grant is for clients, and the request names none")
            return None
        proof = await self.authenticate(presented.credential, address=presented.address, fresh=fresh)
        if proof.remembered and grant_type not in proof.client.grant_types:
            proof = await self.authenticate(presented.credential, address=presented.address, fresh=True)
        if grant_type not in proof.client.grant_types:
            raise UnauthorizedClient("This client is not registered for this grant")
        await settled(proof.client.tokens_valid_from, self.clock.now(), self.clock)
        return proof
