"""What the OAuth endpoints share: who the client says it is, and where the request comes from."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from core.clients.authenticate import AssertionCredential, ClientCredential, PublicCredential, SecretCredential
from core.clients.model import AuthMethod
from core.protocol.refusals import InvalidClient, InvalidRequest
from core.protocol.secret import Secret
from entrypoints.http.forms import BAD_ESCAPE, Form

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2

# Names of parameters that identify a client, for messages about those that stand in the URL.
CLIENT_NAMES = ("client_id", "client_secret", "client_assertion", "client_assertion_type")

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 §5.1

# Made once: `json.dumps` makes an encoder for every call that wants no white space.
_json = json.JSONEncoder(separators=(",", ":"), default=dict).encode

MALFORMED = "The Authorization header is not that of HTTP Basic: base64 of client_id:client_secret, each form-encoded"


def client_credential(request: Request, form: Form) -> ClientCredential | None:
    """What the client presents; None where nobody claims to be one.

    Raises `InvalidRequest` for two methods in one request (RFC 6749 §2.3) and for what is malformed, `InvalidClient`
    for an authentication scheme that is not offered.
    """
    header = _basic(request)
    named, secret = form.get("client_id"), form.get("client_secret")
    kind, assertion = form.get("client_assertion_type"), form.get("client_assertion")
    if sum((header is not None, bool(secret), bool(assertion))) > 1:
        raise InvalidRequest("a client authenticates in one way at a time")
    if header is not None:
        if named and named != header.client_id:
            raise InvalidRequest("client_id is not that of the Authorization header")
        # RFC 6749 §2.3.1: without a secret it may as well be left out, and many a public client sends it so.
        return header if header.secret.reveal() else PublicCredential(header.client_id)
    if assertion or kind:
        if kind != JWT_BEARER:
            raise InvalidRequest(f"client_assertion_type must be {JWT_BEARER}")
        if not assertion:
            raise InvalidRequest("client_assertion is missing")
        return AssertionCredential(Secret(assertion), named or None)
    if secret:
        if not named:
            raise InvalidRequest("client_id is missing")
        return SecretCredential(named, Secret(secret), AuthMethod.SECRET_POST)
    return PublicCredential(named) if named else None


def required_client(request: Request, form: Form) -> ClientCredential:
    """Raises `InvalidClient` where nobody claims to be a client (RFC 6749 §5.2)."""
    credential = client_credential(request, form)
    if credential is None:
        raise InvalidClient("This request needs a client's authentication")
    return credential


def address(request: Request) -> str:
    """Of whoever asks; behind a proxy that is trusted, of whom it asks for."""
    return request.client.host if request.client is not None else ""


def no_store(body: Mapping[str, object], *, status: int = 200) -> Response:
    """JSON that nobody may keep."""
    return Response(_json(body), status, headers=NO_STORE, media_type="application/json")


def _basic(request: Request) -> SecretCredential | None:
    """RFC 6749 §2.3.1: both parts are form-encoded before they are joined (RFC 7617 §2)."""
    sent = request.headers.getlist("authorization")
    if not sent:
        return None
    if len(sent) > 1:
        raise InvalidRequest("several Authorization headers")
    scheme, _, encoded = sent[0].partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("Clients authenticate by HTTP Basic here, or in the body")
    try:
        text = base64.b64decode(encoded.strip(" "), validate=True).decode()
        named, colon, secret = text.partition(":")
        if not colon or BAD_ESCAPE.search(text):
            raise ValueError
        client_id, client_secret = unquote_plus(named, errors="strict"), unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error):
        raise InvalidRequest(MALFORMED) from None
    if "\0" in client_id or "\0" in client_secret or not client_id:
        raise InvalidRequest(MALFORMED)
    return SecretCredential(client_id, Secret(client_secret), AuthMethod.SECRET_BASIC)
