"""Two servers on one database: what ends at one has ended at the other.

Tokens end by the next request. A client that changed may be taken for what it was for a moment more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from core.clients.model import AuthMethod
from core.protocol.secret import Secret
from tests.http.clients import (
    CLIENTS,
    JWKS,
    Registered,
    accepted,
    add_resource,
    assert_error,
    clocked,
    post,
    register,
    token_of,
)
from tests.http.support import ME, REFUSED, TOKEN, USERS, Watched, eventually, me, unb64, watching
from tests.support import PASSWORD, settings_for

API = "https://api.example.com/v1"
INACTIVE = {"active": False}
GRANTS = ("client_credentials", "password", "refresh_token")


@pytest.fixture(scope="module")
def pair(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, Watched]]:
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("data"))
    with watching(settings) as here, watching(settings) as there:
        add_resource(here, API, "read")
        yield here, there


@pytest.fixture(scope="module")
def here(pair: tuple[Watched, Watched]) -> Watched:
    return pair[0]


@pytest.fixture(scope="module")
def there(pair: tuple[Watched, Watched]) -> Watched:
    return pair[1]


@pytest.fixture(scope="module")
def witness(there: Watched) -> Registered:
    """The API of the other server, which asks it of everything."""
    return register(there, "witness", serves=(API,))


def client_of(live: Watched, client_id: str, *, resources: Sequence[str] = (API,)) -> Registered:
    return register(live, client_id, grants=GRANTS, scopes=("read",), resources=resources)


def kid_of(token: str) -> str:
    kid: str = json.loads(unb64(token.split(".")[0]))["kid"]
    return kid


def kids_at(live: Watched) -> set[str]:
    with live.client() as client:
        return {key["kid"] for key in client.get(JWKS).json()["keys"]}


def test_a_token_of_one_is_good_at_the_other(here: Watched, there: Watched, witness: Registered) -> None:
    """Or else nothing below would prove anything."""
    here.add_user("traveller")
    app = client_of(here, "everywhere")
    body = app.log_in("traveller")
    assert accepted(there, body["access_token"])
    assert witness.sees(app.token(resource=API))
    assert app.at(there).refresh(body["refresh_token"]).status_code == 200


def test_a_revoked_access_token(here: Watched, there: Watched, witness: Registered) -> None:
    here.add_user("revoker")
    app = client_of(here, "revoking")
    own, users = app.token(resource=API), app.log_in("revoker")["access_token"]
    for token in (own, users):
        assert app.revoke(token).status_code == 200
    assert witness.introspect(own) == INACTIVE
    assert me(there, users).status_code == 401
    assert me(there, users).headers["www-authenticate"].startswith(REFUSED)


def test_a_revoked_refresh_token_and_its_access_tokens(here: Watched, there: Watched) -> None:
    here.add_user("logging-out")
    app = client_of(here, "logout")
    first = app.log_in("logging-out")
    second = app.at(there).refresh(first["refresh_token"])
    assert app.revoke(second.json()["refresh_token"]).status_code == 200
    assert_error(app.at(there).refresh(second.json()["refresh_token"]), 400, "invalid_grant")
    for token in (first["access_token"], token_of(second)):
        assert not accepted(there, token)


def test_a_theft_that_one_of_them_noticed(here: Watched, there: Watched) -> None:
    here.add_user("robbed")
    app = register(here, "stolen-from", method=AuthMethod.NONE, grants=("password", "refresh_token"))
    first = app.log_in("robbed")
    second = app.at(there).refresh(first["refresh_token"]).json()
    third = app.refresh(second["refresh_token"]).json()
    assert_error(app.at(there).refresh(first["refresh_token"]), 400, "invalid_grant")
    assert_error(app.refresh(third["refresh_token"]), 400, "invalid_grant")
    assert not accepted(here, third["access_token"])


def test_a_user_who_was_deactivated(here: Watched, there: Watched, witness: Registered) -> None:
    user = here.add_user("deactivated")
    app = client_of(here, "of-the-deactivated")
    body, for_api = app.log_in("deactivated"), app.log_in("deactivated", resource=API)["access_token"]
    with here.admin() as admin:
        assert admin.patch(f"{USERS}/{user.id}", json={"is_active": False}).status_code == 200
    assert not accepted(there, body["access_token"])
    assert witness.introspect(for_api) == INACTIVE
    assert_error(app.at(there).refresh(body["refresh_token"]), 400, "invalid_grant")


def test_a_user_who_changed_the_password(here: Watched, there: Watched) -> None:
    here.add_user("changed")
    app = client_of(here, "of-the-changed")
    body = app.log_in("changed")
    with here.client(body["access_token"]) as client:
        change = {"current_password": PASSWORD, "new_password": "another horse battery"}
        assert client.put(f"{ME}/password", json=change).status_code == 204
    assert not accepted(there, body["access_token"])
    assert_error(app.at(there).refresh(body["refresh_token"]), 400, "invalid_grant")
    assert accepted(there, app.at(there).log_in("changed", "another horse battery")["access_token"])


def test_a_client_that_was_deactivated(here: Watched, there: Watched, witness: Registered) -> None:
    here.add_user("of-a-client")
    app = client_of(here, "deactivated-client")
    body, own = app.log_in("of-a-client"), app.token(resource=API)
    with here.admin() as admin:
        assert admin.patch(f"{CLIENTS}/deactivated-client", json={"is_active": False}).status_code == 200
    assert witness.introspect(own) == INACTIVE
    assert not accepted(there, body["access_token"])
    assert eventually(lambda: app.at(there).ask().status_code == 401, within=10)
    assert_error(app.at(there).refresh(body["refresh_token"]), 401, "invalid_client")


def test_a_client_that_was_deleted(here: Watched, there: Watched, witness: Registered) -> None:
    here.add_user("of-a-deleted-client")
    app = client_of(here, "deleted-client")
    body, own = app.log_in("of-a-deleted-client"), app.token(resource=API)
    with here.admin() as admin:
        assert admin.delete(f"{CLIENTS}/deleted-client").status_code == 204
    assert witness.introspect(own) == INACTIVE
    assert not accepted(there, body["access_token"])
    assert eventually(lambda: app.at(there).ask().status_code == 401, within=10)


def test_a_secret_that_was_replaced(here: Watched, there: Watched) -> None:
    app = client_of(here, "new-secret")
    with here.admin() as admin:
        fresh = admin.post(f"{CLIENTS}/new-secret/rotate-secret", json={}).json()["client_secret"]
    assert eventually(lambda: app.at(there).ask().status_code == 401, within=10)
    assert Registered(there, "new-secret", AuthMethod.SECRET_BASIC, fresh).ask().status_code == 200


def test_a_refresh_token_that_ended_with_those_of_its_client(database_url: Secret, tmp_path: Path) -> None:
    """Also at a server that takes the client for what it was a moment ago: its answers would outlive that moment."""
    settings = settings_for(database_url, tmp_path)
    with clocked(settings) as one, clocked(settings) as other:
        one.add_user("ending")
        for server in (one, other):
            server.clock.forward(seconds=0.8)
        app = client_of(one, "ending-client", resources=())
        token = app.log_in("ending")["refresh_token"]
        assert app.at(other).ask().status_code == 200
        one.run(one.container.end_clients_tokens()("ending-client"))
        other.clock.forward(seconds=0.3)
        assert_error(app.at(other).refresh(token), 400, "invalid_grant")


def test_all_that_a_client_has_or_everybody(here: Watched, there: Watched, witness: Registered) -> None:
    """As `watchword tokens revoke` does. The tokens of the rest of that second end as well."""
    here.add_user("of-everybody")
    app, other = client_of(here, "ended"), client_of(here, "not-ended")
    tokens = [each.token(resource=API) for each in (app, other)]
    here.run(here.container.end_clients_tokens()("ended"))
    assert [witness.sees(token) for token in tokens] == [False, True]
    assert witness.sees(app.at(there).token(resource=API))  # the server waits for the second to pass

    refresh, first_party = app.log_in("of-everybody")["refresh_token"], here.token("of-everybody")
    here.run(here.container.end_all_tokens()())
    assert not witness.sees(tokens[1])
    assert not accepted(there, first_party)
    assert_error(app.at(there).refresh(refresh), 400, "invalid_grant")
    assert eventually(lambda: accepted(there, there.token("of-everybody")), within=10)


def test_a_rotation_of_keys_needs_no_restart(here: Watched, there: Watched, witness: Registered) -> None:
    app = client_of(here, "before-and-after")
    before = app.token(resource=API)
    here.run(here.container.rotate_keys()(at_once=True))
    after: list[str] = []

    def signed_anew() -> bool:
        after[:] = [app.token(resource=API), app.at(there).token(resource=API)]
        return kid_of(before) not in map(kid_of, after)

    assert eventually(signed_anew, within=10)
    assert eventually(lambda: all(map(witness.sees, after)), within=10)
    assert witness.sees(before)
    assert {kid_of(before), *map(kid_of, after)} <= kids_at(there)


def test_a_key_that_was_withdrawn_counts_nowhere(here: Watched, there: Watched, witness: Registered) -> None:
    app = client_of(here, "exposed")
    token = app.token(resource=API)
    assert witness.sees(token)
    here.run(here.container.retire_key()(kid_of(token)))
    assert eventually(lambda: not witness.sees(token), within=10)
    assert eventually(lambda: kid_of(token) not in kids_at(there), within=10)
    assert eventually(lambda: witness.sees(app.token(resource=API)), within=10)


def test_a_server_that_starts_now_knows_all_that(here: Watched, module_database_url: Secret) -> None:
    here.add_user("late")
    app = client_of(here, "late-client")
    good, ended = app.log_in("late"), app.log_in("late")
    app.revoke(ended["refresh_token"])
    with watching(here.container.settings()) as third:
        assert accepted(third, good["access_token"])
        assert not accepted(third, ended["access_token"])
        assert app.at(third).refresh(good["refresh_token"]).status_code == 200
        assert post(third, TOKEN, {"username": "late", "password": PASSWORD}).status_code == 200
