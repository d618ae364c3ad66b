"""Authorization codes in the memory of one process."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from adapters.memory.authorization import MemoryAuthorizationRequests
from adapters.memory.clients import MemoryClients
from adapters.memory.epoch import Epoch
from adapters.memory.granted import Granted
from adapters.memory.sessions import MemorySessions
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from core.authorization.model import Code
from core.authorization.ports import Codes, FirstToken, Mismatched, NewCode, Redeemed, Redemption, Replayed
from core.protocol.scope import OFFLINE_ACCESS
from core.tokens.model import Family
from core.users.model import User


class MemoryCodes:
    """Each verb yields once, as a database would, and then decides and changes without another pause."""

    def __init__(
        self,
        users: MemoryUsers,
        clients: MemoryClients,
        sessions: MemorySessions,
        requests: MemoryAuthorizationRequests,
        granted: Granted,
        families: MemoryRefreshFamilies,
        ledger: MemoryAccessTokens,
        epoch: Epoch,
    ) -> None:
        self._users = users
        self._clients = clients
        self._sessions = sessions
        self._requests = requests
        self._granted = granted
        self._families = families
        self._ledger = ledger
        self._epoch = epoch
        self._codes: dict[bytes, Code] = {}
        self._spent: set[bytes] = set()

    async def issue(self, new: NewCode) -> bool:
        await asyncio.sleep(0)
        code, allowed = new.code, new.code.permission
        if allowed.login is None or allowed.username is None or allowed.client_id is None:
            raise ValueError("a code rests on a sign-in")
        if code.digest in self._codes:
            raise KeyError("there is such a code")
        if new.finishes is not None and not self._requests.take(*new.finishes):
            return False
        if new.allows is not None:
            self._granted.add(allowed.username, allowed.client_id, new.allows, at=allowed.at)
        self._codes[code.digest] = code
        return True

    async def redeem(self, redemption: Redemption) -> Redeemed | Replayed | Mismatched | None:
        await asyncio.sleep(0)
        code = self._codes.get(redemption.digest)
        if code is None or code.permission.client_id != redemption.client_id:
            return None
        if code.digest in self._spent:
            return Replayed(code)
        what = redemption.mismatch(code)
        if what is not None:
            return Mismatched(what)
        user = self._good_for(code, redemption.at)
        if user is None:
            return None
        self._spent.add(code.digest)
        if redemption.refresh is not None:
            self._families.keep(_family(code, redemption.refresh))
        return Redeemed(code, user)

    async def revoke(self, grant_id: UUID, *, at: datetime, until: datetime) -> None:
        await asyncio.sleep(0)
        self._ledger.note(str(grant_id), until=until)
        self._families.end(grant_id, at=at)

    def expired(self, before: datetime) -> list[bytes]:
        return [code.digest for code in self._codes.values() if code.expires_at < before]

    def forget(self, digest: bytes) -> None:
        del self._codes[digest]
        self._spent.discard(digest)

    def _good_for(self, code: Code, at: datetime) -> User | None:
        """The user, if nothing has ended what the code is for."""
        allowed, login = code.permission, code.permission.login
        user = self._users.named(allowed.username or "")
        if at >= code.expires_at or user is None or not user.is_active or login is None:
            return None
        if not self._sessions.lives(login.session, at):
            return None
        client = self._clients.named(allowed.client_id or "")
        signed_in = min(allowed.at, login.at)
        ends = (
            (user.tokens_valid_from, signed_in),
            (self._epoch.valid_from, signed_in),
            (client.tokens_valid_from if client is not None else None, allowed.at),
            (self._granted.valid_from(user.username, allowed.client_id), allowed.at),
        )
        return None if any(end is not None and instant < end for end, instant in ends) else user


def _family(code: Code, first: FirstToken) -> Family:
    """It ends with the session at the latest, unless it may go on without."""
    expires = first.expires_at
    if OFFLINE_ACCESS not in code.permission.scope:
        expires = min(expires, code.session_expires_at)
    return Family(
        id=code.grant_id,
        permission=code.permission,
        current=first.digest,
        expires_at=expires,
        idle_expires_at=min(first.idle_expires_at, expires),
    )


_: type[Codes] = MemoryCodes
