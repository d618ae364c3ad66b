"""What this server offers, derived from what is switched on (RFC 8414, OpenID Connect Discovery 1.0)."""

from __future__ import annotations

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from core.discovery import DescribeServer
from core.identity.claims import CLAIMS
from tests.unit.house import ISSUER, House

PATHS = {
    "authorization_endpoint": "/authorize",
    "token_endpoint": "/api/v1/auth/token",
    "jwks_uri": "/.well-known/jwks.json",
    "userinfo_endpoint": "/api/v1/auth/userinfo",
    "registration_endpoint": "/api/v1/auth/register",
    "service_documentation": "/docs",
}

# What nobody reads who speaks plain OAuth.
OF_OPENID = {
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "userinfo_signing_alg_values_supported",
    "acr_values_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_parameter_supported",
}


def server(
    house: House,
    issuer: str = ISSUER,
    *grants: str,
    keys: bool = True,
    pushed_only: bool = False,
    registers: bool = True,
) -> DescribeServer:
    grants = grants or ("password", "authorization_code")
    return DescribeServer(issuer, grants, keys, pushed_only, registers, house.resources)


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
    found = await server(house, ISSUER, "refresh_token", registers=False)(PATHS)
    assert found["grant_types_supported"] == ["refresh_token"]
    assert found["require_pushed_authorization_requests"] is False
    assert "registration_endpoint" not in found
    assert (await server(house, pushed_only=True)(PATHS))["require_pushed_authorization_requests"] is True
    assert (await server(house)(PATHS))["registration_endpoint"] == f"{ISSUER}/api/v1/auth/register"


async def test_one_flow_is_offered_and_it_wants_a_challenge(house: House) -> None:
    found = await server(house)(PATHS)
    assert found["response_types_supported"] == ["code"]
    assert found["response_modes_supported"] == ["query", "form_post"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert (found["request_parameter_supported"], found["request_uri_parameter_supported"]) == (False, False)
    assert found["prompt_values_supported"] == ["none", "login", "consent", "select_account"]


async def test_where_tokens_are_signed_with_a_shared_secret_there_is_no_openid_connect(house: House) -> None:
    found = await server(house, keys=False)(PATHS)
    assert not found.keys() & {*OF_OPENID, "jwks_uri", "userinfo_endpoint"}
    assert {"authorization_endpoint", "token_endpoint"} <= found.keys()
    assert found["scopes_supported"] == ["offline_access"]
    assert found.keys() | OF_OPENID | {"jwks_uri", "userinfo_endpoint"} == (await server(house)(PATHS)).keys()


async def test_openid_connect_is_told_in_full(house: House) -> None:
    found = await server(house)(PATHS)
    assert found["subject_types_supported"] == ["public", "pairwise"]
    for name in ("id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported"):
        assert found[name] == ["RS256", "ES256"]  # Core §15.1 wants RS256
    assert found["claims_parameter_supported"] is True
    claims = found["claims_supported"]
    assert isinstance(claims, list)
    assert {*CLAIMS, "sub", "iss", "auth_time", "acr"} <= set(claims)
    assert len(set(claims)) == len(claims)


async def test_scopes_are_those_of_openid_and_those_that_registered_apis_define_each_once(house: House) -> None:
    await house.create_resource("https://a.example.com", ("write", "read", "email"))
    await house.create_resource("https://b.example.com", ("read", "list"))
    own = ["openid", "profile", "email", "address", "phone", "offline_access"]
    assert (await server(house)(PATHS))["scopes_supported"] == [*own, "list", "read", "write"]


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


@pytest.mark.parametrize("keys", [True, False])
async def test_the_document_is_valid_by_a_reader_that_we_did_not_write(house: House, keys: bool) -> None:
    found = await server(house, keys=keys)(PATHS)
    AuthorizationServerMetadata(found).validate()
    if keys:
        OpenIDProviderMetadata(found).validate()
