"""Signing in: what is shown, what goes wrong, two tabs, and somebody else's request."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.http.clients import Timed
from tests.http.signing_in import (
    ACCOUNT,
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
from tests.support import PASSWORD

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


def test_the_page_says_who_asks(app: App, browser: Browser) -> None:
    shown = browser.open(app.url())
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    page = read(shown)
    assert page.heading == "Sign in"
    assert "The App" in page.text
    form = page.form("signin")
    assert (form.action, form.method) == (SIGN_IN, "post")
    assert form.fields.keys() == {"csrf", "request", "username", "password"}
    assert page.asks_for() == {"signin", "cancel"}


def test_the_url_of_the_page_holds_an_id_and_nothing_of_the_request(app: App, browser: Browser) -> None:
    """Nothing travels there that a person could be tricked with."""
    answer = browser.get(app.url(login_hint="alice", nonce="n"))
    assert re.fullmatch(r"/signin\?request=[A-Za-z0-9_-]{43}", answer.headers["location"])


def test_without_an_application_one_gets_to_the_account_page(live: Timed, browser: Browser) -> None:
    page = read(browser.open(ACCOUNT))
    assert page.heading == "Sign in"
    assert page.asks_for() == {"signin"}
    browser.signed_in()
    assert browser.get(SIGN_IN).headers["location"] == ACCOUNT


@pytest.mark.parametrize(
    ("username", "password", "said"),
    [
        ("", PASSWORD, "Enter your username."),
        ("alice", "", "Enter your password."),
        ("", "", "Enter your username."),
        ("alice", WRONG, "do not match"),
        ("nobody-at-all", PASSWORD, "do not match"),
        ("<script>alert(1)</script>", PASSWORD, "do not match"),
        ("é\U0001f600", PASSWORD, "do not match"),
        ("x" * 5000, PASSWORD, "do not match"),
        ("alice", "x" * 50_000, "do not match"),
        ("alice", PASSWORD.upper(), "do not match"),
        ("alice", PASSWORD + " ", "do not match"),
        ("alice' OR '1'='1", "x", "do not match"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    app: App, live: Timed, browser: Browser, username: str, password: str, said: str
) -> None:
    live.forgive("alice")
    shown = browser.sign_in(browser.open(app.url()), username, password)
    assert shown.status_code == 400
    page = read(shown)
    assert said in page.text
    invalid = [given for tag, given in page.tags if given.get("aria-invalid") == "true"]
    assert {given["aria-describedby"] for given in invalid} <= {given.get("id", "") for _, given in page.tags}
    assert invalid
    assert page.form("signin").fields["username"] == username.strip().lower()[:64]
    assert page.form("signin").fields["password"] == ""
    assert "script" not in {tag for tag, _ in page.tags}
    live.forgive("alice")
    assert "code" in told(browser.agree(shown))


def test_all_failures_look_alike(app: App, live: Timed) -> None:
    """A name that nobody has, one that was switched off, and a wrong password."""
    deactivate(live, live.add_user("idle"))
    pages = set()
    for username, password in (("alice", WRONG), ("nobody-x", WRONG), ("idle", PASSWORD)):
        browser = Browser(live)
        shown = browser.sign_in(browser.open(SIGN_IN), username, password)
        html = re.sub(r'value="[A-Za-z0-9_-]{43}"', "", shown.text).replace(username, "")
        pages.add((shown.status_code, html))
    assert len(pages) == 1
    live.forgive("alice")


def test_usernames_are_taken_as_people_type_them(app: App, browser: Browser) -> None:
    """Telephones begin with a capital and end with a space."""
    assert "code" in told(browser.agree(browser.open(app.url()), "  Alice "))


def test_a_password_is_taken_byte_for_byte(app: App, live: Timed) -> None:
    for number, password in enumerate((" spaces around ", "p\u00e4ssw\u00f6rt\U0001f600", "a+b&c=d%20e", "new\tlines")):
        live.add_user(f"odd-{number}", password=password)
        browser = Browser(live)
        assert "code" in told(browser.agree(browser.open(app.url()), f"odd-{number}", password))


@pytest.mark.parametrize("choice", [None, "", "unheard-of", "allow"])
def test_a_form_without_a_button_signs_in(app: App, browser: Browser, choice: str | None) -> None:
    """As when somebody presses Enter."""
    form = read(browser.open(app.url(prompt="consent"))).form("signin")
    answer = browser.submit(form, username="alice", password=PASSWORD, choice=choice)
    assert read(browser.follow(answer)).heading == "Allow access?"


# The cookie


def test_a_new_cookie_at_sign_in(app: App, live: Timed) -> None:
    """Whoever planted the cookie of before has nothing of the session (fixation)."""
    victim, thief = Browser(live), Browser(live)
    shown = thief.open(app.url(prompt="consent"))
    victim.cookies = dict(thief.cookies)
    before = victim.cookies[COOKIE]
    shown = victim.sign_in(victim.open(read(shown).form("signin").action + "?" + f"request={_id(shown.text)}"), "alice")
    assert victim.cookies[COOKIE] != before
    assert thief.cookies[COOKIE] == before
    assert read(thief.open(ACCOUNT)).heading == "Sign in"
    assert_page(thief.open(f"/consent?request={_id(shown.text)}"))
    assert "code" in told(victim.agree(shown))


def _id(html: str) -> str:
    found = re.search(r'name="request" value="([^"]+)"', html)
    assert found
    return found[1]


def test_a_cookie_that_the_browser_made_up_is_taken_for_none(app: App, live: Timed) -> None:
    for value in ("x", "A" * 42, "A" * 44, "A" * 42 + "=", "' OR 1=1", "A" * 5000, "%41" * 43):
        browser = Browser(live, cookies={COOKIE: value})
        assert read(browser.open(ACCOUNT)).heading == "Sign in"
        assert browser.cookies[COOKIE] != value
    own = Browser(live, cookies={COOKIE: "A" * 43})
    assert read(own.open(ACCOUNT)).heading == "Sign in"
    own.signed_in()
    assert own.cookies[COOKIE] != "A" * 43


def test_signing_in_again_ends_the_session_of_before(app: App, live: Timed) -> None:
    browser = Browser(live).signed_in()
    old = Browser(live, cookies=dict(browser.cookies))
    live.clock.forward(seconds=1)
    browser.sign_in(browser.open(app.url(prompt="login")), "alice")
    assert old.get(ACCOUNT).status_code == 303
    assert browser.get(ACCOUNT).status_code == 200


# Forms that are not as they were shown


def test_a_form_posted_twice(app: App, browser: Browser) -> None:
    """The second one comes with the cookie of the first: it is out of date, and says how to go on."""
    form = read(browser.open(app.url(prompt="consent"))).form("signin")
    first = browser.submit(form, username="alice", password=PASSWORD)
    second = browser.submit(form, username="alice", password=PASSWORD)
    page = assert_page(second, 403)
    assert page.heading == "This page is out of date"
    assert "Nothing was changed." in page.text
    (link,) = [given["href"] for tag, given in page.tags if tag == "a"]
    assert read(browser.open(link)).heading == "Allow access?"
    assert "code" in told(browser.agree(browser.follow(first)))
    assert_page(browser.open(link))


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é", "x" * 5000])
def test_a_form_with_no_token_or_a_wrong_one(app: App, browser: Browser, token: str) -> None:
    form = read(browser.open(app.url())).form("signin")
    for csrf in (token, None):
        answer = browser.submit(form, username="alice", password=PASSWORD, csrf=csrf)
        assert_page(answer, 403)
        assert "set-cookie" not in answer.headers


def test_a_form_with_the_token_of_another_browser(app: App, live: Timed, browser: Browser) -> None:
    """Login CSRF: an attacker cannot sign a victim in to the attacker's account."""
    own = read(browser.open(app.url())).form("signin")
    other = read(Browser(live).open(app.url())).form("signin")
    assert_page(browser.submit(own, username="bob", password=PASSWORD, csrf=other.fields["csrf"]), 403)
    assert_page(browser.submit(other, username="bob", password=PASSWORD), 403)
    assert read(browser.open(ACCOUNT)).heading == "Sign in"


def test_a_form_without_the_cookie(app: App, browser: Browser) -> None:
    form = read(browser.open(app.url())).form("signin")
    browser.cookies = {}
    page = assert_page(browser.submit(form, username="alice", password=PASSWORD), 403)
    assert "Allow cookies" in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_another_site(app: App, browser: Browser, headers: dict[str, str]) -> None:
    """Even with the right token, which another site cannot know."""
    form = read(browser.open(app.url())).form("signin")
    answer = browser.submit(form, username="alice", password=PASSWORD, headers=headers)
    page = assert_page(answer)
    assert "another site" in page.text
    assert read(browser.open(ACCOUNT)).heading == "Sign in"


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}]
)
def test_a_form_as_browsers_send_it(app: App, live: Timed, headers: dict[str, str]) -> None:
    """Without a referrer `Origin` may be `null` or missing."""
    browser = Browser(live, origin=None)
    form = read(browser.open(app.url(prompt="consent"))).form("signin")
    answer = browser.submit(form, username="alice", password=PASSWORD, headers=headers)
    assert read(browser.follow(answer)).heading == "Allow access?"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"x", "multipart/form-data; boundary=x", 400),
        (b"x", "text/plain", 400),
        (b"username=a&username=b", "application/x-www-form-urlencoded", 400),
        (b"username=%ff", "application/x-www-form-urlencoded", 400),
        (b"username=%00", "application/x-www-form-urlencoded", 400),
        (b"username=%", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=1" % n for n in range(101)), "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 403),
        (b"username=" + b"x" * 66_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_body_that_is_no_form_of_ours(live: Timed, browser: Browser, body: bytes, kind: str, status: int) -> None:
    browser.open(SIGN_IN)
    for path in (SIGN_IN, "/consent", f"{ACCOUNT}/profile", f"{ACCOUNT}/password", f"{ACCOUNT}/signout"):
        with live.client() as client:
            headers = {"Content-Type": kind, "Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
            answer = client.post(path, content=body, headers=headers)
        assert answer.status_code == status, path
        assert "location" not in answer.headers


# Several tabs, several browsers


def test_a_second_tab_goes_on_after_the_first(app: App, live: Timed, browser: Browser) -> None:
    """Its own form is out of date by then; the page that says so leads on, and nobody signs in twice."""
    one = browser.open(app.url(state="one", prompt="consent"))
    other = browser.open(app.url(state="other", prompt="consent"))
    done = browser.agree(one)
    assert told(done)["state"] == "one"
    stale = browser.submit(read(other).form("signin"), username="alice", password=PASSWORD)
    (link,) = [given["href"] for tag, given in assert_page(stale, 403).tags if tag == "a"]
    answer = browser.open(link)
    assert read(answer).heading == "Allow access?"
    assert told(browser.press(answer, "allow"))["state"] == "other"


def test_two_tabs_with_two_people(app: App, live: Timed, browser: Browser) -> None:
    """Whoever signed in last is who is there; what the first one left open does nothing in the name of the second."""
    one = browser.sign_in(browser.open(app.url(prompt="consent")), "alice")
    live.clock.forward(seconds=1)
    browser.sign_in(browser.open(app.url(prompt="login consent")), "bob")
    assert_page(browser.submit(read(one).form("allow"), choice="allow"), 403)


def test_a_request_of_another_browser(app: App, live: Timed, browser: Browser) -> None:
    """Nobody goes on with it, signed in or not; its own browser does."""
    shown = browser.open(app.url())
    id_ = _id(shown.text)
    for other in (Browser(live), Browser(live).signed_in()):
        live.clock.forward(seconds=1)
        for path in (SIGN_IN, "/consent"):
            assert "another browser" in assert_page(other.get(f"{path}?request={id_}")).text
        form = read(other.open(app.url(prompt="login")))
        for choice in ("cancel", "continue", "other", "signin"):
            answer = other.submit(form.form("signin"), choice=choice, request=id_, username="bob", password=PASSWORD)
            page = assert_page(answer)
            assert "another browser" in page.text
            if choice == "signin":
                assert page.heading == "You are signed in"
    assert "code" in told(browser.agree(shown))


@pytest.mark.parametrize("id_", ["x", "A" * 43, "A" * 64, "A" * 65, "A" * 5000, "é", "<script>", "../x", "a b"])
def test_a_request_that_there_never_was(live: Timed, browser: Browser, id_: str) -> None:
    for path in (SIGN_IN, "/consent"):
        answer = browser.get(f"{path}?request={id_}")
        if answer.status_code == 200:  # too long for any: the plain sign-in page
            assert read(answer).asks_for() == {"signin"}
        else:
            assert id_ not in assert_page(answer).text


@pytest.mark.parametrize(
    "query", ["request=%ff", "request=%00", "request=%", "request=a&request=b", "a=" + "b" * 40_000]
)
def test_a_query_that_cannot_be_read(live: Timed, browser: Browser, query: str) -> None:
    for path in (SIGN_IN, "/consent", "/logout", "/authorize"):
        answer = browser.get(f"{path}?{query}")
        assert answer.status_code in {200, 400}
        assert "location" not in answer.headers


def test_a_request_that_has_expired(app: App, live: Timed, browser: Browser) -> None:
    """The person has signed in all the same, and is told how to go on."""
    shown, consent = browser.open(app.url()), Browser(live)
    asked = consent.sign_in(consent.open(app.url(prompt="consent")), "alice")
    live.clock.forward(minutes=29, seconds=59)
    assert browser.get(f"{SIGN_IN}?request={_id(shown.text)}").status_code == 200
    live.clock.forward(seconds=1)
    page = assert_page(browser.sign_in(shown, "alice"))
    assert page.heading == "You are signed in"
    assert "took too long" in page.text
    assert browser.get(ACCOUNT).status_code == 200
    assert "took too long" in assert_page(consent.press(asked, "allow")).text
    assert "took too long" in assert_page(consent.press(asked, "deny")).text


def test_cancelling_goes_back_to_the_application(app: App, browser: Browser) -> None:
    shown = browser.open(app.url())
    assert_told(browser.press(shown, "cancel"), "access_denied")
    assert_page(browser.press(shown, "cancel"))
    assert_page(browser.agree(shown))
