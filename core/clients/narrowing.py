"""What is asked for, cut down to what may be had (RFC 6749 §3.3, RFC 8707 §2)."""

from __future__ import annotations

from attrs import frozen

from core.clients.model import Client
from core.protocol.refusals import InvalidScope, InvalidTarget
from core.protocol.scope import IDENTITY_SCOPES, common, unique


@frozen(kw_only=True)
class Asked:
    """What tokens are asked for: None and no resources stand for all that may be had (RFC 6749 §3.3, RFC 8707 §2)."""

    scope: tuple[str, ...] | None = None
    resources: tuple[str, ...] = ()


@frozen
class Narrow:
    """`audience` is what tokens are for when no resource is named."""

    audience: str

    def __call__(
        self, asked: Asked, client: Client | None, *, person: bool = False
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Scope and audience: what was asked for, what the client may have, and what the resources define.

        Where a `person` takes part, the scopes of OpenID Connect are every resource's.

        Raises `InvalidScope` for a scope that the client may not have, or that none of the resources has;
        `InvalidTarget` for a resource that is not registered, or not for this client.
        """
        self.check(asked, client)
        audience = unique(asked.resources) or (self.audience,)
        vouched_for = client is None or client.vouched_for
        definitions = client.definitions if client is not None else {}
        scope = asked.scope
        if scope is None:
            scope = () if client is None else client.scopes or tuple(sorted(client.allowed_scopes))
        if definitions.keys() >= set(audience) or not vouched_for:
            own = IDENTITY_SCOPES if person else ()
            scope = common(scope, {*own, *(name for one in audience for name in definitions.get(one, ()))})
        if (
            client is not None and not vouched_for
        ):  # what it may not have it is not given (OpenID Connect Core §3.1.2.1)
            scope = common(scope, client.allowed_scopes)
        # Otherwise the default audience is among them, which need not be registered and then has any scope.
        if asked.scope and not scope:
            raise InvalidScope("None of the resources knows that scope")
        return scope, audience

    def check(self, asked: Asked, client: Client | None) -> None:
        """Nothing is named that the client may not name. Raises `InvalidScope`, `InvalidTarget`."""
        strict = client is None or client.vouched_for
        if strict and not set(asked.scope or ()) <= set(client.scopes if client is not None else ()):
            raise InvalidScope(
                "This client may not have that scope" if client is not None else "Without a client there are no scopes"
            )
        if not self.known(client).issuperset(asked.resources):
            raise InvalidTarget("No such resource is registered for this client")

    def known(self, client: Client | None) -> frozenset[str]:
        """The resources that this client may name."""
        return frozenset({self.audience, *(client.definitions if client is not None else ())})
