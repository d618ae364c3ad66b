"""Tokens that end before they expire (RFC 7009)."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from core.clients.authenticate import AuthenticatedClient
from core.clients.model import FIRST_PARTY_CLIENT
from core.ports import Audit, Clock
from core.protocol.refusals import InvalidGrant, InvalidToken
from core.protocol.secret import Secret
from core.tokens.ports import AccessTokenLedger, RefreshFamilies
from core.tokens.refresh import PREFIX, RefreshTokens
from core.tokens.verify import VerifyToken
from core.users.ending import end_tokens


@frozen
class RevokeToken:
    families: RefreshFamilies
    tokens: RefreshTokens
    verify: VerifyToken
    ledger: AccessTokenLedger
    clock: Clock
    audit: Audit

    async def __call__(self, client: AuthenticatedClient | None, token: Secret) -> None:
        """End a refresh token with its whole family, access tokens among it, or one access token (RFC 7009 §2.1).

        Without a client it is for tokens that no client was given. What is no token of ours, or has ended, needs no
        revocation and is no error (§2.2). Raises `InvalidGrant` for a token of another client (§2.1).
        """
        own = client.client.client_id if client is not None else None
        if token.reveal().startswith(PREFIX):
            await self._refresh_token(own, token)
        else:
            await self._access_token(own, token)

    async def _refresh_token(self, own: str | None, text: Secret) -> None:
        token = await self.tokens.read(text)
        family = await self.families.find(token.family) if token is not None else None
        if family is None:
            return
        if family.permission.client_id != own:
            raise InvalidGrant("This token was issued to another client")
        await self.families.revoke(family.id, at=self.clock.now())
        self.audit.note("refresh token revoked", grant_id=str(family.id), client_id=own or "")

    async def _access_token(self, own: str | None, token: Secret) -> None:
        try:
            claims = await self.verify.for_anybody(token)
        except InvalidToken:
            return
        if claims.client_id != (own or FIRST_PARTY_CLIENT):
            raise InvalidGrant("This token was issued to another client")
        until = datetime.fromtimestamp(claims.exp, UTC) + self.verify.policy.leeway
        await self.ledger.revoke(claims.jti, until=until)
        self.audit.note("access token revoked", jti=claims.jti[:64], client_id=claims.client_id)


@frozen
class EndAllTokens:
    """End every token there is."""

    ledger: AccessTokenLedger
    clock: Clock
    audit: Audit

    async def __call__(self) -> datetime:
        """The instant from which tokens count again: those of the rest of this second end as well."""
        valid_from = await end_tokens(self.clock, self._end)
        self.audit.note("all tokens ended")
        return valid_from

    async def _end(self, valid_from: datetime) -> datetime:
        await self.ledger.end_all(valid_from)
        return valid_from
