"""RFC 8707, Resource Indicators for OAuth 2.0."""

from __future__ import annotations

import pytest

from tests.http.clients import Registered, accepted, add_resource, assert_error, opened, register, token_of
from tests.http.support import ISSUER, Watched, eventually

CALENDAR = "https://cal.example.com/app?room=1"
CONTACTS = "https://contacts.example.com/"
PAYROLL = "urn:example:payroll"  # registered, and not for this client


@pytest.fixture(scope="module")
def app(live: Watched) -> Registered:
    add_resource(live, CALENDAR, "read", "calendar")
    add_resource(live, CONTACTS, "read", "contacts")
    add_resource(live, PAYROLL, "read")
    return register(
        live,
        "app",
        grants=("client_credentials", "password", "refresh_token"),
        scopes=("read", "calendar", "contacts", "other"),
        resources=(CALENDAR, CONTACTS),
    )


def test_section_2_the_audience_is_the_resource_byte_for_byte(app: Registered) -> None:
    """ "The authorization server SHOULD audience-restrict issued access tokens to the resource(s) indicated by the
    "resource" parameter. ... The authorization server may use the exact "resource" value as the audience".
    """
    assert opened(app.token(resource=CALENDAR))["aud"] == CALENDAR
    assert opened(app.token(resource=CONTACTS))["aud"] == CONTACTS


def test_section_2_several_resources(app: Registered) -> None:
    """ "Multiple "resource" parameters MAY be used to indicate that the requested token is intended to be used at
    multiple resources." In the order of the request, each once.
    """
    assert opened(app.token(resource=[CONTACTS, CALENDAR]))["aud"] == [CONTACTS, CALENDAR]
    assert opened(app.token(resource=[CONTACTS, CONTACTS]))["aud"] == CONTACTS
    assert opened(app.token(resource=[ISSUER, CALENDAR]))["aud"] == [ISSUER, CALENDAR]


@pytest.mark.parametrize(
    "resource",
    [
        "https://unknown.example.com",
        "https://cal.example.com/app",
        "https://cal.example.com/app?room=1&x",
        "https://cal.example.com/app/?room=1",
        "https://cal.example.com/App?room=1",
        "https://cal.example.com:443/app?room=1",
        "https://CAL.example.com/app?room=1",
        "https://cal.example.com/%61pp?room=1",
        "https://cal.example.com/x/../app?room=1",
        "https://contacts.example.com",
        "https://contacts.example.com//",
        f"{CONTACTS}sub",
        f" {CONTACTS}",
        f"{CONTACTS} ",
        f"{ISSUER}/",
        PAYROLL,
    ],
)
def test_section_2_an_unknown_resource_is_an_invalid_target(app: Registered, resource: str) -> None:
    """ "invalid_target: The requested resource is invalid, missing, unknown, or malformed." One that is registered for
    others is not told apart from one that is not.
    """
    answers = [app.ask(resource=resource), app.ask(resource=[CONTACTS, resource])]
    for answer in answers:
        assert_error(answer, 400, "invalid_target")
    assert answers[0].content == app.ask(resource="https://nobody.example").content


@pytest.mark.parametrize(
    "resource", [f"{CONTACTS}#", f"{CONTACTS}#part", f"{CALENDAR}#x", "#", "relative", "//x/y", "é"]
)
def test_section_2_a_resource_is_an_absolute_uri_without_a_fragment(app: Registered, resource: str) -> None:
    """ "Its value MUST be an absolute URI, as specified by Section 4.3 of [RFC3986]. The URI MUST NOT include a
    fragment component."
    """
    assert_error(app.ask(resource=resource), 400, "invalid_target")
    with app.live.admin() as admin:
        answer = admin.patch("/api/v1/clients/app", json={"resources": [CALENDAR, CONTACTS, resource]})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["resources"]


def test_section_2_1_without_a_resource_the_token_is_for_the_default_audience(app: Registered) -> None:
    """Section 2.1: "the authorization server MAY process the request with no specific resource or by using a predefined
    default resource value." An empty parameter counts as none (RFC 6749 §3.2).
    """
    assert opened(app.token())["aud"] == ISSUER
    assert opened(app.token(resource=""))["aud"] == ISSUER


def test_section_2_2_for_all_grants_it_says_where_the_token_is_for(app: Registered) -> None:
    """ "When the "resource" parameter is used on an access token request made to the token endpoint, for all grant
    types, it indicates the target service or protected resource where the client intends to use the requested access
    token."
    """
    token = app.log_in("resource-owner", resource=CALENDAR)["access_token"]
    assert opened(token)["aud"] == CALENDAR
    assert not accepted(app.live, token)
    assert accepted(app.live, app.log_in("resource-owner", resource=[CALENDAR, ISSUER])["access_token"])


def test_section_2_2_the_scope_is_cut_down_to_what_the_resource_knows(app: Registered) -> None:
    """ "To the extent possible, when issuing access tokens, the authorization server should downscope the scope value
    associated with an access token to the value the respective resource is able to process and needs to know. ... the
    authorization server must indicate the access token's effective scope to the client in the "scope" response
    parameter value when it differs from the scope requested by the client."
    """
    for resources, asked, given in (
        ([CALENDAR], "read calendar contacts other", "read calendar"),
        ([CALENDAR, CONTACTS], "read calendar contacts other", "read calendar contacts"),
        ([CONTACTS], "", "read contacts"),
        ([CALENDAR], "read", "read"),
    ):
        answer = app.ask(resource=resources, scope=asked)
        assert answer.json()["scope"] == given
        assert opened(token_of(answer))["scope"] == given


def test_section_2_a_scope_that_none_of_the_resources_knows_is_refused(app: Registered) -> None:
    """RFC 6749 §3.3: nothing is left of what was asked for, and a token without it would surprise the client."""
    assert_error(app.ask(resource=CALENDAR, scope="contacts"), 400, "invalid_scope")


def test_section_2_2_a_refresh_gets_tokens_for_each_of_the_resources(app: Registered) -> None:
    """Section 2.2: "such policy may limit the acceptable resources to those that were originally granted by the
    resource owner or a subset thereof. In the "authorization_code" case where the requested resources are a subset ...,
    any refresh token that is returned is bound to the full original grant." It is so with every refresh here.
    """
    first = app.log_in("resource-owner", resource=[CALENDAR, CONTACTS])
    second = app.refresh(first["refresh_token"], resource=CONTACTS)
    found = opened(token_of(second))
    assert (found["aud"], found["scope"]) == (CONTACTS, "read contacts")
    third = app.refresh(second.json()["refresh_token"], resource=CALENDAR, scope="read")
    found = opened(token_of(third))
    assert (found["aud"], found["scope"]) == (CALENDAR, "read")
    found = opened(token_of(app.refresh(third.json()["refresh_token"])))
    assert (found["aud"], found["scope"]) == ([CALENDAR, CONTACTS], "read calendar contacts")


def test_section_2_2_a_refresh_gets_nothing_for_a_resource_that_was_not_granted(app: Registered) -> None:
    """Section 2.2, as above. The refusal spends nothing."""
    token = app.log_in("resource-owner", resource=CALENDAR)["refresh_token"]
    for resource in (CONTACTS, ISSUER, "https://unknown.example.com", [CALENDAR, CONTACTS]):
        assert_error(app.refresh(token, resource=resource), 400, "invalid_target")
    assert opened(token_of(app.refresh(token)))["aud"] == CALENDAR


def test_section_2_2_a_resource_that_is_gone_is_in_no_new_token(live: Watched) -> None:
    """Section 2.2: which resources are acceptable is "based on local policy or configuration", at each request anew."""
    gone, left = add_resource(live, "https://gone.example.com"), add_resource(live, "https://left.example.com")
    client = register(live, "late", grants=("password", "refresh_token"), resources=(gone, left))
    tokens = [client.log_in("resource-owner", resource=[gone, left])["refresh_token"]]
    only = client.log_in("resource-owner", resource=gone)["refresh_token"]
    live.run(live.container.delete_resource()(gone))

    def left_alone() -> bool:
        answer = client.refresh(tokens[-1])
        tokens.append(answer.json()["refresh_token"])
        return bool(opened(token_of(answer))["aud"] == left)

    assert eventually(left_alone, within=10)
    assert_error(client.refresh(only), 400, "invalid_grant")
    assert_error(client.ask("password", username="x", password="y", resource=gone), 400, "invalid_target")
