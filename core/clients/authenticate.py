"""Which client is this? Answered by what it presents (RFC 6749 §2.3, RFC 7523 §3)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from attrs import frozen

from core.clients.model import CLIENT_ID, AuthMethod, Client, digest
from core.clients.ports import AssertionVerifier, ClientRepository, KeySets, SpentAssertions
from core.ports import Clock
from core.protocol.refusals import InvalidClient
from core.protocol.secret import Secret
from core.users.throttle import Attempt, Throttle

LONGEST_ASSERTION_LIFE = timedelta(minutes=5)
LONGEST_JTI = 256


@frozen
class SecretCredential:
    """RFC 6749 §2.3.1: a secret, in the header (`client_secret_basic`) or in the body (`client_secret_post`)."""

    client_id: str
    secret: Secret
    method: AuthMethod


@frozen
class AssertionCredential:
    """RFC 7523 §2.2. `client_id` is what the request says beside the assertion, or None."""

    assertion: Secret
    client_id: str | None = None


@frozen
class PublicCredential:
    """A public client names itself and proves nothing (RFC 6749 §3.2.1)."""

    client_id: str


ClientCredential = SecretCredential | AssertionCredential | PublicCredential


@frozen
class AuthenticatedClient:
    """Proof that a client authenticated as it is registered to. A public one only named itself: see `client.public`.

    `remembered`: the client may have changed within the last fifth of a second. A yes may rest on that, a no must not.
    """

    client: Client
    remembered: bool = False


@frozen
class AssertionPolicy:
    """What an assertion may name as its audience: the issuer, or the token endpoint (RFC 7523 §3)."""

    audiences: frozenset[str]
    leeway: timedelta = timedelta(0)


@frozen
class AuthenticateClient:
    """A right secret is never made to wait: no guess finds 256 random bits, and nobody is to be locked out by others'
    failures. What is throttled is failing.
    """

    clients: ClientRepository
    assertions: AssertionVerifier
    key_sets: KeySets
    spent: SpentAssertions
    throttle: Throttle
    clock: Clock
    policy: AssertionPolicy

    async def __call__(self, presented: ClientCredential, *, address: str, fresh: bool = False) -> AuthenticatedClient:
        """Raises `InvalidClient`, one and the same whatever it is about the client, or `TooManyAttempts`.

        With `fresh` nothing is remembered. An assertion, which is good once, is always held against what is stored.
        """
        named = self._name(presented)
        known = CLIENT_ID.fullmatch(named) is not None
        if known and not fresh and not isinstance(presented, AssertionCredential):
            client = await self.clients.recent(named)
            if client is not None and client.is_active and await self._proves(client, presented):
                return AuthenticatedClient(client, remembered=True)
        client = await self.clients.get(named) if known else None
        if client is not None and client.is_active and await self._proves(client, presented):
            return AuthenticatedClient(client)
        await self.throttle.failed(Attempt("client", named, address))
        raise InvalidClient("Client authentication failed")

    def _name(self, presented: ClientCredential) -> str:
        if not isinstance(presented, AssertionCredential):
            return presented.client_id
        named = self.assertions.issuer(presented.assertion) or ""
        return named if presented.client_id in {None, named} else ""

    async def _proves(self, client: Client, presented: ClientCredential) -> bool:
        if isinstance(presented, SecretCredential):
            return presented.method is client.auth_method and self._knows(client, presented.secret)
        if isinstance(presented, AssertionCredential):
            return client.auth_method is AuthMethod.PRIVATE_KEY_JWT and await self._asserts(client, presented)
        return client.public

    def _knows(self, client: Client, secret: Secret) -> bool:
        accepted = client.secret.accepted(self.clock.now()) if client.secret is not None else ()
        given = digest(secret)
        return sum(hmac.compare_digest(given, one) for one in accepted) > 0  # every one is compared

    async def _asserts(self, client: Client, presented: AssertionCredential) -> bool:
        claims = await self._verified(client, presented.assertion)
        if claims is None or claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            return False
        until = self._ends(claims)
        jti = claims.get("jti")
        if until is None or not self._for_us(claims) or not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
            return False
        return await self.spent.redeem(client.client_id, jti, until=until)

    async def _verified(self, client: Client, assertion: Secret) -> Mapping[str, object] | None:
        """Keys behind a URL may be others than those that were fetched last: then once more."""
        uri, algorithm = client.application.jwks_uri, client.application.token_endpoint_auth_signing_alg
        if uri is None:
            return self.assertions.verify(assertion, _narrowed(client.jwks, algorithm))
        for fresh in (False, True):
            keys = _narrowed(await self.key_sets.of(uri, fresh=fresh), algorithm)
            claims = self.assertions.verify(assertion, keys)
            if claims is not None:
                return claims
        return None

    def _for_us(self, claims: Mapping[str, object]) -> bool:
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        return any(isinstance(one, str) and one in self.policy.audiences for one in named)

    def _ends(self, claims: Mapping[str, object]) -> datetime | None:
        """When the assertion expires, if that is still to come and not too far away (RFC 7523 §3)."""
        now, leeway = self.clock.now(), self.policy.leeway
        expires, begins, issued = (_instant(claims.get(name)) for name in ("exp", "nbf", "iat"))
        if expires is None or not now < expires + leeway or expires > now + LONGEST_ASSERTION_LIFE + leeway:
            return None
        for name, instant in (("nbf", begins), ("iat", issued)):
            if name in claims and (instant is None or instant > now + leeway):
                return None
        return expires + leeway


def _narrowed(jwks: Mapping[str, object] | None, algorithm: str | None) -> Mapping[str, object]:
    """With `token_endpoint_auth_signing_alg` no other algorithm counts (OpenID Connect Registration §2)."""
    keys = jwks.get("keys") if jwks is not None else None
    if not isinstance(keys, list):
        return {}
    own = [key for key in keys if isinstance(key, Mapping)]
    if algorithm is None:
        return {"keys": own}
    return {"keys": [{**key, "alg": algorithm} for key in own if key.get("alg", algorithm) == algorithm]}


def _instant(value: object) -> datetime | None:
    """A NumericDate (RFC 7519 §2), or None for what is none that a calendar knows."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        return None
    return datetime.fromtimestamp(value, UTC)
