"""What is told of a person, and by which scope it is asked for (OpenID Connect Core §5.1, §5.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from attrs import evolve

from core.identity.claims import CLAIMS, SCOPE_CLAIMS, claims_opened_by, scopes_of, told
from core.protocol.scope import IDENTITY_SCOPES
from core.users.model import User
from tests.unit.test_profile import FULL

ALICE = User(
    id=UUID(int=1),
    username="alice",
    email="alice@example.com",
    hashed_password="$argon2id$secret",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    roles=("admin",),
)

# §5.4, byte for byte.
OPENED = {
    "profile": "name family_name given_name middle_name nickname preferred_username profile picture website gender "
    "birthdate zoneinfo locale updated_at",
    "email": "email email_verified",
    "address": "address",
    "phone": "phone_number phone_number_verified",
}


def test_each_scope_opens_what_the_specification_says() -> None:
    assert {scope: " ".join(claims) for scope, claims in SCOPE_CLAIMS.items()} == OPENED
    assert OPENED.keys() < set(IDENTITY_SCOPES)
    for scope, claims in OPENED.items():
        assert claims_opened_by(["openid", scope]) == tuple(claims.split())


@pytest.mark.parametrize("scope", ["openid", "offline_access", "read", "", "PROFILE"])
def test_no_other_scope_opens_anything(scope: str) -> None:
    assert claims_opened_by([scope]) == ()


def test_each_claim_is_asked_for_by_one_scope() -> None:
    assert set(CLAIMS) == {claim for claims in OPENED.values() for claim in claims.split()}
    assert len(set(CLAIMS)) == len(CLAIMS)
    assert scopes_of(["phone_number", "name", "zoneinfo", "phone_number_verified"]) == ("phone", "profile")
    assert scopes_of([]) == ()


def test_what_everybody_has() -> None:
    assert told(ALICE, CLAIMS) == {
        "preferred_username": "alice",
        "email": "alice@example.com",
        "email_verified": False,
        "updated_at": 1767323045,
    }


def test_what_somebody_said() -> None:
    zoe = evolve(ALICE, profile=FULL)
    answer = told(zoe, CLAIMS)
    assert answer.keys() == set(CLAIMS)
    assert {name: answer[name] for name in FULL} == FULL


def test_only_what_was_asked_for_is_told() -> None:
    assert told(ALICE, ()) == {}
    assert told(ALICE, ["email", "name"]) == {"email": "alice@example.com"}


@pytest.mark.parametrize("claim", ["id", "username", "hashed_password", "roles", "is_active", "created_at", "sub"])
def test_what_is_no_claim_is_told_to_nobody(claim: str) -> None:
    assert told(ALICE, [claim]) == {}


def test_what_is_not_known_is_left_out_and_never_null() -> None:
    """§5.3.2"""
    assert None not in told(ALICE, CLAIMS).values()


def test_a_number_is_not_verified_until_somebody_says_so() -> None:
    numbers: dict[str, object] = {"phone_number": "+1604555"}
    known: list[dict[str, object]] = [
        numbers,
        {**numbers, "phone_number_verified": True},
        {"phone_number_verified": True},
    ]
    answers = [told(evolve(ALICE, profile=profile), CLAIMS) for profile in known]
    assert [answer.get("phone_number_verified") for answer in answers] == [False, True, None]


def test_nobody_gives_themselves_a_name_that_is_anothers() -> None:
    """A profile says neither who somebody is nor what was verified: that is what the server knows."""
    assert not {"sub", "preferred_username", "email", "email_verified", "updated_at"} & FULL.keys()
