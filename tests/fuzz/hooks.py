"""What schemathesis cannot know, and what it must not do.

A schema promises which requests are well-formed, not which names, secrets and tokens exist. So most of the well-formed
requests get such as exist, and then must succeed; the others are left as they were generated, and so is every request
that is malformed.
"""

from __future__ import annotations

import json
import os
import uuid
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.checks import CheckContext

from tests.fuzz import applications, pages
from tests.fuzz.cases import Chance, Likely, expected, sent_by
from tests.fuzz.known import (
    CONFIDENTIAL,
    KINDS,
    KNOWN,
    Body,
    Case,
    Kind,
    access_token,
    be,
    credentials,
    keep,
    refresh_token,
)
from tests.fuzz.people import CALLBACK, code, note_registration, registered, tokens_of_a_person

OUR_TOKEN = f"Bearer {os.environ['WATCHWORD_TOKEN']}"
OUR_CLIENT = credentials("client_secret_basic")[0]["Authorization"]

# Guesses come from this network, so that there are answers of 429. All else comes from many others.
GUESSER = KNOWN["guessed"]["network"]

# What a well-formed request is answered with, by whoever may send it, once it is about what exists.
ANSWERS: dict[str, set[int]] = {
    "showMe": {200},
    "changeMe": {200, 409},
    "listUsers": {200},
    "createUser": {201, 409},
    "showUser": {200, 404},
    "changeUser": {200, 404, 409},
    "deleteUser": {204, 404},
    "listClients": {200},
    "createClient": {201, 409},
    "showClient": {200, 404},
    "changeClient": {200, 404},
    "rotateClientSecret": {200, 404, 409},
    "deleteClient": {204, 404},
}
FOR_EVERYBODY = {"showMe", "changeMe"}

statuses: dict[str, Counter[str]] = defaultdict(Counter)


def issue(case: Case, body: Body, chance: Chance) -> None:
    grant = body.get("grant_type", "password")
    if chance.one_in(4):
        return
    if grant == "password" and chance.one_in(4):
        be("nobody", case, body)
        case.headers["X-Forwarded-For"] = GUESSER
        body.update(username=KNOWN["guessed"]["username"], scope="", resource=[])
        expected[case.id] = {401, 429}
        return
    some = {"client_credentials": CONFIDENTIAL, "authorization_code": KINDS[:4]}
    kind: Kind = chance.among(some.get(grant, KINDS))
    be(kind, case, body)
    if grant == "password":
        body.update(username=KNOWN["username"], password=KNOWN["password"])
    elif grant == "refresh_token":
        body["refresh_token"] = refresh_token(kind)
    elif grant == "authorization_code":
        body.update(code(kind))
    scopes = ["", " ".join(KNOWN["scopes"]), KNOWN["scopes"][0]]
    apis = [[], [KNOWN["issuer"]], [KNOWN["resource"]], [KNOWN["resource"], KNOWN["issuer"]]]
    if "scope" in body:
        body["scope"] = chance.among(scopes[:1] if kind == "nobody" else scopes)
    if "resource" in body:
        few = kind == "nobody" or grant in {"refresh_token", "authorization_code"}
        body["resource"] = chance.among(apis[:2] if few else apis)
    # Tokens that were given for less are not kept: a later case asks for all that may be had.
    if grant in {"refresh_token", "authorization_code"} or (
        body.get("scope", "") in scopes[:2] and body.get("resource", []) in apis[:2]
    ):
        sent_by[case.id] = kind
    expected[case.id] = {200}


def introspect(case: Case, body: Body, chance: Chance) -> None:
    if case.headers.get("Authorization") != OUR_CLIENT:
        return
    be("client_secret_basic", case, body)
    _live_token(body, chance, chance.among(KINDS))
    expected[case.id] = {200}


def revoke(case: Case, body: Body, chance: Chance) -> None:
    if chance.one_in(8):
        return
    kind: Kind = chance.among(KINDS)
    be(kind, case, body)
    _live_token(body, chance, kind)
    expected[case.id] = {200}


def _live_token(body: Body, chance: Chance, kind: Kind) -> None:
    # A link brings a token that may be another client's, which nobody else may end.
    if not chance.one_in(4) or body["token"].count(".") == 2:
        body["token"] = chance.among([access_token, refresh_token])(kind)


def push(case: Case, body: Body, chance: Chance) -> None:
    if chance.one_in(8):
        return
    kind: Kind = chance.among(KINDS[:4])
    pages.push(case, body, chance, KNOWN["clients"][kind]["client_id"])
    be(kind, case, body)
    expected[case.id] = {201}


def user_info(case: Case, body: Body, chance: Chance) -> None:
    """As an application that somebody signed in to, by the header or by the form."""
    if case.headers.get("Authorization") != OUR_TOKEN:
        return
    kind: Kind = chance.among(["client_secret_basic", "client_secret_post"])
    token = tokens_of_a_person(kind)["access_token"]
    body.pop("access_token", None)
    case.headers["Authorization"] = f"Bearer {token}"
    if case.method == "POST" and chance.one_in(2):
        del case.headers["Authorization"]
        body["access_token"] = token
    expected[case.id] = {200}


def new_client(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(4):
        body["client_id"] = _fresh(body["client_id"])
    _registered(body)
    if applications.CODE in body.get("grant_types", ()):
        body["redirect_uris"] = body.get("redirect_uris") or [CALLBACK]
    if body.get("jwks_uri") is not None:
        body["jwks_uri"] = "https://app.example.com/jwks"


def _registered(body: Body) -> None:
    """Its APIs are registered, its keys are keys, and its name can be printed."""
    for name in ("resources", "serves"):
        if body.get(name):
            body[name] = [KNOWN["resource"]]
    if "name" in body:
        body["name"] = applications.printable(body["name"])
    if body.get("sector_identifier_uri") is not None:
        body["sector_identifier_uri"] = "https://app.example.com/sector"
    applications.own_keys(body)
    applications.application(body)


def change_client(case: Case, body: Body, chance: Chance) -> None:
    """Most of the time one that has a secret: of another it is not known what it may be changed to."""
    _target(case, body, chance)
    _registered(body)
    for name in ("jwks", "jwks_uri"):
        body.pop(name, None)
    if case.path_parameters["client_id"] != KNOWN["target"]:
        for name in ("serves", "grant_types", "application_type", "first_party"):
            body.pop(name, None)
    for name in {"redirect_uris", "post_logout_redirect_uris"}.intersection(body):
        body[name] = [CALLBACK]
    body.setdefault("is_active", True)


def _target(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(3):
        case.path_parameters["client_id"] = KNOWN["target"]


def new_user(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(4):
        body["username"] = _fresh(body["username"])
        body["email"] = f"{uuid.uuid4().hex}@example.com"
    with_profile(case, body, chance)


def change_user(case: Case, body: Body, chance: Chance) -> None:
    _target_user(case)
    with_profile(case, body, chance)


def _target_user(case: Case) -> None:
    """Whoever all this is done by is not to be changed, but somebody else is there for that."""
    if case.path_parameters.get("id") in KNOWN["users"]:
        case.path_parameters["id"] = KNOWN["somebody"]


def with_profile(_case: Case, body: Body, _chance: Chance) -> None:
    if "profile" in body:
        body["profile"] = applications.told(body["profile"])


def _fresh(name: str) -> str:
    """Another name, which nobody has."""
    return f"{name[:40]}.{uuid.uuid4().hex[:12]}"


def change_password(case: Case, body: Body, chance: Chance) -> None:
    """Once with the right password, as somebody else: it ends the token."""
    if case.headers.get("Authorization") != OUR_TOKEN:
        return
    changing = KNOWN.pop("changing", None)
    if changing is not None:
        case.headers["Authorization"] = f"Bearer {changing}"
        body["current_password"] = KNOWN["password"]
        expected[case.id] = {204}
        return
    if chance.one_in(2):
        case.headers["X-Forwarded-For"] = GUESSER
    expected[case.id] = {422, 429}


LIKELY: dict[str, Likely] = {
    **pages.LIKELY,
    **applications.LIKELY,
    "issueToken": issue,
    "introspectToken": introspect,
    "revokeToken": revoke,
    "pushRequest": push,
    "showUserInfo": user_info,
    "showUserInfoByForm": user_info,
    "changeMe": with_profile,
    "changeUser": change_user,
    "createClient": new_client,
    "changeClient": change_client,
    "showClient": _target,
    "rotateClientSecret": _target,
    "createUser": new_user,
    "changeMyPassword": change_password,
}


# The same for cases that are malformed, so that it is their body that is refused. Nothing is expected of them.
HALF: dict[str, Callable[[Case, Chance], None]] = {
    **pages.HALF,
    "replaceRegistration": applications.with_a_token,
    "changeUser": lambda case, chance: _target_user(case),
}


def operation_id(case: Case) -> str:
    return str(case.operation.definition.raw.get("operationId"))


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    case.headers["X-Forwarded-For"] = f"10.0.{zlib.crc32(case.id.encode()) % 200}.1"
    case.headers["Cookie"] = "nobody=here"  # not what some answer before may have given
    name = operation_id(case)
    well_formed = case.meta is not None and case.meta.generation.mode.is_positive
    as_declared = case.method == case.operation.method.upper()
    if well_formed and as_declared and name in LIKELY:
        chance, body = Chance(case), deepcopy(case.body) if isinstance(case.body, dict) else {}
        LIKELY[name](case, body, chance)
        if body or isinstance(case.body, dict):
            case.body = body
    elif as_declared and name in HALF:
        HALF[name](case, Chance(case))
    if _ends_our_own(case):
        case.headers.pop("Authorization", None)  # is refused, and does no harm
    if well_formed and as_declared and name in ANSWERS and case.headers.get("Authorization") == OUR_TOKEN:
        expected[case.id] = ANSWERS[name] if KNOWN["is_admin"] or name in FOR_EVERYBODY else {403}


def _ends_our_own(case: Case) -> bool:
    """Whether the request could change or end an account or a client by which all this is done."""
    if case.method in {"GET", "HEAD"}:
        return False
    clients = {KNOWN["asking"], *(client["client_id"] for client in KNOWN["clients"].values())}
    if case.method == "DELETE":
        clients.add(KNOWN["target"])
    return case.path_parameters.get("id") in KNOWN["users"] or case.path_parameters.get("client_id") in clients


@schemathesis.hook
def after_call(_context: schemathesis.HookContext, case: Case, response: schemathesis.Response) -> None:
    name, status = operation_id(case), response.status_code
    location = response.headers.get("location", [""])[0]
    told = status == 303 and pages.to_an_application(location)
    statuses[name][f"{status} to an application" if told else str(status)] += 1
    if status == 200 and case.id in sent_by:
        keep(sent_by[case.id], response.json())
    if name == "registerClient" and status == 201:
        note_registration(response.json())
    if name == "deleteRegistration" and status == 204:
        registered.pop(case.path_parameters["client_id"], None)


@schemathesis.deserializer("application/json")
def json_or_jwt(_context: schemathesis.DeserializationContext, response: schemathesis.Response) -> Any:
    """schemathesis reads a JWT as if it were JSON, and so it takes this for both."""
    signed = response.headers["content-type"][0].startswith("application/jwt")
    return response.text if signed else response.json()


@schemathesis.check
def known_to_succeed(_context: CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Whoever exists, and may, gets what a well-formed request asks for."""
    wanted = expected.get(case.id)
    if wanted is not None and response.status_code not in wanted:
        raise AssertionError(f"expected {sorted(wanted)}, got {response.status_code}")


@schemathesis.check
def leads_nowhere_else(_context: CheckContext, response: schemathesis.Response, _case: Case) -> None:
    """A redirect goes to a page of ours, or to where an application has its answers."""
    if 300 <= response.status_code < 400 and "location" in response.headers:
        pages.check_redirect(response.headers["location"][0])


@schemathesis.check
def shows_what_is_next(_context: CheckContext, response: schemathesis.Response, case: Case) -> None:
    """The page that a request leads to is there, whatever the application said."""
    if operation_id(case) in {"authorize", "authorizeByForm"} and response.status_code == 303:
        cookie = response.headers.get("set-cookie", [case.headers["Cookie"]])[0].partition(";")[0]
        pages.check_what_is_next(response.headers["location"][0], cookie)


@schemathesis.check
def is_a_page_of_ours(_context: CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Nothing that was sent acts in a page."""
    kind = response.headers.get("content-type", [""])[0]
    if kind.startswith("text/html") and operation_id(case) != "showDocs":
        pages.check_page(response.text)


# What more there has to be of some operations than one that went well.
DEEP = {
    "issueToken": ("429",),
    "changeMyPassword": ("429",),
    "authorize": ("200", "303", "303 to an application"),
    "authorizeByForm": ("200", "303", "303 to an application"),
    "signIn": ("200", "303", "303 to an application", "429"),
    "decide": ("200", "303 to an application"),
    "changeProfile": ("303", "400"),
    "changePassword": ("303", "429"),
    "endSession": ("200", "303"),
    "showLogout": ("200", "303 to an application"),
    "logOut": ("200", "303", "303 to an application"),
}


@schemathesis.check
class Reach:
    """Whatever an administrator may do was done: refusals alone prove little. And whoever guessed had to wait."""

    def after_run(self, _context: CheckContext) -> None:
        Path(KNOWN["statuses"]).write_text(json.dumps(statuses))
        missed = [name for name, counts in statuses.items() if not any(status < "4" for status in counts)]
        missed += [
            f"{wanted} of {name}" for name, all_of in DEEP.items() for wanted in all_of if not statuses[name][wanted]
        ]
        if missed and KNOWN["is_admin"] and KNOWN["whole"]:
            raise AssertionError(f"never reached: {', '.join(missed)}")
