"""Requests that wait for a person, and what people allowed, in the memory of one process."""

from __future__ import annotations

import asyncio
from datetime import datetime

import attrs

from adapters.memory.clients import MemoryClients
from adapters.memory.granted import Granted
from adapters.memory.tokens import MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from core.authorization.model import Connection, StoredRequest
from core.authorization.ports import AuthorizationRequests, Connections


class MemoryAuthorizationRequests:
    """Each verb yields once, as a database would, and then decides and changes without another pause."""

    def __init__(self) -> None:
        self._requests: dict[bytes, StoredRequest] = {}

    async def keep(self, stored: StoredRequest) -> None:
        await asyncio.sleep(0)
        if stored.digest in self._requests:
            raise KeyError("there is such a request")
        self._requests[stored.digest] = stored

    async def claim(self, digest: bytes, browser: bytes, *, at: datetime, until: datetime) -> StoredRequest | None:
        await asyncio.sleep(0)
        stored = self._requests.get(digest)
        if stored is None or stored.expires_at <= at or stored.browser not in (None, browser):
            return None
        if stored.browser is None:
            stored = self._requests[digest] = attrs.evolve(stored, browser=browser, expires_at=until)
        return stored

    async def find(self, digest: bytes, browser: bytes, *, at: datetime) -> StoredRequest | None:
        await asyncio.sleep(0)
        return self._of(digest, browser, at)

    async def note_answer(self, digest: bytes, browser: bytes, prompt: str, *, at: datetime) -> StoredRequest | None:
        await asyncio.sleep(0)
        stored = self._of(digest, browser, at)
        if stored is not None and prompt not in stored.answered:
            stored = self._requests[digest] = attrs.evolve(stored, answered=(*stored.answered, prompt))
        return stored

    async def drop(self, digest: bytes, browser: bytes) -> bool:
        await asyncio.sleep(0)
        return self.take(digest, browser)

    def take(self, digest: bytes, browser: bytes) -> bool:
        """Forget this browser's request, expired or not."""
        stored = self._requests.get(digest)
        if stored is None or stored.browser != browser:
            return False
        del self._requests[digest]
        return True

    def move(self, browser: bytes, to: bytes) -> None:
        """What was this browser's is from now on the other's."""
        for stored in list(self._requests.values()):
            if stored.browser == browser:
                self._requests[stored.digest] = attrs.evolve(stored, browser=to)

    def expired(self, before: datetime) -> list[bytes]:
        return [stored.digest for stored in self._requests.values() if stored.expires_at < before]

    def forget(self, digest: bytes) -> None:
        del self._requests[digest]

    def _of(self, digest: bytes, browser: bytes, at: datetime) -> StoredRequest | None:
        stored = self._requests.get(digest)
        return stored if stored is not None and stored.browser == browser and at < stored.expires_at else None


class MemoryConnections:
    def __init__(
        self, granted: Granted, users: MemoryUsers, clients: MemoryClients, families: MemoryRefreshFamilies
    ) -> None:
        self._granted = granted
        self._users = users
        self._clients = clients
        self._families = families

    async def of_user(self, username: str) -> tuple[Connection, ...]:
        await asyncio.sleep(0)
        found = []
        for connection in self._granted.of_user(username):
            client = self._clients.named(connection.client_id)
            if client is None or not connection.granted or self._users.named(username) is None:
                continue
            uses = [connection.used_at, *self._families.rotations(username, connection.client_id)]
            found.append(attrs.evolve(connection, client_name=client.name, used_at=max(uses)))
        return tuple(sorted(found, key=lambda one: (one.client_name.casefold(), one.client_id)))

    async def end(self, username: str, client_id: str, *, valid_from: datetime, at: datetime) -> bool:
        await asyncio.sleep(0)
        connection = self._granted.get(username, client_id)
        if connection is None or self._users.named(username) is None or self._clients.named(client_id) is None:
            return False
        latest = max(valid_from, connection.tokens_valid_from or valid_from)
        self._granted.keep(attrs.evolve(connection, granted=(), tokens_valid_from=latest))
        self._families.end_of_connection(username, client_id, at=at)
        return True


_requests: type[AuthorizationRequests] = MemoryAuthorizationRequests
_connections: type[Connections] = MemoryConnections
