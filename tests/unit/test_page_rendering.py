"""The pages as HTML: escaped, labelled, free of anything inline, and in words."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve, fields
from jinja2 import UndefinedError

from entrypoints.pages.render import LONGEST_DEVICE, TEMPLATES, Pages, Site, device, moment
from entrypoints.pages.theme import STATIC
from tests.unit.markup import Element, read
from tests.unit.page_samples import AT, CASES, FORM_POST, NOTES, Api, App, Client, Session, Told, User

SITE = Site(name="Acme", base="/tenant", accent="#2f5bd7")
PAGES = Pages(SITE)
EACH = pytest.mark.parametrize("case", CASES)


def page(case: str, pages: Pages = PAGES, **changed: object) -> Element:
    template, context = CASES[case]
    return read(pages.render(template, **{**context, **changed}))


def attribute(name: str, elements: list[Element]) -> list[str | None]:
    return [one.attributes.get(name) for one in elements]


# On every page


def test_there_is_a_case_for_every_page() -> None:
    pages = {path.name for path in TEMPLATES.iterdir() if not path.name.startswith("_")}
    assert {template for template, _ in CASES.values()} == pages


@EACH
def test_a_page_has_one_heading_one_main_part_and_says_whose_it_is(case: str) -> None:
    shown = page(case)
    assert shown.one("html").attributes == {"lang": "en"}
    assert len(shown.all("main")) == len(shown.one("main").all("h1")) == 1
    title = shown.one("title").text
    assert re.fullmatch(r"\S.*\S · Acme", title)
    assert shown.one("meta", name="viewport").attributes["content"] == "width=device-width, initial-scale=1"


@EACH
def test_headings_leave_no_level_out(case: str) -> None:
    levels = [int(one.tag[1]) for one in page(case) if re.fullmatch("h[1-6]", one.tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@EACH
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(case: str) -> None:
    shown = page(case)
    for one in shown:
        assert one.tag not in {"style", "iframe", "object", "embed", "base"}
        assert not [name for name in one.attributes if name == "style" or name.startswith("on")]
        for name in ("src", "href"):
            loaded = one.attributes.get(name)
            assert loaded is None or one.tag == "a" or loaded.startswith("/tenant/assets/")
    scripts = [(one.attributes, one.text) for one in shown.all("script")]
    assert scripts == ([({"src": "/tenant/assets/submit.js"}, "")] if case == "form-post" else [])


@EACH
def test_every_field_has_a_label_and_every_id_is_there_once(case: str) -> None:
    shown = page(case)
    ids = [one.attributes["id"] for one in shown if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in shown:
        seen = one.attributes.get("type") != "hidden" and "hidden" not in one.attributes
        if one.tag in {"input", "textarea"} and seen:
            assert one.attributes["id"] == one.attributes["name"]
            assert shown.one("label", **{"for": one.attributes["id"]}).words()
            assert one.attributes["autocomplete"]
        for name in ("aria-describedby", "aria-labelledby"):
            assert set((one.attributes.get(name) or "").split()) <= set(ids)
        if (one.attributes.get("href") or "").startswith("#"):
            assert (one.attributes["href"] or "")[1:] in ids


@EACH
def test_what_is_wrong_is_beside_its_field_which_has_the_focus(case: str) -> None:
    shown, errors = page(case), CASES[case][1].get("errors", {})
    for name, message in errors.items():
        fields = [one for one in shown if one.attributes.get("id") == name]
        for one in fields:
            assert one.attributes["aria-invalid"] == "true"
            assert one.attributes["aria-describedby"] == f"{name}-error"
            described = [one for one in shown if one.attributes.get("id") == f"{name}-error"]
            assert [one.words() for one in described] == [message]
    wrong = [one for one in shown if one.attributes.get("aria-invalid")]
    assert {one.attributes["id"] for one in wrong} <= errors.keys()
    focused = [one for one in shown if "autofocus" in one.attributes]
    assert len(focused) == (1 if errors or case.startswith("signin") else 0)
    if wrong:
        assert focused == wrong[:1]


@EACH
def test_forms_are_posted_below_the_path_of_the_service_with_their_token(case: str) -> None:
    for form in page(case).all("form"):
        assert form.attributes["method"] == "post"
        assert form.all("button")
        if case != "form-post":
            assert form.one("input", name="csrf").attributes["value"] == "c-1"
            assert (form.attributes["action"] or "").startswith("/tenant/")


HOSTILE = """</title></textarea><script>"'>&amp;"""


def tainted(value: Any) -> Any:
    """The same with something hostile at the end of every text that is not empty."""
    match value:
        case str():
            return value and value + HOSTILE
        case list() | tuple():
            return type(value)(tainted(one) for one in value)
        case dict():
            return {name: tainted(one) for name, one in value.items()}
        case Told() | Api() | Client() | User() | Session() | App():
            return type(value)(**{one.name: tainted(getattr(value, one.name)) for one in fields(type(value))})
    return value


@EACH
def test_all_that_comes_from_elsewhere_is_escaped(case: str) -> None:
    template, context = CASES[case]
    pages = Pages(evolve(SITE, name=tainted(SITE.name)))
    html = pages.render(template, **{**tainted(context), "section": context.get("section")})
    assert "<script>" not in html
    plain, shown = page(case), read(html)
    assert tainted(SITE.name) in shown.one("title").text
    assert [(one.tag, one.attributes.keys()) for one in shown] == [(one.tag, one.attributes.keys()) for one in plain]


@pytest.mark.parametrize("template", sorted({template for template, _ in CASES.values()}))
def test_a_page_that_lacks_something_is_not_shown(template: str) -> None:
    contexts = [context for name, context in CASES.values() if name == template]
    for missing in contexts[0]:
        shown = 0
        for context in contexts:
            with suppress(UndefinedError, TypeError):
                PAGES.render(template, **{name: value for name, value in context.items() if name != missing})
                shown += 1
        assert shown < len(contexts), f"{missing} is never asked for"


def test_there_is_no_other_page() -> None:
    with pytest.raises(KeyError):
        PAGES.render("nothing.html")


def test_the_picture_of_the_service_stands_for_its_name() -> None:
    shown = page("signin", Pages(evolve(SITE, logo="/assets/logo.png")))
    assert shown.one("img").attributes == {"src": "/tenant/assets/logo.png", "alt": "Acme"}
    assert shown.one("link", rel="icon").attributes["href"] == "/tenant/assets/logo.png"
    assert page("signin").one("link", rel="icon").attributes["href"] == "/tenant/assets/icon.svg"


def test_paths_are_spelled_as_urls() -> None:
    assert page("signin", Pages(evolve(SITE, base="/a b/é"))).one("form").attributes["action"] == "/a%20b/%C3%A9/signin"
    assert page("signin", Pages(evolve(SITE, base=""))).one("form").attributes["action"] == "/signin"


def test_the_script_sends_the_form() -> None:
    assert (STATIC / "submit.js").read_text() == "HTMLFormElement.prototype.submit.call(document.forms[0]);\n"


# Page by page


def test_signing_in() -> None:
    shown = page("signin")
    assert shown.one("p").words() == "Use your Acme account to continue to Notes"
    assert attribute("value", shown.all("input", name="request")) == ["r-1"]
    assert [(one.attributes["value"], one.words()) for one in shown.all("button")] == [
        ("signin", "Sign in"),
        ("cancel", "Cancel and go back"),
    ]
    assert shown.one("input", name="username").attributes["autocomplete"] == "username"
    assert "autofocus" in shown.one("input", name="username").attributes
    password = shown.one("input", name="password").attributes
    assert (password["type"], password["autocomplete"]) == ("password", "current-password")


def test_signing_in_for_the_account_page() -> None:
    shown = page("signin-plain")
    assert shown.all("input", name="request") == []
    assert attribute("value", shown.all("button")) == ["signin"]
    assert shown.one("p").words() == "Use your Acme account"


def test_a_known_username_is_there_and_the_password_is_next() -> None:
    shown = page("signin-again")
    assert shown.one("h1").words() == "Sign in again"
    assert shown.one("input", name="username").attributes["value"] == "alice"
    assert "autofocus" in shown.one("input", name="password").attributes
    assert "value" not in shown.one("input", name="password").attributes


def test_a_refusal_of_all_is_told_at_once() -> None:
    assert page("signin-throttled").one("p", role="alert").words() == "Wait 30 s."


def test_whoever_registered_itself_is_told_apart() -> None:
    for case in ("signin-self-registered", "consent-self-registered"):
        shown = page(case)
        assert "notes.example.com" in [one.text for one in shown.all("bdi")]
        assert "Nobody at Acme has checked" in shown.one("main").words()
    assert "Nobody at" not in page("consent").one("main").words()


def test_choosing_an_account() -> None:
    assert [(one.attributes["value"], one.words()) for one in page("select").all("button")] == [
        ("continue", "Continue as alice"),
        ("other", "Use another account"),
        ("cancel", "Cancel and go back"),
    ]


def test_allowing() -> None:
    shown = page("consent")
    words = shown.one("main").words()
    for said in ("Your profile", "name, picture and the like", "notes:write", "while you are away", "before"):
        assert said in words
    assert {one.text for one in shown.all("bdi")} >= {"Notes", NOTES.identifier, "https://plain.example.com"}
    assert [(one.attributes["value"], one.words()) for one in shown.all("button")] == [
        ("deny", "Deny"),
        ("allow", "Allow"),
    ]
    elsewhere = [one for one in shown.all("a") if (one.attributes["href"] or "").startswith("https:")]
    assert [one.words() for one in elsewhere] == ["Website", "Terms of service"]
    assert all(one.attributes["rel"] == "noopener noreferrer" for one in elsewhere)


def test_allowing_little() -> None:
    assert page("consent-little").all("h2") == []


def test_names_that_others_chose_keep_to_themselves() -> None:
    name = "\u202bשלום Notes"
    for case in ("signin", "select", "logout", "signed-out"):
        shown = page(case, client_name=name)
        assert [one.tag for one in shown if name in one.text] == ["bdi"]
    shown = page("consent", client=Client(name=name))
    assert [one.tag for one in shown if name in one.text] == ["bdi"]


def test_the_account() -> None:
    shown = page("account")
    forms = {one.attributes["action"]: one for one in shown.all("form")}
    paths = ("signout", "profile", "email", "password", "sessions/end", "sessions/end-all", "apps/end")
    assert list(forms) == [f"/tenant/account/{path}" for path in paths]
    assert shown.one("p", role="status").words() == "Your profile was saved."
    assert shown.one("input", name="name").attributes["value"] == "Alice Liddell"
    assert (
        shown.one("textarea", name="address_street_address").text == "\n1 High Street\nOxford"
    )  # HTML drops the first
    assert attribute("value", shown.all("input", name="session")) == ["s-1", "s-2"]
    assert attribute("value", shown.all("input", name="client_id")) == ["notes"]
    assert "open" not in shown.one("details").attributes
    said = shown.one("main").words()
    assert "This device" in said
    assert "It may do this while you are away." in said
    # Buttons that look alike differ for whoever hears them.
    buttons = [one.words() for one in shown.all("li") for one in one.all("button")]
    assert buttons == ["Sign out Firefox on Linux", "Sign out Unknown device", "Disconnect Notes"]


def test_password_managers_know_whose_password_is_changed() -> None:
    form = page("account").one("form", action="/tenant/account/password")
    hidden = form.one("input", autocomplete="username")
    assert hidden.attributes["value"] == "alice"
    assert "name" not in hidden.attributes
    passwords = form.all("input", type="password")
    assert attribute("autocomplete", passwords) == ["current-password", "new-password"]


def test_what_was_typed_into_a_profile_is_still_there() -> None:
    shown = page("account-bad-profile")
    assert "open" in shown.one("details").attributes
    assert shown.one("input", name="birthdate").attributes["value"] == "yesterday"
    assert shown.one("input", name="address_locality").attributes["value"] == "Oxford"
    assert "value" not in shown.one("input", name="name").attributes
    summary = shown.one("div", role="alert")
    assert attribute("href", summary.all("a")) == ["#birthdate", "#address_street_address"]
    assert shown.one("fieldset").attributes["aria-describedby"] == "address-error"
    # The other forms are as they were.
    assert shown.one("input", name="email").attributes["value"] == "alice@example.com"


def test_a_mistake_in_one_form_of_the_account_is_none_in_another() -> None:
    shown = page("account-bad-email")
    assert shown.one("input", name="email").attributes["value"] == "x"
    assert shown.one("input", name="name").attributes["value"] == "Alice Liddell"
    assert "open" not in shown.one("details").attributes


def test_what_concerns_no_field_is_said_and_has_the_focus() -> None:
    summary = page("account-conflict").one("div", role="alert")
    assert summary.words() == "It changed."
    assert "autofocus" in summary.attributes


def test_signing_out() -> None:
    shown = page("logout")
    assert attribute("value", shown.all("button")) == ["stay", "signout"]
    hidden = {one.attributes["name"]: one.attributes["value"] for one in shown.all("input", type="hidden")}
    assert hidden == {"csrf": "c-1", "client_id": "notes", "state": "x"}


def test_signed_out() -> None:
    assert page("signed-out").one("a").attributes["href"] == "/tenant/signin"


def test_a_message_says_how_to_go_on() -> None:
    shown = page("message")
    assert shown.one("h1").words() == "This did not work"
    assert shown.one("a").attributes["href"] == "/tenant/signin?request=r-1"
    assert shown.one("a").words() == "Open the page again"
    assert page("message-short").all("a") == []


def test_an_answer_by_a_form_goes_to_the_application_only() -> None:
    form = page("form-post").one("form")
    assert form.attributes["action"] == "https://notes.example.com/back"
    assert [(one.attributes["name"], one.attributes["value"]) for one in form.all("input")] == FORM_POST["fields"]
    assert form.one("button").words() == "Continue"


# Filters


def test_a_time_is_told_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-8)))
    expected = '<time datetime="2026-11-05T06:41:03Z">5 Nov 2026, 06:41 UTC</time>'
    assert str(moment(AT)) == str(moment(elsewhere)) == expected


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Windows",
    "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": "Firefox on Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 "
    "Mobile/15E148 Safari/605.1.15": "Firefox on iPhone",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": "Chrome on Linux",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/140.0.0.0 Safari/537.36": "Chrome on Linux",
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/140.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": "Chrome on ChromeOS",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/140.0.0.0 Safari/537.36": "Chrome on macOS",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": (
        "Edge on Windows"
    ),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0": (
        "Opera on Windows"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36": (
        "Samsung Internet on Android"
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Safari/605.1.15": "Safari on macOS",
    "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
    "Mobile/15E148 Safari/604.1": "Safari on iPad",
    "curl/8.5.0": "curl/8.5.0",
    "SomethingNew/1.0 (Linux)": "Linux",
    "  two \n words ": "two words",
    "": "Unknown device",
    "x" * 61: "x" * 59 + "…",
    "x" * 60: "x" * 60,
}


@pytest.mark.parametrize("agent", AGENTS)
def test_a_device_is_named_as_its_owner_would(agent: str) -> None:
    assert device(agent) == AGENTS[agent]
    assert len(device(agent)) <= LONGEST_DEVICE
