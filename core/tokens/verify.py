"""Is this access token one of ours, for us, and of now?"""

from __future__ import annotations

from attrs import evolve, frozen

from core.clients.model import FIRST_PARTY_CLIENT
from core.ports import Clock
from core.protocol.refusals import InvalidToken, NotFirstParty
from core.protocol.secret import Secret
from core.tokens.model import (
    ACCESS_TOKEN_TYP,
    LARGEST_TOKEN,
    PSEUDONYM,
    AccessToken,
    AccessTokenPolicy,
    Standing,
)
from core.tokens.ports import AccessTokenLedger, Pseudonyms, TokenVerifier
from core.users.model import User


@frozen
class VerifyToken:
    """RFC 9068 §4 and RFC 8725 §3, by nothing but the token and our keys: no database is asked."""

    verifier: TokenVerifier
    pseudonyms: Pseudonyms
    clock: Clock
    policy: AccessTokenPolicy

    async def __call__(self, token: Secret) -> AccessToken:
        """The claims of a token for Watchword's own audience, all checked. Raises `InvalidToken`."""
        claims = await self.for_anybody(token)
        if self.policy.audience not in claims.aud:
            raise InvalidToken("another audience")
        return claims

    async def for_anybody(self, token: Secret) -> AccessToken:
        """The claims, all checked but `aud`. Raises `InvalidToken`."""
        if len(token.reveal()) > LARGEST_TOKEN:
            raise InvalidToken("too large")
        claims = AccessToken.parse(await self.verifier.verify(token, typ=ACCESS_TOKEN_TYP))
        now, leeway = self.clock.now().timestamp(), self.policy.leeway.total_seconds()
        if claims.iss != self.policy.issuer:
            raise InvalidToken("another issuer")
        if claims.exp + leeway <= now:
            raise InvalidToken(f"expired {ago(now - claims.exp)} ago")
        if claims.nbf is not None and claims.nbf > now + leeway:
            raise InvalidToken("not valid yet")
        if claims.iat > now + leeway:
            raise InvalidToken("issued in the future")
        if not claims.sub.startswith(PSEUDONYM):
            return claims
        username = await self.pseudonyms.username_of(claims.sub)
        if username is None:
            raise InvalidToken("a pseudonym of nobody")
        return evolve(claims, username=username)


@frozen
class CurrentUser:
    """The user behind a token, as stored at this moment.

    Where `first_party_only`, a token that an application of others was given opens nothing, whatever its user may do.
    """

    verify: VerifyToken
    ledger: AccessTokenLedger
    first_party_only: bool = False

    async def __call__(self, token: Secret) -> User:
        """Raises `InvalidToken`, also when the token was revoked, or the user is gone, inactive, or changed the
        password since; `NotFirstParty`.
        """
        claims = await self.verify(token)
        standing = await self.ledger.standing(claims)
        user = in_good_standing(claims, standing)
        if user is None:
            raise InvalidToken("the token of a client, with no user behind it")
        if self.first_party_only and claims.client_id != FIRST_PARTY_CLIENT and not standing.first_party:
            raise NotFirstParty
        return user


def ago(seconds: float) -> str:
    """A length of time as people say it."""
    for length, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {name}"
    return f"{int(seconds)} s"


def in_good_standing(claims: AccessToken, standing: Standing) -> User | None:
    """The user behind the token, as stored; None where a client acts for itself. Raises `InvalidToken`."""
    if standing.revoked:
        raise InvalidToken("revoked")
    if claims.client_id != FIRST_PARTY_CLIENT and not standing.client_active:
        raise InvalidToken("no such client" if standing.client_active is None else "the client is inactive")
    if standing.valid_from is not None and claims.iat < standing.valid_from.timestamp():
        raise InvalidToken("the earlier tokens of its client, or of everybody, were ended")
    user = standing.user
    if user is None:
        if claims.sub == claims.client_id != FIRST_PARTY_CLIENT:
            return None
        raise InvalidToken("no such user")
    if not user.is_active:
        raise InvalidToken("the user is inactive")
    if user.tokens_valid_from is not None and claims.iat < user.tokens_valid_from.timestamp():
        raise InvalidToken("the user's earlier tokens were ended")
    # An application that nobody vouched for acts by the scopes that it was allowed, not with a person's roles.
    return user if standing.vouched_for else evolve(user, roles=())
