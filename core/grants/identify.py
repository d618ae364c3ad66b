"""How a client is told who a grant is about (OpenID Connect Core §2, §8)."""

from __future__ import annotations

from attrs import evolve, frozen

from core.clients.model import Client
from core.grants.contract import Authorization
from core.identity.id_token import SignedIn
from core.protocol.scope import OPENID
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

        An application that nobody vouched for acts by the scopes that it was allowed, not with a person's roles.
        """
        if client is None:
            return authorization
        login, scope = authorization.permission.login, authorization.permission.scope
        return evolve(
            authorization,
            roles=authorization.roles if client.vouched_for else (),
            subject=await self.subjects(client, user.username),
            signed_in=SignedIn(user, login, nonce, claims) if login is not None and OPENID in scope else None,
        )
