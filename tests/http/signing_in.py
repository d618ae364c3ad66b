"""What tests of signing in share: applications, and a browser that keeps cookies and fills in the forms it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2 as httpx
from attrs import define, evolve, field, frozen

from core.clients.application import Application
from core.clients.model import AuthMethod
from core.users.model import User
from tests.http.clients import Form, Registered, Timed, clocked
from tests.http.support import ISSUER, TOKEN, Watched, record, watching, without_none
from tests.support import PASSWORD, settings_for

AUTHORIZE, SIGN_IN, CONSENT, ACCOUNT, LOGOUT = "/authorize", "/signin", "/consent", "/account", "/logout"
USERINFO = "/api/v1/auth/userinfo"
PAR = "/api/v1/auth/par"
COOKIE = "watchword"
CALLBACK = "https://app.example.com/cb"

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

SHARED = "0123456789abcdef0123456789abcdef"  # for servers without key pairs


# Servers that keep nothing


@contextmanager
def in_memory(data_dir: Path, **settings: object) -> Iterator[Watched]:
    """A server with one user, `alice`."""
    with watching(settings_for(None, data_dir, storage="memory", **settings)) as live:
        live.add_user("alice")
        yield live


@contextmanager
def in_memory_clocked(data_dir: Path, **settings: object) -> Iterator[Timed]:
    """As `in_memory`, on a clock that stands still until it is set."""
    with clocked(settings_for(None, data_dir, storage="memory", **settings)) as live:
        live.add_user("alice")
        yield live


# Pages as they were sent


@define
class PageForm:
    """A form as it stands there: the fields that are filled in already, and its buttons."""

    action: str
    method: str
    fields: dict[str, str] = field(factory=dict)
    choices: list[str] = field(factory=list)


class Document(HTMLParser):
    """What is in a page, element by element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []  # the element, and what is written in it
        self._within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        self._within.append(tag)
        if tag == "form":
            self.forms.append(PageForm(given["action"], given.get("method", "get")))
        elif tag in {"input", "textarea"} and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button" and "value" in given:
            self.forms[-1].choices.append(given["value"])

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._within[-1] if self._within else "", data.strip()))

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    @property
    def text(self) -> str:
        return " ".join(text for _, text in self.texts)

    @property
    def heading(self) -> str:
        """What the page is about. There is one."""
        (found,) = [text for tag, text in self.texts if tag == "h1"]
        return found

    def form(self, choice: str | None = None, *, action: str | None = None, **holding: str) -> PageForm:
        """The one form with this button, this action, or these fields."""
        found = [
            form
            for form in self.forms
            if (choice is None or choice in form.choices)
            and (action is None or form.action == action)
            and holding.items() <= form.fields.items()
        ]
        assert found, f"no such form on the page {self.text[:200]!r}"
        return found[0]

    def asks_for(self) -> set[str]:
        """The choices that a person has here, in all forms."""
        return {choice for form in self.forms for choice in form.choices}


def read(answer: httpx.Response) -> Document:
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
    return Document(answer.text)


def told(answer: httpx.Response) -> dict[str, str]:
    """What an application is told, in the query of a redirect or by a form, each parameter once."""
    if answer.status_code == 200:
        found = list(read(answer).forms[0].fields.items())
    else:
        assert answer.status_code == 303, answer.text
        found = parse_qsl(urlsplit(answer.headers["location"]).query, strict_parsing=True, keep_blank_values=True)
    assert len(found) == len(dict(found)), "a parameter is told twice"
    record.keep(dict(found).get("code"))
    return dict(found)


def assert_told(answer: httpx.Response, error: str, *, state: str | None = "a state") -> None:
    """RFC 6749 §4.1.2.1 and RFC 9207: the application learns what is wrong, by the code, and from whom."""
    assert answer.headers["location"].startswith(CALLBACK + "?"), answer.headers
    found = told(answer)
    assert found.pop("error_description")
    assert found == without_none({"error": error, "state": state, "iss": ISSUER}), found


def assert_page(answer: httpx.Response, status: int = 400) -> Document:
    """A person is told, and nothing is sent anywhere: neither by a redirect nor by a form or a link."""
    assert answer.status_code == status, (answer.status_code, answer.headers.get("location"))
    assert "location" not in answer.headers
    assert "refresh" not in answer.headers
    page = read(answer)
    assert page.heading
    hrefs = [given["href"] for tag, given in page.tags if tag == "a"]
    assert all(href.startswith("/") and not href.startswith("//") for href in hrefs)
    assert not any(given.get("http-equiv") for _, given in page.tags)
    return page


# A browser


@define
class Browser:
    """Sends the cookies that it was given, and says of each form where it comes from."""

    live: Watched
    agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    cookies: dict[str, str] = field(factory=dict)
    origin: str | None = ISSUER

    def send(
        self, method: str, url: str, form: Form | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """One request, whose redirect is not followed."""
        own = {"User-Agent": self.agent, **(headers or {})}
        if self.cookies:
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with self.live.client() as client:
            answer = client.request(method, url, data=dict(form) if form is not None else None, headers=own)
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
                    record.keep(morsel.value)
        return answer

    def get(self, url: str, **headers: str) -> httpx.Response:
        return self.send("GET", url, headers=headers)

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Goes along while it stays with us."""
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = self.get(answer.headers["location"])
        return answer

    def open(self, url: str) -> httpx.Response:
        return self.follow(self.get(url))

    def submit(
        self, form: PageForm, *, headers: Mapping[str, str] | None = None, **typed: str | None
    ) -> httpx.Response:
        """The form with its hidden fields and what is typed (None leaves a field out); nothing is followed."""
        fields = without_none({**form.fields, **typed})
        origin = {"Origin": self.origin} if self.origin else {}
        return self.send("POST", form.action, {k: str(v) for k, v in fields.items()}, {**origin, **(headers or {})})

    def press(self, shown: httpx.Response, choice: str, **typed: Any) -> httpx.Response:
        """A button of the page that is shown, and along to wherever that leads."""
        return self.follow(self.submit(read(shown).form(choice), choice=choice, **typed))

    def sign_in(self, shown: httpx.Response, username: str, password: str = PASSWORD) -> httpx.Response:
        return self.press(shown, "signin", username=username, password=password)

    def signed_in(self, username: str = "alice", password: str = PASSWORD) -> Browser:
        """Signs in for the account page. The browser itself."""
        assert read(self.sign_in(self.open(SIGN_IN), username, password)).heading == "Your account"
        return self

    def agree(self, shown: httpx.Response, username: str = "alice", password: str = PASSWORD) -> httpx.Response:
        """Whatever is asked is done, until an application is answered."""
        for _ in range(4):
            if "csrf" not in shown.text:
                return shown
            choices = read(shown).asks_for()
            if "signin" in choices:
                shown = self.sign_in(shown, username, password)
            else:
                shown = self.press(shown, "allow" if "allow" in choices else "continue")
        raise AssertionError(shown.text)

    def account(self) -> Document:
        return read(self.open(ACCOUNT))

    def change(self, action: str, *, holding: Mapping[str, str] | None = None, **typed: Any) -> httpx.Response:
        """A form of the account page, sent and followed."""
        form = self.account().form(action=ACCOUNT + action, **(holding or {}))
        return self.follow(self.submit(form, **typed))


# An application


@define
class App(Registered):
    """A client that signs people in."""

    redirect_uri: str = CALLBACK

    def parameters(self, **changes: str | None) -> dict[str, str]:
        own = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": "a state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return {name: str(value) for name, value in without_none({**own, **changes}).items()}

    def url(self, *more: tuple[str, str], **changes: str | None) -> str:
        """An authorization request; None leaves a parameter out, `more` come behind, repeated or not."""
        return f"{AUTHORIZE}?{urlencode([*self.parameters(**changes).items(), *more])}"

    def code(self, browser: Browser, username: str = "alice", *more: tuple[str, str], **changes: str | None) -> str:
        """The code, after whatever the person is asked."""
        found = told(browser.agree(browser.open(self.url(*more, **changes)), username))
        assert "code" in found, found
        return found["code"]

    def exchange(self, code: str, **changes: str | Sequence[str] | None) -> httpx.Response:
        own: dict[str, Any] = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": VERIFIER, **changes}
        for name in ("code", "code_verifier"):
            record.keep(own[name])
        return self.post(TOKEN, {"grant_type": "authorization_code", **without_none(own)})  # type: ignore[dict-item]  # as above

    def tokens(
        self, browser: Browser, username: str = "alice", *more: tuple[str, str], **changes: str | None
    ) -> dict[str, Any]:
        """All that comes of a sign-in."""
        answer = self.exchange(self.code(browser, username, *more, **changes))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def push(self, **changes: str | Sequence[str] | None) -> httpx.Response:
        form = {**self.parameters(), **changes}
        return self.post(PAR, without_none(form))  # type: ignore[arg-type]  # what is left are texts


def add_app(
    live: Watched,
    client_id: str,
    *,
    method: AuthMethod = AuthMethod.NONE,
    redirect_uris: Sequence[str] = (CALLBACK,),
    self_registered: bool = False,
    name: str = "",
    grants: Sequence[str] = (),
    scopes: Sequence[str] = (),
    resources: Sequence[str] = (),
    first_party: bool = False,
    **members: object,
) -> App:
    """An application made by the use case; `members` are those of `Application`."""
    application = Application(redirect_uris=tuple(redirect_uris), **members)  # type: ignore[arg-type]  # by their names
    made = live.run(
        live.container.create_client()(
            client_id=client_id,
            name=name,
            auth_method=method,
            grant_types=tuple(grants),
            scopes=tuple(scopes),
            resources=tuple(resources),
            application=application,
            first_party=first_party,
        )
    )
    if self_registered:  # as registration over HTTP leaves it
        nobodys = evolve(made.client, client_id=f"{client_id}-itself", scopes=tuple(scopes), registration=b"r" * 32)
        live.run(live.container.clients().create(nobodys))
        client_id = nobodys.client_id
    secret = made.secret.reveal() if made.secret else ""
    record.keep(secret)
    return App(live, client_id, method, secret, None, redirect_uris[0])


def userinfo(live: Watched, token: str) -> httpx.Response:
    with live.client(token) as client:
        return client.get(USERINFO)


def known_to(live: Watched, token: str) -> dict[str, Any]:
    answer = userinfo(live, token)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def deactivate(live: Watched, user: User) -> None:
    live.run(live.container.update_user()(user.id, is_active=False))


@frozen
class Setting:
    """What most tests begin with: an application, and a browser in which nobody is signed in."""

    app: App
    browser: Browser
