"""The resource owner password credentials grant (RFC 6749 §4.3), for first-party use (RFC 9700 §2.4)."""

from __future__ import annotations

from attrs import frozen

from core.grants.contract import Authorization, PasswordRequest
from core.users.authenticate import AuthenticateUser


@frozen
class PasswordGrant:
    authenticate: AuthenticateUser

    async def __call__(self, request: PasswordRequest) -> Authorization:
        """Raises `InvalidGrant`."""
        return Authorization(await self.authenticate(request.username, request.password))
