"""OpenID Connect Discovery 1.0, with RFC 8414 beside it: what is offered, and where it is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc8414 import get_well_known_url as oauth_url
from authlib.oidc.discovery import OpenIDProviderMetadata
from authlib.oidc.discovery import get_well_known_url as openid_url

from core.protocol.secret import Secret
from tests.http.clients import add_resource
from tests.http.signing_in import SHARED, Browser, add_app, in_memory, told
from tests.http.support import ISSUER, PROBLEM, Watched

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def document(live: Watched) -> dict[str, Any]:
    return found(live, OPENID)


def found(live: Watched, path: str) -> dict[str, Any]:
    with live.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    return body


def test_section_3_what_is_required_is_there(document: dict[str, Any]) -> None:
    """ "issuer, authorization_endpoint, token_endpoint, jwks_uri, response_types_supported, subject_types_supported,
    id_token_signing_alg_values_supported: REQUIRED ... The algorithm RS256 MUST be included. ... userinfo_endpoint,
    registration_endpoint, scopes_supported, claims_supported: RECOMMENDED. ... MUST support the openid scope value."
    """
    required = {
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported",
        "subject_types_supported", "id_token_signing_alg_values_supported", "userinfo_endpoint", "scopes_supported",
        "claims_supported",
    }  # fmt: skip
    assert required <= document.keys()
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert "none" not in document["id_token_signing_alg_values_supported"]
    assert "openid" in document["scopes_supported"]


def test_section_3_each_library_finds_nothing_wrong(document: dict[str, Any]) -> None:
    """Section 3 and RFC 8414 §2, as others read them."""
    own = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in document.items()
    }
    OpenIDProviderMetadata(own).validate()
    AuthorizationServerMetadata(own).validate()


def test_section_3_the_values(document: dict[str, Any]) -> None:
    """Section 3, member by member, those of OpenID Connect."""
    expected = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "userinfo_endpoint": f"{ISSUER}/api/v1/auth/userinfo",
        "end_session_endpoint": f"{ISSUER}/logout",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_signing_alg_values_supported": ["RS256", "ES256"],
        "display_values_supported": ["page", "popup", "touch", "wap"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": ["1"],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,  # left out, it would be true
    }
    assert expected.items() <= document.items()
    assert {"authorization_code", "refresh_token"} <= set(document["grant_types_supported"])
    assert not [name for name, value in document.items() if value in ([], None, "")]  # §4.2
    assert set(document["claims_supported"]) >= {"sub", "iss", "auth_time", "acr", "name", "email", "phone_number"}


def test_section_3_nothing_is_offered_that_is_not_there(live: Watched, document: dict[str, Any]) -> None:
    """Section 3: every endpoint answers, and none says that there is nothing."""
    for name, url in document.items():
        if name.endswith(("_endpoint", "_uri", "_documentation")):
            with live.client() as client:
                assert client.get(urlsplit(url).path).status_code in {200, 400, 401, 405}, name


def test_section_3_the_scopes_of_apis_are_named(tmp_path: Path) -> None:
    """ "scopes_supported: ... a list of the OAuth 2.0 scope values that this server supports." """
    with in_memory(tmp_path) as live:
        add_resource(live, "https://api.example.com", "read", "openid")
        assert found(live, OPENID)["scopes_supported"] == [
            "openid", "profile", "email", "address", "phone", "offline_access", "read",
        ]  # fmt: skip


def test_section_4_1_it_is_found_by_the_issuer(live: Watched, document: dict[str, Any]) -> None:
    """ "OpenID Providers supporting Discovery MUST make a JSON document available at the path formed by concatenating
    the string /.well-known/openid-configuration to the Issuer." And it is one document under both names.
    """
    assert openid_url(ISSUER) == OPENID
    assert oauth_url(ISSUER) == OAUTH
    assert found(live, OAUTH) == document


def test_section_4_2_the_answer(live: Watched) -> None:
    """ "a 200 OK HTTP status code, application/json content type"; browsers of any origin may read it, and keep it."""
    with live.client() as client:
        answer = client.get(OPENID, headers={"Origin": "https://app.example.com"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "max-age" in answer.headers["cache-control"]
        assert client.head(OPENID).status_code == 200
        assert client.post(OPENID).status_code == 405


@pytest.mark.parametrize("path", ["/tenant", "/tenant/", "/a/b"])
def test_section_4_1_an_issuer_with_a_path(tmp_path: Path, path: str) -> None:
    """ "If the Issuer value contains a path component, any terminating / MUST be removed before appending
    /.well-known/openid-configuration." RFC 8414 §3.1 inserts it between host and path, and its §5 for OpenID Connect as
    well; clients try all of them.
    """
    issuer, bare = f"https://id.example.com{path}", path.rstrip("/")
    with in_memory(tmp_path, issuer=issuer, audience=issuer) as live:
        for place in (openid_url(issuer), bare + OPENID, OAUTH + bare, OPENID + bare, OPENID, OAUTH):
            document = found(live, place)
            assert document["issuer"] == issuer
            assert document["authorization_endpoint"] == f"https://id.example.com{bare}/authorize"
            OpenIDProviderMetadata(document).validate()


def test_section_4_3_the_issuer_is_that_of_id_tokens(live: Watched, document: dict[str, Any]) -> None:
    """ "The issuer value returned MUST be identical to the Issuer URL that was used as the prefix to
    /.well-known/openid-configuration to retrieve the configuration information. This MUST also be identical to the iss
    Claim value in ID Tokens issued from this Issuer."
    """
    from tests.http.clients import opened

    tokens = add_app(live, "app").tokens(Browser(live))
    assert opened(tokens["id_token"])["iss"] == document["issuer"]


def test_section_3_with_a_shared_secret_there_is_no_openid_connect(tmp_path: Path) -> None:
    """Section 3 requires a `jwks_uri` and RS256, which a shared secret has not: then nothing of it is offered, and what
    is asked for all the same is refused. OAuth works.
    """
    with in_memory(tmp_path, jwt_secret_key=Secret(SHARED), jwt_algorithm="HS256") as live:
        with live.client() as client:
            assert client.get(OPENID).status_code == 404
            assert client.get(OPENID).headers["content-type"] == PROBLEM
        document = found(live, OAUTH)
        AuthorizationServerMetadata(
            {name: v.replace("http://", "https://") if isinstance(v, str) else v for name, v in document.items()}
        ).validate()
        assert "openid" not in document["scopes_supported"]
        for name in ("jwks_uri", "userinfo_endpoint", "id_token_signing_alg_values_supported", "claims_supported"):
            assert name not in document
        app, browser = add_app(live, "app"), Browser(live)
        answer = browser.open(app.url())
        assert told(answer)["error"] == "invalid_scope"
        tokens = app.tokens(browser, scope="offline_access")
        assert "id_token" not in tokens
        assert app.refresh(tokens["refresh_token"]).status_code == 200
