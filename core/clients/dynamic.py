"""Clients that register themselves, and look after that (RFC 7591, RFC 7592, OpenID Connect Registration 1.0)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from core.clients.application import Application
from core.clients.metadata import MEMBERS, Metadata, ReadMetadata, refused
from core.clients.model import CLIENT_ID, AuthMethod, Client, SecretDigests, digest
from core.clients.ports import ClientChanges, ClientRepository, Fetcher, FetchFailed
from core.clients.register import Registry, changed, new_secret
from core.ports import Audit, Clock, Entropy
from core.protocol.refusals import ClientNotFound, FieldError, InvalidFields, InvalidToken, NotFound, TokenMissing
from core.protocol.secret import Secret
from core.protocol.unset import UNSET
from core.users.throttle import Attempt, Throttle

TOKEN_PREFIX = "wwt_"
ID_LENGTH = 26  # characters of base32: 130 bits
NOBODYS = bytes(32)  # no token has this digest

# What only the server says (RFC 7591 §3.2.1, RFC 7592 §2.2).
SERVERS_OWN = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


@frozen
class RegistrationPolicy:
    """Who may register: nobody, whoever has `token` (RFC 7591 §3), or anybody."""

    mode: Literal["off", "token", "open"] = "off"
    token: Secret | None = field(default=None, repr=False)

    def check_offered(self) -> None:
        """Raises `NotFound`."""
        if self.mode == "off":
            raise NotFound("Clients do not register themselves here")


@frozen
class Registered:
    """A client as it is registered, and its registration access token. `secret` is None where it has none, and where
    only its digest is known.
    """

    client: Client
    secret: Secret | None = field(repr=False)
    token: Secret = field(repr=False)


@frozen
class CheckRegistration:
    """What a registration has to keep to, be it new or a replacement."""

    registry: Registry
    fetcher: Fetcher
    throttle: Throttle
    policy: RegistrationPolicy

    async def __call__(self, client: Client, before: Client | None, *, address: str) -> None:
        """Raises `RegistrationRefused`, `TooManyAttempts`."""
        had = before.grant_types if before is not None else ()
        if self.policy.mode == "open" and "client_credentials" in set(client.grant_types).difference(had):
            # Anybody would get tokens for every API, with nobody asked.
            raise refused(FieldError("grant_types", "client_credentials is for clients that somebody let in"))
        try:
            await self.registry.check(client, before)
        except InvalidFields as refusal:
            raise refused(*refusal.errors) from None
        fetches = client.application.sector_identifier_uri is not None
        if fetches or (before is None and self.policy.mode == "open"):
            # Counted like a failure: so many may be had in an hour. A fetch goes wherever the client says.
            await self.throttle.failed(Attempt("registration", "", address))
        if fetches:
            await self._check_sector(client.application)

    async def _check_sector(self, application: Application) -> None:
        """OpenID Connect Registration §5: whoever has the host says that these redirect URIs belong together."""
        try:
            listed = await self.fetcher.json(application.sector_identifier_uri or "")
        except FetchFailed as failure:
            raise refused(FieldError("sector_identifier_uri", "it could not be fetched")) from failure
        if not isinstance(listed, list) or any(uri not in listed for uri in application.redirect_uris):
            raise refused(FieldError("sector_identifier_uri", "expected there a JSON array with every redirect URI"))


@frozen
class RegisterClient:
    """RFC 7591 §3."""

    clients: ClientRepository
    read: ReadMetadata
    check: CheckRegistration
    throttle: Throttle
    clock: Clock
    entropy: Entropy
    audit: Audit
    policy: RegistrationPolicy

    async def __call__(self, document: Mapping[str, object], *, token: Secret | None, address: str) -> Registered:
        """`token` is the initial access token, which counts where the policy wants one.

        Raises `NotFound` where nobody registers, `InvalidToken`, `RegistrationRefused`, `TooManyAttempts`.
        """
        await self._admit(token, address)
        said = self.read(document)
        method = said.auth_method or AuthMethod.SECRET_BASIC
        secret = new_secret(self.entropy) if method.by_secret else None
        own, client_id, now = new_secret(self.entropy, TOKEN_PREFIX), self._new_id(), self.clock.now()
        client = Client(
            client_id=client_id,
            auth_method=method,
            created_at=now,
            updated_at=now,
            name=said.name or client_id,
            grant_types=said.grant_types,
            scopes=said.scopes,
            jwks=said.jwks,
            secret=SecretDigests(digest(secret)) if secret is not None else None,
            application=said.application,
            registration=digest(own),
        )
        await self.check(client, None, address=address)
        await self.clients.create(client)
        self.audit.note("client registered itself", client_id=client_id, address=address)
        return Registered(client, secret, own)

    async def _admit(self, token: Secret | None, address: str) -> None:
        """The right token is never made to wait, as no guess finds it."""
        self.policy.check_offered()
        if self.policy.mode == "open":
            return
        if token is None:
            raise TokenMissing
        if self.policy.token is None or token != self.policy.token:
            await self.throttle.failed(Attempt("registration", "", address))
            raise InvalidToken("not the initial access token")

    def _new_id(self) -> str:
        return base64.b32encode(self.entropy.secret()).decode().lower()[:ID_LENGTH]


@frozen
class ReadRegistration:
    """RFC 7592 §2.1."""

    clients: ClientRepository
    policy: RegistrationPolicy

    async def __call__(self, client_id: str, token: Secret) -> Client:
        """Raises `NotFound` where nobody registers; `InvalidToken`, one and the same for a wrong token, an unknown
        client, an inactive one, and one that an administrator registered.
        """
        self.policy.check_offered()
        client = await self.clients.get(client_id) if CLIENT_ID.fullmatch(client_id) else None
        expected = client.registration if client is not None else None
        fits = hmac.compare_digest(digest(token), expected or NOBODYS)
        if client is None or not fits or not client.is_active:
            raise _not_theirs()
        return client


@frozen
class ReplaceRegistration:
    """RFC 7592 §2.2: what is left out is taken away, or falls back to its default."""

    clients: ClientRepository
    find: ReadRegistration
    read: ReadMetadata
    check: CheckRegistration
    clock: Clock
    audit: Audit

    async def __call__(
        self, client_id: str, token: Secret, document: Mapping[str, object], *, address: str
    ) -> Registered:
        """Raises as `ReadRegistration`, and `RegistrationRefused`, `TooManyAttempts`."""
        before = await self.find(client_id, token)
        secret = _own_words(before, document)
        said = self.read(document, before.auth_method)
        _check_lasting(before, said)
        changes = ClientChanges(
            at=self.clock.now(),
            name=said.name or before.client_id,
            grant_types=said.grant_types,
            scopes=said.scopes,
            application=_all_of(said.application),
            jwks=UNSET if said.jwks is None else said.jwks,
            no_jwks=said.jwks is None,
        )
        await self.check(changed(before, changes), before, address=address)
        try:
            client = await self.clients.update(client_id, changes)
        except ClientNotFound:
            raise _not_theirs() from None
        self.audit.note("client replaced its registration", client_id=client_id, address=address)
        return Registered(client, secret, token)


@frozen
class DeleteRegistration:
    """RFC 7592 §2.3. Its tokens, and what people allowed it, end with it."""

    clients: ClientRepository
    find: ReadRegistration
    audit: Audit

    async def __call__(self, client_id: str, token: Secret, *, address: str) -> None:
        """Raises as `ReadRegistration`."""
        await self.find(client_id, token)
        try:
            await self.clients.delete(client_id)
        except ClientNotFound:
            raise _not_theirs() from None
        self.audit.note("client deleted its registration", client_id=client_id, address=address)


def _not_theirs() -> InvalidToken:
    return InvalidToken("not the registration access token of this client")


def _own_words(client: Client, document: Mapping[str, object]) -> Secret | None:
    """What the client repeats has to be right (RFC 7592 §2.2). Its secret, if it is among that.

    Raises `RegistrationRefused`.
    """
    if document.get("client_id") != client.client_id:
        raise refused(FieldError("client_id", "expected the id of this client"))
    for name in SERVERS_OWN:
        if document.get(name) is not None:
            raise refused(FieldError(name, "the server's own to say"))
    given = document.get("client_secret")
    if given is None:
        return None
    secret = Secret(given) if isinstance(given, str) else None
    current = client.secret.current if client.secret is not None else NOBODYS
    if secret is None or not hmac.compare_digest(digest(secret), current):
        raise refused(FieldError("client_secret", "expected the one that this client has"))
    return secret


def _check_lasting(before: Client, said: Metadata) -> None:
    """What a client stays with. Raises `RegistrationRefused`.

    In another sector it would learn by what name that one knows the people who signed in to it before.
    """
    if said.auth_method not in {None, before.auth_method}:
        raise refused(FieldError("token_endpoint_auth_method", "a client stays with the one that it registered"))
    old, new = before.application, said.application
    if old.subject_type != new.subject_type:
        raise refused(FieldError("subject_type", "a client stays with the one that it registered"))
    if new.subject_type == "pairwise" and old.sector != new.sector:
        raise refused(FieldError("sector_identifier_uri", "a client stays in the sector that it registered in"))


def _all_of(application: Application) -> dict[str, object]:
    """Every member that a client may say, None for those that it does not."""
    members = application.members()
    return {name: members.get(name) for name in MEMBERS}
