"""Everything that is kept, in the memory of one process."""

from __future__ import annotations

from datetime import timedelta

from adapters.memory.authorization import MemoryAuthorizationRequests, MemoryConnections
from adapters.memory.clients import MemoryClients, MemoryResources, MemorySpentAssertions
from adapters.memory.codes import MemoryCodes
from adapters.memory.epoch import Epoch
from adapters.memory.expired import MemoryExpiredRows
from adapters.memory.granted import Granted
from adapters.memory.keys import MemorySealedSecrets, MemorySigningKeys
from adapters.memory.sessions import MemorySessions
from adapters.memory.store import MemoryStore
from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from core.ports import Clock


class MemoryStores:
    """They share what they know, as tables of one database do."""

    def __init__(self, clock: Clock, audience: str, unused_clients: timedelta) -> None:
        names: set[str] = set()  # that were ever given out, to users and to clients
        epoch, granted = Epoch(), Granted()
        self.store = MemoryStore()
        self.users = MemoryUsers(names, epoch)
        self.resources = MemoryResources()
        self.clients = MemoryClients(self.resources, names, audience, epoch)
        self.spent_assertions = MemorySpentAssertions(clock)
        self.refresh_families = MemoryRefreshFamilies(epoch, self.users, granted)
        self.access_tokens = MemoryAccessTokens(self.users, self.clients, self.refresh_families, epoch, granted)
        self.tallies = MemoryTallies()
        self.signing_keys = MemorySigningKeys()
        self.sealed_secrets = MemorySealedSecrets()
        self.authorization_requests = MemoryAuthorizationRequests()
        self.connections = MemoryConnections(granted, self.users, self.clients, self.refresh_families)
        self.sessions = MemorySessions(self.users, self.refresh_families, self.authorization_requests, granted)
        self.codes = MemoryCodes(
            self.users,
            self.clients,
            self.sessions,
            self.authorization_requests,
            granted,
            self.refresh_families,
            self.access_tokens,
            epoch,
        )
        self.expired_rows = MemoryExpiredRows(
            self.refresh_families,
            self.access_tokens,
            self.tallies,
            self.clients,
            self.sessions,
            self.authorization_requests,
            self.codes,
            clock,
            unused_clients,
        )
