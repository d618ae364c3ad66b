"""The floor of every endpoint: one bare ASGI application that does the same work, and nothing around it.

No framework, no log, no check of a request but the one that the work consists of. What is wrong is an exception.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from time import time
from typing import Any
from uuid import uuid4

from starlette.types import Receive, Scope, Send

from bench.floors.asking import client_pair, form, header, json_of
from bench.floors.database import Connection, Kept
from bench.floors.flow import Flow
from bench.floors.given import LIFETIME, Given
from bench.floors.jwt import Signer, Verifier

Answer = Callable[[Scope, Receive], Awaitable[bytes]]


class Floor:
    def __init__(self, dsn: str, given: Given) -> None:
        self._database = Kept(dsn)
        self._given = given
        self._sign = Signer("ES256", "at+jwt")
        self._flow = Flow(self._database, given, self._sign)
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
        if scope["path"] == "/authorize":
            status, body = 303, b""
            headers = [(b"location", await self._flow.authorize(scope)), (b"content-length", b"0")]
        else:
            status, body = 200, await self._answers[scope["path"]](scope, receive)
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _me(self, scope: Scope, receive: Receive) -> bytes:
        """One verification, one SELECT."""
        claims = self._verify(header(scope, b"authorization").removeprefix(b"Bearer "))
        if claims["exp"] <= time():
            raise PermissionError
        connection = await self._database.take()
        row = await connection.user.fetchrow(claims["sub"])
        self._database.give_back(connection)
        assert row is not None
        return json_of(
            {
                "id": str(row[0]),
                "username": row[1],
                "email": row[2],
                "email_verified": row[3],
                "profile": json.loads(row[4]),
                "is_active": row[5],
                "roles": row[6],
                "created_at": row[7].isoformat(),
                "updated_at": row[8].isoformat(),
            }
        )

    async def _token(self, scope: Scope, receive: Receive) -> bytes:
        """The form, one SELECT, one signature; for a refresh also one INSERT, whose commit is waited for.

        A code is for `Flow`.
        """
        asked = await form(receive)
        if asked["grant_type"] == "authorization_code":
            return await self._flow.exchange(scope, asked)
        refreshes, successor, now = asked["grant_type"] == "refresh_token", "", int(time())
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
        return json_of(answer)

    async def _introspect(self, scope: Scope, receive: Receive) -> bytes:
        """The form, one SELECT, one verification."""
        asked = await form(receive)
        connection = await self._database.take()
        await _client(scope, connection)
        self._database.give_back(connection)
        claims = self._verify(asked["token"].encode())
        if claims["exp"] <= time():
            raise PermissionError
        own = {"active": True, "token_type": "Bearer", "username": claims["sub"]}
        return json_of({name: value for name, value in claims.items() if name != "grant_id"} | own)

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


async def _client(scope: Scope, connection: Connection) -> tuple[str, list[str]]:
    """The client that the header names (HTTP Basic), and its scopes, after its secret was compared."""
    client_id, secret = client_pair(scope)
    row = await connection.client.fetchrow(client_id)
    assert row is not None
    if not hmac.compare_digest(hashlib.sha256(secret).digest(), row[0]) or not row[1]:
        raise PermissionError
    return client_id, row[2]
