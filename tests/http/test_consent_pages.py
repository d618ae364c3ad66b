"""What a person is asked, how often, and what happens to an answer that comes twice, late, or from elsewhere."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx
import pytest

from core.clients.model import AuthMethod
from core.protocol.secret import Secret
from tests.http.clients import CLIENTS, accepted, add_resource, opened
from tests.http.signing_in import (
    ACCOUNT,
    CONSENT,
    LOGOUT,
    Browser,
    add_app,
    assert_page,
    assert_told,
    in_memory_clocked,
    read,
    told,
    userinfo,
)
from tests.http.support import ME, PROBLEM, USERS, Watched, watching
from tests.support import settings_for

API = "https://api.example.com/"

number = itertools.count()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory_clocked(tmp_path_factory.mktemp("data")) as server:
        add_resource(server, API, "read", "write")
        server.add_user("boss", roles=("admin",))
        yield server


@pytest.fixture
def alice(live: Watched) -> Browser:
    return Browser(live).signed_in()


def asks(browser: Browser, url: str) -> bool:
    answer = browser.open(url)
    if answer.status_code == 303:
        assert "code" in told(answer)
        return False
    assert read(answer).heading == "Allow access?"
    return True


def test_the_page_says_who_asks_for_what_and_in_whose_name(live: Watched, alice: Browser) -> None:
    app = add_app(
        live,
        "spoken-for",
        name="Spoken For",
        scopes=("openid", "profile", "email", "address", "phone", "offline_access", "read", "write"),
        resources=(API,),
        client_uri="https://app.example.com/",
        policy_uri="https://app.example.com/privacy",
        tos_uri="https://app.example.com/terms",
    )
    shown = alice.open(app.url(("resource", API), scope="openid profile email address phone offline_access read"))
    page = read(shown)
    for text in (
        "Spoken For", "alice", "Who you are", "Your profile", "Your e-mail address", "Your postal address",
        "Your phone number", API, "read", "Keep this access while you are away",
    ):  # fmt: skip
        assert text in page.text
    assert "write" not in page.text.split()
    links = {given["href"]: given for tag, given in page.tags if tag == "a" and given["href"].startswith("https:")}
    assert set(links) == {
        "https://app.example.com/",
        "https://app.example.com/privacy",
        "https://app.example.com/terms",
    }
    assert all(given["rel"] == "noopener noreferrer" for given in links.values())
    assert page.asks_for() == {"allow", "deny"}
    assert page.form("allow").fields.keys() == {"csrf", "request"}


def test_what_was_allowed_is_not_asked_again_and_what_is_more_is(live: Watched, alice: Browser) -> None:
    app = add_app(live, "remembered", scopes=("openid", "email", "phone", "read", "write"), resources=(API,))
    assert asks(alice, app.url(scope="openid email"))
    alice.press(alice.open(app.url(scope="openid email")), "allow")
    assert not asks(alice, app.url(scope="openid email"))
    assert not asks(alice, app.url(scope="email"))
    assert asks(alice, app.url(scope="openid phone"))
    assert asks(alice, app.url(("resource", API), scope="openid read"))
    assert asks(alice, app.url(claims='{"userinfo": {"phone_number": null}}'))
    assert not asks(alice, app.url(claims='{"userinfo": {"email": null}}'))
    alice.press(alice.open(app.url(scope="openid phone")), "allow")
    assert not asks(alice, app.url(scope="openid email phone"))
    assert asks(alice, app.url(scope="openid", prompt="consent"))


def test_it_is_remembered_by_person_and_by_application(live: Watched, alice: Browser) -> None:
    one, other = add_app(live, "one"), add_app(live, "other")
    live.add_user("carol")
    one.code(alice)
    assert not asks(alice, one.url())
    assert asks(alice, other.url())
    assert asks(Browser(live).signed_in("carol"), one.url())
    assert not asks(Browser(live).signed_in(), one.url())


def test_what_was_denied_is_asked_again(live: Watched, alice: Browser) -> None:
    app = add_app(live, "denied")
    assert_told(alice.press(alice.open(app.url()), "deny"), "access_denied")
    assert asks(alice, app.url())
    assert_told(alice.get(app.url(prompt="none")), "consent_required")


def test_ones_own_applications_need_not_ask(live: Watched, alice: Browser) -> None:
    app = add_app(live, "ours", first_party=True)
    assert not asks(alice, app.url(scope="openid email offline_access"))
    assert asks(alice, app.url(prompt="consent"))


@pytest.mark.parametrize(
    ("uri", "method", "again"),
    [
        ("http://127.0.0.1/cb", AuthMethod.NONE, True),
        ("com.example.app:/cb", AuthMethod.NONE, True),
        ("https://app.example.com/native", AuthMethod.NONE, False),
        ("http://127.0.0.1/cb", AuthMethod.SECRET_BASIC, False),
    ],
)
def test_whoever_could_be_anybody_asks_every_time(
    live: Watched, alice: Browser, uri: str, method: AuthMethod, again: bool
) -> None:
    """RFC 8252 §8.6: on this machine another program may say that it is this one."""
    app = add_app(live, f"native-{next(number)}", method=method, redirect_uris=[uri], application_type="native")
    app.code(alice)
    assert asks(alice, app.url()) is again


def test_of_one_that_registered_itself_the_person_is_warned(live: Watched, alice: Browser) -> None:
    app = add_app(live, "stranger", name="Stranger", self_registered=True)
    page = read(alice.open(app.url()))
    assert "Nobody at Watchword has checked" in page.text
    assert "app.example.com" in [text for tag, text in page.texts if tag == "bdi"]
    known = add_app(live, "known")
    assert "has checked" not in read(alice.open(known.url())).text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}{% raw %}", "'&lt;&#x41;"]
)
def test_a_hostile_name_is_text(live: Watched, alice: Browser, name: str) -> None:
    client_id = f"hostile-{next(number)}"
    app = add_app(live, client_id, name=name)
    browser = Browser(live)
    answers = [browser.open(app.url()), alice.open(app.url()), alice.open(app.url(prompt="select_account"))]
    alice.press(answers[1], "allow")
    answers += [alice.open(ACCOUNT), alice.open(f"{LOGOUT}?client_id={client_id}")]
    for step, answer in enumerate(answers):
        page = read(answer)
        tags = [tag for tag, _ in page.tags]
        assert "script" not in tags
        assert "onerror" not in {attribute for _, given in page.tags for attribute in given}
        if step < 4:
            assert name in page.text


# Answers that are not as they were given


def test_two_answers_at_once_give_one_code(live: Watched, alice: Browser) -> None:
    app = add_app(live, "at-once")
    form = read(alice.open(app.url())).form("allow")

    def allow(_: int) -> httpx.Response:
        return Browser(live, cookies=dict(alice.cookies)).submit(form, choice="allow")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(allow, range(8)))
    assert Counter(answer.status_code for answer in answers) == {303: 1, 400: 7}


def test_an_answer_after_the_other_one(live: Watched, alice: Browser) -> None:
    """Allowed and then denied, or the other way round: the first counts, and the second gets a page."""
    app = add_app(live, "undecided")
    for first, second in (("allow", "deny"), ("deny", "allow")):
        form = read(alice.open(app.url(prompt="consent"))).form("allow")
        answer = alice.submit(form, choice=first)
        page = assert_page(alice.submit(form, choice=second))
        assert "finished" in page.text
        if first == "allow":
            assert app.exchange(told(answer)["code"]).status_code == 200


@pytest.mark.parametrize("token", [None, "", "A" * 43])
def test_without_the_token_nothing_is_allowed(live: Watched, alice: Browser, token: str | None) -> None:
    app = add_app(live, f"no-token-{next(number)}")
    form = read(alice.open(app.url())).form("allow")
    for choice in ("allow", "deny"):
        assert_page(alice.submit(form, choice=choice, csrf=token), 403)
    assert asks(alice, app.url())


def test_with_another_sessions_token_nothing_is_allowed(live: Watched, alice: Browser) -> None:
    app = add_app(live, "other-token")
    form = read(alice.open(app.url())).form("allow")
    bob = Browser(live).signed_in("boss")
    other = read(bob.open(app.url())).form("allow")
    assert_page(alice.submit(form, choice="allow", csrf=other.fields["csrf"]), 403)
    assert_page(bob.submit(other, choice="allow", request=form.fields["request"]), 400)
    assert_page(bob.submit(form, choice="allow"), 403)


def test_after_signing_out_nothing_is_allowed(live: Watched, alice: Browser) -> None:
    """Also for a browser that keeps its cookie all the same."""
    app = add_app(live, "signed-out")
    form, kept = read(alice.open(app.url())).form("allow"), dict(alice.cookies)
    alice.change("/signout")
    page = assert_page(alice.submit(form, choice="allow"), 403)
    assert page.heading == "This page is out of date"
    alice.cookies = kept
    answer = alice.follow(alice.submit(form, choice="allow"))
    assert read(answer).heading == "Sign in"
    assert "code" in told(alice.agree(answer))


def test_an_answer_of_another_site(live: Watched, alice: Browser) -> None:
    app = add_app(live, "cross-site")
    form = read(alice.open(app.url())).form("allow")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert_page(alice.submit(form, choice="allow", headers=headers))
    assert asks(alice, app.url())


def test_a_way_around_the_sign_in(live: Watched) -> None:
    """The consent page of somebody who is not signed in leads to the sign-in page, by GET and by POST."""
    app, browser = add_app(live, "around"), Browser(live)
    form = read(browser.open(app.url())).form("signin")
    answer = browser.get(f"{CONSENT}?request={form.fields['request']}")
    assert answer.headers["location"].startswith("/signin?request=")
    form.action = CONSENT
    answer = browser.submit(form, choice="allow")
    assert answer.headers["location"].startswith("/signin?request=")
    assert_page(browser.get(CONSENT))


def test_a_way_around_another_sign_in(live: Watched, alice: Browser) -> None:
    """With prompt=login or max_age, whoever is signed in cannot just allow."""
    app = add_app(live, "strict-login")
    live.clock.forward(seconds=5)  # type: ignore[attr-defined]  # the server of this module has one to set
    for asked in ({"prompt": "login"}, {"max_age": "1"}):
        form = read(alice.open(app.url(**asked))).form("signin")
        form.action = CONSENT
        assert read(alice.follow(alice.submit(form, choice="allow"))).heading.startswith("Sign in")
        form.action = "/signin"
        answer = alice.follow(alice.submit(form, choice="continue"))
        assert read(answer).heading.startswith("Sign in")


def test_a_way_around_the_question(live: Watched, alice: Browser) -> None:
    """The choices of the sign-in page allow nothing."""
    app = add_app(live, "no-way")
    form = read(alice.open(app.url())).form("allow")
    form.action = "/signin"
    for choice in ("continue", "other", "allow"):
        answer = alice.follow(alice.submit(form, choice=choice))
        assert "code" not in answer.headers.get("location", "")
    form.action = CONSENT
    for unknown in ("", None, "yes", "ALLOW"):
        assert read(alice.follow(alice.submit(form, choice=unknown))).heading == "Allow access?"


# What is taken back


def test_disconnecting_ends_every_token(live: Watched, alice: Browser) -> None:
    app = add_app(live, "disconnected", name="To Be Disconnected")
    bob = Browser(live)
    tokens = app.tokens(alice, scope="openid email offline_access")
    pending = app.code(alice, scope="openid email offline_access")
    others = app.tokens(bob, "boss")
    page = alice.account()
    assert "To Be Disconnected" in page.text
    assert "It may do this while you are away." in page.text
    answer = alice.change("/apps/end", holding={"client_id": "disconnected"})
    assert "The application was disconnected." in read(answer).text
    assert "To Be Disconnected" not in read(answer).text
    assert userinfo(live, tokens["access_token"]).status_code == 401
    assert app.refresh(tokens["refresh_token"]).status_code == 400
    assert app.exchange(pending).status_code == 400
    assert userinfo(live, others["access_token"]).status_code == 200
    assert_told(alice.get(app.url(prompt="none")), "consent_required")
    assert asks(alice, app.url())
    again = app.tokens(alice)
    assert userinfo(live, again["access_token"]).status_code == 200
    assert app.refresh(again["refresh_token"]).status_code == 200


def test_disconnecting_what_is_not_connected(live: Watched, alice: Browser) -> None:
    """Somebody else's, one that was disconnected in another tab, or none at all: nothing happens."""
    app = add_app(live, "not-connected")
    bob = Browser(live)
    tokens = app.tokens(bob, "boss")
    app.code(alice)
    form = alice.account().form(action=f"{ACCOUNT}/apps/end", client_id="not-connected")
    alice.follow(alice.submit(form))
    for client_id in ("not-connected", "nobody", "", "<b>", "x" * 5000):
        assert read(alice.follow(alice.submit(form, client_id=client_id))).heading == "Your account"
    assert userinfo(live, tokens["access_token"]).status_code == 200


def test_what_a_token_of_an_application_does_not_open(live: Watched) -> None:
    """Not even that of an administrator: managing accounts is for one's own applications."""
    app = add_app(live, "third-party")
    token = app.tokens(Browser(live), "boss", scope="openid profile email")["access_token"]
    with live.client(token) as client:
        for method, path in (
            ("GET", ME), ("PATCH", ME), ("PUT", f"{ME}/password"), ("GET", USERS), ("POST", USERS),
            ("GET", CLIENTS), ("POST", CLIENTS), ("GET", f"{CLIENTS}/third-party"),
            ("DELETE", f"{CLIENTS}/third-party"),
        ):  # fmt: skip
            answer = client.request(method, path)
            assert answer.status_code == 403, (method, path)
            assert answer.headers["content-type"] == PROBLEM
    assert userinfo(live, token).status_code == 200


def test_and_what_that_of_ones_own_does(live: Watched) -> None:
    app = add_app(live, "dashboard", first_party=True)
    token = app.tokens(Browser(live), "boss", scope="openid")["access_token"]
    assert opened(token)["roles"] == ["admin"]
    assert accepted(live, token)
    with live.client(token) as client:
        assert client.get(USERS).status_code == 200


def test_one_that_registered_itself_has_no_roles(live: Watched) -> None:
    """Nor is anybody told of any: neither in the token, nor by introspection."""
    app = add_app(live, "nobodys", self_registered=True)
    tokens = app.tokens(Browser(live), "boss", ("resource", API), scope="openid read offline_access")
    assert not opened(tokens["access_token"]).get("roles")
    later = app.refresh(tokens["refresh_token"]).json()
    assert not opened(later["access_token"]).get("roles")
    vouched = add_app(live, "vouched", scopes=("openid", "read"), resources=(API,))
    ours = vouched.tokens(Browser(live), "boss", ("resource", API), scope="openid read")
    assert opened(ours["access_token"])["roles"] == ["admin"]


# Two servers on one database


@pytest.fixture(scope="module")
def workers(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, Watched]]:
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("shared"))
    with watching(settings) as here, watching(settings) as there:
        here.add_user("alice")
        yield here, there


def test_what_was_allowed_or_taken_back_holds_on_every_worker(workers: tuple[Watched, Watched]) -> None:
    here, there = workers
    app, browser = add_app(here, "connected"), Browser(here)
    tokens: dict[str, Any] = app.tokens(browser, scope="openid email offline_access")
    browser.live = there
    assert not asks(browser, app.url(scope="openid email"))
    assert known(there, tokens) == 200
    browser.change("/apps/end", holding={"client_id": "connected"})
    assert known(here, tokens) == 401
    browser.live = here
    assert asks(browser, app.url())
    for live in workers:
        app.live = live
        assert app.refresh(tokens["refresh_token"]).status_code == 400
    again = app.tokens(browser)
    assert known(there, again) == 200


def known(live: Watched, tokens: dict[str, Any]) -> int:
    return userinfo(live, tokens["access_token"]).status_code


def test_of_two_answers_at_two_workers_one_gives_a_code(workers: tuple[Watched, Watched]) -> None:
    here, there = workers
    app, browser = add_app(here, "twice"), Browser(here).signed_in()
    for _ in range(5):
        form = read(browser.open(app.url(prompt="consent"))).form("allow")

        def allow(live: Watched, form: Any = form) -> httpx.Response:
            return Browser(live, cookies=dict(browser.cookies)).submit(form, choice="allow")

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(allow, [here, there, here, there]))
        assert Counter(answer.status_code for answer in answers) == {303: 1, 400: 3}
