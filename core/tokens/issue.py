"""From an authenticated user to an access token."""

from __future__ import annotations

from attrs import frozen

from core.ports import Clock, Entropy
from core.tokens.model import ACCESS_TOKEN_TYP, FIRST_PARTY_CLIENT, AccessTokenPolicy, IssuedToken
from core.tokens.ports import TokenSigner
from core.users.authenticate import AuthenticatedUser


@frozen
class IssueAccessToken:
    signer: TokenSigner
    clock: Clock
    entropy: Entropy
    policy: AccessTokenPolicy

    async def __call__(self, proof: AuthenticatedUser) -> IssuedToken:
        """An access token (RFC 9068 §2.2) for the user who was authenticated.

        `iat` is when the authentication began, not now: whatever ended the user's tokens since ends this one too.
        """
        lifetime = int(self.policy.lifetime.total_seconds())
        claims: dict[str, object] = {
            "iss": self.policy.issuer,
            "sub": proof.user.username,
            "aud": self.policy.audience,
            "exp": int(self.clock.now().timestamp()) + lifetime,
            "iat": int(proof.at.timestamp()),
            "jti": str(self.entropy.uuid()),
            "client_id": FIRST_PARTY_CLIENT,
            "roles": list(proof.user.roles),
        }
        return IssuedToken(await self.signer.sign(claims, typ=ACCESS_TOKEN_TYP), expires_in=lifetime)
