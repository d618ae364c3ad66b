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
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

import schemathesis
from schemathesis.checks import CheckContext

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

T = TypeVar("T")

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

expected: dict[str, set[int]] = {}  # by the id of the case
sent_by: dict[str, Kind] = {}
statuses: dict[str, Counter[int]] = defaultdict(Counter)


class Chance:
    """Choices that follow from what the case says, so that the same case is the same again."""

    def __init__(self, case: Case) -> None:
        text = repr((case.operation.label, case.path_parameters, case.body))
        self._left = zlib.crc32(text.encode("utf-8", "surrogatepass"))

    def one_in(self, number: int) -> bool:
        return self.among(range(number)) == 0

    def among(self, options: Sequence[T]) -> T:
        self._left, chosen = divmod(self._left, len(options))
        return options[chosen]


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
    kind: Kind = chance.among(CONFIDENTIAL if grant == "client_credentials" else KINDS)
    be(kind, case, body)
    if grant == "password":
        body.update(username=KNOWN["username"], password=KNOWN["password"])
    elif grant == "refresh_token":
        body["refresh_token"] = refresh_token(kind)
    scopes = ["", " ".join(KNOWN["scopes"]), KNOWN["scopes"][0]]
    apis = [[], [KNOWN["issuer"]], [KNOWN["resource"]], [KNOWN["resource"], KNOWN["issuer"]]]
    if "scope" in body:
        body["scope"] = chance.among(scopes[:1] if kind == "nobody" else scopes)
    if "resource" in body:
        body["resource"] = chance.among(apis[:2] if kind == "nobody" or grant == "refresh_token" else apis)
    # Tokens that were given for less are not kept: a later case asks for all that may be had.
    if grant == "refresh_token" or (body.get("scope", "") in scopes[:2] and body.get("resource", []) in apis[:2]):
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


def new_client(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(4):
        body["client_id"] = _fresh(body["client_id"])
    _registered(body)


def _registered(body: Body) -> None:
    """Its APIs are registered, its keys are keys, and its name can be printed."""
    for name in ("resources", "serves"):
        if body.get(name):
            body[name] = [KNOWN["resource"]]
    if "name" in body:
        body["name"] = "".join(filter(str.isprintable, body["name"]))
    if "jwks" in body:
        public = {name: value for name, value in KNOWN["clients"]["private_key_jwt"]["key"].items() if name != "d"}
        text = json.dumps(body["jwks"])
        shallow = text.count("{") + text.count("[") < 8 and "\\u0000" not in text
        body["jwks"] = (body["jwks"] if shallow else {}) | {"keys": [public]}


def change_client(case: Case, body: Body, chance: Chance) -> None:
    """Most of the time one that has a secret: of another it is not known what it may be changed to."""
    _target(case, body, chance)
    _registered(body)
    body.pop("jwks", None)
    if case.path_parameters["client_id"] != KNOWN["target"]:
        body.pop("serves", None)
        body.pop("grant_types", None)
    body.setdefault("is_active", True)


def _target(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(3):
        case.path_parameters["client_id"] = KNOWN["target"]


def new_user(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(4):
        body["username"] = _fresh(body["username"])
        body["email"] = f"{uuid.uuid4().hex}@example.com"


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


LIKELY: dict[str, Callable[[Case, Body, Chance], None]] = {
    "issueToken": issue,
    "introspectToken": introspect,
    "revokeToken": revoke,
    "createClient": new_client,
    "changeClient": change_client,
    "showClient": _target,
    "rotateClientSecret": _target,
    "createUser": new_user,
    "changeMyPassword": change_password,
}


def operation_id(case: Case) -> str:
    return str(case.operation.definition.raw.get("operationId"))


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    case.headers["X-Forwarded-For"] = f"10.0.{zlib.crc32(case.id.encode()) % 200}.1"
    name = operation_id(case)
    well_formed = case.meta is not None and case.meta.generation.mode.is_positive
    as_declared = case.method == case.operation.method.upper()
    if well_formed and as_declared and name in LIKELY:
        chance, body = Chance(case), deepcopy(case.body) if isinstance(case.body, dict) else {}
        LIKELY[name](case, body, chance)
        case.body = body or case.body
    if _ends_our_own(case):
        case.headers.pop("Authorization", None)  # is refused, and does no harm
    if well_formed and as_declared and name in ANSWERS and case.headers.get("Authorization") == OUR_TOKEN:
        expected[case.id] = ANSWERS[name] if KNOWN["is_admin"] or name in FOR_EVERYBODY else {403}


def _ends_our_own(case: Case) -> bool:
    """Whether the request could change or end an account or a client by which all this is done."""
    if case.method in {"GET", "HEAD"}:
        return False
    clients = {client["client_id"] for client in KNOWN["clients"].values()}
    if case.method == "DELETE":
        clients.add(KNOWN["target"])
    return case.path_parameters.get("id") in KNOWN["users"] or case.path_parameters.get("client_id") in clients


@schemathesis.hook
def after_call(_context: schemathesis.HookContext, case: Case, response: schemathesis.Response) -> None:
    statuses[operation_id(case)][response.status_code] += 1
    if response.status_code == 200 and case.id in sent_by:
        keep(sent_by[case.id], response.json())


@schemathesis.check
def known_to_succeed(_context: CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Whoever exists, and may, gets what a well-formed request asks for."""
    wanted = expected.get(case.id)
    if wanted is not None and response.status_code not in wanted:
        raise AssertionError(f"expected {sorted(wanted)}, got {response.status_code}")


@schemathesis.check
class Reach:
    """Whatever an administrator may do was done: refusals alone prove little. And whoever guessed had to wait."""

    def after_run(self, _context: CheckContext) -> None:
        Path(KNOWN["statuses"]).write_text(json.dumps(statuses))
        missed = [name for name, counts in statuses.items() if not any(200 <= status < 300 for status in counts)]
        missed += [f"429 of {name}" for name in ("issueToken", "changeMyPassword") if not statuses[name][429]]
        if missed and KNOWN["is_admin"] and KNOWN["whole"]:
            raise AssertionError(f"never reached: {', '.join(missed)}")
