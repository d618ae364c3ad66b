"""ClientRepository, ResourceRepository and SpentAssertions: of many at once, one wins."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from attrs import evolve

from core.clients.model import Resource, SecretDigests
from core.clients.ports import ClientChanges, ClientRepository, ResourceRepository, SpentAssertions
from core.protocol.refusals import ClientIdTaken, ClientNotFound, ResourceTaken, UsernameTaken
from core.users.ports import UserRepository
from tests.contract.conftest import NOW, Stores
from tests.contract.test_clients import LATER, ORDERS, a_client
from tests.contract.test_users import a_user
from tests.contract.test_users_at_once import MANY, outcomes

UNTIL = NOW + timedelta(minutes=5)


async def test_of_many_creations_of_one_id_one_wins(clients: ClientRepository) -> None:
    made = [a_client(name=f"number {number}") for number in range(MANY)]
    assert await outcomes(map(clients.create, made)) == {None: 1, ClientIdTaken: MANY - 1}
    winner = await clients.get("reports")
    assert winner in made
    assert (await clients.page(after=None, limit=200)).clients == (winner,)


async def test_once_a_change_has_returned_no_older_client_is_recent(clients: ClientRepository) -> None:
    await clients.create(a_client())

    async def changed(number: int) -> bool:
        await clients.update("reports", ClientChanges(at=LATER, is_active=False))
        recent = await clients.recent("reports")
        return recent is not None and not recent.is_active

    readers = [clients.recent("reports") for _ in range(20)] + [clients.get("reports") for _ in range(20)]
    seen = await asyncio.gather(*readers[::2], *map(changed, range(5)), *readers[1::2])
    assert seen[20:25] == [True] * 5
    await clients.delete("reports")
    assert await clients.recent("reports") is None


@pytest.mark.parametrize("order", ["users first", "clients first"])
async def test_of_users_and_clients_of_one_name_at_once_one_wins(
    clients: ClientRepository, users: UserRepository, order: str
) -> None:
    for number in range(10):
        name = f"n{number}"
        work = [*(users.create(a_user(name, email=f"{at}@{name}.com")) for at in range(5))]
        work += [clients.create(a_client(name)) for _ in range(5)]
        done = await outcomes(work if order == "users first" else reversed(work))
        user, client = await users.get_by_username(name), await clients.get(name)
        assert (user is None) != (client is None)
        lost = (4, 5) if user is not None else (5, 4)
        assert (done[None], done[UsernameTaken], done[ClientIdTaken]) == (1, *lost)


@pytest.mark.parametrize("order", ["deletion first", "creation first"])
async def test_a_creation_never_gets_an_id_that_is_being_deleted(
    clients: ClientRepository, users: UserRepository, order: str
) -> None:
    for number in range(10):
        name = f"n{number}"
        await clients.create(a_client(name))
        work = [clients.delete(name), clients.create(a_client(name)), users.create(a_user(name))]
        done = await outcomes(work if order == "deletion first" else reversed(work))
        assert done == {None: 1, ClientIdTaken: 1, UsernameTaken: 1}
        assert await clients.get(name) is None
        assert await users.get_by_username(name) is None


async def test_of_many_deletions_one_deletes(clients: ClientRepository) -> None:
    await clients.create(a_client())
    assert await outcomes(clients.delete("reports") for _ in range(MANY)) == {None: 1, ClientNotFound: MANY - 1}


async def test_changes_of_different_kinds_at_once_all_last(clients: ClientRepository) -> None:
    client = a_client(secret=SecretDigests(b"\x01" * 32))
    await clients.create(client)
    own: dict[str, object] = {"name": "new", "scopes": ("a",), "is_active": False, "tokens_valid_from": NOW}
    changes = [ClientChanges(at=LATER, **{name: value}) for name, value in own.items()]  # type: ignore[arg-type]
    await asyncio.gather(
        *(clients.update("reports", change) for change in changes),
        clients.replace_secret("reports", b"\x02" * 32, previous_until=UNTIL, at=LATER),
    )
    secret = SecretDigests(b"\x02" * 32, b"\x01" * 32, UNTIL)
    assert await clients.get("reports") == evolve(client, updated_at=LATER, secret=secret, **own)  # type: ignore[arg-type]


async def test_of_many_instants_the_latest_is_kept(clients: ClientRepository) -> None:
    await clients.create(a_client())
    instants = [NOW + timedelta(seconds=(number * 7) % MANY) for number in range(MANY)]
    await asyncio.gather(
        *(clients.update("reports", ClientChanges(at=LATER, tokens_valid_from=instant)) for instant in instants)
    )
    kept = await clients.get("reports")
    assert kept is not None
    assert kept.tokens_valid_from == max(instants)


async def test_many_new_secrets_at_once_form_one_line(clients: ClientRepository) -> None:
    first, *new = (bytes([number]) * 32 for number in range(MANY + 1))
    await clients.create(a_client(secret=SecretDigests(first)))
    changed = await asyncio.gather(
        *(clients.replace_secret("reports", digest, previous_until=UNTIL, at=LATER) for digest in new)
    )
    pairs = {client.secret.current: client.secret.previous for client in changed if client.secret is not None}
    assert pairs.keys() == set(new)
    # Each came after another, and all but the last before another.
    kept = await clients.get("reports")
    assert kept is not None
    assert kept.secret is not None
    assert set(pairs.values()) == {first, *new} - {kept.secret.current}


async def test_of_many_creations_of_one_resource_one_wins(resources: ResourceRepository) -> None:
    made = [Resource(ORDERS, (f"s{number}",), NOW) for number in range(MANY)]
    assert await outcomes(map(resources.create, made)) == {None: 1, ResourceTaken: MANY - 1}
    (kept,) = await resources.all()
    assert kept in made


async def test_of_many_redemptions_of_one_assertion_one_wins(spent: SpentAssertions) -> None:
    assert await outcomes(spent.redeem("reports", "jti", until=UNTIL) for _ in range(MANY)) == {
        True: 1,
        False: MANY - 1,
    }
    assert not await spent.redeem("reports", "jti", until=UNTIL)


async def test_each_client_redeems_its_own(spent: SpentAssertions) -> None:
    names = [f"c{number}" for number in range(5)]
    done = await asyncio.gather(*(spent.redeem(name, "jti", until=UNTIL) for name in names for _ in range(5)))
    assert Counter(done) == {True: 5, False: 20}


@pytest.mark.parametrize("jti", ["a" * 256, "ü", "\0", "\ud800", "b\0c", " "], ids=ascii)
async def test_any_text_is_redeemed_once(spent: SpentAssertions, jti: str) -> None:
    assert await spent.redeem("a", jti, until=UNTIL)
    assert not await spent.redeem("a", jti, until=UNTIL)
    assert await spent.redeem("a", jti + "x", until=UNTIL)


async def test_a_client_and_its_assertion_are_not_run_together(spent: SpentAssertions) -> None:
    assert await spent.redeem("ab", "c", until=UNTIL)
    assert await spent.redeem("a", "bc", until=UNTIL)


async def test_an_assertion_stays_spent_until_it_has_expired(stores: Stores) -> None:
    assert await stores.spent.redeem("reports", "jti", until=UNTIL)
    stores.clock.instant = UNTIL - timedelta(microseconds=1)
    await stores.expired.prune(1000)
    assert not await stores.spent.redeem("reports", "jti", until=UNTIL)
