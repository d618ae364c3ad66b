"""RFC 8414, OAuth 2.0 Authorization Server Metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

from core.protocol.secret import Secret
from entrypoints.http.routes import ENDPOINTS
from entrypoints.pages.routes import PAGE_ENDPOINTS
from tests.http.clients import JWKS, METADATA, add_resource
from tests.http.support import ISSUER, Watched, watching
from tests.support import settings_for

NO_DATABASE = Secret("postgresql://nowhere")
SHARED = Secret("0123456789abcdef0123456789abcdef")

# Registered by others in the same registry: OpenID Connect Discovery and its like, RFC 9126 §5, RFC 9207 §3.
OF_OPENID = {
    "userinfo_endpoint",
    "end_session_endpoint",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "userinfo_signing_alg_values_supported",
    "acr_values_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_parameter_supported",
    "prompt_values_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
}
OF_OTHERS = {
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "authorization_response_iss_parameter_supported",
}


@pytest.fixture(scope="module")
def document(live: Watched) -> dict[str, Any]:
    return metadata(live)


def metadata(live: Watched, path: str = METADATA) -> dict[str, Any]:
    with live.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@contextmanager
def serving(tmp_path: Path, **settings: object) -> Iterator[Watched]:
    """A server of its own, which keeps nothing."""
    with watching(settings_for(NO_DATABASE, tmp_path, storage="memory", **settings)) as live:
        yield live


def test_section_2_what_is_required_is_there(document: dict[str, Any]) -> None:
    """ "issuer REQUIRED. ... token_endpoint ... This is REQUIRED unless only the implicit grant type is supported. ...
    response_types_supported REQUIRED."
    """
    assert {"issuer", "token_endpoint", "response_types_supported"} <= document.keys()


def test_section_2_the_document_is_complete(document: dict[str, Any]) -> None:
    """Section 2, member by member: all that this server has, and nothing that it has not. What others registered is
    looked at where they are.
    """
    algorithms = ["ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"]
    confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    assert {name: value for name, value in document.items() if name not in OF_OPENID | OF_OTHERS} == {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/api/v1/auth/token",
        "revocation_endpoint": f"{ISSUER}/api/v1/auth/revoke",
        "introspection_endpoint": f"{ISSUER}/api/v1/auth/introspect",
        "jwks_uri": f"{ISSUER}{JWKS}",
        "service_documentation": f"{ISSUER}/docs",
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["password", "authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*confidential, "none"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": [*confidential, "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
    }


def test_section_2_every_endpoint_is_where_it_says(live: Watched, document: dict[str, Any]) -> None:
    """Section 2: "URL of the authorization server's ... endpoint". Something answers there, to its own method."""
    named = [name for name in document if name.endswith("_endpoint")]
    assert {*named, "jwks_uri", "service_documentation"} == {*ENDPOINTS, *PAGE_ENDPOINTS} - {"registration_endpoint"}
    for name in (*named, "jwks_uri", "service_documentation"):
        path = document[name].removeprefix(ISSUER)
        with live.client() as client:
            answer = client.options(path)
        assert answer.status_code == 405, name
        assert {"GET", "POST"} & set(answer.headers["allow"].split(", ")), name


def test_section_2_the_registration_endpoint_is_named_where_clients_may_register(tmp_path: Path) -> None:
    """ "registration_endpoint OPTIONAL." """
    with serving(tmp_path, registration="open") as live:
        assert metadata(live)["registration_endpoint"] == f"{ISSUER}/api/v1/auth/register"


def test_section_2_scopes_are_those_of_the_registered_resources(tmp_path: Path) -> None:
    """ "scopes_supported RECOMMENDED. JSON array containing a list of the OAuth 2.0 [RFC6749] "scope" values that this
    authorization server supports."
    """
    with serving(tmp_path) as live:
        own = metadata(live)["scopes_supported"]
        add_resource(live, "https://api.example.com/v1", "read", "write")
        add_resource(live, "https://api.example.com/v2", "write", "audit")
        assert metadata(live)["scopes_supported"] == [*own, "audit", "read", "write"]


def test_section_2_grants_are_those_that_are_switched_on(tmp_path: Path) -> None:
    """ "grant_types_supported OPTIONAL. JSON array containing a list of the OAuth 2.0 grant type values that this
    authorization server supports." One that is switched off is not supported.
    """
    with serving(tmp_path, password_grant=False) as live:
        found = metadata(live)["grant_types_supported"]
        assert found == ["authorization_code", "client_credentials", "refresh_token"]


def test_section_2_there_are_no_keys_to_publish_with_a_shared_secret(tmp_path: Path) -> None:
    """ "jwks_uri OPTIONAL. URL of the authorization server's JWK Set [JWK] document." A secret is in none."""
    with serving(tmp_path, jwt_secret_key=SHARED, jwt_algorithm="HS256") as live:
        assert "jwks_uri" not in metadata(live)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://auth.example.com",
        "https://auth.example.com/",
        "https://auth.example.com/tenant",
        "https://auth.example.com/tenant/",
        "https://auth.example.com/a/b%20c",
        "https://AUTH.example.com:443/Tenant",
    ],
)
def test_section_3_1_the_document_is_where_its_issuer_says(tmp_path: Path, issuer: str) -> None:
    """ "If the issuer identifier value contains a path component, any terminating "/" MUST be removed before inserting
    "/.well-known/" and the well-known URI suffix between the host component and the path component."

    And section 3.3: "The "issuer" value returned MUST be identical to the authorization server's issuer identifier
    value into which the well-known URI string was inserted to create the URL used to retrieve the metadata."
    """
    with serving(tmp_path, issuer=issuer, audience=issuer) as live:
        found = metadata(live, get_well_known_url(issuer.removesuffix("/")))
        assert found["issuer"] == issuer
        assert found["token_endpoint"] == issuer.removesuffix("/") + "/api/v1/auth/token"
        assert metadata(live) == found
        AuthorizationServerMetadata(found).validate()


def test_section_3_1_by_get_alone(live: Watched) -> None:
    """ "An authorization server metadata document MUST be queried using an HTTP "GET" request at the previously
    specified path."
    """
    with live.client() as client:
        assert client.post(METADATA).status_code == 405
        head = client.head(METADATA)
    assert (head.status_code, head.content) == (200, b"")


def test_section_3_2_the_response_is_a_json_object(live: Watched) -> None:
    """ "A successful response MUST use the 200 OK HTTP status code and return a JSON object using the
    "application/json" content type that contains a set of claims as its members that are a subset of the metadata
    values defined in Section 2."
    """
    with live.client() as client:
        answer = client.get(METADATA)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.json().keys() <= {*AuthorizationServerMetadata.REGISTRY_KEYS, *OF_OPENID, *OF_OTHERS}


def test_section_3_2_nothing_is_empty(document: dict[str, Any]) -> None:
    """ "Claims with zero elements MUST be omitted from the response." """
    assert [name for name, value in document.items() if value in ([], "", None)] == []


def test_section_3_3_the_issuer_is_that_of_the_tokens(live: Watched, document: dict[str, Any]) -> None:
    """Section 3.3, and RFC 9068 §4: the value that clients compare with the "iss" of tokens."""
    assert document["issuer"] == live.container.settings().issuer


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/",
        "/.well-known/openid-configuration/",
        "/.well-known/webfinger",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-authorization-server/",
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/OAuth-Authorization-Server",
        "/tenant/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json/",
        "/.well-known/../.well-known/security.txt",
    ],
)
def test_section_3_there_is_nothing_else_that_is_well_known(live: Watched, path: str) -> None:
    """RFC 8615 §3: a path under "/.well-known/" that nobody registered here is not found."""
    with live.client() as client:
        assert client.get(path).status_code == 404
