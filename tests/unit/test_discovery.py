"""What this server offers, derived from what is switched on (RFC 8414)."""

from __future__ import annotations

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from core.discovery import DescribeServer
from tests.unit.house import House

PATHS = {"token_endpoint": "/api/v1/auth/token", "jwks_uri": "/.well-known/jwks.json", "service_documentation": "/docs"}


def server(house: House, issuer: str = "https://auth.example.com", *grants: str, keys: bool = True) -> DescribeServer:
    return DescribeServer(issuer, grants or ("password", "client_credentials"), keys, house.resources)


@pytest.mark.parametrize(
    ("issuer", "base"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com/", "https://auth.example.com"),
        ("https://Auth.Example.com:443/tenant", "https://Auth.Example.com:443/tenant"),
        ("https://auth.example.com/tenant/", "https://auth.example.com/tenant"),
        ("https://auth.example.com/a//", "https://auth.example.com/a/"),
    ],
)
async def test_the_issuer_is_told_byte_for_byte_and_endpoints_lie_below_it(
    house: House, issuer: str, base: str
) -> None:
    found = await server(house, issuer)(PATHS)
    assert found["issuer"] == issuer
    for name, path in PATHS.items():
        assert found[name] == base + path


async def test_what_is_switched_on_is_told_and_nothing_else(house: House) -> None:
    found = await server(house, "https://auth.example.com", "refresh_token")(PATHS)
    assert found["grant_types_supported"] == ["refresh_token"]
    assert found["response_types_supported"] == []
    assert "scopes_supported" not in found
    assert "authorization_endpoint" not in found


async def test_where_tokens_are_signed_with_a_shared_secret_no_keys_are_offered(house: House) -> None:
    assert "jwks_uri" not in await server(house, keys=False)(PATHS)
    assert "token_endpoint" in await server(house, keys=False)(PATHS)


async def test_scopes_are_those_that_registered_apis_define_each_once(house: House) -> None:
    await house.create_resource("https://a.example.com", ("write", "read"))
    await house.create_resource("https://b.example.com", ("read", "list"))
    assert (await server(house)(PATHS))["scopes_supported"] == ["list", "read", "write"]


async def test_introspection_is_for_clients_that_prove_something(house: House) -> None:
    found = await server(house)(PATHS)
    everybody = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
    assert found["token_endpoint_auth_methods_supported"] == everybody
    assert found["revocation_endpoint_auth_methods_supported"] == everybody
    assert found["introspection_endpoint_auth_methods_supported"] == everybody[:-1]
    for endpoint in ("token", "revocation", "introspection"):
        algorithms = found[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert isinstance(algorithms, list)
        assert "none" not in algorithms
        assert not any(name.startswith("HS") for name in algorithms)


async def test_the_document_is_valid_by_a_reader_that_we_did_not_write(house: House) -> None:
    found = await server(house)(PATHS)
    # Authlib takes an empty list for a missing one.
    AuthorizationServerMetadata({**found, "response_types_supported": ["none"]}).validate()
