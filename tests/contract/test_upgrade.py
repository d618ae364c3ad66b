"""A database as the release before left it is brought up to date, and taken back, with everything that is in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import pytest
from attrs import frozen
from joserfc import jwt
from joserfc.jwk import ECKey
from psycopg import sql
from yoyo import read_migrations

from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.making import SealedKeyMaker
from adapters.jose.sealing import Sealer, fresh_key
from adapters.postgres import migrations
from adapters.postgres.database import Database
from adapters.postgres.schema import names
from container import MIGRATIONS
from core.keys.model import KeyPolicy, KeyRing, KeyState
from core.keys.rotate import MaintainKeys, RotateKeys
from core.protocol.refusals import ClientIdTaken, UsernameTaken
from core.protocol.secret import Secret
from tests.contract.conftest import Stores, in_postgres
from tests.contract.test_clients import a_client
from tests.contract.test_migrations import connected
from tests.contract.test_users import a_user
from tests.unit.noting import NotingAudit

BEFORE = ("0001.users", "0002.signing-keys")
MADE = datetime.now(UTC) - timedelta(days=200)  # by PostgreSQL's own clock, as the rollback goes by that
POLICY = KeyPolicy(
    algorithms=("ES256",), ahead=timedelta(minutes=5), period=timedelta(days=90), token_lifetime=timedelta(minutes=30)
)
CLAIMS = {"sub": "alice", "iss": "https://auth.example.com"}

COLUMNS: LiteralString = (
    "id, username, email, hashed_password, is_active, roles, tokens_valid_from, created_at, updated_at"
)
USER: LiteralString = f"INSERT INTO users ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"  # noqa: S608 - constant names
KEY = """
INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private_key, state, created_at)
VALUES (%s, 'ES256', %s, %s, 'active', %s)
"""
ACTIVE = "SELECT kid FROM signing_keys WHERE state = 'active'"

ALICE = a_user(
    "alice", roles=("admin", "b"), hashed_password="$argon2id$x", tokens_valid_from=MADE.replace(microsecond=0)
)
BOB = a_user("bob@example.com", email="B@example.com", is_active=False)


@frozen
class Old:
    """A database of the release before: two users, the name of one who was deleted, and a key that signed a token."""

    dsn: Secret
    sealer: Sealer
    kid: str
    token: Secret


@pytest.fixture
def old(empty_database: Secret, tmp_path: Path) -> Old:
    for name in BEFORE:
        shutil.copy(MIGRATIONS / f"{name}.sql", tmp_path)
    assert migrations.apply(empty_database, tmp_path) == BEFORE
    sealer, key = Sealer(fresh_key()), ECKey.generate_key("P-256", private=True)
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
    sealed = sealer.seal(json.dumps(key.as_dict(private=True)), name=kid)
    with connected(empty_database) as connection:
        for name in ("alice", "bob@example.com", "carol"):
            connection.execute("INSERT INTO usernames (username) VALUES (%s)", [name])
        for user in (ALICE, BOB):
            connection.execute(USER, [
                user.id, user.username, user.email, user.hashed_password, user.is_active, list(user.roles),
                user.tokens_valid_from, user.created_at, user.updated_at,
            ])  # fmt: skip
        connection.execute(KEY, [kid, json.dumps(public), sealed, MADE])
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    return Old(empty_database, sealer, kid, Secret(jwt.encode(header, dict(CLAIMS), key)))


@pytest.fixture
async def stores(old: Old) -> AsyncIterator[Stores]:
    """The old database, up to date."""
    assert migrations.apply(old.dsn, MIGRATIONS) == tuple(name for name in names(MIGRATIONS) if name not in BEFORE)
    database = Database(old.dsn, largest=5)
    await database.open()
    stores = in_postgres(database)
    stores.clock.instant = datetime.now(UTC)
    yield stores
    await database.close()


def tokens(old: Old, stores: Stores) -> tuple[KeyPairTokens, MaintainKeys]:
    maintain = MaintainKeys(stores.signing_keys, SealedKeyMaker(old.sealer), stores.clock, POLICY, NotingAudit())
    return KeyPairTokens(stores.signing_keys, old.sealer, maintain, stores.clock, POLICY, "ES256"), maintain


def undo(dsn: Secret, known: tuple[str, ...] = BEFORE) -> None:
    """What the release before does not know is taken back."""
    backend = migrations._backend(dsn)
    later = backend.to_rollback(read_migrations(str(MIGRATIONS))).filter(lambda migration: migration.id not in known)
    with backend.lock():
        backend.rollback_migrations(later)
    backend.connection.close()
    assert migrations.status(dsn, MIGRATIONS).applied == known


def rows(dsn: Secret, table: LiteralString) -> list[tuple[object, ...]]:
    """As the release before knows them."""
    columns = sql.SQL("username" if table == "usernames" else COLUMNS)
    with connected(dsn) as connection:
        return connection.execute(
            sql.SQL("SELECT {} FROM {} ORDER BY username").format(columns, sql.Identifier(table))
        ).fetchall()


async def test_users_and_names_are_there(stores: Stores) -> None:
    assert (await stores.users.page(after=None, limit=9)).users == (ALICE, BOB)
    for name in ("alice", "bob@example.com", "carol"):
        with pytest.raises(UsernameTaken):
            await stores.users.create(a_user(name, email="new@example.com"))
    for name in ("alice", "carol"):
        with pytest.raises(ClientIdTaken):
            await stores.clients.create(a_client(name))


async def test_the_old_key_is_the_active_one_and_its_tokens_still_verify(old: Old, stores: Stores) -> None:
    (key,) = await stores.signing_keys.all()
    assert (key.kid, key.created_at, key.signs_from, key.predecessor, key.withdrawn_at) == (
        old.kid, MADE, MADE, None, None,
    )  # fmt: skip
    assert KeyRing((key,)).state(key, stores.clock.now(), POLICY.keep) is KeyState.ACTIVE
    pair, _ = tokens(old, stores)
    assert await pair.verify(old.token, typ="at+jwt") == CLAIMS
    assert [jwk["kid"] for jwk in await pair.jwks()] == [old.kid]


async def test_signing_goes_on_with_the_old_key(old: Old, stores: Stores) -> None:
    pair, _ = tokens(old, stores)
    signed = await pair.sign(CLAIMS, typ="at+jwt")
    assert jwt.decode(signed.reveal(), ECKey.import_key(dict((await pair.jwks())[0]))).header["kid"] == old.kid
    assert [key.kid for key in await stores.signing_keys.all()] == [old.kid]


async def test_a_next_key_is_announced_and_takes_over_in_its_time(old: Old, stores: Stores) -> None:
    pair, maintain = tokens(old, stores)
    first, coming = (await maintain()).keys
    assert (first.kid, coming.predecessor) == (old.kid, old.kid)
    assert coming.signs_from == stores.clock.now() + POLICY.ahead  # the old one has signed for longer than a key should
    stores.clock.instant = coming.signs_from
    await maintain()
    signed = await pair.sign(CLAIMS, typ="at+jwt")
    for token in (old.token, signed):
        assert await pair.verify(token, typ="at+jwt") == CLAIMS
    ring = KeyRing(await stores.signing_keys.all())
    states = [ring.state(key, stores.clock.now(), POLICY.keep) for key in ring.keys]
    assert states == [KeyState.RETIRED, KeyState.ACTIVE, KeyState.NEXT]


async def test_what_is_taken_back_loses_neither_users_nor_names_nor_keys(old: Old, stores: Stores) -> None:
    before = rows(old.dsn, "users")
    _, maintain = tokens(old, stores)
    await maintain()
    await stores.clients.create(a_client("reports"))
    undo(old.dsn)
    assert rows(old.dsn, "users") == before
    assert rows(old.dsn, "usernames") == [("alice",), ("bob@example.com",), ("carol",), ("reports",)]
    with connected(old.dsn) as connection:
        assert connection.execute(ACTIVE).fetchall() == [(old.kid,)]
        assert connection.execute("SELECT count(*) FROM signing_keys").fetchone() == (1,)  # what signed nothing


async def test_after_a_rotation_the_new_key_is_the_one_that_is_taken_back(old: Old, stores: Stores) -> None:
    _, maintain = tokens(old, stores)
    rotate = RotateKeys(stores.signing_keys, maintain, stores.clock, POLICY, NotingAudit())
    ring = await rotate(at_once=True)
    active = ring.active("ES256", stores.clock.now())
    assert active is not None
    assert active.kid != old.kid
    undo(old.dsn)
    with connected(old.dsn) as connection:
        assert connection.execute(ACTIVE).fetchall() == [(active.kid,)]
        assert connection.execute("SELECT count(*) FROM signing_keys").fetchone() == (2,)


async def test_a_release_that_was_taken_back_comes_again_and_no_withdrawn_key_with_it(old: Old, stores: Stores) -> None:
    _, maintain = tokens(old, stores)
    rotate = RotateKeys(stores.signing_keys, maintain, stores.clock, POLICY, NotingAudit())
    stores.clock.forward(hours=-1)
    await rotate(at_once=True)
    stores.clock.forward(minutes=1)
    active = (await rotate(at_once=True)).active("ES256", stores.clock.now())
    assert active is not None
    assert await stores.signing_keys.withdraw(old.kid, at=stores.clock.now())
    undo(old.dsn)
    migrations.apply(old.dsn, MIGRATIONS)
    ring = KeyRing(await stores.signing_keys.all())
    assert ring.find(old.kid) is None
    again = ring.active("ES256", stores.clock.now())
    assert again is not None
    assert again.kid == active.kid
    assert len((await maintain()).keys) == 3  # the two that had signed, and a next one


async def test_up_and_down_and_up_again_comes_to_the_same(old: Old, stores: Stores) -> None:
    before = rows(old.dsn, "users"), rows(old.dsn, "usernames")
    undo(old.dsn)
    assert migrations.apply(old.dsn, MIGRATIONS) == tuple(name for name in names(MIGRATIONS) if name not in BEFORE)
    assert (rows(old.dsn, "users"), rows(old.dsn, "usernames")) == before
    pair, maintain = tokens(old, stores)
    assert await pair.verify(old.token, typ="at+jwt") == CLAIMS
    assert len((await maintain()).keys) == 2


def test_the_release_before_is_told_of_migrations_that_it_does_not_know(old: Old, tmp_path: Path) -> None:
    migrations.apply(old.dsn, MIGRATIONS)
    status = migrations.status(old.dsn, tmp_path)
    assert status.pending == ()
    assert set(status.unknown) == set(names(MIGRATIONS)) - set(BEFORE)
