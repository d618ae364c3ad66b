"""POST /api/v1/auth/token: who gets a token, and how alike all refusals are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from dependency_injector import providers

from adapters.hashing.pooled import PooledPasswordHasher
from container import Container
from core.protocol.secret import Secret
from core.users.password import Password
from tests.http.support import FORM, ME, TOKEN, Watched, me, watching
from tests.support import PASSWORD, settings_for


class CountingHasher(PooledPasswordHasher):
    """The real one, and how often it was asked."""

    calls = 0

    async def hash(self, password: Password) -> str:
        self.calls += 1
        return await super().hash(password)

    async def verify(self, password: Password, hashed: str | None) -> bool:
        self.calls += 1
        return await super().verify(password, hashed)


@pytest.fixture
def counted(database_url: Secret, tmp_path: Path) -> Iterator[tuple[Watched, CountingHasher]]:
    settings = settings_for(database_url, tmp_path)
    container = Container(settings=settings)
    hasher = CountingHasher(memory_kib=8, time_cost=1, parallelism=1)
    container.hasher.override(providers.Object(hasher))
    with watching(settings, container) as live:
        yield live, hasher


def log_in(live: Watched, username: str, password: str = PASSWORD, **others: str) -> httpx.Response:
    with live.client() as client:
        return client.post(TOKEN, data={"username": username, "password": password, **others})


@pytest.mark.parametrize("grant", [{}, {"grant_type": "password"}])
def test_the_right_password_gets_a_bearer_token_for_half_an_hour(live: Watched, grant: dict[str, str]) -> None:
    name = f"happy-{len(grant)}"
    live.add_user(name)
    answer = log_in(live, name, **grant)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert me(live, body["access_token"]).json()["username"] == name


def test_every_login_gets_a_token_of_its_own(live: Watched) -> None:
    live.add_user("twice")
    assert live.token("twice") != live.token("twice")


def test_a_password_of_any_unicode_logs_in_in_either_normal_form(live: Watched) -> None:
    live.add_user("unicode", password="pässwörd ключ 鍵 🔑")
    assert log_in(live, "unicode", "pässwörd ключ 鍵 🔑").status_code == 200
    assert log_in(live, "unicode", "pa\u0308sswo\u0308rd ключ 鍵 🔑").status_code == 200


def test_a_password_is_not_truncated(live: Watched) -> None:
    live.add_user("long", password="q" * 1023 + "a")
    assert log_in(live, "long", "q" * 1023 + "a").status_code == 200
    for other in ("q" * 1023 + "b", "q" * 1023, "q" * 1023 + "aa", "q" * 72):
        assert log_in(live, "long", other).status_code == 401


def test_spaces_and_signs_in_a_password_count(live: Watched) -> None:
    live.add_user("signs", password=" a+b&c=d %41;/? ")
    assert log_in(live, "signs", " a+b&c=d %41;/? ").status_code == 200
    assert log_in(live, "signs", "a+b&c=d %41;/?").status_code == 401


def test_wrong_password_unknown_and_inactive_get_one_and_the_same_answer_at_the_same_cost(
    counted: tuple[Watched, CountingHasher],
) -> None:
    live, hasher = counted
    live.add_user("known")
    idle = live.add_user("idle")
    live.run(live.container.update_user()(idle.id, is_active=False))
    answers, costs = [], []
    for username, password in (
        ("known", "wrong horse battery"),
        ("known", "short"),
        ("known", "y" * 5000),
        ("unknown", PASSWORD),
        ("Known", PASSWORD),
        ("no such form of a name!", PASSWORD),
        ("n" * 5000, PASSWORD),
        ("idle", PASSWORD),
        ("idle", "wrong horse battery"),
    ):
        before = hasher.calls
        answers.append(log_in(live, username, password))
        costs.append(hasher.calls - before)
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json() == {"error": "invalid_grant", "error_description": "Incorrect username or password"}
    changing = {"date", "x-request-id"}
    headers = [sorted((n, v) for n, v in answer.headers.multi_items() if n not in changing) for answer in answers]
    assert all(each == headers[0] for each in headers)
    assert set(costs) == {1}


def test_a_refusal_is_never_cached_and_names_a_scheme(live: Watched) -> None:
    answer = log_in(live, "nobody")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_another_grant_is_unsupported(live: Watched) -> None:
    live.add_user("grants")
    for grant in ("implicit", "authorization_code ", "Password", "password ", "urn:x", "__class__", "ключ"):
        answer = log_in(live, "grants", grant_type=grant)
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
        assert "grant_type" in answer.json()["error_description"]


def test_a_grant_for_clients_refuses_whoever_names_none(live: Watched) -> None:
    live.add_user("no-client")
    for grant in ("client_credentials", "refresh_token", "authorization_code"):
        answer = log_in(live, "no-client", grant_type=grant, refresh_token="wwr_of-nobody", code="wwc_of-nobody")
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_grant_is_refused_before_the_password_is_looked_at(counted: tuple[Watched, CountingHasher]) -> None:
    live, hasher = counted
    log_in(live, "anybody", grant_type="refresh_token")
    log_in(live, "anybody", grant_type="client_credentials")
    log_in(live, "anybody", scope="read")
    log_in(live, "anybody", client_id="app")
    assert hasher.calls == 0


@pytest.mark.parametrize("secret", [{}, {"client_secret": "0123456789abcdef"}])
def test_a_client_in_the_body_that_nobody_registered_is_an_invalid_client(
    live: Watched, secret: dict[str, str]
) -> None:
    live.add_user(f"body-{len(secret)}")
    answer = log_in(live, f"body-{len(secret)}", client_id="app", **secret)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "www-authenticate" in answer.headers


def test_a_secret_of_nobody_is_an_invalid_request(live: Watched) -> None:
    live.add_user("body-alone")
    answer = log_in(live, "body-alone", client_secret="0123456789abcdef")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "client_id" in answer.json()["error_description"]


@pytest.mark.parametrize("header", ["Basic YXBwOnNlY3JldA==", "", "Bearer abc", "Digest x=y"])
def test_an_authorization_header_is_an_invalid_client(live: Watched, header: str) -> None:
    with live.client() as client:
        form = {"username": "somebody", "password": PASSWORD}
        answer = client.post(TOKEN, data=form, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic YXBw", "Basic !", "basic /w==", "BASIC OnNlY3JldA=="])
def test_a_header_of_basic_that_is_malformed_is_an_invalid_request(live: Watched, header: str) -> None:
    with live.client() as client:
        form = {"username": "somebody", "password": PASSWORD}
        answer = client.post(TOKEN, data=form, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_scope_is_invalid(live: Watched) -> None:
    answer = log_in(live, "anybody", scope="openid")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_empty_scope_and_client_id_and_unknown_parameters_count_as_left_out(live: Watched) -> None:
    live.add_user("empties")
    answer = log_in(live, "empties", scope="", client_id="", client_secret="", colour="blue", audience="x")
    assert answer.status_code == 200


def test_the_token_endpoint_takes_nothing_but_post(live: Watched) -> None:
    with live.client() as client:
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = client.request(method, TOKEN)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
            assert "access_token" not in answer.text


def test_a_media_type_with_parameters_in_any_case_is_a_form(live: Watched) -> None:
    live.add_user("media")
    body = f"username=media&password={PASSWORD.replace(' ', '+')}"
    with live.client() as client:
        for kind in ("APPLICATION/X-WWW-Form-Urlencoded", f"{FORM['Content-Type']} ; charset=UTF-8"):
            assert client.post(TOKEN, content=body, headers={"Content-Type": kind}).status_code == 200


def test_a_login_does_not_open_the_way_for_other_tokens(live: Watched) -> None:
    """What a user gets says who they are and no more: no role appears that is not stored."""
    live.add_user("plain")
    with live.client(live.token("plain")) as client:
        assert client.get(ME).json()["roles"] == []
        assert client.get("/api/v1/users").status_code == 403
