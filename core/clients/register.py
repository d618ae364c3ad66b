"""The verbs of a client and of a resource, shared by the command line and the admin API."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta

import attrs
from attrs import evolve, frozen

from core.clients.application import Application
from core.clients.model import (
    CLIENT_ID,
    SECRET_PREFIX,
    AuthMethod,
    Client,
    Resource,
    SecretDigests,
    digest,
    missing,
    refuse_client,
)
from core.clients.ports import AssertionVerifier, ClientChanges, ClientPage, ClientRepository, ResourceRepository
from core.ports import Audit, Clock, Entropy
from core.protocol.refusals import ClientNotFound, FieldError, InvalidFields, NoSecret
from core.protocol.scope import IDENTITY_SCOPES, resource_errors, scope_errors, unique
from core.protocol.secret import Secret
from core.protocol.unset import UNSET, Unset
from core.users.accounts import DEFAULT_PAGE, LARGEST_PAGE
from core.users.ending import end_tokens

LONGEST_OVERLAP = timedelta(days=30)

# What a client has that signs people in, when nobody says otherwise.
SIGN_IN_GRANTS = ("authorization_code", "refresh_token")


@frozen
class NewSecret:
    """A client and its secret, which is shown once and kept nowhere. None for a client that has no secret."""

    client: Client
    secret: Secret | None


@frozen
class Registry:
    """What every change of a client is checked against."""

    resources: ResourceRepository
    assertions: AssertionVerifier

    async def check(self, client: Client, before: Client | None = None) -> Client:
        """The client, which keeps every rule. What it had `before` may be gone by now. Raises `InvalidFields`."""
        refuse_client(client)
        errors: list[FieldError] = []
        resources = [one for one in client.resources if before is None or one not in before.resources]
        serves = [one for one in client.serves if before is None or one not in before.serves]
        if resources or serves:
            known = [resource.identifier for resource in await self.resources.all()]
            errors += missing(resources, known, "resources") + missing(serves, known, "serves")
        if client.jwks is not None and not self.assertions.acceptable(client.jwks):
            errors.append(FieldError("jwks", "one of its keys cannot be read, or is of no kind that is accepted"))
        if errors:
            raise InvalidFields(*errors)
        return client


@frozen
class CreateClient:
    clients: ClientRepository
    registry: Registry
    clock: Clock
    entropy: Entropy
    audit: Audit

    async def __call__(
        self,
        *,
        client_id: str,
        name: str = "",
        auth_method: AuthMethod = AuthMethod.SECRET_BASIC,
        grant_types: tuple[str, ...] = (),
        scopes: tuple[str, ...] = (),
        resources: tuple[str, ...] = (),
        serves: tuple[str, ...] = (),
        jwks: Mapping[str, object] | None = None,
        application: Application | None = None,
        first_party: bool = False,
    ) -> NewSecret:
        """Raises `InvalidFields` naming every field at fault, `ClientIdTaken`.

        A client with redirect URIs and no grant types signs people in, and may ask for whatever is told of them.
        """
        now = self.clock.now()
        application = application or Application()
        if application.redirect_uris and not grant_types:
            grant_types = SIGN_IN_GRANTS
        if "authorization_code" in grant_types and not scopes:
            scopes = IDENTITY_SCOPES
        secret = new_secret(self.entropy) if auth_method.by_secret else None
        client = Client(
            client_id=client_id,
            auth_method=auth_method,
            created_at=now,
            updated_at=now,
            name=name or client_id,
            grant_types=grant_types,
            scopes=scopes,
            resources=resources,
            serves=serves,
            jwks=jwks,
            secret=SecretDigests(digest(secret)) if secret is not None else None,
            application=application,
            first_party=first_party,
        )
        await self.clients.create(await self.registry.check(client))
        self.audit.note("client created", client_id=client_id)
        return NewSecret(client, secret)


@frozen
class FindClient:
    clients: ClientRepository

    async def __call__(self, client_id: str) -> Client:
        """Raises `ClientNotFound`."""
        client = await self.clients.get(client_id) if CLIENT_ID.fullmatch(client_id) else None
        if client is None:
            raise ClientNotFound
        return client


@frozen
class ListClients:
    clients: ClientRepository

    async def __call__(self, *, after: str | None = None, limit: int = DEFAULT_PAGE) -> ClientPage:
        """A page in the order of client ids, from behind the cursor `after`. Raises `InvalidFields`."""
        errors = []
        if not 1 <= limit <= LARGEST_PAGE:
            errors.append(FieldError("limit", f"expected a number from 1 to {LARGEST_PAGE}"))
        if after is not None and not CLIENT_ID.fullmatch(after):
            errors.append(FieldError("after", "expected the `next` of an earlier page"))
        if errors:
            raise InvalidFields(*errors)
        return await self.clients.page(after=after, limit=limit)


@frozen
class UpdateClient:
    """What an administrator may change. Narrower grants, scopes and resources count for refresh tokens too."""

    clients: ClientRepository
    registry: Registry
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        client_id: str,
        *,
        name: str | Unset = UNSET,
        grant_types: tuple[str, ...] | Unset = UNSET,
        scopes: tuple[str, ...] | Unset = UNSET,
        resources: tuple[str, ...] | Unset = UNSET,
        serves: tuple[str, ...] | Unset = UNSET,
        jwks: Mapping[str, object] | Unset = UNSET,
        is_active: bool | Unset = UNSET,
        application: Mapping[str, object] | Unset = UNSET,
        first_party: bool | Unset = UNSET,
    ) -> Client:
        """The client after the change. A deactivation ends its tokens.

        `application` has the members of `Application` that change; None takes one away. A `jwks_uri` takes the place of
        the keys that were registered before.

        Raises `InvalidFields`, `ClientNotFound`.
        """
        now = self.clock.now()
        changes = ClientChanges(
            at=now,
            name=name,
            grant_types=grant_types if isinstance(grant_types, Unset) else unique(grant_types),
            scopes=scopes if isinstance(scopes, Unset) else unique(scopes),
            resources=resources if isinstance(resources, Unset) else unique(resources),
            serves=serves if isinstance(serves, Unset) else unique(serves),
            jwks=jwks,
            is_active=is_active,
            application=application,
            first_party=first_party,
            no_jwks=jwks is UNSET and application is not UNSET and application.get("jwks_uri") is not None,
        )
        before = await FindClient(self.clients)(client_id)
        await self.registry.check(changed(before, changes), before)
        if is_active is False:
            client = await end_tokens(
                self.clock, lambda instant: self.clients.update(client_id, evolve(changes, tokens_valid_from=instant))
            )
        else:
            client = await self.clients.update(client_id, changes)
        self.audit.note("client changed", client_id=client_id)
        return client


@frozen
class RotateSecret:
    clients: ClientRepository
    clock: Clock
    entropy: Entropy
    audit: Audit

    async def __call__(self, client_id: str, *, overlap: timedelta = timedelta(0)) -> NewSecret:
        """A new secret. The one before counts for as long as `overlap`; any earlier one no longer.

        Raises `InvalidFields` (`overlap`), `ClientNotFound`, `NoSecret`.
        """
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            raise InvalidFields(FieldError("overlap_seconds", f"expected at most {LONGEST_OVERLAP.days} days"))
        client = await FindClient(self.clients)(client_id)
        if not client.auth_method.by_secret:
            raise NoSecret
        now, secret = self.clock.now(), new_secret(self.entropy)
        until = now + overlap if overlap else None
        client = await self.clients.replace_secret(client_id, digest(secret), previous_until=until, at=now)
        self.audit.note("client secret rotated", client_id=client_id)
        return NewSecret(client, secret)


@frozen
class EndClientsTokens:
    """End every token that a client has, refresh tokens included."""

    clients: ClientRepository
    clock: Clock
    audit: Audit

    async def __call__(self, client_id: str) -> Client:
        """Raises `ClientNotFound`."""
        await FindClient(self.clients)(client_id)
        now = self.clock.now()
        client = await end_tokens(
            self.clock,
            lambda instant: self.clients.update(client_id, ClientChanges(at=now, tokens_valid_from=instant)),
        )
        self.audit.note("client's tokens ended", client_id=client_id)
        return client


@frozen
class DeleteClient:
    clients: ClientRepository
    audit: Audit

    async def __call__(self, client_id: str) -> None:
        """Its tokens end with it. Raises `ClientNotFound`. The id is never given out again."""
        await FindClient(self.clients)(client_id)
        await self.clients.delete(client_id)
        self.audit.note("client deleted", client_id=client_id)


@frozen
class CreateResource:
    resources: ResourceRepository
    clock: Clock

    async def __call__(self, identifier: str, scopes: tuple[str, ...] = ()) -> Resource:
        """Raises `InvalidFields`, `ResourceTaken`."""
        resource = Resource(identifier, scopes, self.clock.now())
        await self.resources.create(resource)
        return resource


@frozen
class ListResources:
    resources: ResourceRepository

    async def __call__(self) -> tuple[Resource, ...]:
        return await self.resources.all()


@frozen
class UpdateResource:
    resources: ResourceRepository

    async def __call__(self, identifier: str, scopes: tuple[str, ...]) -> Resource:
        """The resource with exactly these scopes. Raises `InvalidFields`, `ResourceNotFound`."""
        if errors := [*resource_errors([identifier], "identifier"), *scope_errors(scopes)]:
            raise InvalidFields(*errors)
        return await self.resources.replace_scopes(identifier, unique(scopes))


@frozen
class DeleteResource:
    resources: ResourceRepository

    async def __call__(self, identifier: str) -> None:
        """No new token is issued for it. Raises `ResourceNotFound`."""
        await self.resources.delete(identifier)


def new_secret(entropy: Entropy, prefix: str = SECRET_PREFIX) -> Secret:
    """256 random bits, with a prefix by which scanners know it."""
    return Secret(prefix + base64.urlsafe_b64encode(entropy.secret()).rstrip(b"=").decode())


def changed(client: Client, changes: ClientChanges) -> Client:
    """The client as it will be, but for the instant before which its tokens end."""
    fields = attrs.asdict(changes, recurse=False, filter=lambda _, value: not isinstance(value, Unset))
    if "application" in fields:
        fields["application"] = Application.stored({**client.application.members(), **fields["application"]})
    if fields.pop("no_jwks"):
        fields["jwks"] = None
    return attrs.evolve(client, updated_at=fields.pop("at"), **fields)
