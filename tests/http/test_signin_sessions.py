"""Signing in: how long that lasts, what ends it, guessing, several workers, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dependency_injector import providers

from container import Container
from core.protocol.secret import Secret
from tests.http.clients import Timed, opened, post
from tests.http.signing_in import (
    ACCOUNT,
    CALLBACK,
    COOKIE,
    SIGN_IN,
    App,
    Browser,
    add_app,
    assert_page,
    assert_told,
    deactivate,
    in_memory_clocked,
    read,
    told,
)
from tests.http.support import TOKEN, Watched, record, watching
from tests.support import PASSWORD, SetClock, settings_for

WRONG = "not the right one"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with in_memory_clocked(tmp_path_factory.mktemp("data"), trusted_proxies=("127.0.0.1",)) as server:
        server.add_user("bob")
        yield server


@pytest.fixture(scope="module")
def app(live: Timed) -> App:
    return add_app(live, "app", name="The App")


@pytest.fixture
def browser(live: Timed) -> Browser:
    return Browser(live)


# Sessions


def test_a_session_ends_after_a_time_without_use_and_after_its_whole_time(app: App, live: Timed) -> None:
    idle = Browser(live).signed_in()
    live.clock.forward(hours=11, minutes=59)
    assert idle.get(ACCOUNT).status_code == 200
    live.clock.forward(hours=12)
    assert idle.get(ACCOUNT).status_code == 303
    busy = Browser(live).signed_in()
    for _ in range(14 * 3 - 1):
        live.clock.forward(hours=8)
        assert busy.get(ACCOUNT).status_code == 200
    live.clock.forward(hours=8)
    assert busy.get(ACCOUNT).status_code == 303
    assert_told(busy.get(app.url(prompt="none")), "login_required")


def test_a_session_ends_when_its_user_is_switched_off(app: App, live: Timed) -> None:
    user, browser = live.add_user("leaver"), Browser(live)
    tokens = app.tokens(browser, "leaver")
    code = app.code(browser, "leaver")
    shown = browser.open(app.url(prompt="consent"))
    deactivate(live, user)
    assert browser.get(ACCOUNT).status_code == 303
    assert read(browser.press(shown, "allow")).heading == "Sign in"
    assert app.exchange(code).status_code == app.refresh(tokens["refresh_token"]).status_code == 400
    live.run(live.container.update_user()(user.id, is_active=True))
    assert browser.get(ACCOUNT).status_code == 303


def test_a_session_ends_when_its_user_is_deleted(app: App, live: Timed) -> None:
    user, browser = live.add_user("gone"), Browser(live).signed_in()
    there = Browser(live)
    tokens = app.tokens(there, "gone")
    live.run(live.container.delete_user()(user.id))
    assert there.get(ACCOUNT).status_code == 303
    assert app.refresh(tokens["refresh_token"]).status_code == 400
    assert browser.get(ACCOUNT).status_code == 200


# Guessing


def fail(live: Watched, username: str, origin: str, times: int) -> None:
    for _ in range(times):
        form = {"username": username, "password": WRONG}
        assert post(live, TOKEN, form, {"X-Forwarded-For": origin}).status_code == 401


def test_failures_here_and_at_the_token_endpoint_are_counted_together(app: App, live: Timed) -> None:
    live.add_user("guessed")
    there = {"X-Forwarded-For": "10.1.1.1"}
    browser = Browser(live)
    form = read(browser.open(app.url())).form("signin")
    fail(live, "guessed", "10.1.1.1", 3)
    for _ in range(2):
        assert browser.submit(form, username="guessed", password=WRONG, headers=there).status_code == 400
    for password in (WRONG, PASSWORD):
        answer = browser.submit(form, username="guessed", password=password, headers=there)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        page = read(answer)
        assert "Try again in a second." in page.text
        assert page.form("signin").fields["request"] == form.fields["request"]
        assert "set-cookie" not in answer.headers or COOKIE in browser.cookies
    throttled = post(live, TOKEN, {"username": "guessed", "password": PASSWORD}, there)
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "1")
    elsewhere = {"X-Forwarded-For": "10.9.9.9"}
    assert browser.submit(form, username="guessed", password=PASSWORD, headers=elsewhere).status_code == 303


def test_the_wait_grows_and_ends(app: App, live: Timed) -> None:
    live.add_user("patient")
    browser, there = Browser(live), {"X-Forwarded-For": "10.1.2.1"}
    form = read(browser.open(app.url())).form("signin")
    fail(live, "patient", "10.1.2.1", 5)
    for wait in (1, 2, 4, 8):
        answer = browser.submit(form, username="patient", password=PASSWORD, headers=there)
        assert answer.headers["retry-after"] == str(wait)
        live.clock.forward(seconds=wait)
        assert browser.submit(form, username="patient", password=WRONG, headers=there).status_code == 400
    live.clock.forward(seconds=16)
    assert browser.submit(form, username="patient", password=PASSWORD, headers=there).status_code == 303


# Somebody on several workers


@pytest.fixture(scope="module")
def workers(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, Watched]]:
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("shared"))
    with watching(settings) as here, watching(settings) as there:
        here.add_user("alice")
        yield here, there


def test_every_step_may_be_on_another_worker(workers: tuple[Watched, Watched]) -> None:
    here, there = workers
    app = add_app(here, "spread")
    browser = Browser(here)
    shown = browser.open(app.url(scope="openid email"))
    browser.live = there
    shown = browser.sign_in(shown, "alice")
    browser.live = here
    code = told(browser.press(shown, "allow"))["code"]
    app.live = there
    assert opened(app.exchange(code).json()["id_token"])["sub"] == "alice"
    app.live = here
    assert app.exchange(code).status_code == 400
    browser.live = there
    assert browser.get(ACCOUNT).status_code == 200


def test_what_ends_a_session_ends_it_on_every_worker(workers: tuple[Watched, Watched]) -> None:
    here, there = workers
    app = add_app(there, "everywhere")
    user = here.add_user("traveller")
    for end in ("signout", "password", "inactive"):
        browser, other = Browser(here), Browser(here)
        app.live = here
        tokens = app.tokens(browser, "traveller")
        code = app.code(browser, "traveller")
        other.cookies = dict(browser.cookies)
        other.live = there
        assert other.get(ACCOUNT).status_code == 200
        if end == "signout":
            browser.change("/signout")
        elif end == "password":
            browser.change("/password", current_password=PASSWORD, new_password=PASSWORD)
            assert browser.get(ACCOUNT).status_code == 200
        else:
            deactivate(here, user)
        assert other.get(ACCOUNT).status_code == 303
        app.live = there
        assert app.exchange(code).status_code == 400
        assert app.refresh(tokens["refresh_token"]).status_code == 400


def test_a_store_that_is_away_is_said_to_be(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = Secret("postgresql://u:p@127.0.0.1:1/x")
    settings = settings_for(nowhere, tmp_path_factory.mktemp("away"))
    container = Container(settings=settings)
    container.clock.override(providers.Object(SetClock()))
    with watching(settings, container) as live:
        browser = Browser(live, cookies={COOKIE: "A" * 43})
        for path in ("/authorize?client_id=app", ACCOUNT, f"{SIGN_IN}?request={'A' * 43}"):
            answer = browser.get(path)
            page = assert_page(answer, 503)
            assert answer.headers["retry-after"] == "1"
            assert "Try again soon." in page.text


def test_the_log_says_who_signed_in_and_nothing_that_would_let_others_do_so(app: App, live: Timed) -> None:
    browser = Browser(live)
    before = len(record.lines)
    code = app.code(browser, "bob", login_hint="bob")
    app.exchange(code)
    lines = "\n".join(record.lines[before:])
    assert '"username": "bob"' in lines
    for secret in (code, browser.cookies[COOKIE], PASSWORD, CALLBACK, "?request=", "login_hint"):
        assert secret not in lines
