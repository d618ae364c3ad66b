"""What every page keeps to: headers, policies, cookies, methods, and hostile text wherever text may come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx2 as httpx
import pytest

from tests.http.signing_in import (
    ACCOUNT,
    AUTHORIZE,
    CALLBACK,
    CONSENT,
    COOKIE,
    LOGOUT,
    SIGN_IN,
    App,
    Browser,
    add_app,
    assert_page,
    in_memory,
    read,
    told,
)
from tests.http.support import PROBLEM, Watched, head

PAGES = (AUTHORIZE, SIGN_IN, CONSENT, ACCOUNT, LOGOUT)
POSTED = (
    AUTHORIZE, SIGN_IN, CONSENT, LOGOUT, f"{ACCOUNT}/profile", f"{ACCOUNT}/email", f"{ACCOUNT}/password",
    f"{ACCOUNT}/sessions/end", f"{ACCOUNT}/sessions/end-all", f"{ACCOUNT}/apps/end", f"{ACCOUNT}/signout",
)  # fmt: skip
ASSETS = ("/assets/pages.css", "/assets/submit.js", "/assets/icon.svg")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    return add_app(live, "app", name="The App", post_logout_redirect_uris=("https://app.example.com/bye",))


@pytest.fixture(scope="module")
def shown(live: Watched, app: App) -> dict[str, httpx.Response]:
    """Every kind of page that there is, by what it is."""
    stranger, alice = Browser(live), Browser(live)
    pages = {
        "sign in": stranger.open(app.url()),
        "sign in alone": stranger.open(SIGN_IN),
        "wrong password": stranger.sign_in(stranger.open(app.url()), "alice", "wrong one"),
        "refused": stranger.open(AUTHORIZE),
        "consent": alice.sign_in(alice.open(app.url()), "alice"),
        "select": alice.open(app.url(prompt="select_account")),
        "form post": alice.agree(alice.open(app.url(response_mode="form_post"))),
        "account": alice.open(ACCOUNT),
        "wrong profile": alice.change("/profile", locale="!"),
        "sign out?": alice.open(LOGOUT),
        "out of date": alice.send("POST", SIGN_IN, {"csrf": "x"}, {"Origin": "http://127.0.0.1:8000"}),
        "signed out": alice.change("/signout"),
    }
    assert {answer.headers["content-type"] for answer in pages.values()} == {"text/html; charset=utf-8"}
    return pages


NAMES = (
    "sign in", "sign in alone", "wrong password", "refused", "consent", "select", "form post", "account",
    "wrong profile", "sign out?", "out of date", "signed out",
)  # fmt: skip


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = (directive.strip().partition(" ") for directive in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("name", NAMES)
def test_the_headers_of_a_page(shown: dict[str, httpx.Response], name: str) -> None:
    answer = shown[name]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    rules = policy(answer)
    assert rules.pop("form-action").split()[0] == "'self'"
    script = rules.pop("script-src", None)
    assert script == ("'self'" if name == "form post" else None)
    assert rules == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_no_script_and_no_style_within(shown: dict[str, httpx.Response], name: str) -> None:
    page = read(shown[name])
    for tag, given in page.tags:
        assert tag != "style"
        assert "style" not in given
        assert not [attribute for attribute in given if attribute.startswith("on")]
        assert not given.get("href", "").lower().startswith(("javascript:", "data:"))
        if tag == "script":
            assert given.keys() == {"src"}
        if tag in {"base", "iframe", "object", "embed", "meta"}:
            assert tag == "meta"
            assert "http-equiv" not in given
    assert not [text for tag, text in page.texts if tag == "script"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_loads_only_what_is_ours(shown: dict[str, httpx.Response], live: Watched, name: str) -> None:
    for tag, given in read(shown[name]).tags:
        url = given.get("src") or (given.get("href") if tag == "link" else None)
        if url:
            with live.client() as client:
                assert client.get(url).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_it_is(shown: dict[str, httpx.Response], name: str) -> None:
    """A title, a language, one heading, and a label for every field."""
    page = read(shown[name])
    tags = [tag for tag, _ in page.tags]
    assert dict(page.tags)["html"] == {"lang": "en"}
    assert page.heading
    assert [text for tag, text in page.texts if tag == "title"][0].endswith("· Watchword")  # noqa: RUF015 - the SVG may have one
    assert tags.count("main") == 1
    labelled = {given["for"] for tag, given in page.tags if tag == "label"}
    fields = [given for tag, given in page.tags if tag in {"input", "textarea"} and given.get("type") != "hidden"]
    assert {given["id"] for given in fields if "hidden" not in given} == labelled
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", ASSETS)
def test_assets(live: Watched, path: str) -> None:
    with live.client() as client:
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        for other in (
            "/assets/",
            "/assets/../pages.css",
            "/assets/%2e%2e/routes.py",
            "/assets/pages.css/",
            "/assets/x",
        ):
            assert client.get(other).status_code == 404


# Methods


@pytest.mark.parametrize("path", PAGES)
def test_head_is_get_without_a_body(live: Watched, path: str) -> None:
    with live.client() as client:
        there, answer = client.get(path), client.head(path)
    assert answer.status_code == there.status_code
    assert answer.content == b""
    assert answer.headers.get("content-type") == there.headers.get("content-type")


@pytest.mark.parametrize("path", [*PAGES, *POSTED, *ASSETS])
@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_not_offered(live: Watched, path: str, method: str) -> None:
    with live.client() as client:
        answer = client.request(method, path, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 405
    assert answer.headers["content-type"] == PROBLEM
    assert "access-control-allow-origin" not in answer.headers
    allowed = {name.strip() for name in answer.headers["allow"].split(",")}
    assert allowed <= {"GET", "HEAD", "POST"}
    assert ("POST" in allowed) == (path in POSTED)
    assert ("GET" in allowed) == (path in {*PAGES, *ASSETS})


@pytest.mark.parametrize("path", ["/signin/", "//signin", "/SIGNIN", "/account/", "/authorize/x", "/consent/.."])
def test_paths_that_are_almost_ours(live: Watched, path: str) -> None:
    with live.client() as client:
        answer = client.get(live.url + path)
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_head_changes_nothing(live: Watched, app: App) -> None:
    """A browser that looks ahead neither spends a request nor gives out a code that somebody wants."""
    alice = Browser(live)
    app.code(alice)
    answer = alice.send("HEAD", app.url())
    assert answer.status_code == 303
    assert "code" in told(alice.get(app.url()))


# Cookies


def cookie_of(answer: httpx.Response) -> tuple[str, set[str]]:
    (line,) = answer.headers.get_list("set-cookie")
    pair, *attributes = [part.strip() for part in line.split(";")]
    return pair.partition("=")[0], {attribute.lower() for attribute in attributes}


def test_the_cookie_over_http(live: Watched, app: App) -> None:
    for path in (SIGN_IN, app.url()):
        assert cookie_of(Browser(live).get(path)) == (COOKIE, {"path=/", "httponly", "samesite=lax"})
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", Browser(live).signed_in().cookies[COOKIE])


@pytest.mark.parametrize("issuer", ["https://id.example.com", "https://example.com/tenant"])
def test_the_cookie_over_https(tmp_path: Path, issuer: str) -> None:
    """RFC 6265bis §4.1.3.2: `__Host-` is for `Secure`, the path `/`, and no `Domain`."""
    path = issuer.removeprefix("https://").partition("/")[2]
    with in_memory(tmp_path, issuer=issuer, audience=issuer) as live:
        browser = Browser(live, origin="https://" + issuer.removeprefix("https://").partition("/")[0])
        app = add_app(live, "app")
        answer = browser.get(app.url())
        secure = {"path=/", "httponly", "samesite=lax", "secure"}
        assert cookie_of(answer) == ("__Host-watchword", secure)
        assert answer.headers["strict-transport-security"]
        page = browser.get(answer.headers["location"].removeprefix(f"/{path}"))
        form = read(page).form("signin")
        assert form.action == (f"/{path}/signin" if path else SIGN_IN)
        form.action = SIGN_IN
        signed_in = browser.submit(form, username="alice", password="correct horse battery")
        assert signed_in.status_code == 303
        assert cookie_of(signed_in) == ("__Host-watchword", secure)
        browser.cookies = {COOKIE: browser.cookies["__Host-watchword"]}  # the name without the guard is none
        assert browser.get(ACCOUNT).status_code == 303


def test_taking_the_cookie_away(live: Watched) -> None:
    browser = Browser(live).signed_in()
    name, attributes = cookie_of(browser.submit(browser.account().form(action=f"{ACCOUNT}/signout")))
    assert name == COOKIE
    assert {"max-age=0", "path=/", "httponly", "samesite=lax"} <= attributes


def test_other_cookies_do_no_harm(live: Watched) -> None:
    browser = Browser(live).signed_in()
    browser.cookies = {"a": "b", "__Host-watchword": "x", **browser.cookies, "watchword2": "y", "z": '"quoted;"'}
    assert browser.get(ACCOUNT).status_code == 200
    with live.wire() as wire:
        lines = (f"Cookie: {COOKIE}={'A' * 43}; {COOKIE}=\xff\xfe; =;;;=".encode("latin-1"),)
        assert wire.send(head("GET", ACCOUNT, *lines)).answer().status == 303


# Hostile text

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% include 'x' %}",
    "\u202e\u2066\u200b",
    "a\r\nSet-Cookie: evil=1\r\n\r\n<html>",
    "&lt;b&gt; &#x3c;",
    "]]><!--",
    "\U0001f600" * 100,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_or_not_there(live: Watched, app: App, text: str) -> None:
    """In every parameter of every page."""
    alice, stranger = Browser(live), Browser(live)
    app.code(alice)
    alice.open(ACCOUNT)
    names = (
        "client_id", "redirect_uri", "scope", "state", "nonce", "prompt", "max_age", "login_hint", "ui_locales",
        "display", "acr_values", "claims", "id_token_hint", "response_mode", "response_type", "resource", "request_uri",
    )  # fmt: skip
    urls = [app.url(**{name: text}) for name in names]
    urls += [
        f"{path}?{urlencode({name: text})}" for path in PAGES for name in ("request", "done", "error", "client_id")
    ]
    urls += [f"{LOGOUT}?{urlencode({'client_id': 'app', 'post_logout_redirect_uri': text})}"]
    urls += [f"{LOGOUT}?{urlencode({'client_id': 'app', 'state': text, 'id_token_hint': text})}"]
    for url in urls:
        for browser in (alice, stranger):
            answer = browser.open(url)
            assert answer.status_code in {200, 303, 400}, url
            assert "evil" not in str(answer.headers.get_list("set-cookie"))
            if answer.status_code == 303:
                assert answer.headers["location"].startswith(CALLBACK + "?")
                assert answer.content == b""
                continue
            page = read(answer)
            assert not {tag for tag, _ in page.tags} & {"script", "img", "b"}
            assert not [name for _, given in page.tags for name in given if name.startswith("on")]
            assert "49" not in page.text
            assert page.heading


@pytest.mark.parametrize("text", ["%00", "%ff%fe", "%c0%80", "%ed%a0%80", "%", "%zz"])
def test_bytes_that_are_no_text(live: Watched, app: App, text: str) -> None:
    for path in (app.url(state=None), f"{SIGN_IN}?a=b", f"{CONSENT}?a=b", f"{LOGOUT}?a=b"):
        for name in ("state", "login_hint", "request", text):
            answer = Browser(live).get(f"{path}&{name}={text}")
            assert answer.status_code in {200, 303, 400}
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/")


@pytest.mark.parametrize("path", PAGES)
def test_64_kib_of_query(live: Watched, path: str) -> None:
    answer = Browser(live).get(f"{path}?login_hint={'x' * 65_000}")
    assert answer.status_code in {303, 400, 414, 431} if path == ACCOUNT else answer.status_code in {400, 414, 431}
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("path", POSTED)
def test_64_kib_of_body(live: Watched, path: str) -> None:
    browser = Browser(live)
    browser.open(SIGN_IN)
    form = dict.fromkeys(("username", "password", "csrf"), "x" * 20000)
    answer = browser.send("POST", path, form)
    assert answer.status_code in {303, 400, 403}
    assert len(answer.headers.get("location", "")) < 100
    assert browser.send("POST", path, {"username": "x" * 70_000}).status_code == 413


@pytest.mark.parametrize("agent", ["<script>alert(1)</script>", "x" * 8000, "", "Mozilla/5.0 ({{7*7}})"])
def test_what_a_browser_says_of_itself(live: Watched, agent: str) -> None:
    name = f"agent-{len(agent)}"
    live.add_user(name)
    page = Browser(live, agent=agent).signed_in(name).account()
    assert "script" not in {tag for tag, _ in page.tags}
    assert "49" not in page.text
    assert len(page.text) < 20_000


def test_a_host_that_is_not_ours_leads_nowhere(live: Watched, app: App) -> None:
    """Redirects within are paths: whatever `Host` or a proxy's header says, nobody is sent there."""
    for line in ("Host: evil.example", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"):
        with live.wire() as wire:
            answer = wire.send(head("GET", app.url(), line)).answer()
        assert answer.status == 303
        assert answer.headers["location"].startswith("/signin?request=")
        assert b"evil.example" not in answer.body


@pytest.mark.parametrize(
    ("uri", "sources"),
    [
        ("https://app.example.com/cb", "'self' https:"),
        ("http://127.0.0.1:9/cb", "'self' https: http://127.0.0.1:* http://localhost:*"),
        ("com.example.app:/cb", "'self' https: com.example.app:"),
    ],
)
def test_forms_lead_here_or_to_the_application(live: Watched, uri: str, sources: str) -> None:
    """Browsers hold `form-action` against the redirects behind a form as well, or nobody would get back."""
    app = add_app(live, f"form-action-{len(uri)}", redirect_uris=[uri], application_type="native")
    browser = Browser(live)
    first = browser.open(app.url())
    for answer in (first, browser.sign_in(first, "alice")):
        assert policy(answer)["form-action"] == sources
    assert policy(browser.open(ACCOUNT))["form-action"] == "'self'"


def test_a_page_that_is_refused_is_not_a_way_back(live: Watched) -> None:
    """The policy of a page about a bad address does not name that address."""
    answer = Browser(live).get(f"{AUTHORIZE}?client_id=app&redirect_uri={quote('https://evil.example')}")
    assert_page(answer)
    assert policy(answer)["form-action"] == "'self'"


def test_the_name_and_colour_of_the_service(tmp_path: Path) -> None:
    """Settings, which are text as all else."""
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    name = '<b>Acme</b> & "Co"'
    with in_memory(tmp_path, service_name=name, colour="#ff0000", logo=logo) as live:
        browser = Browser(live)
        page = read(browser.open(SIGN_IN))
        (image,) = [given for tag, given in page.tags if tag == "img"]
        assert image == {"src": "/assets/logo.svg", "alt": name}
        assert "b" not in {tag for tag, _ in page.tags}
        served = browser.get("/assets/logo.svg")
        assert served.headers["content-type"] == "image/svg+xml"
        assert "default-src 'none'" in served.headers["content-security-policy"]
        assert "sandbox" in served.headers["content-security-policy"]
