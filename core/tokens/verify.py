"""Is this access token one of ours, for us, and of now?"""

from __future__ import annotations

from attrs import frozen

from core.ports import Clock
from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret
from core.tokens.model import ACCESS_TOKEN_TYP, LARGEST_TOKEN, AccessToken, AccessTokenPolicy
from core.tokens.ports import TokenVerifier
from core.users.model import USERNAME, User
from core.users.ports import UserRepository


@frozen
class VerifyToken:
    """RFC 9068 §4 and RFC 8725 §3, by nothing but the token and our keys: no database is asked."""

    verifier: TokenVerifier
    clock: Clock
    policy: AccessTokenPolicy

    async def __call__(self, token: Secret) -> AccessToken:
        """The claims, all checked. Raises `InvalidToken`."""
        if len(token.reveal()) > LARGEST_TOKEN:
            raise InvalidToken("too large")
        claims = AccessToken.parse(await self.verifier.verify(token, typ=ACCESS_TOKEN_TYP))
        now, leeway = self.clock.now().timestamp(), self.policy.leeway.total_seconds()
        if claims.iss != self.policy.issuer:
            raise InvalidToken("another issuer")
        if self.policy.audience not in claims.aud:
            raise InvalidToken("another audience")
        if claims.exp + leeway <= now:
            raise InvalidToken("expired")
        if claims.nbf is not None and claims.nbf > now + leeway:
            raise InvalidToken("not valid yet")
        if claims.iat > now + leeway:
            raise InvalidToken("issued in the future")
        return claims


@frozen
class CurrentUser:
    """The user behind a token, as stored at this moment."""

    verify: VerifyToken
    users: UserRepository

    async def __call__(self, token: Secret) -> User:
        """Raises `InvalidToken`, also when the user is gone, inactive, or changed the password since."""
        claims = await self.verify(token)
        user = await self.users.get_by_username(claims.sub) if USERNAME.fullmatch(claims.sub) else None
        if user is None:
            raise InvalidToken("no such user")
        if not user.is_active:
            raise InvalidToken("the user is inactive")
        if user.tokens_valid_from is not None and claims.iat < user.tokens_valid_from.timestamp():
            raise InvalidToken("the user's earlier tokens were ended")
        return user
