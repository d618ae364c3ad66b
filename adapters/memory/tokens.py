"""Refresh token families and ended access tokens in the memory of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import attrs

from adapters.memory.clients import MemoryClients
from adapters.memory.epoch import Epoch
from adapters.memory.granted import Granted
from adapters.memory.users import MemoryUsers
from core.clients.model import is_first_party
from core.protocol.scope import OFFLINE_ACCESS
from core.tokens.model import AccessToken, Family, Standing
from core.tokens.ports import AccessTokenLedger, Exceeded, RefreshFamilies, Reused, Rotated, Rotation


class MemoryRefreshFamilies:
    def __init__(self, epoch: Epoch, users: MemoryUsers, granted: Granted) -> None:
        self._users = users
        self._granted = granted
        self._families: dict[UUID, Family] = {}
        self._epoch = epoch

    async def start(self, family: Family) -> None:
        await asyncio.sleep(0)
        if family.id in self._families:
            raise KeyError(family.id)
        self.keep(family)

    async def rotate(self, step: Rotation) -> Rotated | Reused | Exceeded | None:
        outcome = await self._rotate(step)
        if not isinstance(outcome, Rotated) or outcome.family.permission.username is None:
            return outcome
        return attrs.evolve(outcome, user=await self._users.get_by_username(outcome.family.permission.username))

    async def _rotate(self, step: Rotation) -> Rotated | Reused | Exceeded | None:
        await asyncio.sleep(0)
        family = self._families.get(step.family)
        if family is None or family.permission.client_id != step.client_id or not family.live(step.at):
            return None
        granted = family.permission
        ends = [step.valid_from, self._epoch.valid_from, self._granted.valid_from(granted.username, granted.client_id)]
        if any(end is not None and granted.at < end for end in ends):
            return None
        if not family.accepts(step.presented, at=step.at, grace=step.grace):
            return Reused(self.keep(attrs.evolve(family, revoked_at=step.at)))
        if not (set(step.scope) <= set(granted.scope) and set(step.audience) <= set(granted.audience)):
            return Exceeded(family)
        if step.presented != family.current:
            return Rotated(family)
        return Rotated(
            self.keep(
                attrs.evolve(
                    family,
                    current=step.successor,
                    previous=step.presented,
                    rotated_at=step.at,
                    idle_expires_at=min(step.at + step.idle, family.expires_at),
                )
            )
        )

    async def find(self, family: UUID) -> Family | None:
        await asyncio.sleep(0)
        return self._families.get(family)

    async def revoke(self, family: UUID, *, at: datetime) -> None:
        await asyncio.sleep(0)
        self.end(family, at=at)

    def end(self, family: UUID, *, at: datetime) -> None:
        found = self._families.get(family)
        if found is not None and found.revoked_at is None:
            self.keep(attrs.evolve(found, revoked_at=at))

    def end_of_sessions(self, sessions: Collection[UUID], *, at: datetime) -> None:
        """Those that came of one of these sessions, and may not go on without."""
        for family in list(self._families.values()):
            login, scope = family.permission.login, family.permission.scope
            if login is not None and login.session in sessions and OFFLINE_ACCESS not in scope:
                self.end(family.id, at=at)

    def end_of_connection(self, username: str, client_id: str, *, at: datetime) -> None:
        for family in self._of(username, client_id):
            self.end(family.id, at=at)

    def rotations(self, username: str, client_id: str) -> list[datetime]:
        return [family.rotated_at for family in self._of(username, client_id) if family.rotated_at is not None]

    def _of(self, username: str, client_id: str) -> list[Family]:
        owners = (username, client_id)
        return [one for one in self._families.values() if (one.permission.username, one.permission.client_id) == owners]

    def is_revoked(self, family: UUID) -> bool:
        found = self._families.get(family)
        return found is not None and found.revoked_at is not None

    def expired(self, before: datetime) -> list[UUID]:
        return [
            family.id
            for family in self._families.values()
            if family.expires_at < before or (family.revoked_at is not None and family.revoked_at < before)
        ]

    def forget(self, family: UUID) -> None:
        del self._families[family]

    def keep(self, family: Family) -> Family:
        self._families[family.id] = family
        return family


class MemoryAccessTokens:
    def __init__(
        self,
        users: MemoryUsers,
        clients: MemoryClients,
        families: MemoryRefreshFamilies,
        epoch: Epoch,
        granted: Granted,
    ) -> None:
        self._users = users
        self._clients = clients
        self._families = families
        self._epoch = epoch
        self._granted = granted
        self._revoked: dict[str, datetime] = {}

    async def standing(self, token: AccessToken) -> Standing:
        await asyncio.sleep(0)
        client = self._clients.named(token.client_id)
        instants = [
            client.tokens_valid_from if client is not None else None,
            self._epoch.valid_from,
            self._granted.valid_from(token.username, token.client_id),
        ]
        revoked = token.jti in self._revoked
        if token.grant_id is not None:
            revoked = revoked or str(token.grant_id) in self._revoked or self._families.is_revoked(token.grant_id)
        return Standing(
            user=self._users.named(token.username),
            revoked=revoked,
            client_active=client.is_active if client is not None else None,
            valid_from=max((instant for instant in instants if instant is not None), default=None),
            first_party=client is not None and is_first_party(client),
            vouched_for=client is None or client.vouched_for,
        )

    async def revoke(self, jti: str, *, until: datetime) -> None:
        await asyncio.sleep(0)
        self.note(jti, until=until)

    def note(self, jti: str, *, until: datetime) -> None:
        self._revoked[jti] = max(until, self._revoked.get(jti, until))

    async def all_valid_from(self) -> datetime | None:
        await asyncio.sleep(0)
        return self._epoch.valid_from

    async def end_all(self, valid_from: datetime) -> None:
        await asyncio.sleep(0)
        self._epoch.valid_from = max(valid_from, self._epoch.valid_from or valid_from)

    def expired(self, before: datetime) -> list[str]:
        return [jti for jti, until in self._revoked.items() if until < before]

    def forget(self, jti: str) -> None:
        del self._revoked[jti]


_families: type[RefreshFamilies] = MemoryRefreshFamilies
_ledger: type[AccessTokenLedger] = MemoryAccessTokens
