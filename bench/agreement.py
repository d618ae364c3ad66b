"""Does the floor do the server's work? Asked once at the start: ratios of different answers would say nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from bench.furnish import Furniture
from bench.load import Broken
from bench.loads import AUTHORIZE_PATH, INTROSPECT_PATH, JWKS_PATH, ME_PATH, TOKEN_PATH, bearer, code_form
from bench.processes import Child


def check(server: Child, floor: Child, furniture: Furniture) -> None:
    """Spends the furniture's `trial`. Raises `Broken`."""
    pair = (server, floor)
    _same("/users/me", *(child.ask(ME_PATH, bearer(furniture.unseen[0])) for child in pair))
    _same("JWKS", *(child.ask(JWKS_PATH, {}) for child in pair))
    asked = {"token": furniture.introspected}
    _same("introspection", *(json.loads(child.ask(INTROSPECT_PATH, furniture.api, asked)) for child in pair))
    own = {"grant_type": "client_credentials"}
    _alike("client credentials", *(_token(child, furniture, own) for child in pair))
    trial = {"grant_type": "refresh_token", "refresh_token": furniture.trial}
    _alike("refresh", *(_token(child, furniture, trial) for child in pair))
    places = [child.leads_to(AUTHORIZE_PATH, furniture.cookies[0]) for child in pair]
    _same("/authorize", *(_without_code(place) for place in places))
    flows = []
    for child, place in zip(pair, places, strict=True):
        form = code_form(dict(parse_qsl(urlsplit(place).query))["code"])
        flows.append(json.loads(child.ask(TOKEN_PATH, furniture.app, form)))
    _alike("code", *flows)


def _token(child: Child, furniture: Furniture, form: Mapping[str, str]) -> dict[str, object]:
    answer: dict[str, object] = json.loads(child.ask(TOKEN_PATH, furniture.service, form))
    return answer


def _same(what: str, server: object, floor: object) -> None:
    if server != floor:
        raise Broken(f"{what}: the server and its floor answer differently: {server!r} and {floor!r}")


def _alike(what: str, server: dict[str, object], floor: dict[str, object]) -> None:
    """The same members, and a token with the same claims, whose values may differ."""
    _same(what, _outline(server), _outline(floor))


def _outline(answer: dict[str, object]) -> object:
    tokens = {name: _of_token(str(answer[name])) for name in ("access_token", "id_token") if name in answer}
    lengths = {name: len(str(answer[name])) for name in answer if name == "refresh_token"}
    return sorted(answer), tokens, lengths


def _of_token(token: str) -> object:
    header, claims = (_decoded(part) for part in token.split(".")[:2])
    return sorted(header), header["alg"], header["typ"], sorted(claims), len(token.rpartition(".")[2])


def _without_code(place: str) -> object:
    parts = urlsplit(place)
    return parts._replace(query=""), [
        (name, len(value) if name == "code" else value) for name, value in parse_qsl(parts.query)
    ]


def _decoded(part: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return value
