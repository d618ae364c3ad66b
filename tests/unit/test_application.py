"""What a client says of itself: each member's rule, the sector, and how it is kept."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from core.clients.application import (
    ASSERTION_ALGORITHMS,
    LONGEST_AGE,
    LONGEST_TEXT,
    MOST_CONTACTS,
    Application,
    application_errors,
)

CALLBACK = "https://app.example.com/cb"

URL_MEMBERS = ("client_uri", "logo_uri", "tos_uri", "policy_uri")
HTTPS_MEMBERS = ("initiate_login_uri", "sector_identifier_uri", "jwks_uri")

FULL = Application(
    application_type="native",
    redirect_uris=("com.example.app:/cb", CALLBACK),
    post_logout_redirect_uris=("com.example.app:/bye",),
    id_token_signed_response_alg="ES256",
    userinfo_signed_response_alg="RS256",
    subject_type="pairwise",
    sector_identifier_uri="https://example.com/apps.json",
    default_max_age=3600,
    require_auth_time=True,
    default_acr_values=("1",),
    initiate_login_uri="https://app.example.com/login",
    client_uri="https://example.com/",
    logo_uri="https://example.com/logo.png",
    tos_uri="https://example.com/tos",
    policy_uri="https://example.com/policy",
    contacts=("admin@example.com",),
    software_id="4NRB1-0XZABZI9E6-5SM3R",
    software_version="2.1",
    jwks_uri="https://app.example.com/jwks.json",
    token_endpoint_auth_signing_alg="ES256",
    require_pushed_authorization_requests=True,
    require_pkce=False,
)


def at_fault(**members: Any) -> list[str]:
    return [error.field for error in application_errors(Application(**members))]


def test_nothing_said_and_everything_said_are_both_fine() -> None:
    assert application_errors(Application()) == []
    assert application_errors(FULL) == []
    assert all(getattr(FULL, a.name) != a.default for a in attrs.fields(Application))  # everything is said


def test_what_is_kept_comes_back_and_nothing_is_kept_of_what_was_left_out() -> None:
    assert Application().members() == {}
    assert Application.stored({}) == Application()
    assert Application.stored(FULL.members()) == FULL
    assert Application.stored({**FULL.members(), "of_a_later_version": 1, "contacts": None}) == attrs.evolve(
        FULL, contacts=()
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("application_type", "desktop"),
        ("application_type", "Web"),
        ("subject_type", "private"),
        ("id_token_signed_response_alg", "none"),
        ("id_token_signed_response_alg", "HS256"),
        ("id_token_signed_response_alg", "rs256"),
        ("userinfo_signed_response_alg", "none"),
        ("userinfo_signed_response_alg", "PS256"),
        ("token_endpoint_auth_signing_alg", "none"),
        ("token_endpoint_auth_signing_alg", "HS256"),
        ("default_max_age", -1),
        ("default_max_age", LONGEST_AGE + 1),
        ("default_acr_values", ("1", "urn:mace:incommon:iap:silver")),
        ("software_id", ""),
        ("software_id", "a\0"),
        ("software_version", "1" * (LONGEST_TEXT + 1)),
        ("software_version", "\ud800"),
        ("contacts", ("a", "")),
        ("contacts", ("a\u202eb",)),
        ("contacts", tuple(f"{number}@example.com" for number in range(MOST_CONTACTS + 1))),
        *((name, "javascript:alert(1)") for name in (*URL_MEMBERS, *HTTPS_MEMBERS)),
        *((name, "https://user@example.com/") for name in (*URL_MEMBERS, *HTTPS_MEMBERS)),
        *((name, "") for name in (*URL_MEMBERS, *HTTPS_MEMBERS)),
        *((name, "http://example.com/") for name in HTTPS_MEMBERS),
        *((name, "http://localhost.example.com/") for name in HTTPS_MEMBERS),
    ],
)
def test_a_member_that_breaks_its_rule_is_named(member: str, value: Any) -> None:
    assert at_fault(**{member: value}) == [member]


@pytest.mark.parametrize("algorithm", ASSERTION_ALGORITHMS)
def test_assertions_may_be_bound_to_any_algorithm_that_is_accepted(algorithm: str) -> None:
    assert at_fault(token_endpoint_auth_signing_alg=algorithm) == []


def test_this_machine_will_do_for_what_is_fetched_if_the_fetcher_goes_there() -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert at_fault(jwks_uri=f"http://{host}:3000/jwks.json") == []


def test_every_fault_is_named_at_once() -> None:
    assert at_fault(redirect_uris=("x",), post_logout_redirect_uris=("y",), logo_uri="z", default_max_age=-1) == [
        "redirect_uris",
        "post_logout_redirect_uris",
        "logo_uri",
        "default_max_age",
    ]


@pytest.mark.parametrize("member", ["redirect_uris", "post_logout_redirect_uris"])
def test_a_scheme_of_ones_own_is_for_native_applications(member: str) -> None:
    """OpenID Connect Registration §2, but that https is open to both (RFC 8252 §7.2), and http on this machine too."""
    own, web, here = ("com.example.app:/cb",), (CALLBACK,), ("http://localhost:3000/cb", "http://127.0.0.1/cb")
    assert at_fault(application_type="web", **{member: own}) == [member]
    assert at_fault(application_type="web", **{member: (*web, *here)}) == []
    assert at_fault(application_type="native", **{member: (*own, *web, *here)}) == []


# Sectors


def test_a_sector_is_the_host_of_the_redirect_uris_or_of_the_document_that_lists_them() -> None:
    """OpenID Connect Core §8.1: the host component."""
    assert Application(redirect_uris=(CALLBACK,)).sector == "app.example.com"
    assert Application(redirect_uris=("https://app.example.com:8443/cb",)).sector == "app.example.com"
    listed = Application(redirect_uris=(CALLBACK,), sector_identifier_uri="https://Example.com:8443/a.json")
    assert listed.sector == "example.com"
    assert Application().sector == ""


@pytest.mark.parametrize(
    "uris",
    [
        (),
        (CALLBACK, "https://other.example.com/cb"),
        (CALLBACK, "http://localhost/cb"),
        ("com.example.app:/cb",),
        # What looks like another's host, in whose sector it would be.
        ("com.evil.app://app.example.com/cb",),
        ("com.evil.app://app.example.com/cb", CALLBACK),
    ],
)
def test_without_a_host_of_its_own_a_pairwise_client_needs_a_sector_identifier(uris: tuple[str, ...]) -> None:
    others = {"application_type": "native", "redirect_uris": uris}
    assert at_fault(subject_type="pairwise", **others) == ["sector_identifier_uri"]
    assert at_fault(subject_type="pairwise", sector_identifier_uri="https://example.com/a.json", **others) == []
    assert at_fault(**others) == []


def test_one_host_is_enough_whatever_the_port_and_the_path() -> None:
    uris = (CALLBACK, "https://app.example.com:8443/", "https://app.example.com/other?x=1")
    assert at_fault(subject_type="pairwise", redirect_uris=uris) == []


def test_malformed_redirect_uris_are_what_is_at_fault_and_not_their_sector() -> None:
    for uri in ("https://[", "x", "https://a@b/"):
        assert at_fault(subject_type="pairwise", redirect_uris=(uri,)) == ["redirect_uris"]
