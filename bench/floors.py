"""What the server is held against: the least code that does the same work, without anything around it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, time
from typing import Any

import argon2
import asyncpg
import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from starlette.types import Receive, Scope, Send

from entrypoints.http import server

SELECT = "SELECT id, username, email, is_active, roles, created_at, updated_at FROM users WHERE username = $1"
CONNECTIONS = 10  # the server's default for WATCHWORD_POOL_SIZE


def hash_rate(hashed: str, password: str, *, threads: int, seconds: float) -> float:
    """Verifications of one hash in a second, by a plain pool of threads that do nothing else."""
    verify = argon2.PasswordHasher().verify

    def work(_: int) -> float:
        started, done = perf_counter(), 0
        while perf_counter() - started < seconds:
            verify(hashed, password)
            done += 1
        return done / (perf_counter() - started)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)))


class BareMe:
    """The user behind one ES256 token, as JSON: a signature, a SELECT, and no framework."""

    def __init__(self, dsn: str, public_jwk: dict[str, Any]) -> None:
        self._dsn = dsn
        self._key = ECKey.import_key(public_jwk)
        self._rules = JWSRegistry(algorithms=["ES256"])
        self._pool: asyncpg.Pool[asyncpg.Record]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        sent = next(value for name, value in scope["headers"] if name == b"authorization")
        claims = jwt.decode(sent.removeprefix(b"Bearer "), self._key, registry=self._rules).claims
        if claims["exp"] <= time():
            raise PermissionError
        row = await self._pool.fetchrow(SELECT, claims["sub"])
        assert row is not None
        user = {
            "id": str(row["id"]),
            "username": row["username"],
            "email": row["email"],
            "is_active": row["is_active"],
            "roles": row["roles"],
            "created_at": row["created_at"].isoformat(),
            "updated_at": row["updated_at"].isoformat(),
        }
        body = json.dumps(user, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=CONNECTIONS,
            reset=_nothing_to_reset,  # as in the server: PostgreSQL has the same work in both
            server_settings={"timezone": "UTC"},
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _nothing_to_reset(_connection: Any) -> None:
    return None


def main() -> None:
    """Serve `BareMe` with the server's own uvicorn settings; the public key comes by the environment."""
    listener = server.listen("127.0.0.1", 0)
    print(json.dumps({"address": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    app = BareMe(os.environ["DATABASE_URL"], json.loads(os.environ["BENCH_PUBLIC_JWK"]))
    uvicorn.Server(server.config(app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
