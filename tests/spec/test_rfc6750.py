"""RFC 6750, Bearer Token Usage."""

from __future__ import annotations

import re

import httpx2 as httpx
import pytest

from tests.http.support import ME, TOKEN, USERS, Watched, me
from tests.support import PASSWORD

CHALLENGE = re.compile(r'Bearer ([a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*")(, [a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*")*')


def parameters(answer: httpx.Response) -> dict[str, str]:
    challenge = answer.headers["www-authenticate"]
    assert CHALLENGE.fullmatch(challenge)
    found = re.findall(r'([a-z_]+)="([^"]*)"', challenge)
    assert len(found) == len(dict(found))
    return dict(found)


def test_section_2_1_the_authorization_header_is_supported(live: Watched) -> None:
    """ "Resource servers MUST support this method." """
    assert me(live, live.token("resource-owner")).status_code == 200


def test_section_2_1_a_token_has_the_syntax_of_b64token(live: Watched) -> None:
    """ "b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" " """
    assert re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", live.token("resource-owner"))


def test_section_2_clients_must_not_use_more_than_one_method(live: Watched) -> None:
    """ "Clients MUST NOT use more than one method to transmit the token in each request." Only the header counts."""
    token = live.token("resource-owner")
    with live.client() as client:
        assert client.get(ME, params={"access_token": token}).status_code == 401


def test_section_3_without_a_token_there_is_a_challenge_of_the_scheme_bearer(live: Watched) -> None:
    """ "the resource server MUST include the HTTP "WWW-Authenticate" response header field" and "MUST use the auth-
    scheme value "Bearer". This scheme MUST be followed by one or more auth-param values."
    """
    with live.client() as client:
        answer = client.get(ME)
    assert answer.status_code == 401
    assert parameters(answer) == {"realm": "watchword"}


def test_section_3_an_expired_or_otherwise_failed_token_has_an_error(live: Watched) -> None:
    """ "If the protected resource request included an access token and failed authentication, the resource server
    SHOULD include the "error" attribute".
    """
    assert parameters(me(live, "not.a.token"))["error"] == "invalid_token"


def test_section_3_attributes_appear_once_and_in_allowed_characters(live: Watched) -> None:
    """ "Values for the "error" and "error_description" attributes MUST NOT include characters outside the set %x20-21 /
    %x23-5B / %x5D-7E." and the attributes "MUST NOT appear more than once".
    """
    for token in ('x"\\', "a.b.c", "x" * 9000, "<script>"):
        assert set(parameters(me(live, token))) == {"error", "error_description", "realm"}


def test_section_3_1_invalid_token_is_401(live: Watched) -> None:
    """ "The access token provided is expired, revoked, malformed, or invalid for other reasons. The resource SHOULD
    respond with the HTTP 401 (Unauthorized) status code."
    """
    user = live.add_user("revoked")
    token = live.token("revoked")
    with live.admin() as admin:
        admin.patch(f"{USERS}/{user.id}", json={"is_active": False})
    for refused in (token, "not-a-token-of-ours"):
        answer = me(live, refused)
        assert (answer.status_code, parameters(answer)["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Digest a=b"}])
def test_section_3_1_no_error_code_where_no_authentication_was_tried(live: Watched, headers: dict[str, str]) -> None:
    """ "If the request lacks any authentication information ... the resource server SHOULD NOT include an error code or
    other error information."
    """
    with live.client() as client:
        answer = client.get(ME, headers=headers)
    assert (answer.status_code, parameters(answer)) == (401, {"realm": "watchword"})


def test_section_3_1_too_few_rights_are_403(live: Watched) -> None:
    """insufficient_scope: "The resource server SHOULD respond with the HTTP 403 (Forbidden) status code"."""
    with live.client(live.token("resource-owner")) as client:
        assert client.get(USERS).status_code == 403


def test_section_5_3_a_token_is_not_put_into_a_url(live: Watched) -> None:
    """ "Don't pass bearer tokens in page URLs". None is taken there either."""
    with live.client() as client:
        form = {"username": "resource-owner", "password": PASSWORD}
        answer = client.post(TOKEN, data=form)
        assert answer.json()["access_token"] not in str(answer.headers)
