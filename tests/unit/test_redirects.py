"""Redirect URIs: which may be registered, and which fits one that is."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.redirects import (
    LONGEST,
    LOOPBACK,
    MOST,
    RULE,
    custom_scheme,
    host_of,
    is_assured,
    is_redirect_uri,
    is_registered,
    is_web_url,
    redirect_errors,
)
from core.protocol.refusals import FieldError

GOOD = [
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com/callback",
    "https://app.example.com:8443/callback",
    "https://app.example.com/callback?tenant=a&b=%20c",
    "https://app.example.com/a//b;v=1/..well/%7Efoo",
    "https://xn--bcher-kva.example/cb",
    "https://192.0.2.7/cb",
    "https://[2001:db8::1]/cb",
    "https://localhost/cb",
    "http://localhost/cb",
    "http://localhost:3000/callback",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:33418/",
    "http://[::1]:65535/cb",
    "com.example.app:/callback",
    "com.example.app://callback",
    "com.example.app:///callback?x=1",
    "net.openid-foundation.app+test:/a/b",
]

BAD = {
    "nothing": "",
    "no scheme": "app.example.com/cb",
    "relative": "/cb",
    "relative to a scheme": "//app.example.com/cb",
    "http elsewhere": "http://app.example.com/cb",
    "http on another loopback address": "http://127.0.0.2/cb",
    "http on all addresses": "http://0.0.0.0/cb",
    "loopback in decimal": "http://2130706433/cb",
    "loopback in octal": "http://0177.0.0.1/cb",
    "loopback in hex": "http://0x7f.0.0.1/cb",
    "loopback cut short": "http://127.1/cb",
    "loopback written out": "http://[0:0:0:0:0:0:0:1]/cb",
    "loopback mapped": "http://[::ffff:127.0.0.1]/cb",
    "loopback with a trailing dot": "http://localhost./cb",
    "a host that begins like loopback": "http://localhost.evil.example/cb",
    "a host that begins like an address": "http://127.0.0.1.evil.example/cb",
    "userinfo": "https://app.example.com@evil.example/cb",
    "userinfo with a password": "https://a:b@evil.example/cb",
    "empty userinfo": "https://@evil.example/cb",
    "userinfo before loopback": "http://localhost@evil.example/cb",
    "a port that goes on": "http://localhost:80@evil.example/cb",
    "encoded at": "https://app.example.com%40evil.example/cb",
    "fragment": "https://app.example.com/cb#x",
    "empty fragment": "https://app.example.com/cb#",
    "fragment in a custom scheme": "com.example.app:/cb#x",
    "dot segment": "https://app.example.com/cb/../admin",
    "dot segment at the end": "https://app.example.com/cb/..",
    "single dot": "https://app.example.com/./cb",
    "encoded dots": "https://app.example.com/cb/%2e%2E/admin",
    "half encoded dots": "https://app.example.com/cb/.%2e/admin",
    "encoded slash after dots": "https://app.example.com/cb/..%2fadmin",
    "encoded backslash": "https://app.example.com/cb/..%5cadmin",
    "dot segment in a custom scheme": "com.example.app:/a/../b",
    "backslash": "https://app.example.com\\@evil.example/cb",
    "backslashes for slashes": "https:\\\\app.example.com/cb",
    "one slash": "https:/app.example.com/cb",
    "no slash": "https:app.example.com/cb",
    "three slashes": "https:///app.example.com/cb",
    "no host": "https://",
    "only a port": "https://:443/cb",
    "upper case scheme": "HTTPS://app.example.com/cb",
    "upper case host": "https://App.example.com/cb",
    "upper case loopback": "http://LOCALHOST/cb",
    "trailing dot": "https://app.example.com./cb",
    "empty label": "https://app..example.com/cb",
    "hyphen first": "https://-app.example.com/cb",
    "wildcard": "https://*.example.com/cb",
    "underscore": "https://a_b.example.com/cb",
    "unicode host": "https://bücher.example/cb",
    "full-width dot": "https://app。example.com/cb",
    "unicode path": "https://app.example.com/é",
    "lone surrogate": "https://app.example.com/\ud800",
    "space": "https://app.example.com/a b",
    "space first": " https://app.example.com/cb",
    "newline": "https://app.example.com/cb\r\nSet-Cookie: a=b",
    "tab in the scheme": "java\tscript:alert(1)",
    "NUL": "https://app.example.com/\0",
    "delete": "https://app.example.com/\x7f",
    "quote": 'https://app.example.com/"onload=',
    "angle": "https://app.example.com/<script>",
    "braces": "https://app.example.com/{x}",
    "broken escape": "https://app.example.com/%zz",
    "escape cut short": "https://app.example.com/%2",
    "lone percent": "https://app.example.com/?q=%",
    "port 0": "https://app.example.com:0/cb",
    "port 00": "https://app.example.com:00/cb",
    "leading zero": "https://app.example.com:0443/cb",
    "empty port": "https://app.example.com:/cb",
    "port too large": "https://app.example.com:65536/cb",
    "port of letters": "https://app.example.com:https/cb",
    "port with a sign": "https://app.example.com:+443/cb",
    "two ports": "https://app.example.com:443:443/cb",
    "broken brackets": "https://[::1/cb",
    "bracket in the middle": "https://a[::1]/cb",
    "text after a bracket": "https://[::1]evil.example/cb",
    "zone": "http://[::1%25eth0]/cb",
    "future address": "https://[v1.a]/cb",
    "javascript": "javascript:alert(1)",
    "javascript with a path": "javascript:/alert(1)",
    "data": "data:text/html,x",
    "file": "file:///etc/passwd",
    "blob": "blob:https://app.example.com/x",
    "scheme without a dot": "myapp:/cb",
    "scheme with a dot last": "com.:/cb",
    "scheme with a dot first": ".com:/cb",
    "scheme with two dots": "com..app:/cb",
    "upper case custom scheme": "com.Example.app:/cb",
    "custom scheme without a slash": "com.example.app:cb",
    "custom scheme alone": "com.example.app:",
    "userinfo in a custom scheme": "com.example.app://a@b/cb",
    "out of band": "urn:ietf:wg:oauth:2.0:oob",
    "too long": "https://app.example.com/" + "a" * LONGEST,
}


@pytest.mark.parametrize("uri", GOOD)
def test_what_may_be_registered(uri: str) -> None:
    assert is_redirect_uri(uri)
    assert redirect_errors([uri], "redirect_uris") == []
    assert is_registered(uri, [uri])


@pytest.mark.parametrize("uri", BAD.values(), ids=BAD.keys())
def test_what_may_not_be_registered(uri: str) -> None:
    assert not is_redirect_uri(uri)
    errors = redirect_errors(["https://app.example.com/cb", uri], "redirect_uris")
    assert errors == [FieldError("redirect_uris", RULE)]  # in which nothing is repeated


@pytest.mark.parametrize("uri", BAD.values(), ids=BAD.keys())
def test_what_may_not_be_registered_fits_nothing_that_is(uri: str) -> None:
    assert not is_registered(uri, GOOD)


def test_there_may_be_so_many_and_no_more() -> None:
    uris = [f"https://app.example.com/{number}" for number in range(MOST + 1)]
    assert redirect_errors(uris[:MOST], "redirect_uris") == []
    assert [error.field for error in redirect_errors(uris, "redirect_uris")] == ["redirect_uris"]


def test_a_scheme_of_ones_own_is_for_native_applications() -> None:
    assert redirect_errors(["com.example.app:/cb"], "redirect_uris", native=True) == []
    assert redirect_errors(["com.example.app:/cb"], "redirect_uris", native=False) != []
    assert redirect_errors(["https://a.example/cb", "http://localhost/cb"], "redirect_uris", native=False) == []


REGISTERED = [
    "https://app.example.com/cb?a=1",
    "http://127.0.0.1/cb",
    "http://localhost:3000/cb",
    "com.example.app:/cb",
]

FITS = [
    *REGISTERED,
    "http://127.0.0.1:1/cb",
    "http://127.0.0.1:65535/cb",
    "http://localhost/cb",
    "http://localhost:3001/cb",
]

FITS_NOT = [
    "https://app.example.com/cb",
    "https://app.example.com/cb?a=1&b=2",
    "https://app.example.com/cb?a=1&",
    "https://app.example.com/cb?a=2",
    "https://app.example.com/cb/?a=1",
    "https://app.example.com/cb;x?a=1",
    "https://app.example.com/CB?a=1",
    "https://app.example.com/%63b?a=1",
    "https://app.example.com/x/../cb?a=1",
    "https://app.example.com:443/cb?a=1",
    "https://app.example.com:8443/cb?a=1",
    "https://app.example.com./cb?a=1",
    "https://APP.example.com/cb?a=1",
    "https://user@app.example.com/cb?a=1",
    "https://app.example.com/cb?a=1#x",
    "https://evil.example/cb?a=1",
    "https://app.example.com.evil.example/cb?a=1",
    "http://app.example.com/cb?a=1",
    "http://127.0.0.1/cb/",
    "http://127.0.0.1/cb?x=1",
    "http://127.0.0.1/cb#x",
    "http://127.0.0.1/cb#",
    "http://127.0.0.1:/cb",
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:080/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:8080@evil.example/cb",
    "http://127.0.0.1:8080.evil.example/cb",
    "http://127.0.0.1\\@evil.example/cb",
    "http://127.0.0.2/cb",
    "http://127.0.0.1/x/../cb",
    "http://[::1]/cb",
    "http://localhost.:3000/cb",
    "http://localhost:3000/cb/..%2fcb",
    "https://127.0.0.1/cb",
    "https://localhost:3000/cb",
    "HTTP://127.0.0.1/cb",
    "com.example.app:/cb/",
    "com.example.app://cb",
    "com.example.app:/CB",
    "",
]


@pytest.mark.parametrize("uri", FITS)
def test_a_registered_uri_fits_and_on_this_machine_with_any_port(uri: str) -> None:
    assert is_registered(uri, REGISTERED)


@pytest.mark.parametrize("uri", FITS_NOT)
def test_nothing_else_fits(uri: str) -> None:
    assert not is_registered(uri, REGISTERED)


def test_nothing_fits_where_nothing_is_registered() -> None:
    assert not any(is_registered(uri, []) for uri in [*GOOD, *BAD.values()])


@given(st.sampled_from(REGISTERED), st.integers(0, 60), st.sampled_from("@#?/\\.:;%&=[]aA0 \t\n\u3002"))
def test_one_character_more_fits_only_as_another_port(uri: str, at: int, character: str) -> None:
    """Or as no port at all; a host and what is behind it are always those that were registered."""
    changed = uri[:at] + character + uri[at:]
    if is_registered(changed, REGISTERED) and changed not in REGISTERED:
        was, now = urlsplit(uri), urlsplit(changed)
        assert now.hostname == was.hostname
        assert now.hostname in {"127.0.0.1", "localhost"}
        assert (now.scheme, now.path, now.query, now.fragment) == (was.scheme, was.path, was.query, was.fragment)
        assert now.username is None


@given(st.text(max_size=60) | st.sampled_from(GOOD).flatmap(lambda uri: st.text(max_size=8).map(lambda end: uri + end)))
def test_whatever_comes_there_is_an_answer_and_a_yes_has_a_plain_host(text: str) -> None:
    if is_redirect_uri(text):
        parts = urlsplit(text)
        assert text.isascii()
        assert parts.username is None
        assert "\\" not in text
        if parts.scheme in {"http", "https"}:
            assert parts.netloc == parts.netloc.lower()
            assert parts.scheme == "https" or host_of(text) in LOOPBACK
        else:
            assert "." in parts.scheme
    assert is_registered(text, GOOD) <= is_redirect_uri(text)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://app.example.com/cb", "app.example.com"),
        ("https://app.example.com:8443/cb", "app.example.com"),
        ("https://[2001:db8::1]:8443/cb", "[2001:db8::1]"),
        ("http://localhost:3000/cb", "localhost"),
        ("com.example.app:/cb", "com.example.app:"),
        ("com.evil.app://accounts.example.com/cb", "com.evil.app:"),
    ],
)
def test_people_are_shown_where_an_answer_goes_and_not_what_an_application_writes_there(uri: str, shown: str) -> None:
    assert host_of(uri) == shown


def test_only_https_leads_to_its_owner_for_sure() -> None:
    assert [uri for uri in GOOD if is_assured(uri)] == [uri for uri in GOOD if uri.startswith("https:")]
    assert [uri for uri in GOOD if custom_scheme(uri)] == [uri for uri in GOOD if not uri.startswith("http")]


@pytest.mark.parametrize("url", ["https://app.example.com/", "http://App.Example.com:8080/a?b#c", "https://[::1]/"])
def test_a_page_may_be_anywhere_on_the_web(url: str) -> None:
    assert is_web_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "com.example.app:/x", "/x", "//a/x"),
        *("https:a.example", "https:/a.example", "https:///a", "https://", "https://a@b/", "https://a b/"),
        *("https://a.example/\n", "https://a.example/<", 'https://a.example/"', "https://bücher.example/"),
        *("https://a.example:99999/", "https://a.example./", "https://-/", "HTTPS://a.example/", "https://a/%zz"),
        "https://a.example/" + "a" * LONGEST,
    ],
)
def test_what_is_no_page_on_the_web(url: str) -> None:
    assert not is_web_url(url)
