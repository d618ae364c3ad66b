"""The loads: what is asked of the server, and of its floor alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import cycle
from urllib.parse import urlencode

from bench.furnish import ASKED, PASSWORD, REDIRECT_URI, USERNAME, VERIFIER, Furniture
from bench.load import Load
from bench.processes import Child
from bench.scripts import FORM, CodeFlows, OneAfterAnother, Repeat, Rotations, request

TOKEN_PATH, ME_PATH = "/api/v1/auth/token", "/api/v1/users/me"
INTROSPECT_PATH, JWKS_PATH = "/api/v1/auth/introspect", "/.well-known/jwks.json"
AUTHORIZE_PATH = f"/authorize?{urlencode(ASKED)}"

READERS = 16  # connections
CLIENTS = 64  # connections of those whose latencies count


def own_account(child: Child, token: str) -> Load:
    asked = request("GET", ME_PATH, bearer(token))
    return Load(f"GET {ME_PATH}", child.port, [Repeat(asked)] * READERS, expected=_USER)


def own_accounts(child: Child, tokens: Iterable[str]) -> Load:
    """Each token in turn."""
    asked = cycle([request("GET", ME_PATH, bearer(token)) for token in tokens])
    scripts = [OneAfterAnother(asked) for _ in range(READERS)]
    return Load(f"GET {ME_PATH}, token after token", child.port, scripts, expected=_USER)


def logins(child: Child, connections: int) -> Load:
    asked = request("POST", TOKEN_PATH, FORM, f"username={USERNAME}&password={PASSWORD}")
    return Load("logins", child.port, [Repeat(asked)] * connections, expected=b'"token_type":"bearer"')


def client_credentials(child: Child, furniture: Furniture) -> Load:
    asked = request("POST", TOKEN_PATH, {**FORM, **furniture.service}, "grant_type=client_credentials")
    return Load("client credentials", child.port, [Repeat(asked)] * CLIENTS, expected=b'"access_token":"ey')


def rotations(child: Child, headers: Mapping[str, str], tokens: Sequence[str]) -> Load:
    """The families are dealt out to the connections."""
    dealt = [tokens[number::CLIENTS] for number in range(CLIENTS)]
    scripts = [Rotations(TOKEN_PATH, headers, own) for own in dealt]
    return Load("refresh", child.port, scripts, expected=b'"refresh_token":"wwr_')


def introspections(child: Child, furniture: Furniture) -> Load:
    form = f"token={furniture.introspected}"
    asked = request("POST", INTROSPECT_PATH, {**FORM, **furniture.api}, form)
    return Load("introspection", child.port, [Repeat(asked)] * CLIENTS, expected=b'"active":true')


def code_flows(child: Child, furniture: Furniture) -> Load:
    """Each connection is the browser of one session, and the application."""
    redeem = partial(_token_request, furniture.app)
    scripts = [CodeFlows(request("GET", AUTHORIZE_PATH, cookie), redeem) for cookie in furniture.cookies]
    return Load("code flow", child.port, scripts, expected=b'"id_token":"ey', by_way_of=b"?code=wwc_")


def code_form(code: str) -> dict[str, str]:
    """RFC 6749 §4.1.3, RFC 7636 §4.5."""
    own = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return {**own, "code": code}


def _token_request(headers: Mapping[str, str], code: str) -> bytes:
    return request("POST", TOKEN_PATH, {**FORM, **headers}, urlencode(code_form(code)))


def key_sets(child: Child) -> Load:
    return Load("JWKS", child.port, [Repeat(request("GET", JWKS_PATH, {}))] * READERS, expected=b'"keys":')


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


_USER = f'"username":"{USERNAME}"'.encode()
