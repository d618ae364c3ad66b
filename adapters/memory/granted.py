"""What people allowed clients: the state that several adapters share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs

from core.authorization.model import Connection


class Granted:
    def __init__(self) -> None:
        self._connections: dict[tuple[str, str], Connection] = {}

    def get(self, username: str | None, client_id: str | None) -> Connection | None:
        if username is None or client_id is None:
            return None
        return self._connections.get((username, client_id))

    def valid_from(self, username: str | None, client_id: str | None) -> datetime | None:
        """Tokens from before then have ended."""
        found = self.get(username, client_id)
        return None if found is None else found.tokens_valid_from

    def of_user(self, username: str) -> Iterator[Connection]:
        return (one for one in self._connections.values() if one.username == username)

    def keep(self, connection: Connection) -> None:
        self._connections[connection.username, connection.client_id] = connection

    def add(self, username: str, client_id: str, allows: tuple[str, ...], *, at: datetime) -> None:
        old = self.get(username, client_id)
        if old is None:
            self.keep(Connection(username, client_id, tuple(dict.fromkeys(allows)), at, at))
            return
        if old.tokens_valid_from is not None and at < old.tokens_valid_from:
            return  # the person took everything back meanwhile
        self.keep(
            attrs.evolve(
                old,
                granted=tuple(dict.fromkeys((*old.granted, *allows))),
                since=old.since if old.granted else at,
                used_at=max(old.used_at, at),
            )
        )
