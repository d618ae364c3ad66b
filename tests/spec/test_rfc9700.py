"""RFC 9700, Best Current Practice for OAuth 2.0 Security: refresh tokens (§4.14) and whose `sub` it is (§4.15)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from core.clients.model import AuthMethod
from core.protocol.secret import Secret
from tests.http.clients import Registered, Timed, accepted, assert_error, clocked, opened, register
from tests.http.support import Watched
from tests.support import SetClock, settings_for

GRACE = 30  # seconds, unless somebody sets it


@pytest.fixture(scope="module")
def live(timed: Timed) -> Timed:
    return timed


@pytest.fixture(scope="module", params=[AuthMethod.NONE, AuthMethod.SECRET_BASIC], ids=["public", "confidential"])
def app(request: pytest.FixtureRequest, live: Watched) -> Registered:
    method: AuthMethod = request.param
    name = f"app-{method}".replace("_", "-")
    return register(live, name, method=method, grants=("password", "refresh_token"), scopes=("read", "write"))


def exchanged(client: Registered, token: str) -> dict[str, Any]:
    answer = client.refresh(token)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refused(client: Registered, token: str) -> None:
    assert_error(client.refresh(token), 400, "invalid_grant")


def test_section_4_14_2_a_new_refresh_token_comes_with_every_access_token(app: Registered) -> None:
    """ "Refresh token rotation: the authorization server issues a new refresh token with every access token refresh
    response."
    """
    tokens = [app.log_in("resource-owner")["refresh_token"]]
    for _ in range(3):
        tokens.append(exchanged(app, tokens[-1])["refresh_token"])
    assert len(set(tokens)) == 4


def test_section_4_14_2_reuse_after_the_grace_time_ends_the_whole_family(app: Registered, clock: SetClock) -> None:
    """ "The authorization server cannot determine which party submitted the invalid refresh token, but it will revoke
    the active refresh token." Here with every access token of the same grant.
    """
    first = app.log_in("resource-owner")
    second = exchanged(app, first["refresh_token"])
    clock.forward(seconds=GRACE)
    assert accepted(app.live, first["access_token"])
    assert accepted(app.live, second["access_token"])
    refused(app, first["refresh_token"])
    refused(app, second["refresh_token"])
    assert not accepted(app.live, first["access_token"])
    assert not accepted(app.live, second["access_token"])


def test_section_4_14_2_reuse_after_the_successor_was_used_ends_the_whole_family(app: Registered) -> None:
    """ "If a refresh token is compromised and subsequently used by both the attacker and the legitimate client, one of
    them will present an invalidated refresh token, which will inform the authorization server of the breach." Who uses
    a successor has received it: after that no answer can have been lost, and there is no grace.
    """
    first = app.log_in("resource-owner")
    second = exchanged(app, first["refresh_token"])
    third = exchanged(app, second["refresh_token"])
    refused(app, first["refresh_token"])
    refused(app, third["refresh_token"])
    refused(app, second["refresh_token"])
    assert not accepted(app.live, third["access_token"])


def test_section_4_14_2_another_family_of_the_same_user_and_client_lives_on(app: Registered, clock: SetClock) -> None:
    """Section 4.14.2 ends the grant that was compromised; a login on another device is another grant."""
    stolen, other = app.log_in("resource-owner"), app.log_in("resource-owner")
    exchanged(app, stolen["refresh_token"])
    clock.forward(seconds=GRACE)
    refused(app, stolen["refresh_token"])
    assert accepted(app.live, other["access_token"])
    exchanged(app, other["refresh_token"])


def test_section_4_14_2_within_the_grace_time_a_repeated_request_gets_the_same_successor(
    app: Registered, clock: SetClock
) -> None:
    """Section 4.14.2 knows no grace; a client that lost an answer must not lose its grant. A repetition yields nothing
    new: one and the same successor, however often.
    """
    token = app.log_in("resource-owner")["refresh_token"]
    successor = exchanged(app, token)["refresh_token"]
    for _ in range(3):
        clock.forward(seconds=(GRACE - 1) / 3)
        assert exchanged(app, token)["refresh_token"] == successor
    assert exchanged(app, successor)["refresh_token"] != successor


def test_section_4_14_2_the_grace_time_does_not_grow_with_its_use(app: Registered, clock: SetClock) -> None:
    """Section 4.14.2: a thief who repeats a token again and again is not to keep it alive by that."""
    token = app.log_in("resource-owner")["refresh_token"]
    exchanged(app, token)
    clock.forward(seconds=GRACE - 1)
    exchanged(app, token)
    clock.forward(seconds=1)
    refused(app, token)


def test_section_4_14_2_twenty_at_once_get_one_successor(app: Registered) -> None:
    """Section 4.14.2, for workers that share a token: whoever comes first, all are told the same."""
    token = app.log_in("resource-owner")["refresh_token"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: app.refresh(token), range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 20}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert len({answer.json()["access_token"] for answer in answers}) == 20
    exchanged(app, answers[0].json()["refresh_token"])


def test_section_4_14_2_a_reuse_that_comes_with_too_large_a_scope_is_a_reuse_all_the_same(
    app: Registered, clock: SetClock
) -> None:
    """Section 4.14.2: no other fault of the request hides that an old token is in somebody's hands."""
    token = app.log_in("resource-owner", scope="read")["refresh_token"]
    successor = exchanged(app, token)["refresh_token"]
    clock.forward(seconds=GRACE)
    assert_error(app.refresh(token, scope="read write"), 400, "invalid_grant")
    refused(app, successor)


def test_section_4_14_2_the_integrity_of_the_grant_in_the_token_is_ensured(app: Registered) -> None:
    """ "The grant to which a refresh token belongs may be encoded into the refresh token itself. ... Authorization
    servers MUST ensure the integrity of the refresh token value in this case". A token that names somebody else's
    grant is none, and does not end it.
    """
    one, other = (app.log_in("resource-owner")["refresh_token"] for _ in range(2))
    for mixed in (one[:26] + other[26:], other[:60] + one[60:], one[:-4] + "AAAA"):
        refused(app, mixed)
    exchanged(app, one)
    exchanged(app, other)


def test_section_4_14_2_refresh_tokens_expire_when_the_client_is_inactive_for_some_time(
    app: Registered, clock: SetClock
) -> None:
    """ "Refresh tokens SHOULD expire if the client has been inactive for some time". Then it is not a reuse either."""
    token = app.log_in("resource-owner")["refresh_token"]
    clock.forward(days=30)
    refused(app, token)


def test_section_4_14_2_with_no_grace_a_second_use_is_a_theft(database_url: Secret, tmp_path: Path) -> None:
    """Section 4.14.2 to the letter, for whoever sets WATCHWORD_REFRESH_GRACE_SECONDS to 0."""
    with clocked(settings_for(database_url, tmp_path, refresh_grace_seconds=0)) as strict:
        strict.add_user("resource-owner")
        app = register(strict, "strict", method=AuthMethod.NONE, grants=("password", "refresh_token"))
        token = app.log_in("resource-owner")["refresh_token"]
        successor = exchanged(app, token)
        refused(app, token)
        refused(app, successor["refresh_token"])
        assert not accepted(strict, successor["access_token"])


def test_section_4_15_1_no_client_can_have_the_subject_of_a_user(live: Watched) -> None:
    """ "Authorization servers SHOULD NOT allow clients to influence their "client_id" or any other claim that could
    cause confusion with a genuine resource owner if a common namespace for client IDs and user identifiers exists".
    Names are given by an administrator, each only once.
    """
    register(live, "taken-by-a-client")
    with live.admin() as admin:
        clash = admin.post("/api/v1/clients", json={"client_id": "resource-owner"})
        user = {"username": "taken-by-a-client", "email": "x@example.com", "password": "a long password"}
        assert clash.status_code == 409
        assert admin.post("/api/v1/users", json=user).status_code == 409


def test_section_4_15_1_tokens_of_users_and_of_clients_can_be_told_apart(live: Watched) -> None:
    """ "authorization servers MUST provide other means for the resource server to distinguish between the two types of
    access tokens." The subject is the client, and there are no roles, only where a client acts for itself.
    """
    client = register(live, "told-apart", grants=("client_credentials", "password"))
    own = opened(client.token())
    users = opened(client.log_in("resource-owner")["access_token"])
    assert own["sub"] == own["client_id"]
    assert "roles" not in own
    assert users["sub"] != users["client_id"]
    assert "roles" in users
