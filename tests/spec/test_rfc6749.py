"""RFC 6749, The OAuth 2.0 Authorization Framework: the token endpoint and the password grant."""

from __future__ import annotations

import re

import httpx2 as httpx
import pytest

from tests.http.support import TOKEN, Watched
from tests.support import PASSWORD

OWNER = {"username": "resource-owner", "password": PASSWORD}
VISIBLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


def post(live: Watched, **form: str) -> httpx.Response:
    with live.client() as client:
        return client.post(TOKEN, data=form)


def test_section_3_2_the_client_must_use_post(live: Watched) -> None:
    """ "The client MUST use the HTTP "POST" method when making access token requests." """
    with live.client() as client:
        assert client.get(TOKEN, params=OWNER).status_code == 405


def test_section_3_2_a_parameter_without_a_value_is_treated_as_omitted(live: Watched) -> None:
    """ "Parameters sent without a value MUST be treated as if they were omitted from the request." """
    assert post(live, **OWNER, scope="", client_id="").status_code == 200
    missing, empty = post(live, username="a"), post(live, username="a", password="")
    assert (missing.status_code, missing.json()["error"]) == (empty.status_code, empty.json()["error"])


def test_section_3_2_unrecognised_parameters_are_ignored(live: Watched) -> None:
    """ "The authorization server MUST ignore unrecognized request parameters." """
    assert post(live, **OWNER, audience="https://api.example", nonce="1").status_code == 200


def test_section_3_2_parameters_must_not_be_included_more_than_once(live: Watched) -> None:
    """ "Request and response parameters MUST NOT be included more than once." """
    body = "username=resource-owner&username=resource-owner&password=correct+horse+battery"
    with live.client() as client:
        answer = client.post(TOKEN, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_section_4_3_2_grant_type_password_with_username_and_password(live: Watched) -> None:
    """ "grant_type REQUIRED. Value MUST be set to "password". username REQUIRED. password REQUIRED." """
    assert post(live, grant_type="password", **OWNER).status_code == 200
    for name in OWNER:
        form = {key: value for key, value in OWNER.items() if key != name}
        answer = post(live, grant_type="password", **form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_section_4_3_2_the_password_is_validated(live: Watched) -> None:
    """ "The authorization server MUST ... validate the resource owner password credentials using its existing password
    validation algorithm."
    """
    answer = post(live, username="resource-owner", password="not this one")
    assert answer.json()["error"] == "invalid_grant"


def test_section_5_1_a_successful_response_holds_the_token_its_type_and_its_lifetime(live: Watched) -> None:
    """ "access_token REQUIRED. token_type REQUIRED. expires_in RECOMMENDED. The lifetime in seconds." """
    body = post(live, **OWNER).json()
    assert isinstance(body["access_token"], str)
    assert body["token_type"].lower() == "bearer"
    assert body["expires_in"] == 1800


def test_section_5_1_the_response_is_json_with_status_200(live: Watched) -> None:
    """ "The parameters are included in the entity-body of the HTTP response using the "application/json" media
    type"
    """
    answer = post(live, **OWNER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_section_5_1_the_response_is_never_stored(live: Watched) -> None:
    """ "The authorization server MUST include the HTTP "Cache-Control" response header field with a value of "no-store"
    in any response containing tokens ... as well as the "Pragma" response header field with a value of "no-cache"."
    """
    answer = post(live, **OWNER)
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


def test_section_5_2_invalid_request(live: Watched) -> None:
    """ "The request is missing a required parameter, includes an unsupported parameter value (other than grant type),
    repeats a parameter, includes multiple credentials ... or is otherwise malformed."
    """
    answer = post(live)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_section_5_2_invalid_client_by_authorization_header_names_the_scheme_that_was_used(live: Watched) -> None:
    """ "If the client attempted to authenticate via the "Authorization" request header field, the authorization server
    MUST respond with an HTTP 401 (Unauthorized) status code and include the "WWW-Authenticate" response header
    field matching the authentication scheme used by the client."
    """
    with live.client() as client:
        headers = {"Authorization": "Basic YXBwOnNlY3JldC1vZi10aGUtYXBw"}
        answer = client.post(TOKEN, data=OWNER, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert re.match(r"Basic\b", answer.headers["www-authenticate"])


def test_section_5_2_invalid_grant(live: Watched) -> None:
    """ "The provided authorization grant (e.g., authorization code, resource owner credentials) ... is invalid".

    A deliberate deviation: the status is 401 with a challenge, where the section says 400.
    """
    answer = post(live, username="resource-owner", password="not this one")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_grant")
    assert "www-authenticate" in answer.headers


def test_section_5_2_unsupported_grant_type(live: Watched) -> None:
    """ "The authorization grant type is not supported by the authorization server." """
    answer = post(live, grant_type="urn:ietf:params:oauth:grant-type:device_code", **OWNER)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_section_5_2_invalid_scope(live: Watched) -> None:
    """ "The requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner." """
    answer = post(live, **OWNER, scope="admin")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": "a", "password": "wrong password"},
        {"grant_type": 'x"\\\x01é'},
        {'na"me\\\x7fé': "1"},
        {**OWNER, "scope": 'x"é'},
        {**OWNER, "client_id": 'x"é'},
        {"username": "\x00"},
    ],
)
def test_section_5_2_an_error_is_json_of_allowed_characters_and_never_stored(
    live: Watched, form: dict[str, str]
) -> None:
    """ "Values for the "error_description" parameter MUST NOT include characters outside the set %x20-21 / %x23-5B /
    %x5D-7E."
    """
    answer = post(live, **form)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"error", "error_description"}
    assert all(VISIBLE.fullmatch(value) for value in answer.json().values())


@pytest.mark.parametrize("name", ["username", "password", "client_id", "client_secret"])
def test_section_2_3_1_credentials_must_not_be_in_the_request_uri(live: Watched, name: str) -> None:
    """ "The parameters can only be transmitted in the request-body and MUST NOT be included in the request URI." """
    with live.client() as client:
        answer = client.post(TOKEN, params={name: "something"}, data=OWNER)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_appendix_b_the_body_is_utf_8_percent_encoded(live: Watched) -> None:
    """ "the "application/x-www-form-urlencoded" media type ... using the character encoding UTF-8" """
    live.add_user("appendix-b", password="pässwörd +%&£€")
    assert post(live, username="appendix-b", password="pässwörd +%&£€").status_code == 200
