"""What this server offers, for clients to read (RFC 8414)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from core.clients.model import AuthMethod
from core.clients.ports import ResourceRepository

# RFC 7523 §3, RFC 8725 §3.1: what client assertions may be signed with.
ASSERTION_ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA")


@frozen
class DescribeServer:
    """`issuer` is told byte for byte as configured. `grant_types` are those that are switched on."""

    issuer: str
    grant_types: tuple[str, ...]
    publishes_keys: bool
    resources: ResourceRepository

    async def __call__(self, paths: Mapping[str, str]) -> dict[str, object]:
        """The metadata document (RFC 8414 §2). `paths` has the path of each endpoint by the name of its member."""
        base = self.issuer.removesuffix("/")
        endpoints = {name: base + path for name, path in paths.items() if name != "jwks_uri" or self.publishes_keys}
        methods = [str(method) for method in AuthMethod]
        confidential = [name for name in methods if name != AuthMethod.NONE]
        algorithms = list(ASSERTION_ALGORITHMS)
        scopes = sorted({scope for resource in await self.resources.all() for scope in resource.scopes})
        return {
            "issuer": self.issuer,
            **endpoints,
            **({"scopes_supported": scopes} if scopes else {}),
            "response_types_supported": [],  # none yet: required all the same
            "grant_types_supported": list(self.grant_types),
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        }
