"""The floor of every endpoint: one bare ASGI application that does the same work, and nothing around it.

No framework, no log, no check of a request but the one that the work consists of. What is wrong is an exception.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from time import time
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.types import Receive, Scope, Send

from bench.floors.database import Connection, Kept
from bench.floors.given import Given
from bench.floors.jwt import Signer, Verifier

LIFETIME = 24 * 3600  # seconds; as the server's while it is measured

Answer = Callable[[Scope, Receive], Awaitable[bytes]]


class Floor:
    def __init__(self, dsn: str, given: Given) -> None:
        self._database = Kept(dsn)
        self._given = given
        self._sign = Signer()
        self._verify = Verifier(next(jwk for jwk in json.loads(given.jwks)["keys"] if jwk["kty"] == "EC"))
        self._jwks = given.jwks.encode()
        self._answers: dict[str, Answer] = {
            "/api/v1/users/me": self._me,
            "/api/v1/auth/token": self._token,
            "/api/v1/auth/introspect": self._introspect,
            "/.well-known/jwks.json": self._published,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = await self._answers[scope["path"]](scope, receive)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _me(self, scope: Scope, receive: Receive) -> bytes:
        """One verification, one SELECT."""
        claims = self._verify(_header(scope, b"authorization").removeprefix(b"Bearer "))
        if claims["exp"] <= time():
            raise PermissionError
        connection = await self._database.take()
        row = await connection.user.fetchrow(claims["sub"])
        self._database.give_back(connection)
        assert row is not None
        return _json(
            {
                "id": str(row[0]),
                "username": row[1],
                "email": row[2],
                "is_active": row[3],
                "roles": row[4],
                "created_at": row[5].isoformat(),
                "updated_at": row[6].isoformat(),
            }
        )

    async def _token(self, scope: Scope, receive: Receive) -> bytes:
        """The form, one SELECT, one signature; for a refresh also one INSERT, whose commit is waited for."""
        form = await _form(receive)
        refreshes, successor, now = form["grant_type"] == "refresh_token", "", int(time())
        connection = await self._database.take()
        client_id, scopes = await _client(scope, connection)
        if refreshes:
            successor = "wwr_" + token_urlsafe(64)
            digest = hashlib.sha256(successor.encode()).digest()
            await connection.insert.fetchrow(digest, client_id, self._given.username, now + LIFETIME)
        self._database.give_back(connection)
        granted = " ".join(scopes)
        claims: dict[str, Any] = {
            "iss": self._given.issuer,
            "sub": self._given.username if refreshes else client_id,
            "aud": self._given.issuer,
            "exp": now + LIFETIME,
            "iat": now,
            "jti": str(uuid4()),
            "client_id": client_id,
            "scope": granted,
        }
        answer = {"access_token": "", "token_type": "bearer", "expires_in": LIFETIME, "scope": granted}
        if refreshes:
            claims |= {"roles": [], "grant_id": str(uuid4())}
            answer["refresh_token"] = successor
        answer["access_token"] = self._sign(claims)
        return _json(answer)

    async def _introspect(self, scope: Scope, receive: Receive) -> bytes:
        """The form, one SELECT, one verification."""
        form = await _form(receive)
        connection = await self._database.take()
        await _client(scope, connection)
        self._database.give_back(connection)
        claims = self._verify(form["token"].encode())
        if claims["exp"] <= time():
            raise PermissionError
        own = {"active": True, "token_type": "Bearer", "username": claims["sub"]}
        return _json({name: value for name, value in claims.items() if name != "grant_id"} | own)

    async def _published(self, scope: Scope, receive: Receive) -> bytes:
        """The same bytes."""
        return self._jwks

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._database.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._database.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _form(receive: Receive) -> dict[str, str]:
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return dict(parse_qsl(body.decode()))


async def _client(scope: Scope, connection: Connection) -> tuple[str, list[str]]:
    """The client that the header names (HTTP Basic), and its scopes, after its secret was compared."""
    sent = base64.b64decode(_header(scope, b"authorization").removeprefix(b"Basic "))
    named, _, secret = sent.partition(b":")
    client_id = named.decode()
    row = await connection.client.fetchrow(client_id)
    assert row is not None
    if not hmac.compare_digest(hashlib.sha256(secret).digest(), row[0]) or not row[1]:
        raise PermissionError
    return client_id, row[2]


def _header(scope: Scope, name: bytes) -> bytes:
    value: bytes = next(value for one, value in scope["headers"] if one == name)
    return value


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
