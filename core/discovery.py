"""What this server offers, for clients to read (RFC 8414, OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from core.authorization.model import PROMPTS
from core.authorization.request import DISPLAYS
from core.clients.application import ACR, ASSERTION_ALGORITHMS, SIGNING_ALGORITHMS, SUBJECT_TYPES
from core.clients.model import AuthMethod
from core.clients.ports import ResourceRepository
from core.identity.claims import CLAIMS
from core.protocol.pkce import METHOD
from core.protocol.scope import IDENTITY_SCOPES, OFFLINE_ACCESS, unique


@frozen
class DescribeServer:
    """`issuer` is told byte for byte as configured. `grant_types` are those that are switched on.

    Without key pairs nothing is published, and there is no OpenID Connect. With `registers` clients may
    register themselves.
    """

    issuer: str
    grant_types: tuple[str, ...]
    publishes_keys: bool
    pushed_only: bool
    registers: bool
    resources: ResourceRepository

    async def __call__(self, paths: Mapping[str, str]) -> dict[str, object]:
        """The metadata document (RFC 8414 §2). `paths` has the path of each endpoint by the name of its member."""
        base = self.issuer.removesuffix("/")
        endpoints = {name: base + path for name, path in paths.items() if name not in self._closed()}
        methods = [str(method) for method in AuthMethod]
        confidential = [name for name in methods if name != AuthMethod.NONE]
        algorithms = list(ASSERTION_ALGORITHMS)
        defined = sorted({scope for resource in await self.resources.all() for scope in resource.scopes})
        return {
            "issuer": self.issuer,
            **endpoints,
            "scopes_supported": list(unique((*self._identity_scopes(), *defined))),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": list(self.grant_types),
            "code_challenge_methods_supported": [METHOD],
            "authorization_response_iss_parameter_supported": True,
            "require_pushed_authorization_requests": self.pushed_only,
            "prompt_values_supported": list(PROMPTS),
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            **(self._openid() if self.publishes_keys else {}),
        }

    def _closed(self) -> frozenset[str]:
        """Endpoints that are there, and answer nobody."""
        keys = () if self.publishes_keys else ("jwks_uri", "userinfo_endpoint")
        return frozenset({*keys, *(() if self.registers else ("registration_endpoint",))})

    def _identity_scopes(self) -> tuple[str, ...]:
        return IDENTITY_SCOPES if self.publishes_keys else (OFFLINE_ACCESS,)

    def _openid(self) -> dict[str, object]:
        """OpenID Connect Discovery 1.0 §3."""
        return {
            "subject_types_supported": list(SUBJECT_TYPES),
            "id_token_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
            "userinfo_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
            "acr_values_supported": [ACR],
            "display_values_supported": list(DISPLAYS),
            "claim_types_supported": ["normal"],
            "claims_supported": ["sub", "iss", "auth_time", "acr", "amr", "sid", *CLAIMS],
            "claims_parameter_supported": True,
        }
