"""Would this token be accepted, and if not, why not? For the operator, who may know."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen

from core.access.check_role import CheckRole
from core.clients.ports import ClientRepository
from core.ports import Clock
from core.protocol.refusals import InsufficientRole, InvalidToken
from core.protocol.secret import Secret
from core.tokens.introspect import LookAtRefreshToken
from core.tokens.model import AccessToken
from core.tokens.ports import AccessTokenLedger
from core.tokens.refresh import PREFIX
from core.tokens.verify import VerifyToken, ago, in_good_standing


@frozen
class Explanation:
    """`verdict` is a sentence, `facts` is what the token says of itself: nothing of either would let anybody in."""

    accepted: bool
    verdict: str
    facts: tuple[tuple[str, str], ...] = ()


@frozen
class ExplainToken:
    verify: VerifyToken
    ledger: AccessTokenLedger
    refresh: LookAtRefreshToken
    clients: ClientRepository
    clock: Clock

    async def __call__(self, token: Secret, *, audience: str | None = None, role: str | None = None) -> Explanation:
        """What Watchword, or an API with this audience that demands this role, would say. Raises `ValueError` for a
        role that cannot exist.
        """
        check = CheckRole((role,)) if role is not None else None
        try:
            if token.reveal().startswith(PREFIX):
                return await self._refresh_token(token)
            claims = await self.verify.for_anybody(token)
        except InvalidToken as refusal:
            return Explanation(False, f"Refused: {refusal.reason}.")
        facts = self._facts(claims)
        wanted = audience or self.verify.policy.audience
        if wanted not in claims.aud:
            return Explanation(False, f"Refused: it is for another audience ({' '.join(claims.aud)}).", facts)
        try:
            user = in_good_standing(claims, await self.ledger.standing(claims))
            if check is not None:
                check(user or claims)
        except InvalidToken as refusal:
            return Explanation(False, f"Refused: {refusal.reason}.", facts)
        except InsufficientRole:
            return Explanation(False, f"Refused: the role {role} is missing.", facts)
        return Explanation(
            True, "Accepted: signature, issuer, audience, time and standing are as they should be.", facts
        )

    def _facts(self, claims: AccessToken) -> tuple[tuple[str, str], ...]:
        now = self.clock.now().timestamp()
        left = claims.exp - now
        facts = {
            "kind": "access token",
            "sub": claims.sub,
            "client_id": claims.client_id,
            "aud": " ".join(claims.aud),
            "scope": claims.scope or "none",
            "roles": " ".join(claims.roles) or "none",
            "issued": f"{datetime.fromtimestamp(claims.iat, UTC):%Y-%m-%d %H:%M:%S} UTC, {ago(now - claims.iat)} ago",
            "expires": f"in {ago(left)}",
            "jti": claims.jti,
        }
        return tuple(facts.items())

    async def _refresh_token(self, token: Secret) -> Explanation:
        ours = await self.refresh.tokens.read(token)
        family = await self.refresh.families.find(ours.family) if ours is not None else None
        if family is None:
            return Explanation(False, "Refused: not a refresh token of ours, or one that ended long ago.")
        allowed = family.permission
        facts = (
            ("kind", "refresh token"),
            ("sub", allowed.username or allowed.client_id or ""),
            ("client_id", allowed.client_id or "none"),
            ("aud", " ".join(allowed.audience)),
            ("scope", " ".join(allowed.scope) or "none"),
        )
        client = await self.clients.get(allowed.client_id) if allowed.client_id is not None else None
        if allowed.client_id is not None and (client is None or not client.is_active):
            return Explanation(False, "Refused: its client is gone or inactive.", facts)
        try:
            await self.refresh(token, client)
        except InvalidToken as refusal:
            return Explanation(False, f"Refused: {refusal.reason}.", facts)
        return Explanation(True, "Accepted: it would be exchanged for new tokens.", facts)
