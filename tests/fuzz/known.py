"""Who is there: users, clients and tokens that no generator could guess."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from collections import defaultdict, deque
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode
from urllib.request import Request, urlopen

import schemathesis
from joserfc import jwt
from joserfc.jwk import ECKey

KNOWN = json.loads(os.environ["WATCHWORD_KNOWN"])

Case = schemathesis.Case[Any]
Body = dict[str, Any]
# How a client authenticates. There is one client of each kind; `nobody` is a request without any.
Kind = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none", "nobody"]
KINDS: tuple[Kind, ...] = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none", "nobody")
CONFIDENTIAL = KINDS[:3]

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
OF_A_CLIENT = ("client_id", "client_secret", "client_assertion", "client_assertion_type")

# Tokens from earlier answers, by whom they were given to.
access_tokens: dict[Kind, deque[str]] = defaultdict(lambda: deque(maxlen=20))
refresh_tokens: dict[Kind, deque[str]] = defaultdict(lambda: deque(maxlen=20))


def credentials(kind: Kind) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and parameters by which the client of this kind authenticates."""
    if kind == "nobody":
        return {}, {}
    client = KNOWN["clients"][kind]
    client_id, secret = client["client_id"], client["secret"]
    match kind:
        case "client_secret_basic":
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}
        case "client_secret_post":
            return {}, {"client_id": client_id, "client_secret": secret}
        case "private_key_jwt":
            return {}, {"client_assertion_type": JWT_BEARER, "client_assertion": _assertion(client_id, client["key"])}
        case "none":
            return {}, {"client_id": client_id}


def _assertion(client_id: str, key: dict[str, Any]) -> str:
    claims = {"iss": client_id, "sub": client_id, "aud": KNOWN["issuer"], "exp": int(time.time()) + 60}
    return jwt.encode({"alg": "ES256"}, {**claims, "jti": str(uuid.uuid4())}, ECKey.import_key(key))


def be(kind: Kind, case: Case, body: Body) -> None:
    """Let the case come from the client of this kind, and from no other."""
    headers, parameters = credentials(kind)
    case.headers.pop("Authorization", None)
    case.headers.update(headers)
    for name in OF_A_CLIENT:
        body.pop(name, None)
    body.update(parameters)


def access_token(kind: Kind) -> str:
    if not access_tokens[kind]:
        _log_in(kind)
    return access_tokens[kind].pop()


def refresh_token(kind: Kind) -> str:
    if not refresh_tokens[kind]:
        _log_in(kind)
    return refresh_tokens[kind].pop()


def keep(kind: Kind, answer: dict[str, str]) -> None:
    """Tokens that were given to a client, for later use."""
    access_tokens[kind].append(answer["access_token"])
    if "refresh_token" in answer:
        refresh_tokens[kind].append(answer["refresh_token"])


def _log_in(kind: Kind) -> None:
    headers, parameters = credentials(kind)
    form = {"grant_type": "password", "username": KNOWN["username"], "password": KNOWN["password"], **parameters}
    request = Request(f"{KNOWN['address']}/api/v1/auth/token", urlencode(form).encode(), headers)  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310 - our own server
        keep(kind, json.load(answer))
