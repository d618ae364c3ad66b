"""The password grant, switched off by the environment, or with refresh tokens for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx

from container import load
from tests.http.clients import (
    METADATA,
    REVOKE,
    accepted,
    assert_error,
    assert_no_client,
    opened,
    post,
    register,
    token_of,
)
from tests.http.support import TOKEN, Watched, watching
from tests.support import PASSWORD

GRANTS = ("client_credentials", "password", "refresh_token")
OWNER = {"username": "owner", "password": PASSWORD}


@contextmanager
def serving(tmp_path: Path, **environment: str) -> Iterator[Watched]:
    """A server with these variables, which keeps nothing."""
    base = {"WATCHWORD_STORAGE": "memory", "WATCHWORD_DATA_DIR": str(tmp_path), "WATCHWORD_ARGON2_MEMORY_KIB": "8"}
    with watching(load({**base, **environment}, dotenv=tmp_path / ".env")) as live:
        live.add_user("owner")
        yield live


def log_in(live: Watched) -> dict[str, Any]:
    answer = post(live, TOKEN, OWNER)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refresh(live: Watched, token: str, **form: str) -> httpx.Response:
    return post(live, TOKEN, {"grant_type": "refresh_token", "refresh_token": token, **form})


def grants_of(live: Watched) -> list[str]:
    with live.client() as client:
        found: list[str] = client.get(METADATA).json()["grant_types_supported"]
    return found


def test_without_the_password_grant_nobody_gets_in_by_password(tmp_path: Path) -> None:
    with serving(tmp_path, WATCHWORD_PASSWORD_GRANT="off") as live:
        app = register(live, "app", grants=GRANTS)
        for form in (OWNER, {**OWNER, "grant_type": "password"}):
            assert_error(post(live, TOKEN, form), 400, "unsupported_grant_type")
        assert_error(app.ask("password", **OWNER), 400, "unsupported_grant_type")
        assert app.ask().status_code == 200
        assert grants_of(live) == ["authorization_code", "client_credentials", "refresh_token"]


def test_without_the_password_grant_nothing_is_refreshed_without_a_client(tmp_path: Path) -> None:
    switches = {"WATCHWORD_PASSWORD_GRANT": "off", "WATCHWORD_PASSWORD_GRANT_REFRESH": "on"}
    with serving(tmp_path, **switches) as live:
        assert_no_client(refresh(live, "wwr_" + "A" * 86))


def test_a_login_without_a_client_gets_no_refresh_token_unless_that_is_switched_on(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        assert "refresh_token" not in log_in(live)
        assert_no_client(refresh(live, "wwr_" + "A" * 86))
        assert grants_of(live) == ["password", "authorization_code", "client_credentials", "refresh_token"]


def test_a_login_without_a_client_is_refreshed_without_a_client(tmp_path: Path) -> None:
    with serving(tmp_path, WATCHWORD_PASSWORD_GRANT_REFRESH="on") as live:
        first = log_in(live)
        answer = refresh(live, first["refresh_token"])
        found = opened(token_of(answer))
        assert (found["sub"], found["client_id"]) == ("owner", "watchword")
        assert accepted(live, token_of(answer))
        third = refresh(live, answer.json()["refresh_token"])
        assert third.status_code == 200
        assert_error(refresh(live, first["refresh_token"]), 400, "invalid_grant")  # used twice: the family has ended
        assert_error(refresh(live, third.json()["refresh_token"]), 400, "invalid_grant")
        assert not accepted(live, token_of(third))


def test_such_a_refresh_token_is_no_clients_and_a_clients_is_not_such_a_one(tmp_path: Path) -> None:
    with serving(tmp_path, WATCHWORD_PASSWORD_GRANT_REFRESH="on") as live:
        app = register(live, "app", grants=GRANTS)
        own, clients = log_in(live)["refresh_token"], app.log_in("owner")["refresh_token"]
        assert_error(app.refresh(own), 400, "invalid_grant")
        assert_error(refresh(live, clients), 400, "invalid_grant")
        assert app.introspect(own) == {"active": False}
        assert_error(app.revoke(own), 400, "invalid_grant")
        assert_error(post(live, REVOKE, {"token": clients}), 400, "invalid_grant")
        assert post(live, REVOKE, {"token": own}).status_code == 200
        assert_error(refresh(live, own), 400, "invalid_grant")
        assert app.refresh(clients).status_code == 200


def test_a_refresh_without_a_client_has_no_scopes_to_ask_for(tmp_path: Path) -> None:
    with serving(tmp_path, WATCHWORD_PASSWORD_GRANT_REFRESH="on") as live:
        token = log_in(live)["refresh_token"]
        assert_error(refresh(live, token, scope="admin"), 400, "invalid_scope")
        assert_error(refresh(live, token, resource="https://api.example.com"), 400, "invalid_target")
        assert refresh(live, token).status_code == 200
