"""Who is signed in where, in the memory of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import attrs

from adapters.memory.authorization import MemoryAuthorizationRequests
from adapters.memory.granted import Granted
from adapters.memory.tokens import MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from core.authorization.model import Seen, Session
from core.authorization.ports import Sessions


class MemorySessions:
    """Each verb yields once, as a database would, and then decides and changes without another pause."""

    def __init__(
        self,
        users: MemoryUsers,
        families: MemoryRefreshFamilies,
        requests: MemoryAuthorizationRequests,
        granted: Granted,
    ) -> None:
        self._users = users
        self._families = families
        self._requests = requests
        self._granted = granted
        self._sessions: dict[UUID, Session] = {}

    async def start(self, session: Session, *, browser: bytes | None, goes_on: bool = False) -> bool:
        await asyncio.sleep(0)
        if goes_on:
            before = self._under(browser) if browser is not None else None
            if browser is None or before is None or (before.id, before.username) != (session.id, session.username):
                return False
            self._requests.move(browser, session.digest)
            self._sessions[session.id] = session
            return True
        if session.id in self._sessions or self._under(session.digest) is not None:
            raise KeyError(session.id)
        if browser is not None:
            before = self._under(browser)
            self._end([] if before is None else [before.id], session.seen_at)
            self._requests.move(browser, session.digest)
        self._sessions[session.id] = session
        return True

    async def look(self, digest: bytes, *, client_id: str | None = None) -> Seen | None:
        await asyncio.sleep(0)
        session = self._under(digest)
        user = self._users.named(session.username) if session is not None else None
        if session is None or user is None:
            return None
        return Seen(session, self._users.with_epoch(user), self._granted.get(user.username, client_id))

    async def touch(self, session: UUID, *, at: datetime, idle_expires_at: datetime) -> None:
        await asyncio.sleep(0)
        found = self._sessions.get(session)
        if found is not None:
            self._sessions[session] = attrs.evolve(
                found, seen_at=max(found.seen_at, at), idle_expires_at=max(found.idle_expires_at, idle_expires_at)
            )

    async def of_user(self, username: str) -> tuple[Session, ...]:
        await asyncio.sleep(0)
        by_id = sorted(self._of(username), key=lambda session: session.id)
        return tuple(sorted(by_id, key=lambda session: session.seen_at, reverse=True))

    async def end(self, username: str, session: UUID | None, *, at: datetime) -> int:
        await asyncio.sleep(0)
        ended = [one.id for one in self._of(username) if session in (None, one.id)]
        self._end(ended, at)
        return len(ended)

    def lives(self, session: UUID, at: datetime) -> bool:
        found = self._sessions.get(session)
        return found is not None and found.live(at)

    def expired(self, before: datetime) -> list[UUID]:
        return [session.id for session in self._sessions.values() if session.expires_at < before]

    def forget(self, session: UUID) -> None:
        del self._sessions[session]

    def _end(self, sessions: Collection[UUID], at: datetime) -> None:
        for session in sessions:
            del self._sessions[session]
        self._families.end_of_sessions(sessions, at=at)

    def _under(self, digest: bytes) -> Session | None:
        return next((session for session in self._sessions.values() if session.digest == digest), None)

    def _of(self, username: str) -> list[Session]:
        if self._users.named(username) is None:
            return []
        return [session for session in self._sessions.values() if session.username == username]


_: type[Sessions] = MemorySessions
