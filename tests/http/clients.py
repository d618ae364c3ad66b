"""What tests of clients share: registered clients that ask for tokens, their keys, a server with a clock to set."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

import httpx2 as httpx
from attrs import define, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from dependency_injector import providers

from container import Container, Settings
from core.clients.model import AuthMethod
from tests.http.support import ISSUER, ME, TOKEN, Forge, Watched, b64, record, unb64, watching, without_none
from tests.support import PASSWORD, SetClock

INTROSPECT = "/api/v1/auth/introspect"
REVOKE = "/api/v1/auth/revoke"
CLIENTS = "/api/v1/clients"
METADATA = "/.well-known/oauth-authorization-server"
JWKS = "/.well-known/jwks.json"

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# The parameters of a request; a list is sent as repeated parameters.
Form = Mapping[str, str | Sequence[str]]

_jti = itertools.count()


@frozen
class Keyholder:
    """A client's own key pair (ES256), and the assertions that it signs."""

    forge: Forge

    @classmethod
    def new(cls, kid: str = "own") -> Keyholder:
        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        x, y = (b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return cls(Forge(key, {"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y}))

    @property
    def jwks(self) -> dict[str, object]:
        return {"keys": [dict(self.forge.public_jwk)]}

    def assertion(self, claims: object, header: Mapping[str, object] | None = None) -> str:
        """Signed, with any claims; None leaves a member of the header out."""
        own = {"alg": "ES256", "typ": "JWT", "kid": self.forge.kid, **(header or {})}
        return self.forge.sign(without_none(own), claims)


@define
class Registered:
    """A client as the server knows it, with what it needs to prove itself. Every request is by its own method."""

    live: Watched
    client_id: str
    method: AuthMethod
    secret: str = field(default="", repr=False)
    keyholder: Keyholder | None = None

    def proof(self, *, secret: str | None = None) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and form parameters that authenticate a request; `secret` is one to use in place of the own."""
        given = self.secret if secret is None else secret
        match self.method:
            case AuthMethod.SECRET_BASIC:
                return {"Authorization": basic(self.client_id, given)}, {}
            case AuthMethod.SECRET_POST:
                return {}, {"client_id": self.client_id, "client_secret": given}
            case AuthMethod.PRIVATE_KEY_JWT:
                return {}, asserting(self.assertion())
            case _:
                return {}, {"client_id": self.client_id}

    def assertion(self, header: Mapping[str, object] | None = None, /, **changes: object) -> str:
        """An assertion as it should be, but for what is changed; None leaves a claim out."""
        assert self.keyholder
        return self.keyholder.assertion(self.claims(**changes), header)

    def claims(self, **changes: object) -> dict[str, object]:
        now = int(self.live.container.clock().now().timestamp())
        own = {"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "exp": now + 60, "jti": f"jti-{next(_jti)}"}
        return without_none({**own, **changes})

    def post(self, path: str, form: Form, *, secret: str | None = None) -> httpx.Response:
        headers, parameters = self.proof(secret=secret)
        return post(self.live, path, {**form, **parameters}, headers)

    def ask(self, grant_type: str = "client_credentials", **form: str | Sequence[str]) -> httpx.Response:
        return self.post(TOKEN, {"grant_type": grant_type, **form})

    def token(self, **form: str | Sequence[str]) -> str:
        """An access token of its own."""
        return token_of(self.post(TOKEN, {"grant_type": "client_credentials", **form}))

    def log_in(self, username: str, password: str = PASSWORD, **form: str | Sequence[str]) -> dict[str, Any]:
        """The answer to a user's password through this client."""
        answer = self.ask("password", username=username, password=password, **form)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def refresh(self, token: str, **form: str | Sequence[str]) -> httpx.Response:
        return self.ask("refresh_token", refresh_token=token, **form)

    def revoke(self, token: str, **form: str) -> httpx.Response:
        return self.post(REVOKE, {"token": token, **form})

    def introspect(self, token: str, **form: str) -> dict[str, Any]:
        answer = self.post(INTROSPECT, {"token": token, **form})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def sees(self, token: str) -> bool:
        """Whether introspection says that the token is live."""
        return self.introspect(token)["active"] is True

    def at(self, other: Watched) -> Registered:
        """The same client at another server of the same database."""
        return Registered(other, self.client_id, self.method, self.secret, self.keyholder)


def register(
    live: Watched,
    client_id: str,
    *,
    method: AuthMethod = AuthMethod.SECRET_BASIC,
    grants: Sequence[str] = ("client_credentials",),
    scopes: Sequence[str] = (),
    resources: Sequence[str] = (),
    serves: Sequence[str] = (),
) -> Registered:
    """A client made by the use case, with a new key where it needs one."""
    keyholder = Keyholder.new() if method is AuthMethod.PRIVATE_KEY_JWT else None
    made = live.run(
        live.container.create_client()(
            client_id=client_id,
            auth_method=method,
            grant_types=tuple(grants),
            scopes=tuple(scopes),
            resources=tuple(resources),
            serves=tuple(serves),
            jwks=keyholder.jwks if keyholder else None,
        )
    )
    secret = made.secret.reveal() if made.secret else ""
    record.keep(secret)
    return Registered(live, client_id, method, secret, keyholder)


def add_resource(live: Watched, identifier: str, *scopes: str) -> str:
    live.run(live.container.create_resource()(identifier, scopes))
    return identifier


def basic(client_id: str, secret: str) -> str:
    """RFC 6749 §2.3.1: each form-encoded, joined by a colon, in base64."""
    return raw_basic(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode())


def raw_basic(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


def asserting(assertion: str) -> dict[str, str]:
    return {"client_assertion_type": JWT_BEARER, "client_assertion": assertion}


def post(live: Watched, path: str, form: Form, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """A form, whoever sends it."""
    with live.client() as client:
        return client.post(path, data=dict(form), headers=dict(headers or {}))


def token_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def opened(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified."""
    claims: dict[str, Any] = json.loads(unb64(token.split(".")[1]))
    return claims


def accepted(live: Watched, token: str) -> bool:
    """Whether Watchword's own endpoint takes the token."""
    with live.client(token) as client:
        return client.get(ME).status_code == 200


def assert_error(answer: httpx.Response, status: int, code: str) -> None:
    """An error of RFC 6749 §5.2, with nothing in it but what that section knows."""
    assert (answer.status_code, answer.json().get("error")) == (status, code), answer.text
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"


def assert_no_client(answer: httpx.Response) -> None:
    """The one answer to a client that did not prove itself in the body."""
    assert_error(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@frozen
class Timed(Watched):
    """A server on a clock that stands still until it is set."""

    clock: SetClock


@contextmanager
def clocked(settings: Settings) -> Iterator[Timed]:
    container, clock = Container(settings=settings), SetClock()
    container.clock.override(providers.Object(clock))
    with watching(settings, container) as live:
        yield Timed(live.url, live.container, live.loop, clock)
