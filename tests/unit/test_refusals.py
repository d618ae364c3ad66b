"""Every refusal has one answer, and the answer says what its RFC asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from adapters.postgres.store import SchemaBehind
from core.protocol import refusals
from core.protocol.refusals import FieldError, OAuthRefusal, Refusal
from entrypoints.http.refusals import BASIC, BEARER, answer
from entrypoints.pages.browser import OutOfDate

# One of each, with the status it gets. What is abstract is never raised itself.
ABSTRACT = {OAuthRefusal, refusals.Conflict}
CASES: list[tuple[Refusal, int]] = [
    (refusals.InvalidRequest("a is missing"), 400),
    (refusals.InvalidClient("no client"), 401),
    (refusals.InvalidGrant("spent"), 400),
    (refusals.WrongCredentials(), 401),
    (refusals.InvalidScope("no scope"), 400),
    (refusals.InvalidTarget("no resource"), 400),
    (refusals.UnauthorizedClient("no such right"), 400),
    (refusals.UnsupportedGrantType("no grant"), 400),
    (refusals.AuthorizationRefused("login_required", "nobody is there"), 400),
    (refusals.RegistrationRefused("invalid_redirect_uri", "no such place"), 400),
    (refusals.PageRefusal("no such application"), 400),
    (OutOfDate("an old page", "open it again", None), 400),
    (refusals.InvalidToken("expired"), 401),
    (refusals.TokenMissing(), 401),
    (refusals.InsufficientRole(), 403),
    (refusals.InsufficientScope("openid"), 403),
    (refusals.NotFirstParty(), 403),
    (refusals.InvalidFields(FieldError("a", "wrong"), FieldError("b", "too")), 422),
    (refusals.TooManyAttempts(7), 429),
    (refusals.NotFound("nothing of that kind"), 404),
    (refusals.UserNotFound(), 404),
    (refusals.ClientNotFound(), 404),
    (refusals.ResourceNotFound(), 404),
    (refusals.SessionNotFound(), 404),
    (refusals.ConnectionNotFound(), 404),
    (refusals.KeyNotFound(), 404),
    (refusals.UsernameTaken(), 409),
    (refusals.EmailTaken(), 409),
    (refusals.ClientIdTaken(), 409),
    (refusals.ResourceTaken(), 409),
    (refusals.NoSecret(), 409),
    (refusals.KeyTooYoung(7), 409),
    (refusals.KeysAreFixed(), 409),
    (refusals.ChangedMeanwhile(), 409),
    (refusals.Unavailable(), 503),
    (refusals.Overloaded(), 503),
    (SchemaBehind(("0001",)), 503),
]


def every(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from every(sub)


def test_every_refusal_of_the_tree_is_among_the_cases() -> None:
    known = {kind for kind in every(Refusal) if kind.__module__.startswith(("core.", "adapters.", "entrypoints."))}
    assert known - ABSTRACT == {type(refusal) for refusal, _ in CASES}


@pytest.mark.parametrize(("refusal", "status"), CASES, ids=lambda value: type(value).__name__)
def test_every_refusal_has_an_answer(refusal: Refusal, status: int) -> None:
    response = answer(refusal)
    assert response.status_code == status
    body = json.loads(bytes(response.body))
    if isinstance(refusal, OAuthRefusal):
        assert body == {"error": refusal.code, "error_description": refusal.description}
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
    else:
        assert body["status"] == status
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("refusal", "status"), CASES, ids=lambda value: type(value).__name__)
def test_a_401_and_a_403_and_no_other_answer_name_a_scheme(refusal: Refusal, status: int) -> None:
    assert ("www-authenticate" in answer(refusal).headers) == (status in {401, 403})


@pytest.mark.parametrize(("refusal", "status"), CASES, ids=lambda value: type(value).__name__)
def test_a_429_and_a_503_and_no_other_answer_say_when_to_come_back(refusal: Refusal, status: int) -> None:
    assert ("retry-after" in answer(refusal).headers) == (status in {429, 503})


@pytest.mark.parametrize(("wait", "told"), [(-1, "1"), (0, "1"), (1, "1"), (900, "900")])
def test_a_wait_is_at_least_one_second(wait: int, told: str) -> None:
    assert answer(refusals.TooManyAttempts(wait)).headers["retry-after"] == told


def test_an_oauth_endpoint_speaks_of_a_wait_in_the_words_of_oauth() -> None:
    response = answer(refusals.TooManyAttempts(7), oauth=True)
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(bytes(response.body)) == {
        "error": "temporarily_unavailable",
        "error_description": "Too many failed attempts; try again in 7 s",
    }


def test_an_invalid_token_is_called_so_but_a_missing_one_is_not() -> None:
    invalid = answer(refusals.InvalidToken("expired")).headers["www-authenticate"]
    assert invalid.startswith('Bearer error="invalid_token"')
    assert answer(refusals.TokenMissing()).headers["www-authenticate"] == BEARER
    assert "error" not in BEARER


def test_the_reason_of_an_invalid_token_is_not_in_the_answer() -> None:
    response = answer(refusals.InvalidToken("expired"))
    assert b"expired" not in bytes(response.body)
    assert "expired" not in str(response.headers)


def test_every_field_at_fault_is_in_the_answer() -> None:
    body = json.loads(bytes(answer(refusals.InvalidFields(FieldError("a", "wrong"), FieldError("b", "too"))).body))
    assert body["errors"] == [{"field": "a", "message": "wrong"}, {"field": "b", "message": "too"}]
    assert body["title"].startswith("Unprocessable")


# Their codes are said when they are raised.
OF_MANY_CODES = {refusals.AuthorizationRefused, refusals.RegistrationRefused}


def test_every_kind_of_oauth_refusal_has_a_code_of_its_own() -> None:
    kinds = set(OAuthRefusal.__subclasses__()) - OF_MANY_CODES
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all("code" not in vars(kind) for parent in OAuthRefusal.__subclasses__() for kind in every(parent))
    assert refusals.AuthorizationRefused("login_required", "").code == "login_required"
    assert refusals.RegistrationRefused("invalid_redirect_uri", "").code == "invalid_redirect_uri"


def test_a_scope_that_a_token_lacks_is_named() -> None:
    told = answer(refusals.InsufficientScope("openid")).headers["www-authenticate"]
    assert told.startswith('Bearer error="insufficient_scope"')
    assert 'scope="openid"' in told


def test_a_refusal_that_nobody_thought_of_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="no answer for Refusal"):
        answer(Refusal("?"))


@pytest.mark.parametrize("authorization", ["Basic x", "basic", "BASIC x"])
def test_a_client_that_tried_basic_is_told_of_basic(authorization: str) -> None:
    # RFC 6749 §5.2. A user's password has nothing to do with the scheme of a client.
    assert answer(refusals.InvalidClient("no"), authorization).headers["www-authenticate"] == BASIC
    assert answer(refusals.WrongCredentials(), authorization).headers["www-authenticate"] == BEARER
    assert answer(refusals.InvalidClient("no"), "Digest x").headers["www-authenticate"] == BEARER
