"""401, 403, 404 in this order; and roles count as stored at this moment, not as the token says."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from tests.http.support import ME, PROBLEM, USERS, Watched

NOBODY = f"{USERS}/00000000-0000-4000-8000-000000000000"
OPERATIONS = [("GET", USERS), ("POST", USERS), ("GET", NOBODY), ("PATCH", NOBODY), ("DELETE", NOBODY)]


@pytest.fixture(scope="module")
def plain(live: Watched) -> str:
    live.add_user("plain", roles=("editor", "administrator", "admin2"))
    return live.token("plain")


def assert_forbidden(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (403, PROBLEM)
    assert answer.json()["detail"] == "Insufficient permissions"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_who_you_are_comes_before_what_you_may_and_that_before_what_there_is(
    live: Watched, plain: str, method: str, path: str
) -> None:
    for sent in ({}, {"content": b"not json"}, {"params": {"limit": "bad"}}):
        with live.client() as client:
            assert client.request(method, path, **sent).status_code == 401
        with live.client(plain) as client:
            assert_forbidden(client.request(method, path, **sent))
    with live.admin() as client:
        assert client.request(method, path).status_code not in {401, 403}


def test_an_administrator_looks_for_nobody_and_finds_404(live: Watched) -> None:
    with live.admin() as client:
        assert client.get(NOBODY).status_code == 404
        assert client.patch(NOBODY, json={"roles": []}).status_code == 404
        assert client.delete(NOBODY).status_code == 404


def test_a_role_that_is_added_counts_with_the_token_that_is_there(live: Watched) -> None:
    user = live.add_user("rising")
    with live.client(live.token("rising")) as client, live.admin() as admin:
        assert_forbidden(client.get(USERS))
        admin.patch(f"{USERS}/{user.id}", json={"roles": ["admin"]})
        assert client.get(ME).json()["roles"] == ["admin"]
        assert client.get(USERS).status_code == 200


def test_a_role_that_is_taken_away_is_gone_at_once(live: Watched) -> None:
    user = live.add_user("falling", roles=("admin",))
    with live.client(live.token("falling")) as client, live.admin() as admin:
        assert client.get(USERS).status_code == 200
        admin.patch(f"{USERS}/{user.id}", json={"roles": ["editor"]})
        assert client.get(ME).json()["roles"] == ["editor"]
        assert_forbidden(client.get(USERS))


def test_a_user_gets_no_role_by_any_way_of_their_own(live: Watched, plain: str) -> None:
    with live.client(plain) as client:
        own = client.get(ME).json()
        assert client.patch(ME, json={"email": own["email"], "roles": ["admin"]}).status_code == 422
        assert_forbidden(client.patch(f"{USERS}/{own['id']}", json={"roles": ["admin"]}))
        assert_forbidden(client.get(f"{USERS}/{own['id']}"))
        assert client.get(ME).json()["roles"] == ["admin2", "administrator", "editor"]
        assert_forbidden(client.get(USERS))
