"""Tokens that our key signed, with claims that are not acceptable, or of users who no longer are."""

from __future__ import annotations

import json
import time

import pytest

from tests.http.support import ISSUER, ME, Forge, Watched, assert_refused, claims, me
from tests.support import PASSWORD


@pytest.fixture(scope="module", autouse=True)
def owner(live: Watched) -> None:
    live.add_user("owner")


def test_the_claims_as_the_server_makes_them_hold(live: Watched, forge: Forge) -> None:
    assert me(live, forge.token("owner")).status_code == 200


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"])
def test_each_required_claim_must_be_there(live: Watched, forge: Forge, name: str) -> None:
    """RFC 9068 §2.2."""
    assert_refused(me(live, forge.token("owner", **{name: None})))
    assert_refused(me(live, forge.sign(forge.header(), {**claims("owner"), name: None})))


WRONG: dict[str, list[object]] = {
    "iss": ["", "http://127.0.0.1:8001", f"{ISSUER}/", ISSUER.upper(), 1, True, [ISSUER], {}],
    "sub": ["", "nobody", "Owner", " owner", "owner\0", "x" * 500, "ö", 1, True, ["owner"], {"sub": "owner"}],
    "aud": ["", "other", f"{ISSUER}/", 1, True, [], ["other"], [[ISSUER]], [ISSUER, 1], {ISSUER: 1}, [None]],
    "exp": [0, 1, -1, "soon", "9999999999", True, [9999999999], {}, 1e400, 10**400, 1e15],
    "iat": ["now", "0", True, [0], {}, 10**400, -(10**400), 1e15],
    "nbf": ["now", True, [0], {}, 10**400],
    "jti": ["", 1, True, [], {}],
    "client_id": ["", 1, True, [], {}],
    "roles": ["admin", 1, True, {}, [1], [None], [["admin"]]],
    "scope": ["", 1, True, ["a"], {}],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values], ids=repr
)
def test_a_claim_with_a_wrong_value_or_of_a_wrong_type_is_refused(
    live: Watched, forge: Forge, name: str, value: object
) -> None:
    assert_refused(me(live, forge.sign(forge.header(), {**claims("owner"), name: value})))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_time_that_is_no_number_is_refused(live: Watched, forge: Forge, name: str, text: str) -> None:
    payload = json.dumps(claims("owner", **{name: "HERE"})).replace('"HERE"', text)
    assert_refused(me(live, forge.sign(forge.header(), payload.encode())))


def test_an_expired_token_is_refused_without_leeway(live: Watched, forge: Forge) -> None:
    now = int(time.time())
    assert_refused(me(live, forge.token("owner", exp=now, iat=now - 60)))
    assert_refused(me(live, forge.token("owner", exp=now - 1, iat=now - 60)))
    assert me(live, forge.token("owner", exp=now + 30, iat=now - 60)).status_code == 200


def test_a_token_of_the_future_is_refused(live: Watched, forge: Forge) -> None:
    now = int(time.time())
    assert_refused(me(live, forge.token("owner", nbf=now + 30)))
    assert_refused(me(live, forge.token("owner", iat=now + 30)))
    assert me(live, forge.token("owner", nbf=now)).status_code == 200


def test_times_may_be_fractions(live: Watched, forge: Forge) -> None:
    """RFC 7519 §2: a NumericDate may have a fraction."""
    now = time.time()
    assert me(live, forge.token("owner", iat=now - 0.5, nbf=now - 0.25, exp=now + 30.5)).status_code == 200


def test_the_audience_may_be_one_of_several(live: Watched, forge: Forge) -> None:
    assert me(live, forge.token("owner", aud=["https://other.example", ISSUER])).status_code == 200


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"{'sub':'owner'}"])
def test_a_payload_that_is_no_json_object_is_refused(live: Watched, forge: Forge, payload: bytes) -> None:
    assert_refused(me(live, forge.sign(forge.header(), payload)))


def test_deep_nesting_in_a_payload_is_no_more_than_a_bad_token(live: Watched, forge: Forge) -> None:
    for payload in (b"[" * 5000, b'{"a":' * 1100):
        assert_refused(me(live, forge.sign(forge.header(), payload)))


def test_roles_in_a_token_give_nothing_that_the_store_does_not(live: Watched, forge: Forge) -> None:
    token = forge.token("owner", roles=["admin"])
    with live.client(token) as client:
        assert client.get(ME).json()["roles"] == []
        assert client.get("/api/v1/users").status_code == 403


def test_the_token_of_a_deleted_user_is_refused(live: Watched) -> None:
    user = live.add_user("deleted")
    token = live.token("deleted")
    assert me(live, token).status_code == 200
    with live.admin() as admin:
        assert admin.delete(f"/api/v1/users/{user.id}").status_code == 204
    assert_refused(me(live, token))


def test_the_token_of_an_inactive_user_is_refused_and_stays_so_after_activation(live: Watched) -> None:
    user = live.add_user("paused")
    token = live.token("paused")
    with live.admin() as admin:
        assert admin.patch(f"/api/v1/users/{user.id}", json={"is_active": False}).status_code == 200
        assert_refused(me(live, token))
        assert admin.patch(f"/api/v1/users/{user.id}", json={"is_active": True}).status_code == 200
    assert_refused(me(live, token))
    assert me(live, live.token("paused")).status_code == 200


def test_a_token_from_before_a_password_change_is_refused(live: Watched) -> None:
    live.add_user("changed")
    old = live.token("changed")
    with live.client(old) as client:
        body = {"current_password": PASSWORD, "new_password": "another horse battery"}
        assert client.put(f"{ME}/password", json=body).status_code == 204
    assert_refused(me(live, old))
    assert me(live, live.token("changed", "another horse battery")).status_code == 200


def test_a_token_from_before_a_reset_by_an_administrator_is_refused(live: Watched) -> None:
    user = live.add_user("was-reset")
    old = live.token("was-reset")
    with live.admin() as admin:
        answer = admin.patch(f"/api/v1/users/{user.id}", json={"password": "given by the admin"})
        assert answer.status_code == 200
    assert_refused(me(live, old))
    assert me(live, live.token("was-reset", "given by the admin")).status_code == 200


def test_a_change_of_roles_or_e_mail_ends_no_token(live: Watched) -> None:
    user = live.add_user("promoted")
    token = live.token("promoted")
    with live.admin() as admin:
        admin.patch(f"/api/v1/users/{user.id}", json={"roles": ["editor"], "email": "new-promoted@example.com"})
    assert me(live, token).json()["roles"] == ["editor"]
