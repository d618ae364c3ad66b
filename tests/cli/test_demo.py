"""watchword demo app: a sign-in from the button to the sign-out, as a browser goes through it, beside a real server."""

from __future__ import annotations

import contextlib
import html
import re
import signal
import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2 as httpx
import pytest
from attrs import frozen

from tests.cli.conftest import Watchword, eventually
from tests.support import PASSWORD, TLS

TOKEN = "/api/v1/auth/token"


@frozen
class Browser:
    """Follows links, forms and redirects, and keeps what it is told to send again."""

    http: httpx.Client

    def open(self, url: str) -> httpx.Response:
        return self.follow(self.http.get(url))

    def submit(self, page: httpx.Response, action: str, **typed: str) -> httpx.Response:
        """The form of the page that leads there, with its hidden fields."""
        for attributes, inside in re.findall(r"<form([^>]*)>(.*?)</form>", page.text, re.DOTALL):
            if f'action="{action}"' in attributes:
                hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', inside)
                fields = {name: html.unescape(value) for name, value in hidden}
                origin = f"{page.url.scheme}://{page.url.netloc.decode()}"
                headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
                url = page.url.join(action)
                return self.follow(self.http.post(url, data={**fields, **typed}, headers=headers))
        raise AssertionError(f"no form leads to {action}")

    def follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.is_redirect:
            answer = self.http.get(answer.url.join(answer.headers["location"]))
        return answer


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    with httpx.Client(verify=TLS, timeout=20) as http:
        yield Browser(http)


@pytest.fixture(scope="module")
def beside(shared: Watchword) -> Iterator[str]:
    """The address of a server whose issuer it is, with a user."""
    with shared.serving() as (address, _):
        shared.ok(
            "users", "create", "alice", "--email", "alice@example.com", "--name", "Alice <Adams>", "--password-stdin",
            input=PASSWORD,
        )  # fmt: skip
        yield address


@pytest.fixture(scope="module")
def demo(shared: Watchword, beside: str) -> Iterator[str]:
    """Where the demo app is, without a slash at the end."""
    with shared.started("demo", "app", "--port", "0", WATCHWORD_ISSUER=beside) as (said, _):
        assert said["client_id"] == "demo-app"
        yield said["url"].removesuffix("/")


def sign_in(browser: Browser, demo: str, username: str = "alice", password: str = PASSWORD) -> httpx.Response:
    page = browser.submit(
        browser.open(f"{demo}/login"), "/signin", username=username, password=password, choice="signin"
    )
    return browser.submit(page, "/consent", choice="allow") if page.url.path == "/consent" else page


def claims(page: httpx.Response, section: str) -> dict[str, str]:
    """Those in a section of the page, as they are read."""
    inside = page.text.partition(f'<h2 id="{section}">')[2].partition("</section>")[0]
    rows = re.findall(r"<dt><code>(.*?)</code></dt>\s*<dd>(.*?)(?:<span.*)?</dd>", inside)
    return {name: html.unescape(re.sub("<[^>]*>", "", value)) for name, value in rows}


def test_a_person_signs_in_looks_around_and_signs_out(demo: str, beside: str) -> None:
    with browsing() as browser:
        first = browser.open(f"{demo}/")
        assert "You are not signed in" in first.text
        assert 'href="/login"' in first.text
        form = browser.open(f"{demo}/login")
        assert (str(form.url).startswith(beside), form.url.path) == (True, "/signin")
        wrong = browser.submit(form, "/signin", username="alice", password="not it", choice="signin")
        assert (wrong.status_code, wrong.url.path) == (400, "/signin")
        consent = browser.submit(wrong, "/signin", username="alice", password=PASSWORD, choice="signin")
        assert consent.url.path == "/consent"
        assert "Demo app" in consent.text

        home = browser.submit(consent, "/consent", choice="allow")
        assert str(home.url) == f"{demo}/"
        told = claims(home, "id-token")
        assert (told["iss"], told["aud"], told["sub"]) == (beside, "demo-app", "alice")
        assert {"nonce", "at_hash", "auth_time", "sid", "exp"} <= told.keys()
        seen = claims(home, "access-token")
        assert (seen["sub"], seen["client_id"]) == ("alice", "demo-app")
        assert set(seen["scope"].split()) == {"openid", "profile", "email", "offline_access"}
        steps = re.findall(r"<li><code>(.*?)</code>", home.text)
        assert steps == ["GET /authorize", "GET /callback", f"POST {TOKEN}", "GET /.well-known/jwks.json"]

        known = browser.submit(home, "/userinfo")
        told = claims(known, "userinfo")
        assert (told["name"], told["email"], told["email_verified"]) == ("Alice <Adams>", "alice@example.com", "false")
        assert "<h1>Hello, Alice &lt;Adams&gt;</h1>" in known.text

        fresh = browser.submit(known, "/refresh")
        assert claims(fresh, "access-token")["jti"] != seen["jti"]
        assert "Exchanges so far: 1." in fresh.text

        gone = browser.submit(fresh, "/logout")
        assert str(gone.url) == f"{demo}/signed-out"
        assert "You are signed out, here and at the server" in gone.text
        assert "You are not signed in" in browser.open(f"{demo}/").text
        assert browser.open(f"{demo}/login").url.path == "/signin"  # and not straight back in


def test_nothing_of_the_tokens_is_on_a_page_and_pages_are_strict(demo: str, beside: str) -> None:
    with browsing() as browser:
        home = sign_in(browser, demo)
        assert "Hello, " in home.text
        assert not re.search(r"eyJ[\w-]+\.|wws_|wwr_|wwc_", home.text)
        policy = home.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy + home.text
        assert policy.endswith(f"form-action 'self' {beside}")
        assert home.headers["cache-control"] == "no-store"
        style, icon = browser.http.get(f"{demo}/demo.css"), browser.http.get(f"{demo}/icon.svg")
        assert [style.headers["content-type"], icon.headers["content-type"]] == [
            "text/css; charset=utf-8",
            "image/svg+xml",
        ]
        cookies = {cookie.name: cookie for cookie in browser.http.cookies.jar}
        assert cookies.keys() == {"watchword", "watchword-demo"}  # one host, so two names
        assert cookies["watchword-demo"].has_nonstandard_attr("HttpOnly")


def test_whoever_says_no_is_told_so_and_may_try_again(demo: str, shared: Watchword) -> None:
    shared.ok("users", "create", "bob", "--email", "bob@example.com", "--password-stdin", input=PASSWORD)
    with browsing() as browser:
        form = browser.open(f"{demo}/login")
        consent = browser.submit(form, "/signin", username="bob", password=PASSWORD, choice="signin")
        page = browser.submit(consent, "/consent", choice="deny")
        assert str(page.url) == f"{demo}/"
        assert "access_denied" in page.text
        assert 'href="/login"' in page.text
        assert "access_denied" not in browser.open(f"{demo}/").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "belongs to no sign-in"),
        ({"code": "x", "state": "another"}, "belongs to no sign-in"),
        ({"code": "x", "state": None}, "came from another server"),
        ({"code": "x", "state": None, "iss": "http://127.0.0.1:1"}, "came from another server"),
        ({"code": "x", "state": None, "iss": ""}, "invalid_grant"),
        ({"state": None, "iss": ""}, "invalid_request"),
        ({"error": "server_error", "error_description": "<b>", "state": None, "iss": ""}, "server_error: &lt;b&gt;"),
    ],
    ids=str,
)
def test_an_answer_that_does_not_fit_signs_nobody_in(
    demo: str, beside: str, query: dict[str, str | None], said: str
) -> None:
    with browsing() as browser:
        begun = parse_qs(urlsplit(browser.http.get(f"{demo}/login").headers["location"]).query)
        fits = {"state": begun["state"][0], "iss": beside}
        page = browser.open(
            f"{demo}/callback?{urlencode({name: value or fits[name] for name, value in query.items()})}"
        )
        assert str(page.url) == f"{demo}/"
        assert said in page.text
        assert "You are not signed in" in page.text
        assert "Traceback" not in page.text


def test_a_sign_in_begun_by_somebody_else_is_not_taken(demo: str) -> None:
    with browsing() as attacker, browsing() as victim:
        victim.open(f"{demo}/login")
        address = attacker.http.get(f"{demo}/login").headers["location"]
        page = attacker.http.get(address)
        assert page.is_redirect
        state = parse_qs(urlsplit(address).query)["state"][0]
        taken = victim.open(f"{demo}/callback?{urlencode({'code': 'x', 'state': state})}")
        assert "belongs to no sign-in" in taken.text


@pytest.mark.parametrize("action", ["/userinfo", "/refresh", "/logout"])
def test_a_form_of_another_site_does_nothing(demo: str, action: str) -> None:
    with browsing() as browser:
        sign_in(browser, demo)
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
            answer = browser.http.post(f"{demo}{action}", headers=headers)
            assert answer.headers["location"] == "/"
        home = browser.open(f"{demo}/")
        assert "Hello, " in home.text
        assert "It was not asked for yet" in home.text
        assert browser.http.get(f"{demo}{action}").status_code == 405


def test_whoever_comes_by_another_name_is_sent_to_the_one_that_is_registered(demo: str) -> None:
    port = demo.rpartition(":")[2]
    for path in ("/", "/login"):
        answer = httpx.get(f"{demo}{path}", headers={"Host": f"localhost:{port}"})
        assert answer.headers["location"] == f"{demo}{path}"


def test_what_was_taken_away_is_told(demo: str, shared: Watchword) -> None:
    with browsing() as browser:
        home = sign_in(browser, demo)
        shared.ok("tokens", "revoke", "--user", "alice")
        assert "counts no longer" in browser.submit(home, "/userinfo").text
        assert "invalid_grant" in browser.submit(home, "/refresh").text


def test_an_administrator_sees_the_app_and_signs_the_person_out(demo: str, shared: Watchword) -> None:
    shared.ok("users", "create", "carol", "--email", "carol@example.com", "--password-stdin", input=PASSWORD)
    with browsing() as browser:
        home = sign_in(browser, demo, "carol")
        (app,) = shared.json("users", "apps", "carol")["apps"]
        assert (app["client_id"], app["client_name"]) == ("demo-app", "Demo app")
        assert app["scopes"] == ["openid", "profile", "email", "offline_access"]
        assert "Demo app" in shared.ok("users", "apps", "carol")
        assert shared.json("users", "sign-out", "carol") == {"username": "carol", "sessions_ended": 1}
        assert "Exchanges so far: 1." in browser.submit(home, "/refresh").text  # that is what offline_access is for
        assert browser.open(f"{demo}/login").url.path == "/signin"


def test_a_second_start_keeps_the_client_and_gives_it_a_new_secret(shared: Watchword, beside: str) -> None:
    issuer = {"WATCHWORD_ISSUER": beside}
    names = []
    for _ in range(2):
        with shared.started("demo", "app", "--port", "0", "--client-id", "other-demo", **issuer) as (said, process):
            names.append(said)
            with browsing() as browser:
                assert "Hello, " in sign_in(browser, said["url"].removesuffix("/")).text
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    client = shared.json("clients", "show", "other-demo")
    assert client["redirect_uris"] == [names[1]["url"] + "callback"]
    assert client["post_logout_redirect_uris"] == [names[1]["url"] + "signed-out"]
    assert (client["grant_types"], client["require_pkce"]) == (["authorization_code", "refresh_token"], True)
    assert client["first_party"] is False


def test_nobody_elses_client_is_taken_over(shared: Watchword, beside: str) -> None:
    shared.ok("clients", "create", "reports", "--grant-type", "client_credentials")
    before = shared.json("clients", "show", "reports")
    refused = shared.run("demo", "app", "--port", "0", "--client-id", "reports", WATCHWORD_ISSUER=beside)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--client-id" in refused.stderr
    assert shared.json("clients", "show", "reports") == before
    shared.ok("clients", "delete", "reports", "--yes")
    gone = shared.run("demo", "app", "--port", "0", "--client-id", "reports", WATCHWORD_ISSUER=beside)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "no id is given out again" in gone.stderr


def test_without_a_server_it_says_what_to_do(on_database: Watchword) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = on_database.here.run("demo", "app", "--port", "0", WATCHWORD_ISSUER=f"http://127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"No server answers at http://127.0.0.1:{port}" in done.stderr
    assert "watchword serve" in done.stderr
    assert on_database.json("clients", "list") == {"clients": []}


def test_a_server_of_another_name_or_store_is_told_from_the_right_one(on_database: Watchword, beside: str) -> None:
    named = on_database.here.run("demo", "app", "--port", "0", "--issuer", beside.replace("127.0.0.1", "localhost"))
    assert (named.returncode, named.stdout) == (1, "")
    assert f"calls itself {beside}" in named.stderr
    other = on_database.here.run("demo", "app", "--port", "0", "--issuer", beside)
    assert (other.returncode, other.stdout) == (1, "")
    assert "works on another database" in other.stderr
    malformed = on_database.here.run("demo", "app", "--port", "0", "--issuer", "nonsense")
    assert (malformed.returncode, malformed.stdout) == (2, "")
    assert "WATCHWORD_ISSUER" in malformed.stderr


def test_a_shared_secret_has_no_id_tokens_and_it_says_so(on_database: Watchword) -> None:
    shared_secret = {"JWT_SECRET_KEY": "s" * 32}
    with on_database.serving(**shared_secret) as (address, _):
        done = on_database.here.run("demo", "app", "--port", "0", "--issuer", address, **shared_secret)
    assert (done.returncode, done.stdout) == (1, "")
    assert "JWT_SECRET_KEY" in done.stderr


def test_where_requests_have_to_be_pushed_they_are(on_database: Watchword) -> None:
    on_database.here.ok("users", "create", "alice", "--email", "a@example.com", "--password-stdin", input=PASSWORD)
    with (
        on_database.serving(WATCHWORD_REQUIRE_PAR="on") as (address, _),
        on_database.started("demo", "app", "--port", "0", "--issuer", address) as (said, _),
        browsing() as browser,
    ):
        location = browser.http.get(said["url"] + "login").headers["location"]
        assert parse_qs(urlsplit(location).query).keys() == {"client_id", "request_uri"}
        assert "Hello, " in sign_in(browser, said["url"].removesuffix("/")).text


def test_a_server_that_has_gone_is_told_on_the_page(on_database: Watchword) -> None:
    on_database.here.ok("users", "create", "alice", "--email", "a@example.com", "--password-stdin", input=PASSWORD)
    with contextlib.ExitStack() as server, browsing() as browser:
        address, _ = server.enter_context(on_database.serving())
        with on_database.started("demo", "app", "--port", "0", "--issuer", address) as (said, _):
            home = sign_in(browser, said["url"].removesuffix("/"))
            server.close()
            page = browser.submit(home, "/userinfo")
            assert (page.status_code, "Hello, " in page.text) == (200, True)
            assert f"{address} does not answer" in page.text


def test_a_port_that_is_taken_is_an_error_in_one_line(on_database: Watchword, beside: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = on_database.here.run("demo", "app", "--port", port, "--issuer", beside)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: Cannot listen on 127.0.0.1 port {port}: Address already in use. Take another by --port.\n"
    )


def test_a_newcomer_has_it_all_on_an_embedded_database(watchword: Watchword) -> None:
    with watchword.serving() as (address, _):
        with watchword.started("demo", "app", "--port", "0", "--issuer", address) as (said, process):
            demo = said["url"].removesuffix("/")
            with browsing() as browser:
                assert "Sign in as testuser with the password testpass." in browser.open(f"{demo}/").text
                assert "<h1>Hello, " in sign_in(browser, demo, "testuser", "testpass").text
            process.terminate()
            assert process.wait(30) == 0
        eventually(lambda: httpx.get(f"{address}/healthz", verify=TLS).status_code == 200)
