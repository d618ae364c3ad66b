"""What a stolen database tells: nothing that lets anybody in."""

from __future__ import annotations

import base64
import json

import psycopg
import pytest
from psycopg import sql

from tests.http.clients import Registered, post, register
from tests.http.support import TOKEN, Watched
from tests.support import PASSWORD


def stored(live: Watched) -> str:
    """Every row of every table, as text. Bytes are in hexadecimal."""
    dsn = live.container.settings().database_url
    assert dsn is not None
    with psycopg.connect(dsn.reveal()) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = []
        for (name,) in tables:
            query = sql.SQL("SELECT {table}::text FROM {table}").format(table=sql.Identifier(name))
            rows += [f"{name} {row}" for (row,) in connection.execute(query)]
    return "\n".join(rows)


def spellings(secret: str) -> set[str]:
    """As text and as bytes, and the bytes behind the prefix of ours."""
    raw = secret.partition("_")[2]
    inner = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)) if secret.startswith(("wws_", "wwr_")) else b""
    return {secret, secret.encode().hex()} | ({inner.hex()} if inner else set())


@pytest.fixture(scope="module")
def app(live: Watched) -> Registered:
    live.add_user("owner")
    return register(live, "app", grants=("password", "refresh_token", "client_credentials"))


def test_neither_passwords_nor_secrets_nor_tokens_are_in_it(live: Watched, app: Registered) -> None:
    first = app.log_in("owner")
    second = app.refresh(first["refresh_token"]).json()
    ended = app.token()
    app.revoke(ended)
    app.refresh(first["refresh_token"])
    kept = stored(live)
    assert "refresh_families" in kept  # there is something to search
    assert "revoked_access_tokens" in kept
    secrets = [PASSWORD, app.secret, ended]
    secrets += [one[name] for one in (first, second) for name in ("access_token", "refresh_token")]
    assert [secret for secret in secrets if any(form in kept for form in spellings(secret))] == []


def test_of_a_refresh_token_it_has_the_family_alone(live: Watched, app: Registered) -> None:
    """Its secret and its tag, which are what is random in it, are nowhere, not even in part."""
    token = app.log_in("owner")["refresh_token"].removeprefix("wwr_")
    raw = base64.urlsafe_b64decode(token + "==")
    kept = stored(live)
    assert raw[:16].hex() in kept.replace("-", "")
    assert raw[16:48].hex() not in kept
    assert raw[48:].hex() not in kept


def test_private_keys_and_the_servers_own_secret_are_sealed(live: Watched, app: Registered) -> None:
    app.log_in("owner")
    kept, sealer = stored(live), live.container.sealer()
    for key in live.run(live.container.signing_keys().all()):
        private = json.loads(sealer.open(key.sealed_private_key, name=key.kid))
        assert private["d"] not in kept
    for name, sealed in live.run(live.container.sealed_secrets().all()).items():
        opened = sealer.open(sealed, name=name)
        assert opened not in kept
        assert base64.b64decode(opened).hex() not in kept


def test_who_failed_and_from_where_is_not_told(live: Watched) -> None:
    post(live, TOKEN, {"username": "somebody-else", "password": "wrong password"})
    kept = "\n".join(row for row in stored(live).splitlines() if row.startswith("failed_attempts "))
    assert kept
    told = ["somebody-else", "127.0.0.1", "127.0.0.0/24"]
    assert [text for text in told if text in kept or text.encode().hex() in kept] == []
