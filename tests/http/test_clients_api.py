"""/api/v1/clients: clients, for administrators."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from tests.http.clients import (
    CLIENTS,
    Keyholder,
    Registered,
    Timed,
    add_resource,
    assert_error,
    register,
)
from tests.http.support import PROBLEM, record

PUBLIC = {"token_endpoint_auth_method": "none"}
API = "https://api.example.com/v1"
OPERATIONS = [
    ("GET", CLIENTS),
    ("POST", CLIENTS),
    ("GET", f"{CLIENTS}/nobody"),
    ("PATCH", f"{CLIENTS}/nobody"),
    ("DELETE", f"{CLIENTS}/nobody"),
    ("POST", f"{CLIENTS}/nobody/rotate-secret"),
]
SHOWN = {
    "client_id",
    "name",
    "token_endpoint_auth_method",
    "grant_types",
    "scopes",
    "resources",
    "serves",
    "first_party",
    "self_registered",
    "is_active",
    "previous_secret_until",
    "created_at",
    "updated_at",
}


@pytest.fixture(scope="module")
def live(timed: Timed) -> Timed:
    add_resource(timed, API, "read", "write")
    return timed


@pytest.fixture
def admin(live: Timed) -> Iterator[httpx.Client]:
    with live.admin() as client:
        yield client


def created(admin: httpx.Client, **body: object) -> dict[str, Any]:
    answer = admin.post(CLIENTS, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    record.keep(found.get("client_secret"))
    return found


def rotated(admin: httpx.Client, client_id: str, **body: object) -> dict[str, Any]:
    answer = admin.post(f"{CLIENTS}/{client_id}/rotate-secret", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    record.keep(found["client_secret"])
    return found


def faults(answer: httpx.Response) -> set[str]:
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), answer.text
    return {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_is_for_administrators(live: Timed, admin: httpx.Client, method: str, path: str) -> None:
    live.add_user(f"plain-{len(path)}-{method}".lower(), roles=("editor", "administrator"))
    token = live.token(f"plain-{len(path)}-{method}".lower())
    for content in (None, b"not json"):
        with live.client() as nobody, live.client(token) as plain:
            assert nobody.request(method, path, content=content).status_code == 401
            assert plain.request(method, path, content=content).status_code == 403
    assert admin.request(method, path).status_code in {200, 404, 415}


def test_a_client_does_not_administrate_clients_by_its_own_token(live: Timed, admin: httpx.Client) -> None:
    client = register(live, "ambitious", scopes=("admin",))
    with live.client(client.token()) as bearer:
        assert bearer.get(CLIENTS).status_code == 401


def test_a_new_client_is_shown_with_its_secret(live: Timed, admin: httpx.Client) -> None:
    answer = admin.post(
        CLIENTS,
        json={
            "client_id": "reports",
            "name": "The Reports",
            "grant_types": ["client_credentials"],
            "scopes": ["read"],
            "resources": [API],
            "serves": [API],
        },
    )
    assert (answer.status_code, answer.headers["location"]) == (201, f"{CLIENTS}/reports")
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {*SHOWN, "client_secret"}
    secret = body["client_secret"]
    record.keep(secret)
    assert re.fullmatch(r"wws_[A-Za-z0-9_-]{43}", secret)
    assert (body["name"], body["token_endpoint_auth_method"]) == ("The Reports", "client_secret_basic")
    assert (body["is_active"], body["previous_secret_until"]) == (True, None)
    assert Registered(live, "reports", AuthMethod.SECRET_BASIC, secret).ask().status_code == 200


def test_a_secret_is_shown_once_and_never_again(admin: httpx.Client) -> None:
    secret = created(admin, client_id="shown-once")["client_secret"]
    path = f"{CLIENTS}/shown-once"
    answers = [admin.get(path), admin.patch(path, json={"name": "x"}), admin.get(CLIENTS, params={"limit": "200"})]
    for answer in answers:
        assert answer.status_code == 200
        assert secret not in answer.text
        assert "client_secret" not in {name for each in _clients(answer) for name in each}
    assert set(answers[0].json()) == SHOWN


def _clients(answer: httpx.Response) -> list[dict[str, Any]]:
    body = answer.json()
    found: list[dict[str, Any]] = body.get("clients", [body])
    return found


def test_a_client_with_nothing_said_of_it_may_do_nothing(live: Timed, admin: httpx.Client) -> None:
    body = created(admin, client_id="bare")
    assert body["name"] == "bare"
    assert [body[name] for name in ("grant_types", "scopes", "resources", "serves")] == [[]] * 4
    client = Registered(live, "bare", AuthMethod.SECRET_BASIC, body["client_secret"])
    assert_error(client.ask(), 400, "unauthorized_client")


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
def test_a_client_without_a_secret_is_shown_without_one(admin: httpx.Client, method: str) -> None:
    keys = {"jwks": Keyholder.new().jwks} if method == "private_key_jwt" else {}
    name = f"by-{method}".replace("_", "-")
    body = created(admin, client_id=name, token_endpoint_auth_method=method, **keys)
    assert set(body) == SHOWN | keys.keys()
    assert body.get("jwks") == keys.get("jwks")
    answer = admin.post(f"{CLIENTS}/{name}/rotate-secret", json={})
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)


def test_a_name_is_given_once(live: Timed, admin: httpx.Client) -> None:
    created(admin, client_id="once")
    live.add_user("a-person")
    for name in ("once", "a-person", "the-admin"):
        answer = admin.post(CLIENTS, json={"client_id": name})
        assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"client_id"}),
        ({"client_id": "x", "secret": "y", "client_secret": "z"}, {"secret", "client_secret"}),
        ({"client_id": 1, "name": None, "grant_types": "password"}, {"client_id", "name", "grant_types"}),
        ({"client_id": "x", "scopes": [1], "resources": {}, "serves": None}, {"scopes", "resources", "serves"}),
        ({"client_id": "x", "token_endpoint_auth_method": "client_secret_jwt"}, {"token_endpoint_auth_method"}),
        ({"client_id": "x", "token_endpoint_auth_method": ["none"]}, {"token_endpoint_auth_method"}),
        ({"client_id": "Upper", "name": "x" * 201, "grant_types": ["implicit"]}, {"client_id", "name", "grant_types"}),
        ({"client_id": "x", "scopes": ["a b"], "resources": ["#x"]}, {"scopes", "resources"}),
        ({"client_id": "x", "scopes": [""], "serves": ["relative"]}, {"scopes", "serves"}),
        ({"client_id": "x", "scopes": [f"s{number}" for number in range(65)]}, {"scopes"}),
        ({"client_id": "x", "resources": [f"https://a.example/{number}" for number in range(33)]}, {"resources"}),
        ({"client_id": "x", "resources": ["https://unknown.example"], "serves": ["urn:x:y"]}, {"resources", "serves"}),
        ({"client_id": "x", "jwks": {"keys": []}}, {"jwks"}),
        ({"client_id": "x", "token_endpoint_auth_method": "private_key_jwt"}, {"jwks"}),
        (
            {"client_id": "x", "token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]},
            {"grant_types"},
        ),
        ({"client_id": "x", "token_endpoint_auth_method": "none", "serves": [API]}, {"serves"}),
        ({"client_id": "watchword"}, {"client_id"}),
    ],
)
def test_every_fault_of_a_new_client_is_named(admin: httpx.Client, body: dict[str, object], fields: set[str]) -> None:
    assert faults(admin.post(CLIENTS, json=body)) == fields
    assert admin.get(f"{CLIENTS}/x").status_code == 404


@pytest.mark.parametrize("client_id", ["", "-x", ".x", "a b", "a/b", "é", "x" * 65, "x\n", "x\0", "X", "x@y", "x+y"])
def test_a_client_id_has_one_form(admin: httpx.Client, client_id: str) -> None:
    found = faults(admin.post(CLIENTS, json={"client_id": client_id}))
    assert found - {"name"} == {"client_id"}  # which also stands for a name that is left out


def test_pages_follow_each_other(admin: httpx.Client) -> None:
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        created(admin, client_id=name)
    seen, after = [], "page"
    for _ in range(3):
        page = admin.get(CLIENTS, params={"limit": "2", "after": after}).json()
        assert set(page) == {"clients", "next"}
        seen += [client["client_id"] for client in page["clients"]]
        after = page["next"]
    assert seen[:5] == names
    assert admin.get(CLIENTS, params={"after": "zzz"}).json() == {"clients": [], "next": None}
    assert faults(admin.get(CLIENTS, params={"limit": "0", "after": "No Id"})) == {"limit", "after"}
    assert faults(admin.get(f"{CLIENTS}?limit=1&limit=2")) == {"limit"}


@pytest.mark.parametrize(
    "client_id", ["nobody", "Upper", "x" * 500, "%00", "a%20b", "%C3%A9", "%FF", "..%2Fusers", "%0A"]
)
def test_a_client_that_is_not_there_is_404(admin: httpx.Client, client_id: str) -> None:
    path = f"{CLIENTS}/{client_id}"
    answers = [
        admin.get(path),
        admin.patch(path, json={"name": "x"}),
        admin.delete(path),
        admin.post(f"{path}/rotate-secret", json={}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


def test_what_a_patch_names_is_changed_and_nothing_else(live: Timed, admin: httpx.Client) -> None:
    client = register(live, "patched", scopes=("read", "write"), resources=(API,))
    before = admin.get(f"{CLIENTS}/patched").json()
    live.clock.forward(seconds=1)
    after = admin.patch(f"{CLIENTS}/patched", json={"scopes": ["read", "read"]}).json()
    assert after.pop("updated_at") > before.pop("updated_at")
    assert after == {**before, "scopes": ["read"]}
    assert client.ask().json()["scope"] == "read"
    for name in ("grant_types", "scopes", "resources", "serves"):
        assert admin.patch(f"{CLIENTS}/patched", json={name: []}).json()[name] == []
    assert_error(client.ask(), 400, "unauthorized_client")


@pytest.mark.parametrize("name", ["name", "grant_types", "scopes", "resources", "serves", "jwks", "is_active"])
def test_null_is_no_value(live: Timed, admin: httpx.Client, name: str) -> None:
    client_id = f"null-{name}".replace("_", "-")
    register(live, client_id, method=AuthMethod.PRIVATE_KEY_JWT)
    before = admin.get(f"{CLIENTS}/{client_id}").json()
    assert faults(admin.patch(f"{CLIENTS}/{client_id}", json={name: None})) == {name}
    assert admin.get(f"{CLIENTS}/{client_id}").json() == before


@pytest.mark.parametrize(
    "name",
    ["client_id", "token_endpoint_auth_method", "client_secret", "secret", "tokens_valid_from", "created_at", "x"],
)
def test_what_cannot_be_changed_is_named(live: Timed, admin: httpx.Client, name: str) -> None:
    register(live, f"fixed-{name}".replace("_", "-"))
    path = f"{CLIENTS}/fixed-{name}".replace("_", "-")
    assert faults(admin.patch(path, json={"name": "slipped", name: "none"})) == {name}
    assert admin.get(path).json()["name"] != "slipped"


def test_a_patch_keeps_the_rules_of_the_whole_client(live: Timed, admin: httpx.Client) -> None:
    register(live, "public-one", method=AuthMethod.NONE, grants=("password",))
    for body, field in (
        ({}, "body"),
        ({"grant_types": ["client_credentials"]}, "grant_types"),
        ({"serves": [API]}, "serves"),
        ({"jwks": Keyholder.new().jwks}, "jwks"),
        ({"resources": ["https://unknown.example"]}, "resources"),
        ({"name": "line\nbreak"}, "name"),
        ({"is_active": 0}, "is_active"),
        ({"is_active": "false"}, "is_active"),
    ):
        assert faults(admin.patch(f"{CLIENTS}/public-one", json=body)) == {field}


def test_an_old_secret_counts_for_the_overlap_and_then_only_the_new_one(live: Timed, admin: httpx.Client) -> None:
    old = register(live, "rotating")
    body = rotated(admin, "rotating", overlap_seconds=60)
    assert body["previous_secret_until"] == (live.clock.now() + timedelta(seconds=60)).isoformat()
    new = Registered(live, "rotating", AuthMethod.SECRET_BASIC, body["client_secret"])
    assert [client.ask().status_code for client in (old, new)] == [200, 200]
    live.clock.forward(seconds=59)
    assert old.ask().status_code == 200
    live.clock.forward(seconds=1)
    assert [client.ask().status_code for client in (old, new)] == [401, 200]


def test_without_an_overlap_the_old_secret_ends_at_once(live: Timed, admin: httpx.Client) -> None:
    old = register(live, "rotating-at-once")
    token = old.token()
    new = rotated(admin, "rotating-at-once")["client_secret"]
    assert old.ask().status_code == 401
    client = Registered(live, "rotating-at-once", AuthMethod.SECRET_BASIC, new)
    assert client.sees(token)  # a rotation ends no token


def test_of_two_rotations_the_first_secret_ends(live: Timed, admin: httpx.Client) -> None:
    first = register(live, "rotating-twice")
    secrets = [rotated(admin, "rotating-twice", overlap_seconds=3600)["client_secret"] for _ in range(2)]
    others = [Registered(live, "rotating-twice", AuthMethod.SECRET_BASIC, secret) for secret in secrets]
    assert [client.ask().status_code for client in (first, *others)] == [401, 200, 200]


@pytest.fixture(scope="module")
def overlapping(live: Timed) -> str:
    return f"{CLIENTS}/{register(live, 'overlapping').client_id}"


@pytest.mark.parametrize("overlap", [-1, -(10**30), 30 * 86400 + 1, 10**30, 1.5, True, "60", None, [60]], ids=repr)
def test_an_overlap_is_a_number_of_seconds_up_to_thirty_days(
    admin: httpx.Client, overlapping: str, overlap: object
) -> None:
    answer = admin.post(f"{overlapping}/rotate-secret", json={"overlap_seconds": overlap})
    assert faults(answer) == {"overlap_seconds"}
    assert admin.get(overlapping).json()["previous_secret_until"] is None


def test_a_client_that_is_deactivated_is_out_at_once_and_its_tokens_do_not_come_back(
    live: Timed, admin: httpx.Client
) -> None:
    client = register(live, "paused", grants=("client_credentials", "password", "refresh_token"))
    witness = register(live, "witness", serves=(API,))
    live.run(live.container.update_client()("paused", resources=(API,)))
    live.add_user("paused-user")
    own, body = client.token(resource=API), client.log_in("paused-user", resource=[API])
    assert witness.sees(own)
    assert admin.patch(f"{CLIENTS}/paused", json={"is_active": False}).json()["is_active"] is False
    assert_error(client.ask(), 401, "invalid_client")
    assert_error(client.refresh(body["refresh_token"]), 401, "invalid_client")
    for token in (own, body["access_token"]):
        assert witness.introspect(token) == {"active": False}
    assert admin.patch(f"{CLIENTS}/paused", json={"is_active": True}).status_code == 200
    assert_error(client.refresh(body["refresh_token"]), 400, "invalid_grant")
    for token in (own, body["access_token"]):
        assert witness.introspect(token) == {"active": False}
    assert witness.sees(client.token(resource=API))


def test_a_client_that_is_deleted_is_gone_with_its_tokens_and_its_name(live: Timed, admin: httpx.Client) -> None:
    client = register(live, "leaving", resources=(API,))
    witness = register(live, "second-witness", serves=(API,))
    token = client.token(resource=API)
    answer = admin.delete(f"{CLIENTS}/leaving")
    assert (answer.status_code, answer.content) == (204, b"")
    assert admin.get(f"{CLIENTS}/leaving").status_code == 404
    assert admin.delete(f"{CLIENTS}/leaving").status_code == 404
    assert_error(client.ask(), 401, "invalid_client")
    assert witness.introspect(token) == {"active": False}
    assert admin.post(CLIENTS, json={"client_id": "leaving"}).status_code == 409
