"""What the HTTP tests share: a server that is watched, a raw connection, and a workshop for tokens."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import logging
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

import httpx2 as httpx
from attrs import field, frozen
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from container import Container, Settings
from core.keys.model import KeyRing, SigningKey
from core.users.model import User
from core.users.throttle import Attempt
from tests.support import PASSWORD, TLS, Live, running

T = TypeVar("T")

TOKEN = "/api/v1/auth/token"
USERS = "/api/v1/users"
ME = "/api/v1/users/me"
ISSUER = "http://127.0.0.1:8000"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

PROBLEM = "application/problem+json"
SECRET_PARAMETERS = frozenset(
    {"client_secret", "client_assertion", "access_token", "refresh_token", "token", "id_token", "code", "code_verifier"}
)

DIFFERENT = 5  # characters
LEAST = 20  # characters; whatever is shorter stands in for a real one, and may be a word that occurs anywhere

REFUSED = 'Bearer error="invalid_token"'
NOT_SENT = 'Bearer realm="watchword"'


# What goes over the wire, kept for the search at the end of the suite


class Record(logging.Handler):
    """Every line logged, every error body, and every secret that was used in this run."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.secrets: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def write(self, text: str) -> None:
        """As the stream that requests are noted on."""
        self.lines += text.splitlines()

    def keep(self, *secrets: str | None) -> None:
        """Remember what must show up nowhere. A text of fewer than eight characters occurs by accident, and so does one
        of few different ones, which stands in for a real one.
        """
        self.secrets.update(text for text in secrets if text and len(text) >= 8 and len(set(text)) >= DIFFERENT)

    def keep_token(self, token: str) -> None:
        if len(token) >= LEAST:
            self.keep(token, token.rpartition(".")[2])

    def sent(self, request: httpx.Request) -> None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        self.keep_token(credentials)
        if scheme.lower() == "basic":
            self.keep(_secret_of_basic(credentials))
        self.keep(request.url.params.get("password"))
        self.keep(*_secrets(request.read()))

    def received(self, response: httpx.Response) -> None:
        body = response.read()
        if response.status_code >= 400:
            self.errors.append(body.decode(errors="replace"))
        elif response.headers.get("content-type") == "application/json":
            self.keep(*_secrets(body))

    def leaks(self) -> list[str]:
        """Which secrets stand in the log or in an error body, as they are or escaped."""
        texts = "\n".join([*self.lines, *self.errors])
        return sorted(secret for secret in self.secrets if any(form in texts for form in _spellings(secret)))


def _spellings(secret: str) -> set[str]:
    escaped = {quote(secret, errors="replace"), quote_plus(secret, errors="replace")}
    return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], *escaped}


def _secrets(body: bytes) -> list[str]:
    """The values of a body, form or JSON, whose names speak of a secret; of tokens their signatures as well."""
    try:
        found = json.loads(body)
        pairs = list(found.items()) if isinstance(found, dict) else []
    except (ValueError, RecursionError):
        pairs = parse_qsl(body.decode(errors="replace"))
    texts = [(name, value) for name, value in pairs if isinstance(value, str)]
    passwords = [value for name, value in texts if "password" in name]
    tokens = [value for name, value in texts if name in SECRET_PARAMETERS and len(value) >= LEAST]
    return [*passwords, *tokens, *(token.rpartition(".")[2] for token in tokens)]


def _secret_of_basic(credentials: str) -> str | None:
    try:
        secret = base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return None
    return secret if len(secret) >= LEAST else None


record = Record()


@frozen
class Watched(Live):
    """A live server, all of whose answers go into the record."""

    def client(self, token: str | None = None) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=10,
            verify=TLS,
            event_hooks={"request": [record.sent], "response": [record.received]},
        )

    def add_user(self, username: str, *, password: str = PASSWORD, roles: tuple[str, ...] = ()) -> User:
        record.keep(password)
        return super().add_user(username, password=password, roles=roles)

    def wire(self, timeout: float = 8) -> Wire:
        return Wire(self.url, timeout)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that belongs to the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def forgive(self, username: str) -> None:
        """Forget whatever failures are counted for this user from this machine."""
        attempt = Attempt("password", username, "127.0.0.1")
        self.run(self.container.tallies().clear(list(attempt.keys)))

    def admin(self) -> httpx.Client:
        """A client with the token of an administrator, made when there is none yet."""
        if not self.run(self.container.users().get_by_username("the-admin")):
            self.add_user("the-admin", roles=("admin",))
        return self.client(self.token("the-admin"))


@contextmanager
def watching(settings: Settings, container: Container | None = None) -> Iterator[Watched]:
    """As `running`, and the server's own secrets are known to the record."""
    if settings.database_url:
        record.keep(urlsplit(settings.database_url.reveal()).password)
    if settings.jwt_secret_key:
        record.keep(settings.jwt_secret_key.reveal())
    if settings.encryption_key:
        record.keep(settings.encryption_key.reveal())
    with running(settings, container) as live:
        yield Watched(live.url, live.container, live.loop)


def eventually(holds: Callable[[], bool], *, within: float) -> bool:
    """Whether it comes to hold; looks again and again."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


# Bytes as no polite client sends them


@frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One TCP connection, on which anything may be written."""

    def __init__(self, url: str, timeout: float = 8) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> Self:
        for part in parts:
            self.socket.sendall(part)
        return self

    def answer(self, method: str = "GET") -> Answer:
        response = http.client.HTTPResponse(self.socket, method=method)
        try:
            response.begin()
            body = response.read()
            headers = {name.lower(): value for name, value in response.getheaders()}
        finally:
            response.close()
        if response.status >= 400:
            record.errors.append(body.decode(errors="replace"))
        return Answer(response.status, headers, body)

    def ended(self) -> bool:
        """Whether the server ends the connection without another byte, and without a reset."""
        return self.socket.recv(1) == b""


def head(method: str, path: str, *lines: str | bytes) -> bytes:
    """The head of a request; `Host` is in it unless a line says otherwise."""
    written = [line.encode() if isinstance(line, str) else line for line in lines]
    if not any(line.lower().startswith(b"host:") for line in written):
        written.insert(0, b"Host: 127.0.0.1")
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *written, b"", b""])


def post_form(body: bytes, *lines: str | bytes) -> bytes:
    kind = f"Content-Type: {FORM['Content-Type']}"
    return head("POST", TOKEN, kind, f"Content-Length: {len(body)}", *lines) + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


# Tokens as nobody should make them


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def part(value: object) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def raw_signature(der: bytes) -> bytes:
    """r and s side by side (RFC 7518 §3.4)."""
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@frozen
class Forge:
    """The server's own signing key, in hands that put any header and any claims under it."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    public_jwk: Mapping[str, str]

    @property
    def kid(self) -> str:
        return self.public_jwk["kid"]

    @classmethod
    def of(cls, live: Live) -> Forge:
        async def stored() -> SigningKey | None:
            ring = KeyRing(await live.container.signing_keys().all())
            return ring.active("ES256", live.container.clock().now())

        signing = asyncio.run_coroutine_threadsafe(stored(), live.loop).result(10)
        assert signing is not None
        private = json.loads(live.container.sealer().open(signing.sealed_private_key, name=signing.kid))
        record.keep(private["d"])
        key = ec.derive_private_key(int.from_bytes(unb64(private["d"]), "big"), ec.SECP256R1())
        return cls(key, signing.public_jwk)

    def header(self, **changes: object) -> dict[str, object]:
        return without_none({"alg": "ES256", "typ": "at+jwt", "kid": self.kid, **changes})

    def sign(self, header: object, payload: object) -> str:
        text = f"{part(header)}.{part(payload)}"
        signature = raw_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{b64(signature)}"

    def token(self, username: str, header: Mapping[str, object] | None = None, **changes: object) -> str:
        """A token as the server would make it, but for what is changed; None leaves a claim out."""
        return self.sign(self.header(**(header or {})), claims(username, **changes))


def claims(username: str, **changes: object) -> dict[str, object]:
    now = int(time.time())
    return without_none(
        {
            "iss": ISSUER,
            "sub": username,
            "aud": ISSUER,
            "exp": now + 600,
            "iat": now,
            "jti": "a-token-of-the-tests",
            "client_id": "watchword",
            "roles": [],
            **changes,
        }
    )


def without_none(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def me(live: Live, token: str) -> httpx.Response:
    with live.client() as client:
        return client.get(ME, headers={"Authorization": f"Bearer {token}"})


def assert_refused(answer: httpx.Response | Answer) -> None:
    """The one answer to a token that does not hold (RFC 6750 §3.1)."""
    status = answer.status if isinstance(answer, Answer) else answer.status_code
    assert status == 401
    assert answer.headers["www-authenticate"].startswith(REFUSED)
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"] == "Could not validate credentials"
