"""What tests of registration over HTTP share: clients that register themselves, and documents of theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
from attrs import define, field

from core.clients.model import AuthMethod
from tests.http.clients import Keyholder
from tests.http.signing_in import CALLBACK, App
from tests.http.support import ISSUER, Watched, record

REGISTER = "/api/v1/auth/register"


def register(live: Watched, document: Any, token: str | None = None, **headers: str) -> httpx.Response:
    """A document as it is, or bytes as they are."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with live.client(token) as client:
        answer = client.post(REGISTER, content=body, headers={"Content-Type": "application/json", **headers})
    if answer.status_code == 201:
        record.keep(answer.json()["registration_access_token"], answer.json().get("client_secret"))
    return answer


def assert_refused(answer: httpx.Response, code: str, at_fault: str | None = None) -> None:
    """RFC 7591 §3.2.2."""
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json"), answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    assert body["error"] == code, body
    assert body["error_description"].isascii()
    assert at_fault is None or at_fault in body["error_description"], body


@define
class Newcomer:
    """A client that registered itself, with all that it was told."""

    live: Watched
    told: dict[str, Any] = field(repr=False)
    keyholder: Keyholder | None = None

    @classmethod
    def of(cls, live: Watched, token: str | None = None, /, **said: Any) -> Newcomer:
        """With a redirect URI unless it says otherwise."""
        answer = register(live, {"redirect_uris": [CALLBACK], **said}, token)
        assert answer.status_code == 201, answer.text
        return cls(live, answer.json())

    @property
    def client_id(self) -> str:
        return str(self.told["client_id"])

    @property
    def token(self) -> str:
        return str(self.told["registration_access_token"])

    @property
    def path(self) -> str:
        """Of its registration; the server is asked where it is, and not where it says that it is known."""
        uri: str = self.told["registration_client_uri"]
        assert uri.startswith(f"{ISSUER}/")
        return urlsplit(uri).path

    def manage(self, method: str, body: Any = None, *, token: str | None = "") -> httpx.Response:
        """With its own token, another one, or None for none."""
        with self.live.client(self.token if token == "" else token) as client:
            return client.request(method, self.path, json=body)

    def put(self, **said: Any) -> httpx.Response:
        return self.manage("PUT", {"client_id": self.client_id, "redirect_uris": [CALLBACK], **said})

    def app(self) -> App:
        """The same client, as it signs people in."""
        method, secret = AuthMethod(self.told["token_endpoint_auth_method"]), self.told.get("client_secret", "")
        return App(self.live, self.client_id, method, secret, self.keyholder, self.told["redirect_uris"][0])


@define
class Site:
    """Documents on this machine, by their paths; and which were asked for."""

    url: str
    documents: dict[str, bytes]
    asked: list[str] = field(factory=list)

    def put(self, path: str, document: object) -> str:
        """The address of the document from now on."""
        self.documents[path] = json.dumps(document).encode()
        return self.url + path


@contextmanager
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append(self.path)
            body = here.documents.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Site(f"http://127.0.0.1:{server.server_address[1]}", {})
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()
