"""Clients, resources and spent assertions in the memory of one process."""

from __future__ import annotations

import asyncio
import copy
from datetime import datetime

import attrs

from adapters.memory.epoch import Epoch
from core.clients.application import Application
from core.clients.model import Client, Resource, SecretDigests
from core.clients.ports import ClientChanges, ClientPage, ClientRepository, ResourceRepository, SpentAssertions
from core.ports import Clock
from core.protocol.refusals import ClientIdTaken, ClientNotFound, ResourceNotFound, ResourceTaken
from core.protocol.unset import Unset


class MemoryResources:
    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}

    async def create(self, resource: Resource) -> None:
        await asyncio.sleep(0)
        if resource.identifier in self._resources:
            raise ResourceTaken
        self._resources[resource.identifier] = resource

    async def replace_scopes(self, identifier: str, scopes: tuple[str, ...]) -> Resource:
        await asyncio.sleep(0)
        if identifier not in self._resources:
            raise ResourceNotFound
        self._resources[identifier] = attrs.evolve(self._resources[identifier], scopes=scopes)
        return self._resources[identifier]

    async def delete(self, identifier: str) -> None:
        await asyncio.sleep(0)
        if self._resources.pop(identifier, None) is None:
            raise ResourceNotFound

    async def all(self) -> tuple[Resource, ...]:
        await asyncio.sleep(0)
        return tuple(self._resources[name] for name in sorted(self._resources))

    def definitions(self, identifiers: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        return {name: self._resources[name].scopes for name in identifiers if name in self._resources}

    def all_definitions(self) -> dict[str, tuple[str, ...]]:
        return {name: resource.scopes for name, resource in self._resources.items()}


class MemoryClients:
    """Each verb yields once, as a database would, and then decides and changes without another pause."""

    def __init__(
        self,
        resources: MemoryResources,
        names: set[str] | None = None,
        audience: str = "",
        epoch: Epoch | None = None,
    ) -> None:
        """`names` are all that were ever given out, to users and to clients; `audience` is that of tokens which name
        none.
        """
        self._audience = audience
        self._epoch = epoch or Epoch()
        self._clients: dict[str, Client] = {}
        self._resources = resources
        self._names = set() if names is None else names

    async def create(self, client: Client) -> None:
        await asyncio.sleep(0)
        if client.client_id in self._names:
            raise ClientIdTaken
        self._names.add(client.client_id)
        self._keep(client)

    async def get(self, client_id: str) -> Client | None:
        await asyncio.sleep(0)
        client = self._clients.get(client_id)
        return None if client is None else self._with_definitions(client)

    async def recent(self, client_id: str) -> Client | None:
        return await self.get(client_id)

    async def update(self, client_id: str, changes: ClientChanges) -> Client:
        await asyncio.sleep(0)
        client = self._clients.get(client_id)
        if client is None:
            raise ClientNotFound
        fields = attrs.asdict(changes, recurse=False, filter=lambda _, value: not isinstance(value, Unset))
        if fields.pop("no_jwks"):
            fields["jwks"] = None
        if "application" in fields:
            said = {**client.application.members(), **fields["application"]}
            fields["application"] = Application.stored(copy.deepcopy(said))
        instants = [client.tokens_valid_from, fields.pop("tokens_valid_from", None)]
        latest = max((instant for instant in instants if instant is not None), default=None)
        return self._keep(attrs.evolve(client, updated_at=fields.pop("at"), tokens_valid_from=latest, **fields))

    async def replace_secret(
        self, client_id: str, digest: bytes, *, previous_until: datetime | None, at: datetime
    ) -> Client:
        await asyncio.sleep(0)
        client = self._clients.get(client_id)
        if client is None or client.secret is None:
            raise ClientNotFound
        previous = client.secret.current if previous_until is not None else None
        return self._keep(attrs.evolve(client, secret=SecretDigests(digest, previous, previous_until), updated_at=at))

    async def delete(self, client_id: str) -> None:
        await asyncio.sleep(0)
        if self._clients.pop(client_id, None) is None:
            raise ClientNotFound

    async def page(self, *, after: str | None, limit: int) -> ClientPage:
        await asyncio.sleep(0)
        rest = sorted(name for name in self._clients if after is None or name > after)
        clients = tuple(self._with_definitions(self._clients[name]) for name in rest[:limit])
        return ClientPage(clients, clients[-1].client_id if len(rest) > limit else None)

    async def used(self, client_id: str, *, at: datetime) -> None:
        await asyncio.sleep(0)
        client = self._clients.get(client_id)
        if client is not None and client.used_at is None:
            self._keep(attrs.evolve(client, used_at=at))

    def named(self, client_id: str) -> Client | None:
        return self._clients.get(client_id)

    def unused(self, before: datetime) -> list[str]:
        """Those that registered themselves before then, and never got a token for anybody."""
        return [
            client.client_id
            for client in self._clients.values()
            if not client.vouched_for and client.used_at is None and client.created_at < before
        ]

    def forget(self, client_id: str) -> None:
        del self._clients[client_id]

    def _keep(self, client: Client) -> Client:
        self._clients[client.client_id] = attrs.evolve(client, jwks=copy.deepcopy(client.jwks))
        return self._with_definitions(client)

    def _with_definitions(self, client: Client) -> Client:
        return attrs.evolve(
            client,
            definitions=self._resources.definitions((*client.resources, self._audience))
            if client.vouched_for
            else self._resources.all_definitions(),
            jwks=copy.deepcopy(client.jwks),
            tokens_valid_from=self._epoch.with_own(client.tokens_valid_from),
        )


class MemorySpentAssertions:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent: dict[tuple[str, str], datetime] = {}

    async def redeem(self, client_id: str, jti: str, *, until: datetime) -> bool:
        await asyncio.sleep(0)
        now = self._clock.now()
        self._spent = {key: end for key, end in self._spent.items() if end > now}
        if (client_id, jti) in self._spent:
            return False
        self._spent[client_id, jti] = until
        return True


_clients: type[ClientRepository] = MemoryClients
_resources: type[ResourceRepository] = MemoryResources
_spent: type[SpentAssertions] = MemorySpentAssertions
