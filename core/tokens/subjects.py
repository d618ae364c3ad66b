"""By what name a client knows a user, and a session of theirs (OpenID Connect Core §8)."""

from __future__ import annotations

import hashlib
from uuid import UUID

from attrs import frozen

from core.clients.model import Client
from core.tokens.ports import Pseudonyms


@frozen
class Subjects:
    pseudonyms: Pseudonyms

    async def __call__(self, client: Client, username: str) -> str:
        """The `sub` of tokens for this client: the username, or a name of the client's sector alone."""
        if client.application.subject_type != "pairwise":
            return username
        return await self.pseudonyms.hide(client.application.sector, username)

    async def session(self, client: Client, session: UUID) -> UUID:
        """The `sid`: of pairwise clients each sector has its own, or it would tell them that their users are one."""
        if client.application.subject_type != "pairwise":
            return session
        hidden = await self.pseudonyms.hide(f"{client.application.sector} sessions", session.hex)  # no host has a space
        return UUID(bytes=hashlib.sha256(hidden.encode("ascii")).digest()[:16])
