"""People in browsers, and applications that they use: what no generator could sign in, consent to, or register."""

from __future__ import annotations

import itertools
import json
import re
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import frozen

from tests.fuzz.known import KNOWN, Kind, credentials

COOKIE = "watchword"
CALLBACK: str = KNOWN["callback"]
ASKING: str = KNOWN["asking"]

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

# Whose sessions stay, and whose end; who changes the password, and who disconnects applications.
OWNER: str = KNOWN["username"]
WALKER, LEAVER, CHANGER, CONNECTED = KNOWN["walkers"]


@frozen
class Answer:
    status: int
    location: str
    cookie: str | None
    text: str

    @property
    def told(self) -> dict[str, str]:
        """The query of where it leads."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}

    def field(self, name: str) -> str:
        """What is filled in already, in the first form of the page."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found is not None, self.text[:500]
        return found[1]

    def fields(self, name: str) -> list[str]:
        return re.findall(rf'name="{name}" value="([^"]*)"', self.text)


@frozen
class Browser:
    """`csrf` is what its forms carry."""

    cookie: str
    csrf: str

    def send(self, path: str, form: dict[str, str] | None = None) -> Answer:
        """One request, whose redirect is not followed."""
        return _send(path, form, {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {})

    def post(self, path: str, **form: str) -> Answer:
        return self.send(path, {"csrf": self.csrf, **form})


def _send(path: str, form: dict[str, str] | None, headers: dict[str, str]) -> Answer:
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
    return _request(path, urlencode(form) if form is not None else None, {**headers, **kind})


def _request(path: str, body: str | None, headers: dict[str, str]) -> Answer:
    """GET, or POST with a body, each from another network."""
    network = {"X-Forwarded-For": f"10.1.{next(_networks) % 200}.1"}
    connection = HTTPConnection(urlsplit(KNOWN["address"]).netloc, timeout=30)
    try:
        connection.request("GET" if body is None else "POST", path, body, {**headers, **network})
        response = connection.getresponse()
        cookies = SimpleCookie(response.getheader("Set-Cookie") or "")
        cookie = cookies[COOKIE].value if COOKIE in cookies else None
        return Answer(response.status, response.getheader("Location") or "", cookie, response.read().decode())
    finally:
        connection.close()


_networks = itertools.count()


def stranger() -> Browser:
    """A browser in which nobody is signed in."""
    page = _send("/signin", None, {})
    assert page.cookie is not None
    return Browser(page.cookie, page.field("csrf"))


def signed_in(username: str) -> Browser:
    answer = stranger().post("/signin", username=username, password=KNOWN["password"])
    assert answer.cookie is not None, (answer.status, answer.text)
    return Browser(answer.cookie, Browser(answer.cookie, "").send("/account").field("csrf"))


_staying: dict[str, Browser] = {}


def staying(username: str) -> Browser:
    """One in which the user stays signed in."""
    if username not in _staying:
        _staying[username] = signed_in(username)
    return _staying[username]


def asked(client_id: str, **more: str) -> dict[str, str]:
    """An authorization request that is answered, once the person has done what is needed."""
    return {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": " ".join(["openid", *KNOWN["scopes"]]),
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **more,
    }


def waiting(browser: Browser, client_id: str = ASKING, **more: str) -> str:
    """The id of a request that waits for this browser."""
    answer = browser.send(f"/authorize?{urlencode(asked(client_id, **more))}")
    return answer.told["request"]


def pushed(kind: Kind) -> dict[str, str]:
    """What stands for a request that the client of this kind pushed."""
    headers, parameters = credentials(kind)
    client_id: str = KNOWN["clients"][kind]["client_id"]
    answer = _send("/api/v1/auth/par", {**asked(client_id), **parameters}, headers)
    return {"client_id": client_id, "request_uri": json.loads(answer.text)["request_uri"]}


def code(kind: Kind) -> dict[str, str]:
    """A code for the client of this kind, and what goes with it. Its people are not asked for their consent."""
    answer = staying(OWNER).send(f"/authorize?{urlencode(asked(KNOWN['clients'][kind]['client_id']))}")
    assert "code" in answer.told, (answer.status, answer.location, answer.text)
    return {"code": answer.told["code"], "redirect_uri": CALLBACK, "code_verifier": VERIFIER}


_identity: dict[Kind, dict[str, str]] = {}


def tokens_of_a_person(kind: Kind = "client_secret_basic") -> dict[str, str]:
    """An access token for userinfo, and an ID token, both of the owner and for the client of this kind."""
    if kind not in _identity:
        headers, parameters = credentials(kind)
        form = {"grant_type": "authorization_code", **code(kind), **parameters}
        _identity[kind] = json.loads(_send("/api/v1/auth/token", form, headers).text)
    return _identity[kind]


# Clients that registered themselves: their tokens by their ids.
registered: dict[str, str] = {}
_public: list[str] = []
_named: list[str] = []


def note_registration(answer: dict[str, Any]) -> None:
    registered[answer["client_id"]] = answer["registration_access_token"]
    may_ask = CALLBACK in answer.get("redirect_uris", ()) and not answer["require_pushed_authorization_requests"]
    if may_ask and "client_name" in answer:
        _named.append(answer["client_id"])


def _register(**document: object) -> str:
    answer = _request("/api/v1/auth/register", json.dumps(document), {"Content-Type": "application/json"})
    assert answer.status == 201, answer.text
    made = json.loads(answer.text)
    note_registration(made)
    client_id: str = made["client_id"]
    return client_id


def a_registration() -> str:
    """The id of a public client with nothing special about it."""
    if not _public or _public[-1] not in registered:
        _public.append(_register(redirect_uris=[CALLBACK], token_endpoint_auth_method="none"))
    return _public[-1]


def nobody_vouches_for() -> str:
    """The id of a client that says something of itself, if it can, the one that registered last."""
    while _named and _named[-1] not in registered:
        _named.pop()
    return _named[-1] if _named else _register(redirect_uris=[CALLBACK], client_name="</p><script>alert(1)</script>")
