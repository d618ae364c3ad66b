"""AccessTokenLedger: what the store says of access tokens that verify."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest

from core.clients.ports import ClientChanges
from core.tokens.model import AccessToken, Standing
from core.tokens.ports import AccessTokenLedger
from core.users.ports import UserChanges
from tests.contract.conftest import NOW, Stores
from tests.contract.test_clients import a_client
from tests.contract.test_refresh_families import presenting, started
from tests.contract.test_users import a_user
from tests.contract.test_users_at_once import MANY

SECOND = NOW.replace(microsecond=0) + timedelta(seconds=1)
LATER = SECOND + timedelta(minutes=1)
NOTHING = Standing(user=None, revoked=False, client_active=None, valid_from=None)


def a_token(**others: object) -> AccessToken:
    times = {"iat": NOW.timestamp(), "exp": LATER.timestamp()}
    own: dict[str, object] = {"iss": "https://i", "sub": "alice", "aud": ("https://a",), "jti": "one", **times}
    return AccessToken(**{**own, "client_id": "watchword", **others})  # type: ignore[arg-type]


async def test_of_a_token_with_nobody_behind_it_nothing_is_known(ledger: AccessTokenLedger) -> None:
    for token in (a_token(), a_token(grant_id=uuid4()), a_token(client_id="reports", sub="reports")):
        assert await ledger.standing(token) == NOTHING


@pytest.mark.parametrize("active", [True, False])
async def test_the_user_is_the_one_that_is_stored_at_this_moment(stores: Stores, active: bool) -> None:
    user = a_user("alice", roles=("b", "a"), is_active=active, tokens_valid_from=SECOND)
    await stores.users.create(user)
    await stores.users.create(a_user("bob"))
    assert await stores.ledger.standing(a_token()) == Standing(user, False, None, None)
    changed = await stores.users.update(user.id, UserChanges(at=LATER, roles=("admin",), is_active=not active))
    assert (await stores.ledger.standing(a_token())).user == changed
    await stores.users.delete(user.id)
    assert await stores.ledger.standing(a_token()) == NOTHING


@pytest.mark.parametrize("active", [True, False])
async def test_the_client_is_as_it_is_stored_at_this_moment(stores: Stores, active: bool) -> None:
    token = a_token(client_id="reports", sub="reports")
    await stores.clients.create(a_client(is_active=active))
    await stores.clients.create(a_client("other", is_active=not active, tokens_valid_from=LATER))
    assert await stores.ledger.standing(token) == Standing(None, False, active, None)
    await stores.clients.update("reports", ClientChanges(at=LATER, is_active=not active, tokens_valid_from=SECOND))
    assert await stores.ledger.standing(token) == Standing(None, False, not active, SECOND)
    await stores.clients.delete("reports")
    assert await stores.ledger.standing(token) == NOTHING


async def test_a_token_of_a_user_by_a_client_has_both_behind_it(stores: Stores) -> None:
    user = a_user("alice")
    await stores.users.create(user)
    await stores.clients.create(a_client(tokens_valid_from=SECOND))
    assert await stores.ledger.standing(a_token(client_id="reports")) == Standing(user, False, True, SECOND)
    # A client is no user, nor a user a client.
    assert await stores.ledger.standing(a_token(client_id="alice", sub="reports")) == NOTHING


@pytest.mark.parametrize(
    ("own", "everybodys", "expected"),
    [
        (None, None, None),
        (SECOND, None, SECOND),
        (None, SECOND, SECOND),
        (SECOND, LATER, LATER),
        (LATER, SECOND, LATER),
    ],
)
async def test_the_later_end_counts(
    stores: Stores, own: datetime | None, everybodys: datetime | None, expected: datetime | None
) -> None:
    await stores.clients.create(a_client(tokens_valid_from=own))
    if everybodys is not None:
        await stores.ledger.end_all(everybodys)
    assert (await stores.ledger.standing(a_token(client_id="reports"))).valid_from == expected
    assert (await stores.ledger.standing(a_token())).valid_from == everybodys


async def test_a_token_is_revoked_by_itself_or_with_its_family(stores: Stores) -> None:
    live, dead = await started(stores.families), await started(stores.families)
    await stores.families.revoke(dead.id, at=NOW)
    await stores.ledger.revoke("ended", until=LATER)
    for jti, family in product(("one", "ended"), (None, live.id, dead.id, uuid4())):
        standing = await stores.ledger.standing(a_token(jti=jti, grant_id=family))
        assert standing.revoked == (jti == "ended" or family == dead.id)


async def test_all_tokens_of_a_grant_end_with_a_note_of_it(stores: Stores) -> None:
    live = await started(stores.families)
    for noted in (uuid4(), live.id):  # whether it has refresh tokens or not
        token = a_token(grant_id=noted)
        assert not (await stores.ledger.standing(token)).revoked
        for other in (str(noted).upper(), noted.hex, str(uuid4())):
            await stores.ledger.revoke(other, until=LATER)
        assert not (await stores.ledger.standing(token)).revoked
        await stores.ledger.revoke(str(noted), until=LATER)
        assert (await stores.ledger.standing(token)).revoked
        assert not (await stores.ledger.standing(a_token())).revoked
        assert not (await stores.ledger.standing(a_token(grant_id=uuid4()))).revoked
    assert await stores.families.find(live.id) == live


async def test_the_user_is_found_by_name_where_sub_is_a_pseudonym(stores: Stores) -> None:
    user = a_user("alice")
    await stores.users.create(user)
    await stores.clients.create(a_client())
    own = {"client_id": "reports", "sub": "Pabc"}
    assert await stores.ledger.standing(a_token(**own, username="alice")) == Standing(user, False, True, None)
    assert await stores.ledger.standing(a_token(**own)) == Standing(None, False, True, None)


async def test_a_family_that_ends_by_reuse_takes_its_access_tokens_along(stores: Stores) -> None:
    family = await started(stores.families)
    for number in (0, 1):
        await stores.families.rotate(presenting(family, number))
        assert not (await stores.ledger.standing(a_token(grant_id=family.id))).revoked
    await stores.families.rotate(presenting(family, 0))
    assert (await stores.ledger.standing(a_token(grant_id=family.id))).revoked


@pytest.mark.parametrize("jti", ["a" * 256, "ü'\"\\", " ", "One"])
async def test_any_text_names_one_token(ledger: AccessTokenLedger, jti: str) -> None:
    await ledger.revoke(jti, until=LATER)
    assert (await ledger.standing(a_token(jti=jti))).revoked
    for other in (jti + "x", jti.swapcase() + " ", "one"):
        assert not (await ledger.standing(a_token(jti=other))).revoked


async def test_many_revocations_of_one_token_at_once_are_one(ledger: AccessTokenLedger) -> None:
    await asyncio.gather(*(ledger.revoke("one", until=LATER) for _ in range(MANY)))
    assert (await ledger.standing(a_token())).revoked


async def test_once_a_revocation_has_returned_nobody_takes_the_token_for_live(ledger: AccessTokenLedger) -> None:
    async def revoke(jti: str) -> bool:
        await ledger.revoke(jti, until=LATER)
        return (await ledger.standing(a_token(jti=jti))).revoked

    names = [f"t{number}" for number in range(MANY)]
    assert await asyncio.gather(*map(revoke, names)) == [True] * MANY


async def test_the_end_of_all_tokens_only_moves_forward(ledger: AccessTokenLedger) -> None:
    assert await ledger.all_valid_from() is None
    for given, kept in ((SECOND, SECOND), (LATER, LATER), (SECOND, LATER), (LATER, LATER)):
        await ledger.end_all(given)
        assert await ledger.all_valid_from() == kept
        assert (await ledger.standing(a_token())).valid_from == kept


async def test_of_many_ends_of_all_tokens_at_once_the_latest_is_kept(ledger: AccessTokenLedger) -> None:
    instants = [SECOND + timedelta(seconds=(number * 7) % MANY) for number in range(MANY)]
    await asyncio.gather(*map(ledger.end_all, instants))
    assert await ledger.all_valid_from() == max(instants)
