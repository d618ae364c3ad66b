"""From a permission to an access token."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from attrs import frozen

from core.clients.model import FIRST_PARTY_CLIENT
from core.ports import Clock, Entropy
from core.tokens.model import ACCESS_TOKEN_TYP, AccessTokenPolicy, IssuedToken, Permission
from core.tokens.ports import TokenSigner


@frozen
class IssueAccessToken:
    signer: TokenSigner
    clock: Clock
    entropy: Entropy
    policy: AccessTokenPolicy

    async def __call__(
        self,
        allowed: Permission,
        *,
        roles: Sequence[str] = (),
        grant_id: UUID | None = None,
        subject: str | None = None,
    ) -> IssuedToken:
        """An access token (RFC 9068 §2.2).

        `sub` is the user, or the client where it acts for itself (§2.2). `iat` is when the permission was decided, not
        now: whatever ended the subject's tokens since ends this one too. `roles` are those of a user, and `subject` is
        the name by which the client knows that user, where it is another.
        """
        lifetime = int(self.policy.lifetime.total_seconds())
        client_id = allowed.client_id or FIRST_PARTY_CLIENT
        audience = allowed.audience
        claims: dict[str, object] = {
            "iss": self.policy.issuer,
            "sub": subject or allowed.username or client_id,
            "aud": audience[0] if len(audience) == 1 else list(audience),
            "exp": int(self.clock.now().timestamp()) + lifetime,
            "iat": int(allowed.at.timestamp()),
            "jti": str(self.entropy.uuid()),
            "client_id": client_id,
        }
        if allowed.scope:
            claims["scope"] = " ".join(allowed.scope)
        if allowed.username is not None:
            claims["roles"] = list(roles)
        if grant_id is not None:
            claims["grant_id"] = str(grant_id)
        if allowed.claims:
            claims["userinfo"] = list(allowed.claims)
        return IssuedToken(await self.signer.sign(claims, typ=ACCESS_TOKEN_TYP), expires_in=lifetime)
