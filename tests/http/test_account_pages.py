"""The account page: one's own profile, password, devices and applications, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from core.protocol.secret import Secret
from tests.http.clients import Timed, opened
from tests.http.signing_in import (
    ACCOUNT,
    COOKIE,
    SIGN_IN,
    App,
    Browser,
    add_app,
    assert_page,
    in_memory_clocked,
    known_to,
    read,
    userinfo,
)
from tests.http.support import Watched, me, watching
from tests.support import PASSWORD, settings_for

NEW = "another password, and a long one"
FORMS = ("/profile", "/email", "/password", "/sessions/end", "/sessions/end-all", "/signout")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with in_memory_clocked(tmp_path_factory.mktemp("data")) as server:
        server.add_user("bob")
        yield server


@pytest.fixture(scope="module")
def app(live: Timed) -> App:
    return add_app(live, "app", name="The App")


@pytest.fixture
def alice(live: Timed) -> Browser:
    return Browser(live).signed_in()


def signed_in(browser: Browser) -> bool:
    return browser.get(ACCOUNT).status_code == 200


def test_it_is_for_whoever_is_signed_in(live: Timed) -> None:
    stranger = Browser(live)
    answer = stranger.get(ACCOUNT)
    assert (answer.status_code, answer.headers["location"]) == (303, SIGN_IN)
    stranger.open(SIGN_IN)
    csrf = read(stranger.open(SIGN_IN)).form("signin").fields["csrf"]
    for action in (*FORMS, "/apps/end"):
        sent = stranger.send("POST", ACCOUNT + action, {"csrf": csrf, "email": "x@example.com"})
        assert (sent.status_code, sent.headers["location"]) == (303, SIGN_IN)
        assert_page(Browser(live).send("POST", ACCOUNT + action, {"csrf": csrf}), 403)


def test_what_it_shows(live: Timed, alice: Browser) -> None:
    page = alice.account()
    assert page.heading == "Your account"
    for text in ("alice", "It is not verified.", "Firefox on Linux", "This device", "No application is connected"):
        assert text in page.text
    actions = {form.action for form in page.forms}
    assert actions == {ACCOUNT + action for action in FORMS}
    assert all("csrf" in form.fields for form in page.forms)


# Profile and address


def test_a_profile_is_kept_and_told(app: App, live: Timed) -> None:
    live.add_user("filler")
    browser = Browser(live).signed_in("filler")
    typed: dict[str, Any] = {
        "name": " É. Filler ", "given_name": "<b>É.</b>", "birthdate": "1990-12-31", "zoneinfo": "Europe/Paris",
        "locale": "fr", "phone_number": "+1 604 555 1234", "website": "https://filler.example/?a=b&c",
        "address_street_address": "1 Main St\r\nApt 2", "address_country": "France",
    }  # fmt: skip
    page = read(browser.change("/profile", **typed))
    assert "Your profile was saved." in page.text
    fields = page.form(action=f"{ACCOUNT}/profile").fields
    assert fields["given_name"] == "<b>É.</b>"
    assert fields["name"] == "É. Filler"
    tokens = app.tokens(browser, "filler", scope="openid profile phone address")
    seen = known_to(live, tokens["access_token"])
    assert (seen["name"], seen["given_name"], seen["phone_number_verified"]) == ("É. Filler", "<b>É.</b>", False)
    assert seen["address"]["country"] == "France"
    nothing: dict[str, Any] = dict.fromkeys(typed, "")
    browser.change("/profile", **nothing)
    assert known_to(live, tokens["access_token"]).keys() == {"sub", "preferred_username", "updated_at"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("birthdate", "31.12.1990"),
        ("zoneinfo", "../etc"),
        ("locale", "english please"),
        ("phone_number", "0123"),
        ("website", "javascript:alert(1)"),
        ("picture", "data:image/png;base64,x"),
        ("profile", "//evil.example"),
        ("name", "x" * 513),
        ("nickname", "a\u202eb"),
        ("given_name", "a\tb"),
    ],
)
def test_what_a_profile_may_not_hold_is_said_beside_the_field(
    live: Timed, alice: Browser, field: str, value: str
) -> None:
    changed: dict[str, Any] = {"name": "Kept As Typed", field: value}
    answer = alice.change("/profile", **changed)
    assert answer.status_code == 400
    page = read(answer)
    assert [given["id"] for _, given in page.tags if given.get("aria-invalid") == "true"] == [field]
    assert page.form(action=f"{ACCOUNT}/profile").fields[field] == value
    assert "Kept As Typed" not in alice.account().text


def test_nothing_but_ones_own_words_can_be_changed(live: Timed, alice: Browser) -> None:
    """Fields that the page does not have change nothing."""
    alice.change(
        "/profile", username="root", roles="admin", email_verified="true", phone_number_verified="true", id="x"
    )
    page = alice.account()
    assert "root" not in page.text
    assert "It is not verified." in page.text


def test_an_address_for_letters(live: Timed) -> None:
    user = live.add_user("mover")
    live.run(live.container.update_user()(user.id, email_verified=True))
    browser = Browser(live).signed_in("mover")
    assert "It is verified." in browser.account().text
    page = read(browser.change("/email", email=" new@example.com "))
    assert "Your e-mail address was changed." in page.text
    assert "It is not verified." in page.text
    for bad in ("", "x", "a@b@c", "bob@example.com", "x" * 300 + "@example.com", "<b>@example.com"):
        answer = browser.change("/email", email=bad)
        assert answer.status_code == 400, bad
        assert read(answer).form(action=f"{ACCOUNT}/email").fields["email"] == bad


# Password


def test_a_new_password_ends_all_that_the_old_one_opened(app: App, live: Timed) -> None:
    live.add_user("changer")
    here, there = Browser(live), Browser(live).signed_in("changer")
    tokens = app.tokens(here, "changer", scope="openid offline_access")
    own = live.token("changer")
    waiting = here.open(app.url(prompt="consent"))
    before = here.cookies[COOKIE]
    live.clock.forward(seconds=5)
    page = read(here.change("/password", current_password=PASSWORD, new_password=NEW))
    assert "Your password was changed." in page.text
    assert here.cookies[COOKIE] != before
    assert signed_in(here)
    assert not signed_in(there)
    assert not signed_in(Browser(live, cookies={COOKIE: before}))
    assert userinfo(live, tokens["access_token"]).status_code == 401
    assert app.refresh(tokens["refresh_token"]).status_code == 400
    assert me(live, own).status_code == 401
    assert "csrf" in waiting.text
    assert_page(here.press(waiting, "allow"), 403)
    again = app.tokens(here, "changer")
    assert userinfo(live, again["access_token"]).status_code == 200
    assert app.refresh(again["refresh_token"]).status_code == 200
    assert read(there.sign_in(there.open(SIGN_IN), "changer", NEW)).heading == "Your account"


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong, but long enough", NEW, "current_password"),
        ("", NEW, "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "", "new_password"),
        (PASSWORD, "x" * 20_000, "new_password"),
    ],
)
def test_a_password_that_cannot_be_changed(live: Timed, alice: Browser, current: str, new: str, field: str) -> None:
    answer = alice.change("/password", current_password=current, new_password=new)
    assert answer.status_code == 400
    page = read(answer)
    assert field in [given["id"] for _, given in page.tags if given.get("aria-invalid") == "true"]
    fields = page.form(action=f"{ACCOUNT}/password").fields
    assert fields["current_password"] == fields["new_password"] == ""
    assert len(new) < 10 or new not in answer.text
    live.forgive("alice")
    assert signed_in(alice)
    assert Browser(live).signed_in()


def test_guessing_the_current_password_is_throttled(live: Timed) -> None:
    """By the count of the sign-in page: a stolen session is no way around it."""
    live.add_user("stolen")
    browser = Browser(live).signed_in("stolen")
    for _ in range(5):
        assert browser.change("/password", current_password="wrong one", new_password=NEW).status_code == 400
    answer = browser.change("/password", current_password=PASSWORD, new_password=NEW)
    assert "There were too many failed attempts. Try again in a second." in read(answer).text
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    other = Browser(live)
    assert other.sign_in(other.open(SIGN_IN), "stolen").status_code == 429


# Devices


def test_each_device_can_be_signed_out(app: App, live: Timed) -> None:
    live.add_user("devices")
    here = Browser(live).signed_in("devices")
    phone = Browser(live, agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile/15E148 Safari/604.1")
    tokens = app.tokens(phone, "devices")
    page = here.account()
    assert "Safari on iPhone" in page.text
    forms = [form for form in page.forms if form.action == f"{ACCOUNT}/sessions/end"]
    assert len(forms) == 2
    assert {form.fields["session"] for form in phone.account().forms if "session" in form.fields} == {
        form.fields["session"] for form in forms
    }
    phones = opened(tokens["id_token"])["sid"]
    page = read(here.follow(here.submit(next(form for form in forms if form.fields["session"] == phones))))
    assert "That device was signed out." in page.text
    assert "Safari on iPhone" not in page.text
    assert signed_in(here)
    assert not signed_in(phone)
    assert app.refresh(tokens["refresh_token"]).status_code == 400


def test_ones_own_device_among_them(live: Timed) -> None:
    live.add_user("alone")
    browser = Browser(live).signed_in("alone")
    (form,) = [form for form in browser.account().forms if "session" in form.fields]
    answer = browser.submit(form)
    assert read(answer).heading == "You are signed out"
    assert browser.cookies == {}


@pytest.mark.parametrize("session", ["", "x", "00000000-0000-0000-0000-000000000000", "<b>", "x" * 5000])
def test_a_device_that_there_is_not(live: Timed, alice: Browser, session: str) -> None:
    form = next(form for form in alice.account().forms if "session" in form.fields)
    assert read(alice.follow(alice.submit(form, session=session))).heading == "Your account"
    assert signed_in(alice)


def test_somebody_elses_device(live: Timed, alice: Browser) -> None:
    bob = Browser(live).signed_in("bob")
    theirs = next(form for form in bob.account().forms if "session" in form.fields).fields["session"]
    form = next(form for form in alice.account().forms if "session" in form.fields)
    assert read(alice.follow(alice.submit(form, session=theirs))).heading == "Your account"
    assert signed_in(bob)


def test_signing_out_everywhere(app: App, live: Timed) -> None:
    live.add_user("nomad")
    browsers = [Browser(live) for _ in range(3)]
    online = [app.tokens(browser, "nomad") for browser in browsers]
    offline = app.tokens(browsers[0], scope="openid offline_access", username="nomad")
    answer = browsers[0].change("/sessions/end-all")
    assert read(answer).heading == "You are signed out"
    assert browsers[0].cookies == {}
    assert not any(signed_in(browser) for browser in browsers)
    assert [app.refresh(tokens["refresh_token"]).status_code for tokens in online] == [400] * 3
    assert app.refresh(offline["refresh_token"]).status_code == 200


def test_signing_out(live: Timed, alice: Browser) -> None:
    old = dict(alice.cookies)
    other = Browser(live).signed_in()
    answer = alice.change("/signout")
    assert read(answer).heading == "You are signed out"
    assert alice.cookies == {}
    assert not signed_in(Browser(live, cookies=old))
    assert signed_in(other)


# Forms that are not as they were shown


@pytest.mark.parametrize("action", [*FORMS, "/apps/end"])
def test_every_form_is_guarded(app: App, live: Timed, action: str) -> None:
    name = "guarded-" + action.strip("/").replace("/", "-")
    live.add_user(name)
    browser, bob = Browser(live), Browser(live).signed_in("bob")
    tokens = app.tokens(browser, name)
    form = browser.account().form(action=ACCOUNT + action)
    form.fields |= {
        "email": "changed@example.com",
        "current_password": PASSWORD,
        "new_password": NEW,
        "name": "Changed",
    }
    for csrf in (None, "", "A" * 43, bob.account().forms[0].fields["csrf"]):
        assert_page(browser.submit(form, csrf=csrf), 403)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert_page(browser.submit(form, headers=headers))
    assert_page(bob.submit(form), 403)
    assert browser.get(ACCOUNT + action).status_code == 405
    assert_page(browser.send("POST", f"{ACCOUNT}{action}?csrf={form.fields['csrf']}", {"x": "y"}), 403)
    page = browser.account()
    assert "changed@example.com" not in page.text + str([form.fields for form in page.forms])
    assert "The App" in page.text
    assert app.refresh(tokens["refresh_token"]).status_code == 200
    assert Browser(live).signed_in(name)


def test_a_form_of_a_page_from_before_signing_out_and_in_again(live: Timed, alice: Browser) -> None:
    form = alice.account().form(action=f"{ACCOUNT}/email")
    alice.change("/signout")
    assert_page(alice.submit(form, email="late@example.com"), 403)
    alice.signed_in("bob")
    assert_page(alice.submit(form, email="late@example.com"), 403)
    assert "late@example.com" not in str([form.fields for form in alice.account().forms])


@pytest.mark.parametrize("done", ["x", "<script>", "profile&x", "__class__", "\U0001f600"])
def test_what_the_url_says_is_not_repeated(alice: Browser, done: str) -> None:
    page = read(alice.send("GET", f"{ACCOUNT}?done={done}"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert done == "profile&x" or "role" not in {name for _, given in page.tags for name in given}


# Several workers


def test_all_of_it_on_another_worker(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("shared"))
    with watching(settings) as here, watching(settings) as there:
        here.add_user("alice")
        browser, other = Browser(here).signed_in(), Browser(there).signed_in()
        form = browser.account().form(action=f"{ACCOUNT}/profile")
        browser.live = there
        assert "saved" in read(browser.follow(browser.submit(form, name="Alice There"))).text
        assert both(here, browser) == both(there, browser) == 200
        ids = {form.fields["session"] for form in browser.account().forms if "session" in form.fields}
        assert len(ids) == 2
        browser.live = here
        browser.change("/sessions/end-all")
        for live in (here, there):
            assert both(live, other) == both(live, browser) == 303


def both(live: Watched, browser: Browser) -> int:
    return Browser(live, cookies=dict(browser.cookies)).get(ACCOUNT).status_code
