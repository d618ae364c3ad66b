"""Clients from the npm registry, unmodified and as strict as they come, sign a person in by scripts of `node/`.

A script knows the issuer and what it was registered with; `node/person.mjs` is the person at the browser. What is found
is printed, and judged here.
"""

from __future__ import annotations

from typing import Any

import pytest

from core.clients.model import AuthMethod
from tests.http.signing_in import CALLBACK, App, add_app
from tests.http.support import Watched
from tests.interop.support import API, SCOPES, Node
from tests.support import PASSWORD

SIGNED_OUT = "https://app.example.com/signed-out"
SCOPE = "openid profile email phone offline_access"
GRANTS = ("authorization_code", "refresh_token")


@pytest.fixture
def run(people: Watched, node_packages: Node) -> Any:
    """Runs a script as the application that is given, or as one that has to register first."""

    def run(script: str, *arguments: str, app: App | None = None, **environment: str) -> Any:
        own = {"CLIENT_ID": app.client_id, "CLIENT_SECRET": app.secret} if app is not None else {}
        common = {"ISSUER": people.url, "REDIRECT_URI": CALLBACK, "SIGNED_OUT": SIGNED_OUT}
        person = {"USERNAME": "alice", "PASSWORD": PASSWORD}
        return node_packages.run(script, *arguments, **common, **person, **own, **environment)

    return run


def registered(live: Watched, client_id: str, method: AuthMethod, **members: Any) -> App:
    return add_app(
        live,
        client_id,
        method=method,
        grants=GRANTS,
        scopes=SCOPE.split(),
        post_logout_redirect_uris=(SIGNED_OUT,),
        **members,
    )


@pytest.mark.parametrize(
    ("named", "method", "algorithm"),
    [
        ("post", AuthMethod.SECRET_POST, "RS256"),
        ("basic", AuthMethod.SECRET_BASIC, "ES256"),
        ("none", AuthMethod.NONE, "RS256"),
    ],
)
def test_openid_client(people: Watched, run: Any, named: str, method: AuthMethod, algorithm: str) -> None:
    app = registered(
        people,
        f"openid-client-{named}",
        method,
        id_token_signed_response_alg=algorithm,
        userinfo_signed_response_alg=algorithm,
    )
    found = run("openid-client.mjs", "all", named, app=app, ALGORITHM=algorithm)
    assert found["pkce"] is True
    assert (found["claims"]["iss"], found["claims"]["aud"]) == (people.url, app.client_id)
    assert (found["claims"]["sub"], found["again"]) == ("alice", "alice")
    assert (found["told"]["sub"], found["told"]["email"]) == ("alice", "alice@example.com")
    assert found["rotated"] is True
    assert found["silent"] is True
    assert found["pressed"] == ["signin", "allow"]  # and nothing for the second sign-in, which was silent
    assert found["left"] == f"{SIGNED_OUT}?state=left"
    assert found["refusal"] == ["AuthorizationResponseError", "login_required"]
    assert found["gone"] == ["ResponseBodyError", "invalid_grant"]


def test_openid_client_pushes_its_request(people: Watched, run: Any) -> None:
    app = registered(people, "openid-client-par", AuthMethod.SECRET_BASIC, require_pushed_authorization_requests=True)
    found = run("openid-client.mjs", "pushed", "basic", app=app)
    assert found == {"sent": ["client_id", "request_uri"], "sub": "alice"}


def test_openid_client_is_answered_by_a_form(people: Watched, run: Any) -> None:
    app = registered(people, "openid-client-form", AuthMethod.SECRET_BASIC)
    found = run("openid-client.mjs", "posted", "basic", app=app)
    assert found == {"action": CALLBACK, "sub": "alice"}


def test_openid_client_registers_a_native_application(run: Any) -> None:
    found = run("openid-client.mjs", "native")
    assert found["registered"]["application_type"] == "native"
    assert "client_secret" not in found["registered"]
    assert (found["sub"], found["pressed"]) == ("alice", ["signin", "allow"])


def test_oauth4webapi_by_a_key_with_pseudonyms_and_everything_signed(run: Any) -> None:
    found = run("oauth4webapi.mjs", "keys")
    assert found["client"]["token_endpoint_auth_method"] == "private_key_jwt"
    assert "client_secret" not in found["client"]
    assert found["claims"]["sub"] != "alice"
    assert found["again"] == found["info"]["claims"]["sub"] == found["claims"]["sub"]
    assert found["info"]["type"].startswith("application/jwt")


def test_oauth4webapi_by_a_secret_that_it_was_given(people: Watched, run: Any) -> None:
    found = run("oauth4webapi.mjs", "secret")
    assert found["claims"]["email"] == "alice@example.com"
    assert found["info"]["type"].startswith("application/json")
    assert found["active"]["active"] is True
    assert (found["active"]["iss"], found["active"]["username"]) == (people.url, "alice")
    assert found["gone"] == ["ResponseBodyError", "invalid_grant"]


def test_oauth4webapi_validates_access_tokens_for_an_api(run: Any) -> None:
    found = run("oauth4webapi.mjs", "api", RESOURCE=API)
    assert (found["claims"]["sub"], found["claims"]["aud"]) == ("alice", API)
    assert found["claims"]["scope"] == f"openid {SCOPES[0]}"
    assert found["refused"] == "OperationProcessingError"


def test_oidc_client_ts_as_single_page_apps_use_it(people: Watched, run: Any) -> None:
    app = registered(people, "spa", AuthMethod.NONE)
    found = run("oidc-client-ts.mjs", "manager", app=app)
    assert (found["profile"]["sub"], found["profile"]["email"]) == ("alice", "alice@example.com")
    assert found["state"] == "/reports"
    assert (found["kept"], found["renewed"], found["renewedFor"]) == (True, True, "alice")
    assert found["left"].startswith(f"{SIGNED_OUT}?state=")
    assert (found["out"], found["then"]) == ({"said": "good-bye"}, None)


def test_oidc_client_ts_part_by_part(people: Watched, run: Any) -> None:
    app = registered(people, "spa-parts", AuthMethod.NONE)
    found = run("oidc-client-ts.mjs", "client", app=app)
    assert (found["sub"], found["email"], found["state"]) == ("alice", "alice@example.com", {"from": "here"})
    assert "No matching state" in found["replay"]
    assert found["refusal"] == "login_required"
