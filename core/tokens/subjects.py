"""By what name a client knows a user (OpenID Connect Core §8)."""

from __future__ import annotations

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
