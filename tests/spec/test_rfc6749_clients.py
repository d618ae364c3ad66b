"""RFC 6749, The OAuth 2.0 Authorization Framework: client authentication and the client credentials grant."""

from __future__ import annotations

import re

import pytest

from core.clients.model import AuthMethod
from tests.http.clients import (
    INTROSPECT,
    REVOKE,
    Form,
    Registered,
    accepted,
    assert_error,
    assert_no_client,
    asserting,
    basic,
    opened,
    post,
    raw_basic,
    register,
)
from tests.http.support import ISSUER, TOKEN, Watched
from tests.support import PASSWORD

GRANT = {"grant_type": "client_credentials"}
OWNER = {"username": "resource-owner", "password": PASSWORD}

VISIBLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


@pytest.fixture(scope="module")
def service(live: Watched) -> Registered:
    return register(live, "reports", scopes=("reports:read", "reports:write"))


@pytest.mark.parametrize("method", list(AuthMethod)[:3])
def test_section_2_3_a_confidential_client_uses_the_method_that_was_established(
    live: Watched, method: AuthMethod
) -> None:
    """ "If the client type is confidential, the client and authorization server establish a client authentication
    method suitable for the security requirements of the authorization server."
    """
    client = register(live, f"by-{method}".replace("_", "-"), method=method)
    assert client.ask().status_code == 200


def test_section_2_3_another_method_than_the_registered_one_is_no_authentication(live: Watched) -> None:
    """Section 2.3: one method is established for a client; a right secret by another way proves nothing."""
    by_header = register(live, "only-basic")
    by_body = register(live, "only-post", method=AuthMethod.SECRET_POST)
    signer = register(live, "only-jwt", method=AuthMethod.PRIVATE_KEY_JWT)
    in_body = {"client_id": by_header.client_id, "client_secret": by_header.secret}
    assert_no_client(post(live, TOKEN, {**GRANT, **in_body}))
    in_header = {"Authorization": basic(by_body.client_id, by_body.secret)}
    assert_error(post(live, TOKEN, GRANT, in_header), 401, "invalid_client")
    for client in (by_header, by_body, signer):
        assert_no_client(post(live, TOKEN, {**GRANT, "client_id": client.client_id}))


@pytest.mark.parametrize("path", [TOKEN, REVOKE, INTROSPECT])
def test_section_2_3_the_client_must_not_use_more_than_one_method(live: Watched, path: str) -> None:
    """ "The client MUST NOT use more than one authentication method in each request." """
    client = register(live, f"two-ways{path.rpartition('/')[2]}")
    header = {"Authorization": basic(client.client_id, client.secret)}
    in_body = {"client_id": client.client_id, "client_secret": client.secret}
    assertion = asserting("a.b.c")
    form = {**GRANT, "token": "x"}
    for parameters, headers in ((in_body, header), (assertion, header), ({**in_body, **assertion}, {})):
        assert_error(post(live, path, {**form, **parameters}, headers), 400, "invalid_request")


def test_section_2_3_1_both_ways_of_a_client_password(live: Watched) -> None:
    """ "The authorization server MUST support the HTTP Basic authentication scheme for authenticating clients that were
    issued a client password. ... Alternatively, the authorization server MAY support including the client credentials
    in the request-body using the following parameters: client_id REQUIRED. ... client_secret REQUIRED."
    """
    by_header = register(live, "password-in-header")
    by_body = register(live, "password-in-body", method=AuthMethod.SECRET_POST)
    assert by_header.ask().status_code == 200
    assert by_body.ask().status_code == 200
    assert_error(post(live, TOKEN, {**GRANT, "client_secret": by_body.secret}), 400, "invalid_request")
    assert_no_client(post(live, TOKEN, {**GRANT, "client_id": by_body.client_id, "client_secret": ""}))


def test_section_2_3_1_id_and_password_are_form_encoded_before_they_are_joined(live: Watched) -> None:
    """ "The client identifier is encoded using the "application/x-www-form-urlencoded" encoding algorithm per Appendix
    B, and the encoded value is used as the username; the client password is encoded using the same algorithm and used
    as the password."
    """
    client = register(live, "form.encoded_id")
    every = "".join(f"%{byte:02x}" for byte in client.client_id.encode())
    secret = "".join(f"%{byte:02X}" for byte in client.secret.encode())
    header = raw_basic(f"{every}:{secret}".encode())
    assert post(live, TOKEN, GRANT, {"Authorization": header}).status_code == 200
    # A plus sign is a space, and an encoded one is none.
    for wrong in (client.secret.replace("_", "+", 1), client.secret.replace("_", "%2B", 1)):
        header = raw_basic(f"{client.client_id}:{wrong}".encode())
        assert_error(post(live, TOKEN, GRANT, {"Authorization": header}), 401, "invalid_client")


def test_section_2_3_1_a_client_id_beside_the_header_has_to_be_the_same(service: Registered) -> None:
    """Section 3.2.1 lets a client send its "client_id" as well; section 2.3 forbids it to be two."""
    header = {"Authorization": basic(service.client_id, service.secret)}
    assert post(service.live, TOKEN, {**GRANT, "client_id": service.client_id}, header).status_code == 200
    assert_error(post(service.live, TOKEN, {**GRANT, "client_id": "other"}, header), 400, "invalid_request")


@pytest.mark.parametrize("path", [TOKEN, REVOKE, INTROSPECT])
@pytest.mark.parametrize("name", ["client_id", "client_secret", "client_assertion", "refresh_token", "token"])
def test_section_2_3_1_credentials_must_not_be_in_the_uri(service: Registered, path: str, name: str) -> None:
    """ "The parameters can only be transmitted in the request-body and MUST NOT be included in the request URI." """
    headers, _ = service.proof()
    form = {**GRANT, "token": "x"}
    assert_error(post(service.live, f"{path}?{name}=something", form, headers), 400, "invalid_request")


def test_section_2_3_1_endpoints_with_passwords_are_protected_against_guessing(live: Watched) -> None:
    """ "Since this client authentication method involves a password, the authorization server MUST protect any endpoint
    utilizing it against brute force attacks."
    """
    client = register(live, "guessed-at")
    form = {**GRANT, "token": "x"}
    guesses = [client.post(path, form, secret="a guess").status_code for path in (TOKEN, REVOKE, INTROSPECT) * 2]
    assert guesses == [401] * 5 + [429]
    assert client.ask().status_code == 200


def test_section_4_4_the_grant_is_for_confidential_clients_alone(live: Watched) -> None:
    """ "The client credentials grant type MUST only be used by confidential clients." """
    public = register(live, "public-app", method=AuthMethod.NONE, grants=("password",))
    answer = public.ask()
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"unauthorized_client", "invalid_client"}


def test_section_4_4_2_the_client_must_authenticate(service: Registered) -> None:
    """ "The authorization server MUST authenticate the client." """
    assert_no_client(post(service.live, TOKEN, GRANT))
    assert_no_client(post(service.live, TOKEN, {**GRANT, "client_id": service.client_id}))
    assert_no_client(post(service.live, TOKEN, {**GRANT, "client_id": "nobody", "client_secret": "none"}))


def test_section_4_4_2_the_scope_is_what_was_asked_for(service: Registered) -> None:
    """ "scope OPTIONAL. The scope of the access request as described by Section 3.3." Left out, it is all there is."""
    assert service.ask(scope="reports:read").json()["scope"] == "reports:read"
    assert service.ask().json()["scope"] == "reports:read reports:write"


def test_section_4_4_3_no_refresh_token_is_included(live: Watched) -> None:
    """ "A refresh token SHOULD NOT be included." Not even for a client that may have them."""
    client = register(live, "with-refresh", grants=("client_credentials", "refresh_token"))
    assert set(client.ask().json()) == {"access_token", "token_type", "expires_in"}


def test_section_5_1_the_response(service: Registered) -> None:
    """ "access_token REQUIRED. ... token_type REQUIRED. ... expires_in RECOMMENDED. ... scope OPTIONAL, if identical to
    the scope requested by the client; otherwise, REQUIRED."
    """
    answer = service.ask()
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert body["token_type"].lower() == "bearer"
    assert body["expires_in"] == 1800
    assert body["scope"] == opened(body["access_token"])["scope"]
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


def test_section_5_1_the_response_holds_a_refresh_token_where_one_is_issued(live: Watched) -> None:
    """ "refresh_token OPTIONAL. The refresh token, which can be used to obtain new access tokens using the same
    authorization grant as described in Section 6."
    """
    client = register(live, "section-5-1", grants=("password", "refresh_token"), scopes=("read",))
    body = client.log_in("resource-owner")
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert re.fullmatch(r"wwr_[A-Za-z0-9_-]{86}", body["refresh_token"])


def test_section_5_2_invalid_client_names_the_scheme_that_was_tried(service: Registered) -> None:
    """ "If the client attempted to authenticate via the "Authorization" request header field, the authorization server
    MUST respond with an HTTP 401 (Unauthorized) status code and include the "WWW-Authenticate" response header field
    matching the authentication scheme used by the client."
    """
    live = service.live
    for path in (TOKEN, REVOKE, INTROSPECT):
        for scheme in ("Basic", "basic", "BASIC"):
            header = basic(f"nobody-at{path.replace('/', '-')}", "x").replace("Basic", scheme)
            answer = post(live, path, {**GRANT, "token": "x"}, {"Authorization": header})
            assert_error(answer, 401, "invalid_client")
            assert answer.headers["www-authenticate"] == 'Basic realm="watchword"'


def test_section_5_2_invalid_client_is_one_answer_whatever_is_wrong(live: Watched) -> None:
    """ "invalid_client: Client authentication failed (e.g., unknown client, no client authentication included, or
    unsupported authentication method)." Which of them it was is nobody's business.
    """
    known, idle = register(live, "known-client"), register(live, "idle-client")
    live.run(live.container.update_client()("idle-client", is_active=False))
    pairs = [
        (known.client_id, "wrong"),
        (idle.client_id, idle.secret),
        ("unknown-client", known.secret),
        ("Known-Client", known.secret),
        (known.client_id, known.secret + " "),
        (known.client_id, known.secret.upper()),
        (known.client_id, ""),
        ("x" * 3000, "y" * 3000),
    ]
    answers = [post(live, TOKEN, GRANT, {"Authorization": basic(*pair)}) for pair in pairs]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic YXBw",  # no colon
        "Basic YXBwOng",  # no padding
        "Basic YXBwOng= trailing",
        "Basic YXB\tOng=",
        raw_basic(b":secret"),
        raw_basic(b"app:%"),
        raw_basic(b"app:%4"),
        raw_basic(b"app:%zz"),
        raw_basic(b"%G0:x"),
        raw_basic(b"app:%ff"),
        raw_basic(b"app:%ed%a0%80"),
        raw_basic(b"app:\xff"),
        raw_basic(b"app:%00"),
        raw_basic(b"app\x00:x"),
    ],
)
def test_section_5_2_invalid_request_for_a_malformed_basic(live: Watched, header: str) -> None:
    """ "invalid_request: The request ... is otherwise malformed." A 400: nobody was recognised, nobody is refused."""
    for path in (TOKEN, REVOKE, INTROSPECT):
        assert_error(post(live, path, {**GRANT, "token": "x"}, {"Authorization": header}), 400, "invalid_request")


@pytest.mark.parametrize("body", ["%", "%4", "%zz", "%ff", "%c3", "%00", "%ed%a0%80"])
@pytest.mark.parametrize("name", ["client_id", "client_secret", "scope", "resource", "refresh_token"])
def test_section_5_2_invalid_request_for_malformed_parameters(live: Watched, name: str, body: str) -> None:
    """ "invalid_request: The request ... is otherwise malformed": percent-encoding and UTF-8 that are none."""
    with live.client() as client:
        answer = client.post(
            TOKEN,
            content=f"grant_type=client_credentials&{name}={body}",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    assert_error(answer, 400, "invalid_request")
    assert name in answer.json()["error_description"]
    assert VISIBLE.fullmatch(answer.json()["error_description"])


def test_section_5_2_unauthorized_client(live: Watched) -> None:
    """ "The authenticated client is not authorized to use this authorization grant type." """
    bare = register(live, "no-grants", grants=())
    forms: dict[str, Form] = {
        "client_credentials": {},
        "password": OWNER,
        "refresh_token": {"refresh_token": "wwr_x"},
    }
    for grant, form in forms.items():
        assert_error(bare.ask(grant, **form), 400, "unauthorized_client")


def test_section_5_2_invalid_grant_is_not_said_before_the_client_is_known(live: Watched) -> None:
    """Section 5.2: who is not allowed the grant learns nothing of the credentials within it."""
    bare = register(live, "password-oracle", grants=())
    right = bare.ask("password", **OWNER)
    wrong = bare.ask("password", username="resource-owner", password="not this one")
    assert right.content == wrong.content


@pytest.mark.parametrize(
    "scope",
    ["admin", "reports:read admin", "Reports:Read", 'x"y', "a\\b", "a\tb", "é", " reports:read", "reports:read  x"],
)
def test_section_5_2_invalid_scope(service: Registered, scope: str) -> None:
    """ "The requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner." """
    answer = service.ask(scope=scope)
    assert_error(answer, 400, "invalid_scope")
    assert VISIBLE.fullmatch(answer.json()["error_description"])


def test_section_4_3_2_a_client_that_takes_part_in_the_password_grant_authenticates(live: Watched) -> None:
    """ "The authorization server MUST: require client authentication for confidential clients ..., authenticate the
    client if client authentication is included".
    """
    client = register(live, "password-client", grants=("password",), scopes=("read",))
    body = client.log_in("resource-owner")
    found = opened(body["access_token"])
    assert (found["sub"], found["client_id"], found["aud"]) == ("resource-owner", "password-client", ISSUER)
    assert accepted(live, body["access_token"])
    headers, _ = client.proof(secret="wrong")
    form = {"grant_type": "password", **OWNER}
    assert_error(post(live, TOKEN, form, headers), 401, "invalid_client")
    assert_no_client(post(live, TOKEN, {**form, "client_id": client.client_id}))
