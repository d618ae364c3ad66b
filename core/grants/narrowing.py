"""What is asked for, cut down to what may be had (RFC 6749 §3.3, RFC 8707 §2)."""

from __future__ import annotations

from attrs import frozen

from core.clients.model import Client
from core.grants.contract import Asked
from core.protocol.refusals import InvalidScope, InvalidTarget
from core.protocol.scope import common, unique


@frozen
class Narrow:
    """`audience` is what tokens are for when no resource is named."""

    audience: str

    def __call__(self, asked: Asked, client: Client | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Scope and audience: what was asked for, what the client may have, and what the resources define.

        Raises `InvalidScope` for a scope that the client may not have, or that none of the resources has;
        `InvalidTarget` for a resource that is not registered, or not for this client.
        """
        self.check(asked, client)
        audience = unique(asked.resources) or (self.audience,)
        scope = asked.scope if asked.scope is not None else client.scopes if client is not None else ()
        definitions = client.definitions if client is not None else {}
        if definitions.keys() >= set(audience):
            scope = common(scope, {name for identifier in audience for name in definitions[identifier]})
        # Otherwise the default audience is among them, which need not be registered and then has any scope.
        if asked.scope and not scope:
            raise InvalidScope("None of the resources knows that scope")
        return scope, audience

    def check(self, asked: Asked, client: Client | None) -> None:
        """Nothing is named that the client may not name. Raises `InvalidScope`, `InvalidTarget`."""
        if not set(asked.scope or ()) <= set(client.scopes if client is not None else ()):
            raise InvalidScope(
                "This client may not have that scope" if client is not None else "Without a client there are no scopes"
            )
        if not self.known(client).issuperset(asked.resources):
            raise InvalidTarget("No such resource is registered for this client")

    def known(self, client: Client | None) -> frozenset[str]:
        """The resources that this client may name."""
        return frozenset({self.audience, *(client.definitions if client is not None else ())})
