"""A database of the release before people and apps is brought up to date, and taken back, with everything in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from attrs import evolve
from psycopg import sql

from adapters.postgres import migrations
from adapters.postgres.database import Database
from adapters.postgres.schema import names
from container import MIGRATIONS
from core.authorization.ports import NewCode, Redeemed
from core.clients.application import Application
from core.clients.model import AuthMethod, Client, Resource, SecretDigests
from core.clients.ports import ClientChanges
from core.protocol.refusals import ClientIdTaken
from core.protocol.secret import Secret
from core.tokens.model import Family
from core.tokens.ports import Rotated
from core.users.ports import UserChanges
from tests.contract.conftest import NOW, Stores, in_postgres
from tests.contract.test_access_tokens import a_token
from tests.contract.test_applications import registered
from tests.contract.test_clients import LATER, ORDERS, PUBLIC, SECOND, a_client, a_public_client
from tests.contract.test_codes import API, a_code
from tests.contract.test_codes import presenting as redeeming
from tests.contract.test_migrations import connected
from tests.contract.test_refresh_families import a_family, digest, presenting
from tests.contract.test_sessions import a_session
from tests.contract.test_upgrade import BOB, USER, undo
from tests.contract.test_users import a_user

BEFORE = tuple(name for name in names(MIGRATIONS) if name < "0007")

CLIENT = """
WITH name AS (INSERT INTO usernames (username) VALUES (%s) RETURNING username)
INSERT INTO clients (
    client_id, name, auth_method, grant_types, scopes, resources, serves, jwks, secret_digest, previous_secret_digest,
    previous_secret_until, is_active, tokens_valid_from, created_at, updated_at
) SELECT username, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM name
"""
FAMILY = """
INSERT INTO refresh_families (
    id, client_id, username, scope, audience, granted_at, current, expires_at, idle_expires_at, previous, rotated_at,
    revoked_at
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
RESOURCE = "INSERT INTO resources (identifier, scopes, created_at) VALUES (%s, %s, %s)"

ALICE = a_user("alice", roles=("admin", "b"), tokens_valid_from=NOW.replace(microsecond=0))
CLIENTS = (
    a_client(
        name="Reports",
        grant_types=("client_credentials", "password"),
        scopes=("a",),
        resources=(ORDERS,),
        serves=(ORDERS,),
        secret=SecretDigests(b"1", b"0", LATER),
        tokens_valid_from=SECOND,
    ),
    a_public_client(is_active=False),
    a_client("asserting", auth_method=AuthMethod.PRIVATE_KEY_JWT, secret=None, jwks={"keys": [PUBLIC]}),
)
FAMILIES = (
    a_family(),
    a_family(client_id=None),
    evolve(a_family(), current=digest(1), previous=digest(0), rotated_at=NOW),
    evolve(a_family(), revoked_at=NOW),
)


def fill(dsn: Secret) -> None:
    """As the release before wrote it."""
    with connected(dsn) as connection:
        for user in (ALICE, BOB):
            connection.execute("INSERT INTO usernames (username) VALUES (%s)", [user.username])
            connection.execute(USER, [
                user.id, user.username, user.email, user.hashed_password, user.is_active, list(user.roles),
                user.tokens_valid_from, user.created_at, user.updated_at,
            ])  # fmt: skip
        for one in CLIENTS:
            secret = one.secret or SecretDigests(b"")
            connection.execute(CLIENT, [
                one.client_id, one.name, one.auth_method.value, list(one.grant_types), list(one.scopes),
                list(one.resources), list(one.serves), json.dumps(one.jwks) if one.jwks else None,
                secret.current or None, secret.previous, secret.previous_until, one.is_active, one.tokens_valid_from,
                one.created_at, one.updated_at,
            ])  # fmt: skip
        for family in FAMILIES:
            granted = family.permission
            connection.execute(FAMILY, [
                family.id, granted.client_id, granted.username, list(granted.scope), list(granted.audience), granted.at,
                family.current, family.expires_at, family.idle_expires_at, family.previous, family.rotated_at,
                family.revoked_at,
            ])  # fmt: skip
        connection.execute(RESOURCE, [ORDERS, ["a"], NOW])


def content(dsn: Secret) -> dict[str, list[tuple[object, ...]]]:
    """Every row that the release before knows, as it knows it."""
    with connected(dsn) as connection:
        return {
            table: connection.execute(
                sql.SQL("SELECT * FROM {} ORDER BY {}").format(sql.Identifier(table), sql.Identifier(key))
            ).fetchall()
            for table, key in (
                ("users", "username"),
                ("usernames", "username"),
                ("clients", "client_id"),
                ("resources", "identifier"),
                ("refresh_families", "id"),
            )
        }


@pytest.fixture
def old(empty_database: Secret, tmp_path: Path) -> Secret:
    for name in BEFORE:
        shutil.copy(MIGRATIONS / f"{name}.sql", tmp_path)
    assert migrations.apply(empty_database, tmp_path) == BEFORE
    fill(empty_database)
    return empty_database


@pytest.fixture
async def stores(old: Secret) -> AsyncIterator[Stores]:
    """The old database, up to date."""
    assert migrations.apply(old, MIGRATIONS) == tuple(name for name in names(MIGRATIONS) if name not in BEFORE)
    database = Database(old, largest=5)
    await database.open()
    yield in_postgres(database)
    await database.close()


async def an_app(stores: Stores, client: Client) -> Family:
    """Somebody signs in to an application and gets a refresh token."""
    await stores.clients.create(client)
    session = a_session()
    await stores.sessions.start(session, browser=None)
    code = a_code(session, client_id=client.client_id)
    assert await stores.codes.issue(NewCode(code, allows=(API,)))
    outcome = await stores.codes.redeem(redeeming(code, client_id=client.client_id))
    assert isinstance(outcome, Redeemed)
    family = await stores.families.find(code.grant_id)
    assert family is not None
    return family


async def test_users_clients_and_tokens_are_there(stores: Stores) -> None:
    assert (await stores.users.page(after=None, limit=9)).users == (ALICE, BOB)
    found = {client.client_id: client for client in (await stores.clients.page(after=None, limit=9)).clients}
    assert found == {client.client_id: client for client in CLIENTS}
    assert {client.application for client in found.values()} == {Application()}
    assert not any(client.first_party or client.registration or client.used_at for client in found.values())
    assert found["reports"].definitions == {ORDERS: ("a",)}
    assert await stores.resources.all() == (Resource(ORDERS, ("a",), NOW),)
    for family in FAMILIES:
        assert await stores.families.find(family.id) == family


async def test_tokens_of_before_are_exchanged(stores: Stores) -> None:
    for family, number in ((FAMILIES[0], 0), (FAMILIES[1], 0), (FAMILIES[2], 1)):
        step = presenting(family, number, client_id=family.permission.client_id)
        if family.permission.client_id is not None:  # whose tokens ended since, as CLIENTS say
            assert await stores.families.rotate(step) is None
            continue
        outcome = await stores.families.rotate(step)
        assert isinstance(outcome, Rotated)
        assert outcome.user == ALICE
    standing = await stores.ledger.standing(a_token(client_id="reports", grant_id=FAMILIES[3].id))
    assert (standing.user, standing.revoked, standing.client_active, standing.first_party) == (ALICE, True, True, True)
    assert standing.valid_from == SECOND


async def test_everything_of_before_can_be_given_what_is_new(stores: Stores) -> None:
    changed = await stores.users.update(ALICE.id, UserChanges(at=LATER, profile={"name": "A"}, email_verified=True))
    assert (changed.profile, changed.email_verified) == ({"name": "A"}, True)
    for client in CLIENTS:
        changes = ClientChanges(at=LATER, application={"redirect_uris": ["https://a.example/"]}, first_party=True)
        updated = await stores.clients.update(client.client_id, changes)
        assert updated == evolve(
            client, updated_at=LATER, first_party=True, application=Application(redirect_uris=("https://a.example/",))
        )


async def test_what_is_taken_back_loses_nothing_of_before(old: Secret) -> None:
    before = content(old)
    migrations.apply(old, MIGRATIONS)
    undo(old, BEFORE)
    assert content(old) == before
    migrations.apply(old, MIGRATIONS)
    undo(old, BEFORE)
    assert content(old) == before


async def test_what_is_taken_back_leaves_no_app_more_than_it_had(old: Secret, stores: Stores) -> None:
    """The release before would let the tokens of any application manage accounts."""
    kept, itself = a_public_client("kept", grant_types=("authorization_code",)), registered("itself")
    behind = a_client(
        "behind", auth_method=AuthMethod.PRIVATE_KEY_JWT, secret=None, application=Application(jwks_uri=ORDERS)
    )
    family = await an_app(stores, kept)
    for client in (itself, behind):
        await stores.clients.create(client)
    undo(old, BEFORE)
    with connected(old) as connection:
        left = connection.execute("SELECT client_id FROM clients ORDER BY client_id").fetchall()
        assert left == [("app",), ("asserting",), ("kept",), ("reports",)]
        revoked = connection.execute("SELECT id FROM refresh_families WHERE revoked_at <> %s", [NOW])
        assert revoked.fetchall() == [(family.id,)]
    migrations.apply(old, MIGRATIONS)
    for client in (itself, behind):
        with pytest.raises(ClientIdTaken):
            await stores.clients.create(client)
    assert await stores.clients.get("kept") == kept
    assert (await stores.ledger.standing(a_token(client_id="kept", grant_id=family.id))).revoked
