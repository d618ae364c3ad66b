"""The token endpoint (RFC 6749 §3.2): pick the grant, ask it, issue what it allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from core.grants.contract import Grant, TokenRequest, TokenResponse
from core.protocol.refusals import UnsupportedGrantType
from core.tokens.issue import IssueAccessToken


@frozen
class TokenEndpoint:
    """`grants` maps each kind of request to the grant that decides it; what is not in it is switched off."""

    grants: Mapping[type[TokenRequest], Grant[Any]]
    issue: IssueAccessToken

    async def __call__(self, request: TokenRequest) -> TokenResponse:
        """Raises an `OAuthRefusal`, or `Unavailable`."""
        grant = self.grants.get(type(request))
        if grant is None:
            raise UnsupportedGrantType("This grant is switched off")
        authorization = await grant(request)
        issued = await self.issue(authorization.user)
        return TokenResponse(issued.access_token, issued.expires_in)
