"""Every address that looks like a registered one, and is another: a page, and nobody is sent anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.clients import CLIENTS, assert_error
from tests.http.signing_in import CALLBACK, App, Browser, add_app, assert_page, in_memory, read, told
from tests.http.support import Watched

HOSTILE = {
    "userinfo": "https://user:pass@app.example.com/cb",
    "a user that looks like the host": "https://app.example.com@evil.example/cb",
    "a user with an escaped slash": "https://app.example.com%2f@evil.example/cb",
    "an empty user": "https://@app.example.com/cb",
    "a fragment": "https://app.example.com/cb#part",
    "an empty fragment": "https://app.example.com/cb#",
    "dot segments": "https://app.example.com/x/../cb",
    "one dot": "https://app.example.com/./cb",
    "dots at the end": "https://app.example.com/cb/..",
    "escaped dots": "https://app.example.com/x/%2e%2e/cb",
    "escaped slash": "https://app.example.com/x%2f..%2fcb",
    "backslash": "https://app.example.com\\@evil.example/cb",
    "backslashes for slashes": "https:\\\\app.example.com\\cb",
    "another port": "https://app.example.com:8443/cb",
    "the default port": "https://app.example.com:443/cb",
    "no number": "https://app.example.com:/cb",
    "a port that is none": "https://app.example.com:x/cb",
    "an extra query": "https://app.example.com/cb?next=https://evil.example",
    "an empty query": "https://app.example.com/cb?",
    "path parameters": "https://app.example.com/cb;x=1",
    "an upper-case host": "https://APP.example.com/cb",
    "an upper-case scheme": "HTTPS://app.example.com/cb",
    "an upper-case path": "https://app.example.com/CB",
    "a trailing dot": "https://app.example.com./cb",
    "a trailing slash": "https://app.example.com/cb/",
    "two slashes": "https://app.example.com//cb",
    "a unicode host": "https://app.exаmple.com/cb",  # a Cyrillic а
    "fullwidth": "https://app.example.com／cb",
    "an ideographic full stop": "https://app。example.com/cb",
    "punycode": "https://xn--app-exmple-com-9cb.com/cb",
    "a soft hyphen": "https://app.exam\u00adple.com/cb",
    "plain http": "http://app.example.com/cb",
    "no scheme": "//app.example.com/cb",
    "a path alone": "/cb",
    "nothing but a space": " ",
    "a space before": " https://app.example.com/cb",
    "a space after": "https://app.example.com/cb ",
    "a tab": "https://app.example.com/\tcb",
    "a new line": "https://app.example.com/cb\r\nLocation: https://evil.example",
    "a subdomain": "https://evil.app.example.com/cb",
    "a longer domain": "https://app.example.com.evil.example/cb",
    "a prefix": "https://app.example.co/cb",
    "a longer path": "https://app.example.com/cbx",
    "an encoded letter": "https://app.example.com/%63b",
    "a script": "javascript:alert(document.domain)//https://app.example.com/cb",
    "data": "data:text/html,<script>alert(1)</script>",
    "a blob": "blob:https://app.example.com/cb",
    "a view of the source": "view-source:https://app.example.com/cb",
    "another scheme": "ftp://app.example.com/cb",
    "another host": "https://evil.example/cb",
    "an address": "https://93.184.216.34/cb",
    "one too long": "https://app.example.com/cb?" + "x" * 20_000,
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    return add_app(live, "app")


@pytest.fixture(scope="module")
def alice(live: Watched, app: App) -> Browser:
    """Signed in, and has allowed everything: nothing but the address stands between an attacker and a code."""
    browser = Browser(live)
    app.code(browser)
    return browser


@pytest.mark.parametrize("uri", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_look_alike_gets_a_page_and_nothing_else(app: App, alice: Browser, uri: str) -> None:
    for changes in ({}, {"prompt": "none"}, {"response_type": "x"}, {"response_mode": "form_post"}):
        page = assert_page(alice.get(app.url(redirect_uri=uri, **changes)))
        assert "evil.example" not in page.text
        assert page.forms == []
    posted = alice.send("POST", "/authorize", app.parameters(redirect_uri=uri))
    assert_page(posted)
    assert_error(app.push(redirect_uri=uri), 400, "invalid_request")


@pytest.mark.parametrize("uri", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_look_alike_does_not_get_a_code_exchanged(app: App, alice: Browser, uri: str) -> None:
    code = app.code(alice)
    assert_error(app.exchange(code, redirect_uri=uri), 400, "invalid_grant")
    assert app.exchange(code).status_code == 200


NEVER = (
    "userinfo", "an empty user", "a fragment", "an empty fragment", "dot segments", "one dot", "escaped dots",
    "escaped slash", "backslash", "no number", "a port that is none", "an upper-case host", "an upper-case scheme",
    "a trailing dot", "a unicode host", "fullwidth", "a soft hyphen", "plain http", "no scheme", "a path alone",
    "a space before", "a tab", "a new line", "a script", "data", "another scheme", "one too long",
)  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_what_can_be_read_in_two_ways_cannot_even_be_registered(live: Watched, name: str) -> None:
    with live.admin() as admin:
        answer = admin.post(CLIENTS, json={"client_id": "never", "redirect_uris": [HOSTILE[name]]})
    assert answer.status_code == 422, answer.text
    assert {error["field"] for error in answer.json()["errors"]} == {"redirect_uris"}


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb", "http://127.0.0.1:8080/cb?x=1"]
)
def test_on_this_machine_the_port_alone_may_differ(live: Watched, uri: str) -> None:
    name = "".join(character for character in uri if character.isalnum())
    app, browser = add_app(live, name, redirect_uris=[uri]), Browser(live)
    host = uri.removeprefix("http://").rsplit("/", 1)[0].removesuffix(":8080")
    rest = uri.removeprefix("http://").rsplit("/", 1)[1]
    for port in ("", ":1", ":65535"):
        sent = f"http://{host}{port}/{rest}"
        answer = browser.agree(browser.open(app.url(redirect_uri=sent)))
        assert answer.headers["location"].startswith(sent)
        code = told(answer)["code"]
        assert_error(app.exchange(code, redirect_uri=f"http://{host}:99/{rest}"), 400, "invalid_grant")
        assert app.exchange(code, redirect_uri=sent).status_code == 200
    for other in (
        f"https://{host}/{rest}",
        f"http://{host}:0/{rest}",
        f"http://{host}:65536/{rest}",
        f"http://{host}:/{rest}",
        f"http://{host}:80:80/{rest}",
        f"http://{host}:8080@evil.example/{rest}",
        f"http://{host}.evil.example/{rest}",
        f"http://{host}:1/{rest}#x",
        f"http://{host}:1/../{rest}",
        f"http://u@{host}:1/{rest}",
        f"http://{host}:1/{rest};x",
        f"http://{host}:１/{rest}",
        f"http://127.1/{rest}",
        f"http://2130706433/{rest}",
        f"http://[::ffff:127.0.0.1]/{rest}",
    ):
        assert_page(browser.get(app.url(redirect_uri=other)))


def test_on_other_hosts_the_port_may_not_differ(live: Watched) -> None:
    app = add_app(live, "with-a-port", redirect_uris=["https://app.example.com:8443/cb"])
    for uri in ("https://app.example.com/cb", "https://app.example.com:8444/cb", CALLBACK):
        assert_page(Browser(live).get(app.url(redirect_uri=uri)))
    assert read(Browser(live).open(app.url())).heading == "Sign in"


@pytest.mark.parametrize("uri", ["com.example.app:/cb", "com.example.app://cb/path"])
def test_a_scheme_of_ones_own(live: Watched, uri: str) -> None:
    app = add_app(live, f"native-{len(uri)}", redirect_uris=[uri], application_type="native")
    browser = Browser(live)
    answer = browser.agree(browser.open(app.url()))
    assert answer.headers["location"].startswith(uri + "?code=")
    for other in (
        uri.replace("app", "App"),
        uri + "/",
        uri.replace("com.", "org."),
        uri + "?x",
        "com.example.app:evil",
    ):
        assert_page(browser.get(app.url(redirect_uri=other)))
    with live.admin() as admin:
        for bad in ("myapp:/cb", "javascript:/x", "com.example.app:cb", "com.example.app:/cb#x"):
            answer = admin.post(CLIENTS, json={"client_id": "x", "application_type": "native", "redirect_uris": [bad]})
            assert answer.status_code == 422
        web = admin.post(CLIENTS, json={"client_id": "x", "redirect_uris": ["com.example.app:/cb"]})
    assert web.status_code == 422


def test_the_address_comes_back_as_it_was_registered(live: Watched) -> None:
    uri = "https://app.example.com/a%20b/%c3%a9/~x!$&'()*+,;=:@?q=%2F&r"
    app, browser = add_app(live, "odd", redirect_uris=[uri]), Browser(live)
    assert browser.agree(browser.open(app.url())).headers["location"].startswith(f"{uri}&code=")


def test_what_was_taken_from_the_list_is_no_longer_gone_to(live: Watched) -> None:
    """Not even by whoever is on the sign-in page at that moment."""
    old, new = CALLBACK, "https://new.example.com/cb"
    app, waiting = add_app(live, "moving", redirect_uris=[old]), Browser(live)
    shown = waiting.open(app.url())
    cancelled = read(waiting.open(app.url())).form("cancel")
    with live.admin() as admin:
        assert admin.patch(f"{CLIENTS}/moving", json={"redirect_uris": [new]}).status_code == 200
    assert_page(Browser(live).get(app.url()))
    assert_page(waiting.submit(cancelled, choice="cancel"))
    assert_page(waiting.agree(shown))
    assert read(Browser(live).open(app.url(redirect_uri=new))).heading == "Sign in"
