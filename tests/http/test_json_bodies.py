"""JSON bodies: nothing unknown, nothing coerced, every fault named, and nothing changed by what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.http.support import ME, PROBLEM, USERS, Watched
from tests.support import PASSWORD

JSON = {"Content-Type": "application/json"}
GOOD = {"username": "newcomer", "email": "newcomer@example.com", "password": PASSWORD}


@pytest.fixture(scope="module")
def admin(live: Watched) -> Iterator[httpx.Client]:
    with live.admin() as client:
        yield client


@pytest.fixture(scope="module")
def user(live: Watched) -> Iterator[httpx.Client]:
    live.add_user("writer")
    with live.client(live.token("writer")) as client:
        yield client


def fields(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM
    errors = answer.json()["errors"]
    assert all(set(error) == {"field", "message"} and error["message"] for error in errors)
    return {error["field"] for error in errors}


@pytest.mark.parametrize("name", ["hashed_password", "is_active", "roles", "username", "id", "tokens_valid_from", ""])
def test_a_field_that_is_not_the_users_to_change_is_named_and_nothing_changes(user: httpx.Client, name: str) -> None:
    before = user.get(ME).json()
    assert fields(user.patch(ME, json={"email": "slipped@example.com", name: "x"})) == {name}
    assert user.get(ME).json() == before


def test_every_fault_is_named_at_once(user: httpx.Client, admin: httpx.Client) -> None:
    body = {"email": 1, "hashed_password": "x", "is_active": True, "roles": ["admin"]}
    assert fields(user.patch(ME, json=body)) == set(body)
    assert fields(admin.post(USERS, json={})) == {"username", "email", "password"}
    wrong = {"username": 1, "email": [], "password": None, "roles": "admin", "is_active": "yes", "x": 1, "y": 2}
    assert fields(admin.post(USERS, json=wrong)) == set(wrong)
    rules = {"username": "No Such Form", "email": "nowhere", "password": "short", "roles": ["Ädmin"]}
    assert fields(admin.post(USERS, json=rules)) == set(rules)
    assert fields(user.put(f"{ME}/password", json={"a": 1})) == {"current_password", "new_password", "a"}


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["a@example.com"], {"a": "b"}])
def test_a_text_is_a_text_and_nothing_is_coerced(user: httpx.Client, admin: httpx.Client, value: object) -> None:
    assert fields(user.patch(ME, json={"email": value})) == {"email"}
    for name in ("username", "email", "password"):
        assert fields(admin.post(USERS, json={**GOOD, name: value})) == {name}
    for name in ("current_password", "new_password"):
        body = {"current_password": PASSWORD, "new_password": "another horse battery", name: value}
        assert fields(user.put(f"{ME}/password", json=body)) == {name}


@pytest.mark.parametrize("value", [None, "true", "", 0, 1, 0.0, [], {}])
def test_a_flag_is_true_or_false(admin: httpx.Client, value: object) -> None:
    assert fields(admin.post(USERS, json={**GOOD, "is_active": value})) == {"is_active"}


@pytest.mark.parametrize(
    "value", [None, "admin", 1, {}, [1], [None], [["admin"]], [True], ["Admin"], [""], ["a b"], ["x" * 65], ["é"]]
)
def test_roles_are_a_list_of_role_names(admin: httpx.Client, value: object) -> None:
    assert fields(admin.post(USERS, json={**GOOD, "roles": value})) == {"roles"}


def test_too_many_roles_are_refused(admin: httpx.Client) -> None:
    assert fields(admin.post(USERS, json={**GOOD, "roles": [f"role{number}" for number in range(65)]})) == {"roles"}


@pytest.mark.parametrize(
    "username",
    ["", "A", "-a", ".a", "@a", "a b", "a/b", "é", "a" * 65, "a\n", "a\0", "\ud800", "ａ", "a%20b", "a\u202eb"],
)
def test_a_username_has_its_form(admin: httpx.Client, username: str) -> None:
    body = json.dumps({**GOOD, "username": username})
    assert fields(admin.post(USERS, content=body, headers=JSON)) == {"username"}


BAD_ADDRESSES = ["", "a", "@", "a@", "@b.com", "a@b@c.com", "a b@c.com", "a@b..com", "a@-b.com", '"a"@b.com']
BAD_ADDRESSES += ["a@b.com\n", "a@b.com\0", "é@b.com", "a@bücher.example", "\ud800@b.com"]
BAD_ADDRESSES += ["a" * 65 + "@b.com", "a@" + "b" * 64 + ".com", "a@" + "b." * 130 + "com"]


@pytest.mark.parametrize("email", BAD_ADDRESSES)
def test_an_e_mail_address_has_its_form(user: httpx.Client, email: str) -> None:
    before = user.get(ME).json()
    assert fields(user.patch(ME, content=json.dumps({"email": email}), headers=JSON)) == {"email"}
    assert user.get(ME).json() == before


@pytest.mark.parametrize("body", [[], ["email"], "email", 1, True, None, 1.5])
def test_a_body_that_is_no_object_is_422(user: httpx.Client, body: object) -> None:
    assert fields(user.patch(ME, content=json.dumps(body), headers=JSON)) == {"body"}


@pytest.mark.parametrize(
    "text",
    [
        '{"email":"a@example.com","email":"b@example.com"}',
        '{"email":"a@example.com","\\u0065mail":"b@example.com"}',
        '{"email":"a@example.com","email":"a@example.com"}',
    ],
)
def test_a_name_that_occurs_twice_is_named(user: httpx.Client, text: str) -> None:
    before = user.get(ME).json()
    assert fields(user.patch(ME, content=text, headers=JSON)) == {"email"}
    assert user.get(ME).json() == before


NOT_JSON = [
    b"",
    b" ",
    b"{",
    b"{]",
    b"email=a@example.com",
    b'{"email":NaN}',
    b'{"email":Infinity}',
    b'{"email":-Infinity}',
    b"{'email':'a@example.com'}",
    b'{"email":"a@example.com",}',
    b'{"email":"a@example.com"} x',
    b'{"email":"a@example.com"}{}',
    b'{"email":"a\nb"}',
    b'{"email":"\xff"}',
    b'{"email":"\xed\xa0\x80"}',
    b'\xef\xbb\xbf{"email":"a@example.com"}',
    '{"email":"a@example.com"}'.encode("utf-16"),
    b'{"email":' + b"9" * 5000 + b"}",
    b"[" * 60000,
    b'{"a":' * 12000,
    b'{"email":' + b"[" * 20000 + b"]" * 20000 + b"}",
    b"\0",
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:20]))
def test_what_is_not_json_in_utf_8_is_400(user: httpx.Client, body: bytes) -> None:
    answer = user.patch(ME, content=body, headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/problem+json"]
)
def test_another_content_type_is_415(user: httpx.Client, admin: httpx.Client, kind: str) -> None:
    for client, method, path in (
        (user, "PATCH", ME),
        (user, "PUT", f"{ME}/password"),
        (admin, "POST", USERS),
    ):
        answer = client.request(method, path, content=b'{"email":"a@example.com"}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)


def test_no_content_type_is_415(user: httpx.Client) -> None:
    assert user.patch(ME, content=b'{"email":"a@example.com"}').status_code == 415


def test_a_charset_beside_the_content_type_is_passed_over(user: httpx.Client) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert user.patch(ME, content=b'{"email":"charset@example.com"}', headers=headers).status_code == 200


def test_nothing_of_what_was_refused_was_created(admin: httpx.Client) -> None:
    names = [user["username"] for user in admin.get(USERS, params={"limit": 200}).json()["users"]]
    assert set(names) == {"the-admin", "writer"}
