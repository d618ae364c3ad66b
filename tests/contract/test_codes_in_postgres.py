"""The one statement of a redemption in PostgreSQL, while another session holds the row or changes what it rests on."""

from __future__ import annotations

from uuid import UUID

import pytest
from attrs import evolve
from psycopg import sql

from adapters.postgres.database import Database
from core.authorization.model import Code
from core.authorization.ports import NewCode, Redeemed, Replayed
from core.protocol.secret import Secret
from tests.contract.conftest import NOW, Session, Stores, in_postgres
from tests.contract.test_access_tokens import a_token
from tests.contract.test_authorization_requests import MINE, a_stored_request
from tests.contract.test_codes import API, FIRST, SOON, a_code, issued, presenting
from tests.contract.test_refresh_in_postgres import begun, committed_while
from tests.contract.test_sessions import TICK, refreshes

SPEND = "UPDATE authorization_codes SET redeemed_at = %s WHERE digest = %s"
FAMILY = """
INSERT INTO refresh_families (
    id, client_id, username, scope, audience, granted_at, current, expires_at, idle_expires_at
)
SELECT grant_id, client_id, username, scope, audience, granted_at, %s, %s, %s FROM authorization_codes WHERE digest = %s
"""


@pytest.fixture
def stores(database: Database) -> Stores:
    return in_postgres(database)


async def spent(session: Session, code: Code) -> None:
    """By another worker, in the one transaction that a redemption is."""
    await session.execute(SPEND, [SOON, code.digest])
    await session.execute(FAMILY, [FIRST.digest, FIRST.expires_at, FIRST.expires_at, code.digest])


async def test_whoever_waited_for_the_first_is_the_second_and_ends_its_family(
    stores: Stores, session: Session, database: Database
) -> None:
    code = await issued(stores)
    await spent(session, code)
    assert await committed_while(session, stores.codes.redeem(presenting(code)), database) == Replayed(code)
    family = await stores.families.find(code.grant_id)
    assert family is not None
    await stores.codes.revoke(code.grant_id, at=SOON, until=SOON)
    assert not await refreshes(stores, family)
    assert (await stores.ledger.standing(a_token(grant_id=code.grant_id))).revoked


async def test_whoever_waited_for_what_was_undone_is_the_first(
    stores: Stores, session: Session, database: Database
) -> None:
    code = await issued(stores)
    await spent(session, code)
    task = await begun(stores.codes.redeem(presenting(code)), database)
    await session.rollback()
    assert isinstance(await task, Redeemed)


async def test_whoever_waited_for_a_code_to_be_pruned_gets_nothing(
    stores: Stores, session: Session, database: Database
) -> None:
    code = await issued(stores)
    await session.execute("DELETE FROM authorization_codes WHERE digest = %s", [code.digest])
    assert await committed_while(session, stores.codes.redeem(presenting(code)), database) is None
    assert await stores.families.find(code.grant_id) is None


@pytest.mark.parametrize("scope", ["openid", "offline_access"])
async def test_a_family_that_starts_while_its_session_ends_ends_with_it(
    stores: Stores, session: Session, scope: str
) -> None:
    """The end cannot see a family that is not committed, nor the redemption an end that is not."""
    code = await issued(stores, scope=(scope,))
    await session.execute("DELETE FROM sessions")
    assert isinstance(await stores.codes.redeem(presenting(code)), Redeemed)
    await session.commit()
    family = await stores.families.find(code.grant_id)
    assert family is not None
    assert await refreshes(stores, family) == (scope == "offline_access")
    standing = await stores.ledger.standing(a_token(grant_id=code.grant_id))
    assert standing.revoked == (scope != "offline_access"), "an access token ends with its family"


async def test_a_family_that_starts_while_its_connection_ends_ends_with_it(stores: Stores, session: Session) -> None:
    code = await issued(stores, scope=("offline_access",))
    await stores.codes.issue(NewCode(a_code(number=2), allows=(API,)))
    await session.execute("UPDATE connections SET granted = '{}', tokens_valid_from = %s", [NOW + TICK])
    assert isinstance(await stores.codes.redeem(presenting(code)), Redeemed)
    await session.commit()
    family = await stores.families.find(code.grant_id)
    assert family is not None
    assert not await refreshes(stores, family)
    assert (await stores.ledger.standing(a_token(client_id="app"))).valid_from == NOW + TICK


async def test_whoever_waited_for_the_same_answer_gives_no_code(
    stores: Stores, session: Session, database: Database
) -> None:
    code = await issued(stores)
    stored = a_stored_request(1)
    await stores.requests.keep(stored)
    await session.execute("DELETE FROM authorization_requests")
    new = NewCode(evolve(code, digest=b"2"), finishes=(stored.digest, MINE), allows=(API,))
    assert not await committed_while(session, stores.codes.issue(new), database)
    assert await stores.connections.of_user("alice") == ()


async def test_whoever_waited_for_another_consent_adds_to_it(
    stores: Stores, session: Session, database: Database
) -> None:
    code = await issued(stores)
    await session.execute(
        "INSERT INTO connections VALUES ('alice', 'app', '{a,b}', %s, %s, NULL)", [NOW - TICK, NOW - TICK]
    )
    new = NewCode(evolve(code, digest=b"2"), allows=("b", "c"))
    assert await committed_while(session, stores.codes.issue(new), database)
    (connection,) = await stores.connections.of_user("alice")
    assert (connection.granted, connection.since, connection.used_at) == (("a", "b", "c"), NOW - TICK, NOW)


async def test_whoever_waited_for_a_stored_request_finds_it_another_browsers(
    stores: Stores, session: Session, database: Database
) -> None:
    stored = a_stored_request(1, browser=None)
    await stores.requests.keep(stored)
    await session.execute("UPDATE authorization_requests SET browser = %s", [b"o" * 32])
    claim = stores.requests.claim(stored.digest, MINE, at=NOW, until=SOON)
    assert await committed_while(session, claim, database) is None


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_database_with_another_isolation_by_default_redeems_alike(
    database_url: Secret, session: Session, isolation: str
) -> None:
    await session.set_autocommit(True)
    statement = sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = {}")
    await session.execute(statement.format(sql.Identifier(session.info.dbname), isolation))
    database = Database(database_url, largest=10)
    await database.open()
    stores = in_postgres(database)
    code = await issued(stores)
    await session.set_autocommit(False)
    await spent(session, code)
    assert await committed_while(session, stores.codes.redeem(presenting(code)), database) == Replayed(code)
    await database.close()


async def test_a_grant_that_is_no_family_is_noted_as_its_access_tokens_spell_it(
    stores: Stores, database: Database
) -> None:
    grant_id = UUID("ABCDEF00-1234-4ABC-8DEF-000000000001")
    await stores.codes.revoke(grant_id, at=NOW, until=SOON)
    rows = await database.fetch("SELECT jti FROM revoked_access_tokens")
    assert [row["jti"] for row in rows] == [str(grant_id)]
