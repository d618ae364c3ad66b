"""How a client is told who a grant is about (OpenID Connect Core §2, §8)."""

from __future__ import annotations

from attrs import evolve, frozen

from core.clients.model import Client
from core.grants.contract import Authorization
from core.identity.claims import claims_opened_by
from core.identity.id_token import SignedIn
from core.protocol.scope import OPENID, common
from core.tokens.subjects import Subjects
from core.users.model import User


@frozen
class Identify:
    subjects: Subjects

    async def __call__(
        self,
        authorization: Authorization,
        client: Client | None,
        user: User,
        *,
        nonce: str | None = None,
        claims: tuple[str, ...] = (),
    ) -> Authorization:
        """With the name by which the client knows the user, and an ID token where `openid` was granted.

        An application that nobody vouched for acts by the scopes that it was allowed, not with a person's roles. Claims
        that were asked for one by one are those that the client may still have.
        """
        if client is None:
            return authorization
        permission, may_be_told = authorization.permission, claims_opened_by(client.allowed_scopes)
        signed_in = None
        if permission.login is not None and OPENID in permission.scope:
            signed_in = SignedIn(user, permission.login, nonce, common(claims, may_be_told))
        return evolve(
            authorization,
            permission=evolve(permission, claims=common(permission.claims, may_be_told)),
            roles=authorization.roles if client.vouched_for else (),
            subject=await self.subjects(client, user.username),
            signed_in=signed_in,
        )
