"""/api/v1/users: the accounts of others, for administrators."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from core.protocol.secret import Secret
from tests.http.support import PROBLEM, USERS, Watched, me, watching
from tests.support import PASSWORD, settings_for

NOBODY = f"{USERS}/00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def admin(live: Watched) -> Iterator[httpx.Client]:
    with live.admin() as client:
        yield client


def new(username: str, **others: object) -> dict[str, object]:
    return {"username": username, "email": f"{username}@example.com", "password": PASSWORD, **others}


def test_a_page_follows_a_page_until_there_is_none(database_url: Secret, tmp_path: Path) -> None:
    with watching(settings_for(database_url, tmp_path)) as server, server.admin() as client:
        names = sorted([f"user{number:02}" for number in range(11)] + ["a.b", "a-b", "a_b", "a+b", "0"])
        for name in names:
            server.add_user(name)
        seen, after = [], None
        for _ in range(20):
            query = {"limit": "4"} | ({"after": after} if after else {})
            page = client.get(USERS, params=query).json()
            assert set(page) == {"users", "next"}
            assert 0 < len(page["users"]) <= 4
            seen += [user["username"] for user in page["users"]]
            after = page["next"]
            if after is None:
                break
        assert seen == sorted([*names, "the-admin"])
        assert all("password" not in key for user in page["users"] for key in user)
        assert len(client.get(USERS).json()["users"]) == 17
        assert client.get(USERS, params={"after": "zzz"}).json() == {"users": [], "next": None}
        assert client.get(USERS, params={"limit": "17"}).json()["next"] is None


@pytest.mark.parametrize(
    "limit", ["0", "-1", "201", "1.5", "1e2", "ten", "", " 5", "+5", "0x10", "٣", "9" * 400, "5,5", "\0"]
)
def test_a_bad_limit_is_422(admin: httpx.Client, limit: str) -> None:
    answer = admin.get(USERS, params={"limit": limit})
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == ["limit"]


@pytest.mark.parametrize("after", ["", "A", "-", "a b", "é", "a\0", "x" * 65, "' OR 1=1 --", "%"])
def test_a_bad_cursor_is_422(admin: httpx.Client, after: str) -> None:
    answer = admin.get(USERS, params={"after": after})
    assert [error["field"] for error in answer.json()["errors"]] == ["after"]
    assert answer.status_code == 422


def test_all_bad_parameters_are_named_and_one_sent_twice_too(admin: httpx.Client) -> None:
    answer = admin.get(USERS, params={"after": "A", "limit": "x"})
    assert {error["field"] for error in answer.json()["errors"]} == {"limit", "after"}
    for query in ("limit=5&limit=5", "after=a&after=b"):
        answer = admin.get(f"{USERS}?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == query[:5].rstrip("=")


def test_a_created_user_is_where_location_says_and_can_log_in(live: Watched, admin: httpx.Client) -> None:
    answer = admin.post(USERS, json=new("created", roles=["editor", "author", "editor"]))
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"{USERS}/{body['id']}"
    assert admin.get(answer.headers["location"]).json() == body
    assert (body["roles"], body["is_active"]) == (["author", "editor"], True)
    assert "password" not in answer.text
    assert me(live, live.token("created")).json() == body


def test_a_user_created_inactive_cannot_log_in(live: Watched, admin: httpx.Client) -> None:
    assert admin.post(USERS, json=new("sleeper", is_active=False)).status_code == 201
    with live.client() as client:
        form = {"username": "sleeper", "password": PASSWORD}
        assert client.post("/api/v1/auth/token", data=form).status_code == 401


def test_a_taken_username_or_e_mail_is_409(admin: httpx.Client) -> None:
    assert admin.post(USERS, json=new("taken")).status_code == 201
    for body in (
        new("taken", email="else@example.com"),
        new("taken-2", email="taken@example.com"),
        new("taken-3", email="TAKEN@Example.COM"),
        new("taken"),
    ):
        answer = admin.post(USERS, json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert admin.post(USERS, json=new("taken-2")).status_code == 201  # a refusal uses no name up


def test_of_many_creations_of_one_name_at_once_one_is_201_and_the_others_409(
    live: Watched, admin: httpx.Client
) -> None:
    token = live.token("the-admin")
    statuses: list[int] = []

    def create(number: int) -> None:
        with live.client(token) as client:
            body = new("contested", email=f"contested{number}@example.com")
            statuses.append(client.post(USERS, json=body).status_code)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 7


def test_a_user_is_changed_field_by_field(live: Watched, admin: httpx.Client) -> None:
    user = live.add_user("patched")
    path = f"{USERS}/{user.id}"
    before = admin.get(path).json()
    changes: list[dict[str, object]] = [
        {"email": "p@example.org"},
        {"roles": ["b", "a"]},
        {"roles": []},
        {"is_active": False},
        {"is_active": True, "roles": ["c"]},
    ]
    for change in changes:
        answer = admin.patch(path, json=change)
        assert answer.status_code == 200
        before |= change | {"updated_at": answer.json()["updated_at"]}
        assert answer.json() == before | {"roles": sorted(answer.json()["roles"])}
        assert admin.get(path).json() == answer.json()


def test_an_empty_change_is_422(live: Watched, admin: httpx.Client) -> None:
    user = live.add_user("unchanged")
    answer = admin.patch(f"{USERS}/{user.id}", json={})
    assert answer.status_code == 422
    assert admin.get(f"{USERS}/{user.id}").json()["updated_at"] == user.updated_at.isoformat()


@pytest.mark.parametrize("name", ["username", "id", "hashed_password", "created_at", "nonsense"])
def test_a_change_of_what_never_changes_is_422(live: Watched, admin: httpx.Client, name: str) -> None:
    user = live.add_user(f"fixed-{name.replace('_', '-')}")
    answer = admin.patch(f"{USERS}/{user.id}", json={name: "x", "email": "changed@example.com"})
    assert [error["field"] for error in answer.json()["errors"]] == [name]
    assert admin.get(f"{USERS}/{user.id}").json()["email"] == user.email


@pytest.mark.parametrize("name", ["email", "roles", "is_active", "password"])
def test_null_is_no_way_of_leaving_a_field_out(live: Watched, admin: httpx.Client, name: str) -> None:
    user = live.add_user(f"null-{name.replace('_', '-')}")
    answer = admin.patch(f"{USERS}/{user.id}", json={name: None})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [name]


def test_an_e_mail_of_another_is_409_for_an_administrator_too(live: Watched, admin: httpx.Client) -> None:
    live.add_user("holder")
    user = live.add_user("wanter")
    assert admin.patch(f"{USERS}/{user.id}", json={"email": "Holder@example.com"}).status_code == 409


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_id_that_is_nobodys_is_404(admin: httpx.Client, method: str) -> None:
    known = str(uuid.uuid4())
    for text in (
        known,
        known.replace("-", ""),
        f"{{{known}}}",
        f"urn:uuid:{known}",
        "x",
        "0",
        "-1",
        "the-admin",
        "%00",
        "%20",
        "x" * 36,
        "٠" * 36,
        "g0000000-0000-4000-8000-000000000000",
        "' OR 1=1 --",
    ):
        body: dict[str, object] | None = {"roles": []} if method == "PATCH" else None
        answer = admin.request(method, f"{USERS}/{text}", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), text


def test_an_id_is_found_in_either_case(live: Watched, admin: httpx.Client) -> None:
    """RFC 9562 §4: lower case on output, case-insensitive on input."""
    user = live.add_user("cased")
    assert admin.get(f"{USERS}/{str(user.id).upper()}").json()["id"] == str(user.id)


def test_a_deleted_user_is_gone_and_the_name_is_never_given_out_again(live: Watched, admin: httpx.Client) -> None:
    path = admin.post(USERS, json=new("removed")).headers["location"]
    answer = admin.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert [admin.request(method, path).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert admin.patch(path, json={"roles": []}).status_code == 404
    assert admin.post(USERS, json=new("removed")).status_code == 409
    assert admin.post(USERS, json=new("removed", email="else2@example.com")).status_code == 409
    assert admin.post(USERS, json=new("heir", email="removed@example.com")).status_code == 201
    with live.client() as client:
        form = {"username": "removed", "password": PASSWORD}
        assert client.post("/api/v1/auth/token", data=form).status_code == 401


def test_an_administrator_says_what_is_known_of_somebody(admin: httpx.Client) -> None:
    profile = {"name": "Known", "phone_number": "+1604555", "phone_number_verified": True}
    created = admin.post(USERS, json=new("known", profile=profile, email_verified=True))
    assert (created.status_code, created.json()["profile"], created.json()["email_verified"]) == (201, profile, True)
    path = f"{USERS}/{created.json()['id']}"
    assert admin.get(path).json() == created.json()
    assert admin.patch(path, json={"email": "moved-known@example.com"}).json()["email_verified"] is False
    both = {"email": "again@example.com", "email_verified": True, "profile": {}}
    changed = admin.patch(path, json=both).json()
    assert (changed["email_verified"], changed["profile"]) == (True, {})
    for wrong in ({"profile": {"locale": "?"}}, {"profile": {"roles": "admin"}}, {"profile": None}):
        assert admin.patch(path, json=wrong).status_code == 422
        assert admin.post(USERS, json=new("never", **wrong)).status_code == 422
    assert admin.get(path).json() == changed
