"""The refresh token grant (RFC 6749 §6, RFC 9700 §4.14)."""

from __future__ import annotations

from typing import ClassVar

from attrs import evolve, frozen

from core.clients.model import Client
from core.clients.narrowing import Asked, Narrow
from core.grants.contract import Authorization, ClientRequest, RefreshRequest
from core.grants.identify import Identify
from core.ports import Clock
from core.protocol.refusals import InvalidScope, InvalidTarget
from core.protocol.scope import common, unique
from core.tokens.model import Family
from core.tokens.ports import Exceeded, Rotated
from core.tokens.refresh import RotateFamily, spent
from core.users.model import User


@frozen
class RefreshGrant:
    grant_type: ClassVar[str] = "refresh_token"

    rotate: RotateFamily
    narrow: Narrow
    identify: Identify
    clock: Clock

    async def __call__(self, asked: ClientRequest[RefreshRequest]) -> Authorization:
        """Raises `InvalidGrant`; `InvalidScope` and `InvalidTarget` for more than was granted, which spends nothing."""
        request, client = asked.request, asked.client.client if asked.client is not None else None
        at = self.clock.now()  # before anything is read: whatever ends the user's tokens from here on ends this one
        await self._check(request, client)  # before the token is spent
        outcome = await self.rotate(
            request.refresh_token,
            client_id=client.client_id if client is not None else None,
            scope=request.scope or (),
            audience=unique(request.resources),
            valid_from=client.tokens_valid_from if client is not None else None,
        )
        if isinstance(outcome, Exceeded):
            raise self._exceeded(request, outcome.family)
        token, rotated = outcome
        granted, user = rotated.family.permission, self._user(rotated)
        # What was granted, and may still be had: the client or a resource may have less by now.
        asked_for = unique(request.resources) or common(granted.audience, self.narrow.known(client))
        if not asked_for:
            raise spent()
        may_have, audience = self.narrow(Asked(resources=asked_for), client, person=True)
        scope = common(granted.scope if request.scope is None else request.scope, may_have)
        allowed = evolve(granted, scope=scope, audience=audience, at=at)
        authorization = Authorization(allowed, user.roles, rotated.family.id, token.text)
        return await self.identify(authorization, client, user)

    async def _check(self, request: RefreshRequest, client: Client | None) -> None:
        """What is asked for may be had at all. Raises `InvalidScope`, `InvalidTarget`, and then nothing has changed."""
        self.narrow.check(request, client)
        if not request.scope:
            return
        family = await self.rotate.find(request.refresh_token)
        if family is None or family.permission.client_id != (client.client_id if client is not None else None):
            return  # no more is told of it than the rotation tells
        audience = unique(request.resources) or common(family.permission.audience, self.narrow.known(client))
        if audience:
            self.narrow(Asked(scope=request.scope, resources=audience), client, person=True)

    def _user(self, rotated: Rotated) -> User:
        """Whose tokens these are. Raises `InvalidGrant` when they have ended."""
        user, granted = rotated.user, rotated.family.permission
        if user is None or not user.is_active:
            raise spent()
        if user.tokens_valid_from is not None and granted.at < user.tokens_valid_from:
            raise spent()
        return user

    def _exceeded(self, request: RefreshRequest, family: Family) -> InvalidScope | InvalidTarget:
        if not set(request.scope or ()) <= set(family.permission.scope):
            return InvalidScope("The scope exceeds what was granted")
        return InvalidTarget("The resource is not among those that were granted")
