"""Cases of pages and of what leads to them: as one of the people, in one of their browsers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urlsplit

from tests.fuzz.applications import profile_text
from tests.fuzz.cases import Chance, Likely, expected
from tests.fuzz.known import KINDS, KNOWN, Body, Case
from tests.fuzz.people import (
    ASKING,
    CALLBACK,
    CHANGER,
    CONNECTED,
    COOKIE,
    LEAVER,
    OWNER,
    WALKER,
    Browser,
    asked,
    nobody_vouches_for,
    pushed,
    signed_in,
    staying,
    stranger,
    tokens_of_a_person,
    waiting,
)

GUESSED = KNOWN["guessed"]
APP = "https://app.example.com/"
OWN: str = KNOWN["clients"]["client_secret_basic"]["client_id"]

CLAIMS = [
    "{}",
    '{"userinfo": {"name": null, "nickname": {"essential": true}}}',
    '{"id_token": {"email": null, "acr": {"essential": true, "values": ["1"]}}}',
]


def be(case: Case, browser: Browser, body: Body | None = None) -> None:
    """Let the case come from this browser, and from a page that it has."""
    case.headers["Cookie"] = f"{COOKIE}={browser.cookie}"
    if body is not None:
        body["csrf"] = browser.csrf


def authorize(case: Case, _body: Body, chance: Chance) -> None:
    values: Body = dict(case.query or {})
    if chance.one_in(8):
        return
    be(case, chance.among([staying(OWNER), staying(WALKER), stranger()]))
    _ask(values, chance)
    if chance.one_in(6):  # and then nothing else counts
        values |= pushed(chance.among(KINDS[:4]))
    case.query = values
    expected[case.id] = {200, 303}


def authorize_by_form(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(8):
        _ask(body, chance)
        expected[case.id] = {200, 303}


def _ask(values: Body, chance: Chance, client_id: str | None = None) -> None:
    """A request of an application that there is; what it says beside that stays as it was generated."""
    for name in ("request", "request_uri", "registration"):
        values.pop(name, None)
    if chance.one_in(5):  # which the application is told
        values[chance.among(["request", "request_uri", "registration"])] = "unsupported"
    values |= asked(client_id or chance.among([OWN, ASKING, nobody_vouches_for()]))
    if chance.one_in(4):
        values["response_mode"] = "form_post"
    if chance.one_in(2):
        values.pop("scope")
    if "resource" in values:
        values["resource"] = chance.among([[], [KNOWN["issuer"]], [KNOWN["resource"]]])
    if "claims" in values:
        values["claims"] = chance.among(CLAIMS)
    if values.pop("id_token_hint", None) is not None and values["client_id"] == OWN:
        values["id_token_hint"] = tokens_of_a_person()["id_token"]


def push(_case: Case, values: Body, chance: Chance, client_id: str) -> None:
    """As `authorize`, by the client itself."""
    _ask(values, chance, client_id)
    for name in ("request", "request_uri", "registration"):
        values.pop(name, None)
    if client_id != OWN:
        values.pop("id_token_hint", None)


def show_sign_in(case: Case, _body: Body, chance: Chance) -> None:
    browser = chance.among([staying(WALKER), stranger()])
    be(case, browser)
    case.query = chance.among([{}, {"request": waiting(browser, prompt=chance.among(["login", "consent"]))}])
    expected[case.id] = {200, 303}


def sign_in(case: Case, body: Body, chance: Chance) -> None:
    if chance.one_in(8):
        return
    browser = stranger()
    be(case, browser, body)
    body.pop("request", None)
    if not chance.one_in(3):
        body["request"] = waiting(browser)
        body["choice"] = chance.among(["signin", "cancel", "continue", "other", ""])
    if chance.one_in(4):
        case.headers["X-Forwarded-For"] = GUESSED["network"]
        body |= {"username": GUESSED["username"], "password": "wrong", "choice": "signin"}
        expected[case.id] = {400, 429}
        return
    body |= {"username": chance.among([WALKER, WALKER.upper(), f" {WALKER} "]), "password": KNOWN["password"]}
    expected[case.id] = {200, 303}


def show_consent(case: Case, _body: Body, chance: Chance) -> None:
    be(case, staying(WALKER))
    prompt, client_id = chance.among(["login", "consent"]), chance.among([ASKING, nobody_vouches_for()])
    case.query = {"request": waiting(staying(WALKER), client_id, prompt=prompt)}
    expected[case.id] = {200, 303}


def decide(case: Case, body: Body, chance: Chance) -> None:
    if chance.one_in(8):
        return
    browser = staying(WALKER)
    be(case, browser, body)
    mode = {"response_mode": "form_post"} if chance.one_in(3) else {}
    state = {"state": body["choice"][:200]} if body.get("choice") else {}
    client_id = chance.among([ASKING, nobody_vouches_for()])
    body["request"] = waiting(browser, client_id, prompt="consent", **mode, **state)
    body["choice"] = chance.among(["allow", "deny", body.get("choice", "")])
    expected[case.id] = {200, 303}


def show_account(case: Case, _body: Body, _chance: Chance) -> None:
    be(case, staying(WALKER))
    expected[case.id] = {200}


def change_profile(case: Case, body: Body, chance: Chance) -> None:
    be(case, staying(WALKER), body)
    if chance.one_in(4):  # whatever is wrong with it is said beside the field
        expected[case.id] = {303, 400}
        return
    for name in body.keys() - {"csrf"}:
        body[name] = profile_text(name.removeprefix("address_"), body[name])
    expected[case.id] = {303}


def change_email(case: Case, body: Body, chance: Chance) -> None:
    be(case, staying(WALKER), body)
    body["email"] = chance.among([f"{uuid.uuid4().hex}@example.com", "owner@example.com"])
    expected[case.id] = {400} if body["email"].startswith(OWNER) else {303}


_changed: list[str] = []


def change_password(case: Case, body: Body, chance: Chance) -> None:
    """The new one is the old one. The right one costs until the next whole second."""
    if chance.one_in(12) or not _changed:
        _changed.append(case.id)
        be(case, signed_in(CHANGER), body)
        body |= {"current_password": KNOWN["password"], "new_password": KNOWN["password"]}
        expected[case.id] = {303}
        return
    be(case, staying(WALKER), body)
    case.headers["X-Forwarded-For"] = GUESSED["network"]
    expected[case.id] = {400, 429}


def end_session(case: Case, body: Body, chance: Chance) -> None:
    browser = signed_in(LEAVER)
    be(case, browser, body)
    if not chance.one_in(3):
        body["session"] = chance.among(browser.send("/account").fields("session"))
    expected[case.id] = {200, 303}


def end_all(case: Case, body: Body, _chance: Chance) -> None:
    be(case, signed_in(LEAVER), body)
    expected[case.id] = {200}


def disconnect(case: Case, body: Body, chance: Chance) -> None:
    browser = staying(CONNECTED)
    be(case, browser, body)
    if chance.one_in(4):
        browser.post("/consent", request=waiting(browser, prompt="consent"), choice="allow")
        body["client_id"] = ASKING
    expected[case.id] = {303}


def show_logout(case: Case, _body: Body, chance: Chance) -> None:
    be(case, chance.among([staying(WALKER), stranger()]))
    case.query = _leaving(dict(case.query or {}), chance)
    expected[case.id] = {200, 303}


def log_out(case: Case, body: Body, chance: Chance) -> None:
    """With or without our own question before it."""
    _leaving(body, chance)
    body.pop("csrf", None)
    if not chance.one_in(3):
        be(case, signed_in(LEAVER), body)
        body["choice"] = chance.among(["signout", "signout", body.get("choice", "")])
    expected[case.id] = {200, 303}


def _leaving(values: Body, chance: Chance) -> Body:
    if values.pop("id_token_hint", None) is not None:
        values["id_token_hint"] = tokens_of_a_person()["id_token"]
    values["client_id"] = OWN
    if values.pop("post_logout_redirect_uri", None) is not None or chance.one_in(2):
        values["post_logout_redirect_uri"] = KNOWN["left"]
    return values


LIKELY: dict[str, Likely] = {
    "authorize": authorize,
    "authorizeByForm": authorize_by_form,
    "showSignIn": show_sign_in,
    "signIn": sign_in,
    "showConsent": show_consent,
    "decide": decide,
    "showAccount": show_account,
    "changeProfile": change_profile,
    "changeEmail": change_email,
    "changePassword": change_password,
    "endSession": end_session,
    "endAllSessions": end_all,
    "signOut": end_all,
    "disconnect": disconnect,
    "showLogout": show_logout,
    "logOut": log_out,
}


def half(username: str) -> Callable[[Case, Chance], None]:
    """Signed in, and from a page, unless that is what is malformed."""

    def change(case: Case, chance: Chance) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("csrf"), str) and not chance.one_in(4):
            be(case, staying(username), case.body)

    return change


HALF = {
    "changeProfile": half(WALKER),
    "changeEmail": half(WALKER),
    "decide": half(WALKER),
    "disconnect": half(CONNECTED),
}


# What is true of every answer


def to_an_application(location: str) -> bool:
    """Where answers may go. Everything else is a page of ours, by a path."""
    return location.partition("?")[0] in {CALLBACK, KNOWN["left"]}


def check_redirect(location: str) -> None:
    parts = urlsplit(location)
    ours = location.startswith("/") and not location.startswith("//") and not parts.scheme and not parts.netloc
    assert ours or to_an_application(location), f"leads to {location}"


class _Page(HTMLParser):
    """What a page has that could act: nothing in it may come from whoever sent the request."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.headings += tag == "h1"
        assert tag not in {"style", "iframe", "object", "embed", "base"}, tag
        assert not any(name.startswith("on") or name == "style" for name in given), given
        if tag == "script":
            assert given == {"src": "/assets/submit.js"}, given
        if tag == "form":
            check_redirect(given["action"] or "")
        if tag == "a":
            href = given["href"] or ""
            assert href.startswith(("/", "#", APP)), href


def check_what_is_next(location: str, cookie: str) -> None:
    """Of an authorization request, in the browser with this cookie."""
    if not to_an_application(location):
        shown = Browser(cookie.removeprefix(f"{COOKIE}="), "").send(location)
        if shown.status == 303:
            check_redirect(shown.location)
        else:
            assert shown.status == 200, (shown.status, shown.text)
            check_page(shown.text)


def check_page(html: str) -> None:
    assert _Page(html).headings == 1, html[:500]
