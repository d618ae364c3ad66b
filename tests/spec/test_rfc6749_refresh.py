"""RFC 6749 §6, Refreshing an Access Token."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from tests.http.clients import Registered, Timed, accepted, assert_error, opened, post, register, token_of
from tests.http.support import TOKEN, Watched
from tests.support import PASSWORD, SetClock

GRANTS = ("password", "refresh_token")
SCOPES = ("read", "write")


@pytest.fixture(scope="module")
def live(timed: Timed) -> Timed:
    return timed


@pytest.fixture(scope="module")
def app(live: Watched) -> Registered:
    return register(live, "app", grants=GRANTS, scopes=SCOPES)


def started(client: Registered, **form: str) -> str:
    token: str = client.log_in("resource-owner", **form)["refresh_token"]
    return token


def renewed(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["refresh_token"]
    return token


def scopes_of(answer: httpx.Response) -> str:
    scope: str = opened(token_of(answer))["scope"]
    assert answer.json()["scope"] == scope
    return scope


def test_section_6_a_refresh_token_gets_a_new_access_token(app: Registered) -> None:
    """ "grant_type REQUIRED. Value MUST be set to "refresh_token". refresh_token REQUIRED. The refresh token issued to
    the client."
    """
    answer = app.refresh(started(app))
    found = opened(token_of(answer))
    assert (found["sub"], found["client_id"], found["scope"]) == ("resource-owner", "app", "read write")
    assert accepted(app.live, token_of(answer))
    assert_error(app.ask("refresh_token"), 400, "invalid_request")
    assert_error(app.refresh(""), 400, "invalid_request")


def test_section_6_the_requested_scope_must_not_exceed_what_was_granted(app: Registered) -> None:
    """ "The requested scope MUST NOT include any scope not originally granted by the resource owner, and if omitted is
    treated as equal to the scope originally granted by the resource owner."
    """
    token = started(app, scope="read")
    for scope in ("write", "read write", "other"):
        assert_error(app.refresh(token, scope=scope), 400, "invalid_scope")
    assert scopes_of(app.refresh(token)) == "read"


def test_section_6_asking_for_too_much_spends_nothing(app: Registered, clock: SetClock) -> None:
    """Section 5.2 has an error for it, which leaves the refresh token as it was."""
    token = started(app, scope="read")
    assert_error(app.refresh(token, scope="write"), 400, "invalid_scope")
    clock.forward(minutes=5)
    assert app.refresh(token).status_code == 200


def test_section_6_a_new_refresh_token_has_the_scope_of_the_old_one(app: Registered) -> None:
    """ "If a new refresh token is issued, the refresh token scope MUST be identical to that of the refresh token
    included by the client in the request." However narrow the access token was.
    """
    narrow = app.refresh(started(app), scope="read")
    assert scopes_of(narrow) == "read"
    assert scopes_of(app.refresh(renewed(narrow))) == "read write"


def test_section_6_the_client_may_have_less_by_now(live: Watched) -> None:
    """Section 3.3 leaves the scope of a token to the server's policy: what a client lost comes back with no refresh."""
    client = register(live, "cut-down", grants=GRANTS, scopes=SCOPES)
    token = started(client)
    live.run(live.container.update_client()("cut-down", scopes=("read",)))
    assert scopes_of(client.refresh(token)) == "read"


@pytest.mark.parametrize("method", list(AuthMethod))
def test_section_6_the_client_authenticates_if_it_can(live: Watched, method: AuthMethod) -> None:
    """ "If the client type is confidential or the client was issued client credentials (or assigned other
    authentication requirements), the client MUST authenticate with the authorization server".
    """
    client = register(live, f"refreshes-by-{method}".replace("_", "-"), method=method, grants=GRANTS)
    token = started(client)
    form = {"grant_type": "refresh_token", "refresh_token": token}
    assert_error(post(live, TOKEN, form), 401, "invalid_client")
    if method is not AuthMethod.NONE:
        assert_error(post(live, TOKEN, {**form, "client_id": client.client_id}), 401, "invalid_client")
    assert client.refresh(token).status_code == 200


def test_section_6_the_token_is_bound_to_the_client_and_stays_so(live: Watched, app: Registered) -> None:
    """ "the refresh token is bound to the client to which it was issued. ... The authorization server MUST ...
    authenticate the client if client authentication is included and ensure that the refresh token was issued to the
    authenticated client". Another client's attempt harms nobody.
    """
    thief = register(live, "thief", grants=GRANTS, scopes=SCOPES)
    token = started(app)
    assert_error(thief.refresh(token), 400, "invalid_grant")
    again = renewed(app.refresh(token))
    assert_error(thief.refresh(token), 400, "invalid_grant")
    assert_error(thief.refresh(again), 400, "invalid_grant")
    assert app.refresh(again).status_code == 200


def test_section_6_every_token_that_does_not_hold_gets_one_and_the_same_answer(
    live: Watched, app: Registered, clock: SetClock
) -> None:
    """Section 5.2: "invalid_grant: The provided ... refresh token is invalid, expired, revoked, ... or was issued to
    another client." Which of these it is stays with the server.
    """
    other = register(live, "another-app", grants=GRANTS)
    spent, revoked, foreign, expired = started(app), started(app), started(other), started(app)
    assert app.refresh(spent).status_code == 200
    assert app.revoke(revoked).status_code == 200
    clock.forward(days=31)
    good = started(app)
    altered = good[:-1] + ("A" if good[-1] != "A" else "B")
    tokens = [spent, revoked, foreign, expired, altered, "wwr_", "wwr_" + "A" * 86, "a.b.c", "x" * 9000, "é"]
    answers = [app.refresh(token) for token in tokens]
    for answer in answers:
        assert_error(answer, 400, "invalid_grant")
    assert len({answer.content for answer in answers}) == 1
    assert app.refresh(good).status_code == 200


def test_section_6_a_token_ends_with_its_idle_time_and_with_its_whole_time(app: Registered, clock: SetClock) -> None:
    """Section 1.5: refresh tokens "expire"; here when they were not used for 30 days, and in any case after 90."""
    token = started(app)
    for _ in range(3):
        clock.forward(days=29)
        token = renewed(app.refresh(token))
    clock.forward(days=3, seconds=-1)
    token = renewed(app.refresh(token))
    clock.forward(seconds=1)
    assert_error(app.refresh(token), 400, "invalid_grant")


def test_section_6_a_user_who_is_inactive_or_has_another_password_ends_the_token(
    live: Watched, app: Registered
) -> None:
    """Section 10.4 and RFC 9700 §4.14.2: security events such as a password change end refresh tokens."""
    user = live.add_user("leaver")
    token: str = app.log_in("leaver")["refresh_token"]
    live.run(live.container.update_user()(user.id, is_active=False))
    assert_error(app.refresh(token), 400, "invalid_grant")
    live.run(live.container.update_user()(user.id, is_active=True))
    assert_error(app.refresh(token), 400, "invalid_grant")
    again: str = app.log_in("leaver")["refresh_token"]
    with live.client(token_of(app.refresh(again))) as client:
        body = {"current_password": PASSWORD, "new_password": "another horse battery"}
        assert client.put("/api/v1/users/me/password", json=body).status_code == 204
    assert_error(app.refresh(again), 400, "invalid_grant")


def test_section_6_roles_are_those_of_the_moment(live: Watched, app: Registered) -> None:
    """RFC 9068 §2.2.3.1: what an access token says of its user is taken from the store when it is issued."""
    user = live.add_user("rising")
    first = app.log_in("rising")
    assert opened(first["access_token"])["roles"] == []
    live.run(live.container.update_user()(user.id, roles=("editor",)))
    assert opened(token_of(app.refresh(first["refresh_token"])))["roles"] == ["editor"]


def test_section_6_a_client_that_lost_the_grant_refreshes_no_more(live: Watched) -> None:
    """Section 5.2: "unauthorized_client: The authenticated client is not authorized to use this authorization grant
    type."
    """
    client = register(live, "demoted", grants=GRANTS)
    token = started(client)
    live.run(live.container.update_client()("demoted", grant_types=("password",)))
    assert_error(client.refresh(token), 400, "unauthorized_client")
