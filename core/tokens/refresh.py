"""Refresh tokens: opaque, rotated at every use, and idempotent (RFC 6749 §6, RFC 9700 §4.14).

A token is `wwr_` and base64url of: the id of its family (16 bytes), a secret (32), and a tag (16) by which the server
knows its own work without asking the store. The secret of the first token is random. That of each successor is derived
from the token before it, so whoever presents one token twice, having lost the answer, gets the same successor twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime
from uuid import UUID

from attrs import frozen

from core.ports import Audit, Clock, Entropy
from core.protocol.refusals import InvalidGrant
from core.protocol.secret import Secret
from core.tokens.model import Family, Permission, RefreshPolicy
from core.tokens.ports import Deriver, Exceeded, RefreshFamilies, Reused, Rotated, Rotation

PREFIX = "wwr_"
_FORM = re.compile(r"wwr_[A-Za-z0-9_-]{86}")
_TAG_BYTES = 16


@frozen
class RefreshToken:
    """A token that this server made."""

    family: UUID
    text: Secret

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.text.reveal().encode()).digest()


@frozen
class RefreshTokens:
    """Makes refresh tokens and knows them again."""

    deriver: Deriver
    entropy: Entropy

    async def first(self, family: UUID) -> RefreshToken:
        return await self._made(family, self.entropy.secret())

    async def successor(self, token: RefreshToken) -> RefreshToken:
        return await self._made(token.family, await self.deriver.derive("refresh successor", _raw(token.text)))

    async def read(self, text: Secret) -> RefreshToken | None:
        """None for anything that this server did not make."""
        if not _FORM.fullmatch(text.reveal()):
            return None
        raw = _raw(text)
        token = await self._made(UUID(bytes=raw[:16]), raw[16:48])
        # The whole text is compared, so that a token has one spelling.
        return token if hmac.compare_digest(token.text.reveal(), text.reveal()) else None

    async def _made(self, family: UUID, secret: bytes) -> RefreshToken:
        body = family.bytes + secret
        tag = (await self.deriver.derive("refresh tag", body))[:_TAG_BYTES]
        return RefreshToken(family, Secret(PREFIX + base64.urlsafe_b64encode(body + tag).rstrip(b"=").decode()))


def _raw(text: Secret) -> bytes:
    return base64.urlsafe_b64decode(text.reveal().removeprefix(PREFIX) + "==")


@frozen
class StartFamily:
    """The first refresh token of a grant."""

    families: RefreshFamilies
    tokens: RefreshTokens
    entropy: Entropy
    clock: Clock
    policy: RefreshPolicy

    async def __call__(self, allowed: Permission) -> RefreshToken:
        """What is granted is stored with it, and later tokens get no more."""
        token = await self.tokens.first(self.entropy.uuid())
        now = self.clock.now()
        expires = now + self.policy.lifetime
        family = Family(
            id=token.family,
            permission=allowed,
            current=token.digest,
            expires_at=expires,
            idle_expires_at=min(now + self.policy.idle, expires),
        )
        await self.families.start(family)
        return token


@frozen
class RotateFamily:
    """One refresh token for the next."""

    families: RefreshFamilies
    tokens: RefreshTokens
    clock: Clock
    policy: RefreshPolicy
    audit: Audit

    async def find(self, text: Secret) -> Family | None:
        """The family of a token, in whatever state; None for one that this server did not make."""
        token = await self.tokens.read(text)
        return await self.families.find(token.family) if token is not None else None

    async def __call__(
        self,
        text: Secret,
        *,
        client_id: str | None,
        scope: tuple[str, ...],
        audience: tuple[str, ...],
        valid_from: datetime | None,
    ) -> tuple[RefreshToken, Rotated] | Exceeded:
        """The successor, what was granted, and to whom.

        Raises `InvalidGrant`, one and the same for a token that is spent, foreign, expired, revoked or no token.
        A token that was spent before ends its whole family: somebody else has it too (RFC 9700 §4.14.2).
        """
        token = await self.tokens.read(text)
        if token is None:
            raise spent()
        successor = await self.tokens.successor(token)
        now = self.clock.now()
        outcome = await self.families.rotate(
            Rotation(
                family=token.family,
                client_id=client_id,
                presented=token.digest,
                successor=successor.digest,
                at=now,
                grace=self.policy.grace,
                idle=self.policy.idle,
                scope=scope,
                audience=audience,
                valid_from=valid_from,
            )
        )
        match outcome:
            case Rotated():
                return successor, outcome
            case Exceeded():
                return outcome
            case Reused(family):
                allowed = family.permission
                self.audit.note(
                    "refresh token reused: family revoked",
                    grant_id=str(family.id),
                    client_id=allowed.client_id or "",
                    username=allowed.username or "",
                )
        raise spent()


def spent() -> InvalidGrant:
    """The one answer to every refresh token that does not hold."""
    return InvalidGrant("This refresh token is not acceptable")
