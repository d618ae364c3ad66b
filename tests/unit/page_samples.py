"""What the pages are shown with: each as it mostly is, and as it seldom is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen

AT = datetime(2026, 11, 5, 6, 41, 3, tzinfo=UTC)


@frozen
class Told:
    title: str
    detail: str


@frozen
class Api:
    identifier: str
    scopes: tuple[str, ...]


@frozen
class Client:
    name: str = "Notes"
    client_id: str = "notes"
    vouched_for: bool = True
    host: str = "notes.example.com"
    client_uri: str | None = "https://notes.example.com/"
    policy_uri: str | None = None
    tos_uri: str | None = "https://notes.example.com/terms"


@frozen
class User:
    username: str = "alice"
    email: str = "alice@example.com"
    email_verified: bool = True
    profile: Mapping[str, object] = field(
        factory=lambda: {"name": "Alice Liddell", "address": {"street_address": "1 High Street\nOxford"}}
    )


@frozen
class Session:
    id: str
    agent: str
    address: str
    since: datetime
    seen: datetime
    current: bool


@frozen
class App:
    client_id: str
    name: str
    told: tuple[str, ...]
    offline: bool
    resources: tuple[Api, ...]
    since: datetime
    used_at: datetime


NOTES = Api("https://api.example.com/notes", ("notes:read", "notes:write"))
ASKED: dict[str, Any] = {"action": "/signin", "request": "r-1", "csrf": "c-1", "client_name": "Notes"}
SIGN_IN: dict[str, Any] = {**ASKED, "host": None, "username": "", "errors": {}, "again": False, "cancel": True}
CONSENT: dict[str, Any] = {
    "action": "/consent",
    "request": "r-1",
    "csrf": "c-1",
    "client": Client(),
    "username": "alice",
    "told": [Told("Your profile", "name, picture and the like")],
    "offline": True,
    "resources": [NOTES, Api("https://plain.example.com", ())],
    "before": True,
}
ACCOUNT: dict[str, Any] = {
    "csrf": "c-1",
    "user": User(),
    "sessions": [
        Session("s-1", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "192.0.2.7", AT, AT, True),
        Session("s-2", "", "", AT, AT, False),
    ],
    "apps": [App("notes", "Notes", ("Who you are", "Your profile"), True, (NOTES,), AT, AT)],
    "errors": {},
    "values": {},
    "section": None,
    "done": "Your profile was saved.",
}
LOGOUT: dict[str, Any] = {
    "action": "/logout",
    "csrf": "c-1",
    "username": "alice",
    "client_name": "Notes",
    "fields": {"client_id": "notes", "state": "x"},
}
SIGNED_OUT: dict[str, Any] = {"client_name": "Notes", "signin": "/signin"}
MESSAGE: dict[str, Any] = {
    "title": "This did not work",
    "description": "The application sent state more than once.",
    "remedy": "Go back to the application and start again.",
    "link": "/signin?request=r-1",
    "link_text": "Open the page again",
}
FORM_POST: dict[str, Any] = {
    "target": "https://notes.example.com/back",
    "fields": [("code", "x"), ("state", "y")],
    "client_name": None,
}
PLAIN: dict[str, Any] = {**SIGN_IN, "request": None, "client_name": None, "cancel": False}
BAD_PROFILE: dict[str, Any] = {
    **ACCOUNT,
    "done": None,
    "section": "profile",
    "errors": {"birthdate": "Expected a date.", "address": "Locality: expected 1 to 512 characters."},
    "values": {"birthdate": "yesterday", "address_locality": "Oxford"},
}

# By a name of its own: the template, and its context.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "signin": ("signin.html", SIGN_IN),
    "signin-plain": ("signin.html", PLAIN),
    "signin-again": ("signin.html", {**SIGN_IN, "again": True, "username": "alice"}),
    "signin-self-registered": ("signin.html", {**SIGN_IN, "host": "notes.example.com"}),
    "signin-wrong": ("signin.html", {**SIGN_IN, "username": "alice", "errors": {"password": "Try again."}}),
    "signin-empty": ("signin.html", {**SIGN_IN, "errors": {"username": "Enter it.", "password": "Enter it."}}),
    "signin-throttled": ("signin.html", {**SIGN_IN, "username": "alice", "errors": {"form": "Wait 30 s."}}),
    "select": ("select.html", {**ASKED, "username": "alice"}),
    "consent": ("consent.html", CONSENT),
    "consent-self-registered": (
        "consent.html",
        {**CONSENT, "client": Client(vouched_for=False, client_uri=None, tos_uri=None), "before": False},
    ),
    "consent-little": ("consent.html", {**CONSENT, "told": [], "resources": [], "offline": False}),
    "account": ("account.html", ACCOUNT),
    "account-empty": ("account.html", {**ACCOUNT, "user": User(profile={}), "apps": [], "done": None}),
    "account-bad-profile": ("account.html", BAD_PROFILE),
    "account-bad-email": (
        "account.html",
        {**ACCOUNT, "section": "email", "errors": {"email": "It is taken."}, "values": {"email": "x"}},
    ),
    "account-bad-password": (
        "account.html",
        {**ACCOUNT, "section": "password", "errors": {"current_password": "No.", "new_password": "No."}},
    ),
    "account-conflict": ("account.html", {**ACCOUNT, "section": "password", "errors": {"password": "It changed."}}),
    "logout": ("logout.html", LOGOUT),
    "logout-plain": ("logout.html", {**LOGOUT, "client_name": None, "fields": {}}),
    "signed-out": ("signed_out.html", SIGNED_OUT),
    "signed-out-plain": ("signed_out.html", {**SIGNED_OUT, "client_name": None}),
    "message": ("message.html", MESSAGE),
    "message-short": ("message.html", {**MESSAGE, "remedy": "", "link": None}),
    "form-post": ("form_post.html", FORM_POST),
}
