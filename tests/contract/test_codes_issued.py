"""Codes: issued once, for the stored request that they answer, and with what was allowed."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest
from attrs import evolve

from core.authorization.ports import NewCode, Redeemed
from core.tokens.model import Family
from tests.contract.conftest import NOW, Stores
from tests.contract.test_authorization_requests import MINE, OTHERS, a_stored_request
from tests.contract.test_clients import a_public_client
from tests.contract.test_codes import API, FIRST, SOON, a_code, issued, presenting
from tests.contract.test_sessions import TICK, owner, refreshes, signed_in


async def test_a_code_takes_its_stored_request_away(stores: Stores) -> None:
    stored, other = a_stored_request(1), a_stored_request(2)
    for one in (stored, other):
        await stores.requests.keep(one)
    code = a_code(await signed_in(stores))
    assert await stores.codes.issue(NewCode(code, finishes=(stored.digest, MINE)))
    assert await stores.requests.find(stored.digest, MINE, at=NOW) is None
    assert await stores.requests.find(other.digest, MINE, at=NOW) == other
    assert isinstance(await stores.codes.redeem(presenting(code)), Redeemed)


@pytest.mark.parametrize("gone", ["never was", "another browser's", "nobody's yet", "answered"])
async def test_without_the_stored_request_nothing_is_written(stores: Stores, gone: str) -> None:
    await stores.clients.create(a_public_client())
    session = await signed_in(stores)
    stored = a_stored_request(1, browser=None if gone == "nobody's yet" else MINE)
    if gone != "never was":
        await stores.requests.keep(stored)
    if gone == "answered":
        assert await stores.codes.issue(NewCode(a_code(session, 2), finishes=(stored.digest, MINE)))
    browser = OTHERS if gone == "another browser's" else MINE
    code = a_code(session)
    assert not await stores.codes.issue(NewCode(code, finishes=(stored.digest, browser), allows=(API,)))
    assert await stores.codes.redeem(presenting(code)) is None
    assert await stores.connections.of_user("alice") == ()
    if gone == "another browser's":
        assert await stores.requests.find(stored.digest, MINE, at=NOW) == stored


async def test_a_code_is_issued_once(stores: Stores) -> None:
    code = await issued(stores)
    with pytest.raises(Exception):  # noqa: B017, PT011 - a mistake of the program, whatever it is called
        await stores.codes.issue(NewCode(evolve(code, grant_id=uuid4()), allows=(API,)))
    assert await stores.codes.redeem(presenting(code)) == Redeemed(code, await owner(stores))


async def test_a_code_rests_on_a_sign_in(stores: Stores) -> None:
    with pytest.raises(ValueError, match="sign-in"):
        await stores.codes.issue(NewCode(a_code(login=None)))


@pytest.mark.parametrize("valid_from", [NOW, NOW + TICK])
async def test_a_family_of_before_the_end_of_a_connection_does_not_begin_after_it(
    stores: Stores, valid_from: datetime
) -> None:
    """Decided before, and started after."""
    code = await issued(stores)
    await stores.codes.issue(NewCode(a_code(number=2), allows=(API,)))
    await stores.connections.end("alice", "app", valid_from=valid_from, at=SOON)
    family = Family(uuid4(), evolve(code.permission, login=None), FIRST.digest, FIRST.expires_at, FIRST.expires_at)
    await stores.families.start(family)
    assert await refreshes(stores, family) == (valid_from == NOW)
