"""Whoever keeps guessing waits longer and longer, the owner elsewhere does not. The clock stands until it is set."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest
from dependency_injector import providers

from adapters.hashing.pooled import PooledPasswordHasher
from container import Container
from core.protocol.secret import Secret
from core.users.password import Password
from tests.http.clients import INTROSPECT, REVOKE, Timed, assert_error, basic, clocked, post, register
from tests.http.support import ME, PROBLEM, TOKEN, Watched, watching
from tests.support import PASSWORD, SetClock, settings_for

WRONG = "not the right one"
PROXY = ("127.0.0.1",)

# What an answer tells beside the moment at which it was given.
CHANGING = {"date", "x-request-id"}


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    """Behind a proxy on this machine, which says whom it asks for."""
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("data"), trusted_proxies=PROXY)
    with clocked(settings) as server:
        yield server


def log_in(live: Watched, username: str, password: str, *, origin: str) -> httpx.Response:
    form = {"username": username, "password": password}
    return post(live, TOKEN, form, {"X-Forwarded-For": origin})


def told(answer: httpx.Response) -> tuple[object, ...]:
    headers = sorted((name, value) for name, value in answer.headers.multi_items() if name not in CHANGING)
    return answer.status_code, answer.content, *headers


def assert_waits(answer: httpx.Response, seconds: int) -> None:
    assert_error(answer, 429, "temporarily_unavailable")
    assert answer.headers["retry-after"] == str(seconds)


def fail(live: Watched, username: str, *, origin: str, times: int = 5) -> None:
    statuses = [log_in(live, username, WRONG, origin=origin).status_code for _ in range(times)]
    assert statuses == [401] * times


def test_five_failures_are_free_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour(live: Timed) -> None:
    live.add_user("table")
    fail(live, "table", origin="10.0.1.1")
    for wait in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
        for password in (WRONG, PASSWORD):
            assert_waits(log_in(live, "table", password, origin="10.0.1.1"), wait)
        live.clock.forward(seconds=wait)
        fail(live, "table", origin="10.0.1.1", times=1)
    live.clock.forward(seconds=900)
    assert log_in(live, "table", PASSWORD, origin="10.0.1.1").status_code == 200


def test_the_wait_that_is_told_is_what_is_left_of_it(live: Timed) -> None:
    live.add_user("left")
    fail(live, "left", origin="10.0.2.1")
    for wait in (1, 2, 4):
        live.clock.forward(seconds=wait)
        fail(live, "left", origin="10.0.2.1", times=1)
    live.clock.forward(seconds=2.5)
    assert_waits(log_in(live, "left", WRONG, origin="10.0.2.1"), 6)
    live.clock.forward(seconds=5.4)
    assert_waits(log_in(live, "left", WRONG, origin="10.0.2.1"), 1)


def test_a_name_that_nobody_has_is_answered_as_one_that_somebody_has(live: Timed) -> None:
    live.add_user("somebody")
    idle = live.add_user("idle")
    live.run(live.container.update_user()(idle.id, is_active=False))
    names = ("somebody", "nobody", "idle", "no such form of a name!")
    statuses = []
    for step in range(9):
        answers = {told(log_in(live, name, WRONG, origin=f"10.0.3.{step}")) for name in names}
        assert len(answers) == 1
        statuses.append(next(iter(answers))[0])
        live.clock.forward(seconds=step == 6)
    assert statuses == [401] * 5 + [429, 429, 401, 429]


def test_the_owner_gets_in_from_another_network(live: Timed) -> None:
    live.add_user("owner")
    fail(live, "owner", origin="10.0.4.1")
    assert_waits(log_in(live, "owner", PASSWORD, origin="10.0.4.1"), 1)
    assert_waits(log_in(live, "owner", PASSWORD, origin="10.0.4.254"), 1)
    assert log_in(live, "owner", PASSWORD, origin="10.0.5.1").status_code == 200
    assert_waits(log_in(live, "owner", PASSWORD, origin="10.0.4.1"), 1)  # the guesser goes on waiting


def test_an_ipv6_network_is_a_64(live: Timed) -> None:
    live.add_user("six")
    fail(live, "six", origin="2001:db8:1:2::1")
    assert_waits(log_in(live, "six", PASSWORD, origin="[2001:DB8:1:2:ffff:ffff:ffff:ffff]:443"), 1)
    assert log_in(live, "six", PASSWORD, origin="2001:db8:1:3::1").status_code == 200


def test_an_ipv4_address_in_the_form_of_ipv6_is_the_same_network(live: Timed) -> None:
    live.add_user("mapped")
    fail(live, "mapped", origin="10.0.6.1")
    assert_waits(log_in(live, "mapped", PASSWORD, origin="::ffff:10.0.6.9"), 1)


def test_a_success_clears_the_failures_before_it(live: Timed) -> None:
    live.add_user("clumsy")
    for _ in range(3):
        fail(live, "clumsy", origin="10.0.7.1", times=4)
        assert log_in(live, "clumsy", PASSWORD, origin="10.0.7.1").status_code == 200
    fail(live, "clumsy", origin="10.0.7.1")
    assert_waits(log_in(live, "clumsy", WRONG, origin="10.0.7.1"), 1)


def test_failures_are_forgotten_after_a_day(live: Timed) -> None:
    live.add_user("yesterday")
    fail(live, "yesterday", origin="10.0.8.1")
    live.clock.forward(days=1)
    fail(live, "yesterday", origin="10.0.8.1")
    assert_waits(log_in(live, "yesterday", WRONG, origin="10.0.8.1"), 1)


def test_an_account_bears_a_hundred_failures_over_all_networks(live: Timed) -> None:
    live.add_user("hunted")
    for network in range(20):
        fail(live, "hunted", origin=f"10.1.{network}.1")
    assert_waits(log_in(live, "hunted", PASSWORD, origin="10.1.99.1"), 1)
    live.clock.forward(seconds=1)
    assert log_in(live, "hunted", PASSWORD, origin="10.1.99.1").status_code == 200
    fail(live, "hunted", origin="10.1.98.1")  # and the count of the account began anew


def test_a_network_bears_a_hundred_failures_over_all_names(live: Timed) -> None:
    live.add_user("neighbour")
    for number in range(100):
        fail(live, f"name-{number}", origin=f"10.2.0.{number}", times=1)
    assert_waits(log_in(live, "neighbour", PASSWORD, origin="10.2.0.200"), 1)
    assert log_in(live, "neighbour", PASSWORD, origin="10.2.1.1").status_code == 200
    live.clock.forward(seconds=1)
    assert log_in(live, "neighbour", PASSWORD, origin="10.2.0.200").status_code == 200


def test_of_several_forwarded_addresses_the_proxy_s_own_word_counts(live: Timed) -> None:
    live.add_user("chained")
    for number in range(5):
        fail(live, "chained", origin=f"10.3.{number}.1, 10.0.9.1", times=1)
    assert_waits(log_in(live, "chained", PASSWORD, origin="10.3.99.1, 10.0.9.1"), 1)
    assert_waits(log_in(live, "chained", PASSWORD, origin="10.3.99.1, 10.0.9.1, 127.0.0.1"), 1)
    assert log_in(live, "chained", PASSWORD, origin="10.0.9.1, 10.3.99.1").status_code == 200


@pytest.mark.parametrize("origin", ["unknown", "", ",", "10.0.0.1:http", "[::", "x" * 4000, "999.1.1.1", "é"])
def test_a_forwarded_address_that_is_none_breaks_nothing(live: Timed, origin: str) -> None:
    form = {"username": "whoever", "password": WRONG}
    with live.client() as client:
        answer = client.post(TOKEN, data=form, headers=[(b"X-Forwarded-For", origin.encode("latin-1"))])
    assert answer.status_code == 401


def test_without_a_trusted_proxy_a_forwarded_address_is_anybodys_word(database_url: Secret, tmp_path: Path) -> None:
    with clocked(settings_for(database_url, tmp_path)) as server:
        server.add_user("plain")
        for number in range(5):
            fail(server, "plain", origin=f"10.4.{number}.1", times=1)
        assert_waits(log_in(server, "plain", PASSWORD, origin="10.4.99.1"), 1)


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_wrong_secrets_of_clients_are_throttled_alike(live: Timed, known: bool) -> None:
    name = f"guessed-{known}".lower()
    client = register(live, name) if known else None
    origin = {"X-Forwarded-For": f"10.5.{int(known)}.1"}
    wrong = {"Authorization": basic(name, "wrong"), **origin}
    form = {"grant_type": "client_credentials", "token": "x"}
    for path in (TOKEN, REVOKE, INTROSPECT, TOKEN, INTROSPECT):
        assert_error(post(live, path, form, wrong), 401, "invalid_client")
    for wait in (1, 2, 4):
        for path in (TOKEN, REVOKE, INTROSPECT):
            assert_waits(post(live, path, form, wrong), wait)
        if client is not None:
            right = {"Authorization": basic(name, client.secret), **origin}
            assert post(live, TOKEN, form, right).status_code == 200
        live.clock.forward(seconds=wait)
        assert_error(post(live, TOKEN, form, wrong), 401, "invalid_client")


def test_a_user_and_a_client_are_counted_apart(live: Timed) -> None:
    client = register(live, "service-one")
    for _ in range(5):
        wrong = {"Authorization": basic("service-one", "wrong"), "X-Forwarded-For": "10.0.10.1"}
        assert post(live, TOKEN, {"grant_type": "client_credentials"}, wrong).status_code == 401
    fail(live, "service-one", origin="10.0.10.1")
    assert client.ask().status_code == 200


def test_a_wrong_current_password_counts(live: Timed) -> None:
    live.add_user("changing")
    token = live.token("changing")
    change = {"current_password": WRONG, "new_password": "another horse battery"}

    def put(**changes: str) -> httpx.Response:
        with live.client(token) as client:
            headers = {"X-Forwarded-For": "10.0.11.1"}
            return client.put(f"{ME}/password", json={**change, **changes}, headers=headers)

    assert [put().status_code for _ in range(5)] == [422] * 5
    for password in (WRONG, PASSWORD):
        answer = put(current_password=password)
        assert (answer.status_code, answer.headers["content-type"]) == (429, PROBLEM)
        assert answer.headers["retry-after"] == "1"
    assert_waits(log_in(live, "changing", PASSWORD, origin="10.0.11.1"), 1)
    live.clock.forward(seconds=1)
    assert put(current_password=PASSWORD).status_code == 204


def test_two_servers_on_one_database_count_together(database_url: Secret, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path)
    with clocked(settings) as one, clocked(settings) as other:
        one.add_user("shared")
        for server in (one, other, one, other, other):
            fail(server, "shared", origin="", times=1)
        for server in (one, other):
            assert_waits(log_in(server, "shared", PASSWORD, origin=""), 1)
            server.clock.forward(seconds=1)
        assert log_in(one, "shared", PASSWORD, origin="").status_code == 200
        fail(other, "shared", origin="", times=5)


class Holding(PooledPasswordHasher):
    """The real one, which keeps back its word on the right password until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(memory_kib=8, time_cost=1, parallelism=1)
        self.held = threading.Event()
        self.go_on = threading.Event()

    def _verify(self, password: Password, hashed: str | None) -> bool:
        verified = super()._verify(password, hashed)
        if verified:
            self.held.set()
            assert self.go_on.wait(30)
        return verified


def test_of_thirty_guesses_at_once_a_right_one_that_comes_late_is_refused(database_url: Secret, tmp_path: Path) -> None:
    container, hasher = Container(settings=settings_for(database_url, tmp_path)), Holding()
    container.hasher.override(providers.Object(hasher))
    container.clock.override(providers.Object(SetClock()))
    with watching(container.settings(), container) as live, ThreadPoolExecutor(30) as pool:
        live.add_user("burst")
        right = pool.submit(log_in, live, "burst", PASSWORD, origin="")
        assert hasher.held.wait(30)
        wrong = list(pool.map(lambda _: log_in(live, "burst", WRONG, origin=""), range(29)))
        hasher.go_on.set()
        assert right.result(30).status_code == 429
    assert Counter(answer.status_code for answer in wrong) == {401: 5, 429: 24}
