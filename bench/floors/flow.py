"""The floor of the authorization code flow of somebody who is signed in: its two requests (RFC 6749 §4.1).

The client is looked up once and then known, as the server knows a client that it just met.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from secrets import token_urlsafe
from time import time
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from starlette.types import Scope

from bench.floors.asking import client_pair, header, json_of
from bench.floors.database import Kept
from bench.floors.given import LIFETIME, Given
from bench.floors.jwt import Signer

CODE_LIFETIME = 60  # seconds
ID_TOKEN_LIFETIME = 3600


class Flow:
    def __init__(self, database: Kept, given: Given, sign: Signer) -> None:
        self._database = database
        self._given = given
        self._sign = sign
        self._sign_id_token = Signer("RS256", "JWT")
        self._secrets: dict[str, bytes] = {}

    async def authorize(self, scope: Scope) -> bytes:
        """Where the application gets its code: one SELECT, and one INSERT whose commit is waited for."""
        asked = dict(parse_qsl(scope["query_string"].decode()))
        client_id, code = asked["client_id"], "wwc_" + token_urlsafe(48)
        connection = await self._database.take()
        cookie = header(scope, b"cookie").partition(b"=")[2]
        row = await connection.session.fetchrow(_digest(cookie), client_id)
        assert row is not None
        session, username, authenticated_at, granted = row
        audience = self._given.issuer
        if not {f"{audience} {name}" for name in asked["scope"].split(" ")} <= set(granted):
            raise PermissionError
        await connection.code.fetchrow(
            _digest(code.encode()),
            client_id,
            username,
            asked["scope"],
            session,
            authenticated_at,
            asked["redirect_uri"],
            asked["code_challenge"],
            asked["nonce"],
            int(time()) + CODE_LIFETIME,
        )
        self._database.give_back(connection)
        answer = urlencode({"code": code, "state": asked["state"], "iss": self._given.issuer})
        return f"{asked['redirect_uri']}?{answer}".encode()

    async def exchange(self, scope: Scope, form: dict[str, str]) -> bytes:
        """One statement that spends the code and keeps a refresh token, whose commit is waited for; two signatures."""
        client_id, secret = client_pair(scope)
        refresh_token, now = "wwr_" + token_urlsafe(64), int(time())
        connection = await self._database.take()
        if client_id not in self._secrets:
            row = await connection.client.fetchrow(client_id)
            assert row is not None
            self._secrets[client_id] = row[0]
        if not hmac.compare_digest(_digest(secret), self._secrets[client_id]):
            raise PermissionError
        row = await connection.spend.fetchrow(
            _digest(form["code"].encode()),
            client_id,
            form["redirect_uri"],
            _text(_digest(form["code_verifier"].encode())),
            now,
            _digest(refresh_token.encode()),
            now + LIFETIME,
        )
        self._database.give_back(connection)
        assert row is not None
        username, granted, session, authenticated_at, nonce = row
        issuer = self._given.issuer
        access_token = self._sign(
            {
                "iss": issuer,
                "sub": username,
                "aud": issuer,
                "exp": now + LIFETIME,
                "iat": now,
                "jti": str(uuid4()),
                "client_id": client_id,
                "scope": granted,
                "roles": [],
                "grant_id": str(uuid4()),
            }
        )
        id_token = self._sign_id_token(
            {
                "iss": issuer,
                "sub": username,
                "aud": client_id,
                "azp": client_id,
                "exp": now + ID_TOKEN_LIFETIME,
                "iat": now,
                "auth_time": int(authenticated_at.timestamp()),
                "acr": "1",
                "amr": ["pwd"],
                "sid": str(session),
                "at_hash": _text(_digest(access_token.encode())[:16]),
                "nonce": nonce,
            }
        )
        return json_of(
            {
                "access_token": access_token,
                "token_type": "bearer",
                "expires_in": LIFETIME,
                "scope": granted,
                "refresh_token": refresh_token,
                "id_token": id_token,
            }
        )


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
