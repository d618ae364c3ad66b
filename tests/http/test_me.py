"""/api/v1/users/me: what users see and change of their own account."""

from __future__ import annotations

import json
import threading

import httpx2 as httpx

from tests.http.support import ME, PROBLEM, Watched, assert_refused, me
from tests.support import PASSWORD

SHOWN = {"id", "username", "email", "email_verified", "profile", "is_active", "roles", "created_at", "updated_at"}
NEW = "another horse battery"


def change(live: Watched, token: str, current: str, new: str) -> httpx.Response:
    with live.client(token) as client:
        body = json.dumps({"current_password": current, "new_password": new})
        return client.put(f"{ME}/password", content=body, headers={"Content-Type": "application/json"})


def test_users_see_themselves_and_never_a_hash(live: Watched) -> None:
    user = live.add_user("seen", roles=("editor", "author"))
    with live.client(live.token("seen")) as client:
        answer = client.get(ME)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == SHOWN
    assert (body["id"], body["username"], body["email"]) == (str(user.id), "seen", "seen@example.com")
    assert (body["is_active"], body["roles"]) == (True, ["author", "editor"])
    assert "argon2" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_new_e_mail_address_is_kept(live: Watched) -> None:
    live.add_user("mover")
    with live.client(live.token("mover")) as client:
        before = client.get(ME).json()
        answer = client.patch(ME, json={"email": "Moved@Example.org"})
        assert (answer.status_code, answer.json()["email"]) == (200, "Moved@Example.org")
        assert set(answer.json()) == SHOWN
        assert answer.json()["updated_at"] > before["updated_at"]
        assert client.get(ME).json() == answer.json()
        assert client.patch(ME, json={"email": "moved@example.ORG"}).status_code == 200


def test_the_address_of_another_user_is_409_in_any_case(live: Watched) -> None:
    live.add_user("first")
    live.add_user("second")
    with live.client(live.token("second")) as client:
        for email in ("first@example.com", "FIRST@example.com", "First@Example.COM"):
            answer = client.patch(ME, json={"email": email})
            assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
        assert client.get(ME).json()["email"] == "second@example.com"


def test_what_users_say_of_themselves_takes_the_place_of_what_they_said_before(live: Watched) -> None:
    live.add_user("speaker")
    first = {"name": "Zoë", "birthdate": "0000-02-29", "address": {"formatted": "1 Main Street\nAnytown"}}
    with live.client(live.token("speaker")) as client:
        for said in (first, {"nickname": "zo", "phone_number": "+1604555"}, {}):
            answer = client.patch(ME, json={"profile": said})
            assert (answer.status_code, answer.json()["profile"]) == (200, said)
            assert client.get(ME).json() == answer.json()
        answer = client.patch(ME, json={"profile": {"phone_number": "+1604555", "phone_number_verified": True}})
        assert answer.json()["profile"] == {"phone_number": "+1604555"}  # which is not theirs to say


def test_what_is_wrong_with_it_is_named_and_nothing_is_changed(live: Watched) -> None:
    live.add_user("mumbler")
    with live.client(live.token("mumbler")) as client:
        before = client.get(ME).json()
        wrong = {"name": "", "website": "javascript:alert(1)", "sub": "x", "address": {"street": "x"}}
        answer = client.patch(ME, json={"email": "changed@example.com", "profile": wrong})
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
        assert {error["field"] for error in answer.json()["errors"]} == {f"profile.{name}" for name in wrong}
        bodies: list[object] = [{}, {"profile": None}, {"profile": []}, {"profile": {"name": None}}]
        bodies += [{"email_verified": True}, {"profile": {}, "roles": []}]
        for body in bodies:
            assert client.patch(ME, json=body).status_code == 422
        assert client.get(ME).json() == before


def test_a_changed_password_ends_the_old_token_and_opens_the_door_at_once(live: Watched) -> None:
    live.add_user("renewer")
    old = live.token("renewer")
    answer = change(live, old, PASSWORD, NEW)
    assert (answer.status_code, answer.content) == (204, b"")
    new = live.token("renewer", NEW)
    assert me(live, new).status_code == 200
    assert_refused(me(live, old))
    assert_refused(change(live, old, NEW, PASSWORD))
    with live.client() as client:
        form = {"username": "renewer", "password": PASSWORD}
        assert client.post("/api/v1/auth/token", data=form).status_code == 401


def test_a_wrong_current_password_is_422_and_changes_nothing(live: Watched) -> None:
    live.add_user("guesser")
    token = live.token("guesser")
    for wrong in ("wrong horse battery", "", "q" * 2000, PASSWORD + " ", PASSWORD.upper()):
        answer = change(live, token, wrong, NEW)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["current_password"]
    assert me(live, token).status_code == 200
    live.forgive("guesser")
    assert live.token("guesser")


def test_a_new_password_that_breaks_the_rules_is_422_and_changes_nothing(live: Watched) -> None:
    live.add_user("chooser")
    token = live.token("chooser")
    for bad in ("short", "", "1234567", "q" * 1025, "with a \0 in it", "half a \ud800 pair"):
        answer = change(live, token, PASSWORD, bad)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["new_password"]
        assert bad not in answer.text or len(bad) < 6
    assert me(live, token).status_code == 200


def test_of_two_password_changes_at_once_one_wins(live: Watched) -> None:
    live.add_user("racer")
    token = live.token("racer")
    answers: dict[str, int] = {}

    def attempt(new: str) -> None:
        answers[new] = change(live, token, PASSWORD, new).status_code

    threads = [threading.Thread(target=attempt, args=(f"{NEW} {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [new for new, status in answers.items() if status == 204]
    assert len(winners) == 1
    assert set(answers.values()) <= {204, 409, 422, 401}
    assert me(live, live.token("racer", winners[0])).status_code == 200


def test_the_path_is_about_the_bearer_whatever_else_is_sent(live: Watched) -> None:
    live.add_user("self")
    other = live.add_user("other")
    with live.client(live.token("self")) as client:
        answer = client.get(ME, params={"id": str(other.id), "username": "other"})
        assert answer.json()["username"] == "self"
        assert client.get(ME, headers={"X-User": "other", "X-Forwarded-User": "other"}).json()["username"] == "self"
