"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from attrs import evolve, frozen

from core.authorization.model import Code, digest_of, grant_of
from core.authorization.ports import Codes, FirstToken, Mismatched, Redeemed, Redemption, Replayed
from core.clients.model import Client
from core.clients.narrowing import Asked, Narrow
from core.grants.contract import Authorization, ClientRequest, CodeRequest
from core.grants.identify import Identify
from core.ports import Audit, Clock
from core.protocol.pkce import challenge_of
from core.protocol.refusals import InvalidClient, InvalidGrant, InvalidTarget
from core.protocol.scope import common, unique
from core.tokens.model import Permission, RefreshPolicy
from core.tokens.refresh import RefreshTokens

# As long as any access token lives.
LONGEST_LIFETIME = timedelta(hours=25)

WRONG = {
    "challenge": "code_verifier does not fit the code_challenge, or one of them is missing",
    "redirect_uri": "redirect_uri is not that of the authorization request",
}


@frozen
class CodeGrant:
    grant_type: ClassVar[str] = "authorization_code"

    codes: Codes
    tokens: RefreshTokens
    narrow: Narrow
    identify: Identify
    clock: Clock
    audit: Audit
    policy: RefreshPolicy

    async def __call__(self, asked: ClientRequest[CodeRequest]) -> Authorization:
        """Raises `InvalidGrant`, `InvalidTarget`. Only a code that fits in every respect is spent."""
        if asked.client is None:
            raise InvalidClient("This grant is for clients")
        request, client = asked.request, asked.client.client
        grant_id = grant_of(request.code)
        verifier = request.code_verifier
        challenge = challenge_of(verifier) if verifier is not None else None
        if verifier is not None and challenge is None:
            raise InvalidGrant("code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
        if grant_id is None:
            raise _not_good()
        if not self.narrow.known(client).issuperset(request.resources):
            raise InvalidTarget("No such resource is registered for this client")
        refreshes = "refresh_token" in client.grant_types
        token = await self.tokens.first(grant_id) if refreshes else None
        now = self.clock.now()
        expires = now + self.policy.lifetime
        redemption = Redemption(
            digest=digest_of(request.code),
            client_id=client.client_id,
            redirect_uri=request.redirect_uri,
            challenge=challenge,
            audience=unique(request.resources),
            at=now,
            refresh=FirstToken(token.digest, expires, min(now + self.policy.idle, expires)) if token else None,
        )
        match await self.codes.redeem(redemption):
            case Redeemed(code, user):
                allowed = self._still(code, request, client)
                return await self.identify(
                    Authorization(evolve(allowed, at=now), user.roles, grant_id, token.text if token else None),
                    client,
                    user,
                    nonce=code.nonce,
                    claims=code.id_token_claims,
                )
            case Replayed(code):
                await self.codes.revoke(grant_id, at=now, until=now + LONGEST_LIFETIME)
                self.audit.note(
                    "authorization code reused: tokens revoked",
                    grant_id=str(grant_id),
                    client_id=client.client_id,
                    username=code.permission.username or "",
                )
            case Mismatched("resource"):
                raise InvalidTarget("The resource is not among those that were granted")
            case Mismatched(what):
                raise InvalidGrant(WRONG[what])
        raise _not_good()

    def _still(self, code: Code, request: CodeRequest, client: Client) -> Permission:
        """What was granted, and may still be had: the client or a resource may have less by now."""
        granted = code.permission
        audience = unique(request.resources) or common(granted.audience, self.narrow.known(client))
        if not audience:
            raise _not_good()
        may_have, audience = self.narrow(Asked(resources=audience), client, person=True)
        return evolve(granted, scope=common(granted.scope, may_have), audience=audience)


def _not_good() -> InvalidGrant:
    """The one answer to a code that is spent, another client's, expired, or none."""
    return InvalidGrant("This code is not acceptable")
