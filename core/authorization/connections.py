"""Connected applications: what a person allowed, and how that is taken back."""

from __future__ import annotations

from attrs import frozen

from core.authorization.model import Connection
from core.authorization.ports import Connections
from core.ports import Audit, Clock
from core.protocol.refusals import ConnectionNotFound
from core.users.ending import end_tokens


@frozen
class ListConnections:
    connections: Connections

    async def __call__(self, username: str) -> tuple[Connection, ...]:
        return await self.connections.of_user(username)


@frozen
class EndConnection:
    """Every token that the client has for this user ends, and it is to ask again."""

    connections: Connections
    clock: Clock
    audit: Audit

    async def __call__(self, username: str, client_id: str) -> None:
        """Raises `ConnectionNotFound`."""
        now = self.clock.now()
        ended = await end_tokens(
            self.clock, lambda instant: self.connections.end(username, client_id, valid_from=instant, at=now)
        )
        if not ended:
            raise ConnectionNotFound
        self.audit.note("application disconnected", username=username, client_id=client_id)
