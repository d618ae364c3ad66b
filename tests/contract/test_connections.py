"""Connections: what people allowed applications, and how all of that ends."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from core.authorization.model import Connection
from core.authorization.ports import Connections, NewCode
from core.clients.ports import ClientChanges
from core.tokens.ports import Rotated
from tests.contract.conftest import NOW, Stores
from tests.contract.test_access_tokens import a_token
from tests.contract.test_clients import a_client, a_public_client
from tests.contract.test_codes import API, OTHER_API, SOON, a_code
from tests.contract.test_refresh_families import presenting
from tests.contract.test_sessions import TICK, cookie, owner, refreshes, refreshing, signed_in

SECOND = NOW.replace(microsecond=0) + timedelta(seconds=1)
LATER = NOW + timedelta(days=1)


async def people_and_apps(stores: Stores) -> None:
    """Two of each, and both people signed in."""
    await signed_in(stores)
    await signed_in(stores, "bob", 2)
    await stores.clients.create(a_public_client(name="The App"))
    await stores.clients.create(a_client("reports", name="Reports"))


_numbers = iter(range(100, 10**9))


async def allowed(
    stores: Stores,
    *names: str,
    at: datetime = NOW,
    username: str = "alice",
    client_id: str = "app",
) -> None:
    code = a_code(number=next(_numbers), username=username, client_id=client_id, at=at)
    assert await stores.codes.issue(NewCode(code, allows=names))


async def test_what_was_allowed_is_kept_with_the_name_of_the_client(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API, f"{API} read")
    await allowed(stores, OTHER_API, username="bob")
    (connection,) = await stores.connections.of_user("alice")
    assert connection == Connection("alice", "app", (API, f"{API} read"), NOW, NOW, None, "The App")
    assert (connection.since.utcoffset(), connection.used_at.utcoffset()) == (timedelta(0), timedelta(0))
    assert await stores.connections.of_user("bob") == (
        Connection("bob", "app", (OTHER_API,), NOW, NOW, None, "The App"),
    )
    assert await stores.connections.of_user("carol") == ()


async def test_what_is_allowed_is_added_to_what_was(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, "a", "b", "a")
    await allowed(stores, "c", "b", "d", "c", at=LATER)
    await allowed(stores, at=NOW + TICK)
    (connection,) = await stores.connections.of_user("alice")
    assert connection == Connection("alice", "app", ("a", "b", "c", "d"), NOW, LATER, None, "The App")


async def test_a_code_that_allows_nothing_leaves_what_was_allowed(stores: Stores) -> None:
    await people_and_apps(stores)
    assert await stores.codes.issue(NewCode(a_code(at=LATER)))
    assert await stores.connections.of_user("alice") == ()
    await allowed(stores, "a")
    before = await stores.connections.of_user("alice")
    assert await stores.codes.issue(NewCode(a_code(number=2, at=LATER)))
    assert await stores.connections.of_user("alice") == before


async def test_connections_are_in_the_order_of_the_clients_names(stores: Stores) -> None:
    await signed_in(stores)
    names = {"one": "b", "two": "A", "three": "", "four": "a", "five": "é", "six": "B", "seven": "B"}
    for client_id, name in names.items():
        await stores.clients.create(a_client(client_id, name=name))
        await allowed(stores, API, client_id=client_id)
    found = await stores.connections.of_user("alice")
    assert [one.client_id for one in found] == ["three", "four", "two", "one", "seven", "six", "five"]
    assert [one.client_name for one in found] == [names[one.client_id] for one in found]


async def test_the_name_is_the_clients_at_this_moment(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API)
    await stores.clients.update("app", ClientChanges(at=LATER, name="Other", is_active=False))
    assert [one.client_name for one in await stores.connections.of_user("alice")] == ["Other"]


async def test_a_refreshed_token_is_a_use(stores: Stores) -> None:
    await people_and_apps(stores)
    session = await signed_in(stores, number=3)
    await allowed(stores, API)
    await allowed(stores, API, client_id="reports")
    first, second = await refreshing(stores, session), await refreshing(stores, session)
    others = [await refreshing(stores, session, client_id="another"), await refreshing(stores, None, client_id="x")]
    for family, at in ((first, SOON), (second, SOON - TICK)):
        assert isinstance(await stores.families.rotate(presenting(family, 0, client_id="app", at=at)), Rotated)
    assert all([await refreshes(stores, family) for family in others])
    app, reports = sorted(await stores.connections.of_user("alice"), key=lambda one: one.client_id)
    assert (app.used_at, reports.used_at) == (SOON, NOW)


async def test_what_a_user_allowed_is_seen_with_the_session(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API, f"{API} read")
    await allowed(stores, OTHER_API, client_id="reports")
    await allowed(stores, "bobs", username="bob")
    expected = {"app": (API, f"{API} read"), "reports": (OTHER_API,)}
    for client_id in ("app", "reports", "other", None):
        seen = await stores.sessions.look(cookie(1), client_id=client_id)
        assert seen is not None
        assert seen.user == await owner(stores)
        if client_id in expected:
            assert seen.connection == Connection("alice", client_id, expected[client_id], NOW, NOW)
        else:
            assert seen.connection is None


async def test_what_is_taken_back_is_nothing_and_its_refresh_tokens_have_ended(stores: Stores) -> None:
    await people_and_apps(stores)
    alice, bob = await signed_in(stores, number=3), await signed_in(stores, "bob", 4)
    for username, client_id in (("alice", "app"), ("alice", "reports"), ("bob", "app")):
        await allowed(stores, API, username=username, client_id=client_id)
    ended = [
        await refreshing(stores, alice),
        await refreshing(stores, alice, "offline_access"),
        await refreshing(stores, None),
    ]
    kept = [await refreshing(stores, alice, client_id="reports"), await refreshing(stores, bob)]
    assert await stores.connections.end("alice", "app", valid_from=SECOND, at=SOON)
    assert [one.client_id for one in await stores.connections.of_user("alice")] == ["reports"]
    assert len(await stores.connections.of_user("bob")) == 1
    for family in ended:
        assert await stores.families.find(family.id) == evolve(family, revoked_at=SOON)
        assert not await refreshes(stores, family)
    for family in kept:
        assert await refreshes(stores, family)
    seen = await stores.sessions.look(cookie(1), client_id="app")
    assert seen is not None
    assert seen.connection == Connection("alice", "app", (), NOW, NOW, SECOND)


async def test_access_tokens_of_before_have_ended_with_the_connection(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API)
    token = a_token(client_id="app")
    assert (await stores.ledger.standing(token)).valid_from is None
    await stores.connections.end("alice", "app", valid_from=SECOND, at=NOW)
    assert (await stores.ledger.standing(token)).valid_from == SECOND
    assert (await stores.ledger.standing(a_token(client_id="app", sub="Px", username="alice"))).valid_from == SECOND
    for other in (
        a_token(client_id="reports"),
        a_token(client_id="app", sub="bob"),
        a_token(client_id="app", sub="app"),
        a_token(),
    ):
        assert (await stores.ledger.standing(other)).valid_from is None


@pytest.mark.parametrize(
    ("connection", "client", "everybody", "expected"),
    [
        (SECOND, LATER, None, LATER),
        (LATER, SECOND, None, LATER),
        (SECOND, None, LATER, LATER),
        (LATER, SECOND, SECOND, LATER),
    ],
)
async def test_the_latest_end_counts(
    stores: Stores, connection: datetime, client: datetime | None, everybody: datetime | None, expected: datetime
) -> None:
    await people_and_apps(stores)
    await allowed(stores, API)
    await stores.connections.end("alice", "app", valid_from=connection, at=NOW)
    if client is not None:
        await stores.clients.update("app", ClientChanges(at=NOW, tokens_valid_from=client))
    if everybody is not None:
        await stores.ledger.end_all(everybody)
    assert (await stores.ledger.standing(a_token(client_id="app"))).valid_from == expected


async def test_the_instant_from_which_tokens_count_only_moves_forward(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API)
    for given, kept in ((LATER, LATER), (SECOND, LATER), (LATER + TICK, LATER + TICK)):
        assert await stores.connections.end("alice", "app", valid_from=given, at=NOW)
        assert (await stores.ledger.standing(a_token(client_id="app"))).valid_from == kept


async def test_whoever_allows_again_begins_anew(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API, OTHER_API)
    await stores.connections.end("alice", "app", valid_from=SECOND, at=SOON)
    await allowed(stores, API, at=LATER)
    assert await stores.connections.of_user("alice") == (
        Connection("alice", "app", (API,), LATER, LATER, SECOND, "The App"),
    )
    await allowed(stores, OTHER_API, at=LATER + TICK)
    (again,) = await stores.connections.of_user("alice")
    assert (again.granted, again.since, again.used_at) == ((API, OTHER_API), LATER, LATER + TICK)


async def test_what_was_taken_back_while_a_code_was_on_its_way_does_not_come_again(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API)
    await stores.connections.end("alice", "app", valid_from=SECOND, at=SOON)
    await allowed(stores, API, OTHER_API, at=SECOND - TICK)
    assert await stores.connections.of_user("alice") == ()
    await allowed(stores, OTHER_API, at=SECOND)
    assert [one.granted for one in await stores.connections.of_user("alice")] == [(OTHER_API,)]


async def test_what_was_never_allowed_is_not_taken_back(stores: Stores) -> None:
    await people_and_apps(stores)
    await allowed(stores, API)
    family = await refreshing(stores, None, client_id="reports")
    for username, client_id in (("alice", "reports"), ("bob", "app"), ("carol", "app"), ("alice", ""), ("", "app")):
        assert not await stores.connections.end(username, client_id, valid_from=SECOND, at=NOW)
    assert len(await stores.connections.of_user("alice")) == 1
    assert await refreshes(stores, family)


@pytest.mark.parametrize("gone", ["client", "user"])
async def test_a_connection_goes_with_either_end(stores: Stores, gone: str) -> None:
    await people_and_apps(stores)
    for username, client_id in (("alice", "app"), ("alice", "reports"), ("bob", "app"), ("bob", "reports")):
        await allowed(stores, API, username=username, client_id=client_id)
    if gone == "client":
        await stores.clients.delete("app")
    else:
        await stores.users.delete((await owner(stores)).id)
    assert not await stores.connections.end("alice", "app", valid_from=SECOND, at=NOW)
    found = {name: [one.client_id for one in await stores.connections.of_user(name)] for name in ("alice", "bob")}
    expected = (
        {"alice": ["reports"], "bob": ["reports"]} if gone == "client" else {"alice": [], "bob": ["reports", "app"]}
    )
    assert found == expected


async def test_nobody_has_no_connections(connections: Connections) -> None:
    for name in ("", "nobody", "ü"):
        assert await connections.of_user(name) == ()
