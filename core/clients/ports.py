"""What the clients area asks of the outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from attrs import frozen

from core.clients.model import Client, Resource
from core.protocol.refusals import FieldError
from core.protocol.secret import Secret
from core.protocol.unset import UNSET, Unset


@frozen
class ClientChanges:
    """What one request changes of a client; whatever is `UNSET` stays. `tokens_valid_from` only moves forward.

    `application` has the members of `Application` that change, None for one that is taken away. `no_jwks` takes the
    keys away.
    """

    at: datetime
    name: str | Unset = UNSET
    grant_types: tuple[str, ...] | Unset = UNSET
    scopes: tuple[str, ...] | Unset = UNSET
    resources: tuple[str, ...] | Unset = UNSET
    serves: tuple[str, ...] | Unset = UNSET
    jwks: Mapping[str, object] | Unset = UNSET
    is_active: bool | Unset = UNSET
    tokens_valid_from: datetime | Unset = UNSET
    application: Mapping[str, object] | Unset = UNSET
    first_party: bool | Unset = UNSET
    no_jwks: bool = False


@frozen
class ClientPage:
    """Clients in the order of their ids. `next` is the cursor of the page that follows, or None."""

    clients: tuple[Client, ...]
    next: str | None


class ClientRepository(Protocol):
    """Where clients are kept. Each method is one transaction. All raise `Unavailable` when the store is away."""

    async def create(self, client: Client) -> None:
        """Keep a new client. Raises `ClientIdTaken`, also for a name that a user or a client ever had."""

    async def get(self, client_id: str) -> Client | None: ...

    async def recent(self, client_id: str) -> Client | None:
        """As `get`, or as it was at most a fifth of a second ago, but for what was changed here since."""

    async def update(self, client_id: str, changes: ClientChanges) -> Client:
        """The client after the change. Raises `ClientNotFound`."""

    async def replace_secret(
        self, client_id: str, digest: bytes, *, previous_until: datetime | None, at: datetime
    ) -> Client:
        """A new secret in place of the current one, which counts until `previous_until`, and any earlier one never.

        Raises `ClientNotFound`.
        """

    async def delete(self, client_id: str) -> None:
        """Forget a client, but for the id, which stays used for ever. Raises `ClientNotFound`."""

    async def page(self, *, after: str | None, limit: int) -> ClientPage: ...

    async def used(self, client_id: str, *, at: datetime) -> None:
        """It got a token. Only the first time counts."""


class ResourceRepository(Protocol):
    """The APIs that tokens are for."""

    async def create(self, resource: Resource) -> None:
        """Raises `ResourceTaken`."""

    async def replace_scopes(self, identifier: str, scopes: tuple[str, ...]) -> Resource:
        """Raises `ResourceNotFound`."""

    async def delete(self, identifier: str) -> None:
        """Raises `ResourceNotFound`. Tokens that were issued for it stay as they are."""

    async def all(self) -> tuple[Resource, ...]:
        """In the order of identifiers."""


class SpentAssertions(Protocol):
    async def redeem(self, client_id: str, jti: str, *, until: datetime) -> bool:
        """True for the first who brings this `jti` of this client; False for all others, until it has expired."""


class Fetcher(Protocol):
    """Documents that others name: from public addresses alone, nothing followed, bounded in size and time."""

    async def json(self, url: str) -> object:
        """The document behind an https URL. Raises `FetchFailed`, which says why to an operator."""


class FetchFailed(Exception):
    """A document of others that cannot be had. The message says why to an operator, and nothing of what it holds."""


class MetadataRules(Protocol):
    """What the specifications say of client metadata, member by member."""

    def problem(self, document: Mapping[str, object]) -> FieldError | None:
        """The first fault; None for none. Every member of the document has the type that its specification gives it."""


class KeySets(Protocol):
    async def of(self, jwks_uri: str, *, fresh: bool = False) -> Mapping[str, object] | None:
        """The JWK Set behind a `jwks_uri`, remembered for a while; None when it cannot be had.

        With `fresh` it is fetched again, if that was not done a moment ago.
        """


class AssertionVerifier(Protocol):
    """Client assertions (RFC 7523 §3), by keys that a client registered."""

    def issuer(self, assertion: Secret) -> str | None:
        """The `iss` that it claims, with nothing verified: for finding the client, and for nothing else."""

    def verify(self, assertion: Secret, jwks: Mapping[str, object]) -> Mapping[str, object] | None:
        """The claims, when one of these keys signed them with an algorithm of its type. None for anything else."""

    def acceptable(self, jwks: Mapping[str, object]) -> bool:
        """Whether every key of the set can verify an assertion."""
