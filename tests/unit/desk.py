"""Where clients register themselves: the use cases on memory adapters, with a fetcher that goes to this machine."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from attrs import Factory, define, field

from adapters.fetching.guarded import GuardedFetcher
from adapters.jose.assertions import JoseAssertions
from adapters.memory.clients import MemoryClients, MemoryResources
from adapters.memory.throttle import MemoryTallies
from adapters.registration import AuthlibMetadataRules
from adapters.system import SystemEntropy
from core.clients.dynamic import (
    CheckRegistration,
    DeleteRegistration,
    ReadRegistration,
    RegisterClient,
    Registered,
    RegistrationPolicy,
    ReplaceRegistration,
)
from core.clients.metadata import ReadMetadata
from core.clients.register import CreateClient, Registry, UpdateClient
from core.protocol.refusals import RegistrationRefused
from core.protocol.secret import Secret
from core.users.throttle import Throttle
from tests.support import SetClock
from tests.unit.noting import NotingAudit

INITIAL = Secret("the-initial-access-token-of-the-tests")
ADDRESS = "192.0.2.1"
CALLBACK = "https://app.example.com/callback"
APP: dict[str, object] = {"redirect_uris": [CALLBACK]}


@define
class Desk:
    mode: Literal["off", "token", "open"] = "open"
    fetcher: GuardedFetcher = field(factory=lambda: GuardedFetcher(loopback=True))
    clock: SetClock = field(factory=SetClock)
    audit: NotingAudit = field(factory=NotingAudit)
    entropy: SystemEntropy = field(factory=SystemEntropy)
    resources: MemoryResources = field(factory=MemoryResources)
    tallies: MemoryTallies = field(factory=MemoryTallies)
    clients: MemoryClients = Factory(lambda self: MemoryClients(self.resources), takes_self=True)

    @property
    def policy(self) -> RegistrationPolicy:
        return RegistrationPolicy(self.mode, INITIAL if self.mode == "token" else None)

    @property
    def read(self) -> ReadMetadata:
        return ReadMetadata(AuthlibMetadataRules())

    @property
    def registry(self) -> Registry:
        return Registry(self.resources, JoseAssertions())

    @property
    def throttle(self) -> Throttle:
        return Throttle(self.tallies, self.clock)

    @property
    def check(self) -> CheckRegistration:
        return CheckRegistration(self.registry, self.fetcher, self.throttle, self.policy)

    @property
    def register_client(self) -> RegisterClient:
        return RegisterClient(
            self.clients, self.read, self.check, self.throttle, self.clock, self.entropy, self.audit, self.policy
        )

    @property
    def find(self) -> ReadRegistration:
        return ReadRegistration(self.clients, self.policy)

    @property
    def replace(self) -> ReplaceRegistration:
        return ReplaceRegistration(self.clients, self.find, self.read, self.check, self.clock, self.audit)

    @property
    def delete(self) -> DeleteRegistration:
        return DeleteRegistration(self.clients, self.find, self.audit)

    # What administrators do

    @property
    def create(self) -> CreateClient:
        return CreateClient(self.clients, self.registry, self.clock, self.entropy, self.audit)

    @property
    def update(self) -> UpdateClient:
        return UpdateClient(self.clients, self.registry, self.clock, self.audit)

    # What strangers do

    async def register(self, *, token: Secret | None = None, address: str = ADDRESS, **document: Any) -> Registered:
        """With a redirect URI, unless the document says otherwise."""
        return await self.register_client({**APP, **document}, token=token, address=address)

    async def refused(self, **document: Any) -> RegistrationRefused:
        """What a document is turned down with; nothing has been kept of it."""
        before = (await self.clients.page(after=None, limit=1000)).clients
        with pytest.raises(RegistrationRefused) as caught:
            await self.register(**document)
        assert (await self.clients.page(after=None, limit=1000)).clients == before
        assert caught.value.description.isascii()
        return caught.value

    async def put(self, made: Registered, **document: Any) -> Registered:
        """The client says anew all that it is, with its id among that."""
        said = {"client_id": made.client.client_id, **APP, **document}
        return await self.replace(made.client.client_id, made.token, said, address=ADDRESS)

    async def not_put(self, made: Registered, **document: Any) -> str:
        """What a replacement is turned down with; the client is as it was before."""
        before = await self.clients.get(made.client.client_id)
        with pytest.raises(RegistrationRefused) as caught:
            await self.put(made, **document)
        assert await self.clients.get(made.client.client_id) == before
        return caught.value.description
