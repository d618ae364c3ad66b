"""AuthorizationRequests: what waits for a person, and whose it is."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from attrs import evolve, fields

from adapters.postgres.database import Database
from core.authorization.model import AuthorizationRequest, ReturnTo, StoredRequest
from core.authorization.ports import AuthorizationRequests
from tests.contract.conftest import NOW, in_postgres
from tests.contract.test_users_at_once import outcomes

TICK = timedelta(microseconds=1)
UNTIL = NOW + timedelta(minutes=30)
MINE, OTHERS = b"m" * 32, b"o" * 32

PLAIN = AuthorizationRequest(
    to=ReturnTo(client_id="app", redirect_uri="https://app.example.com/"), scope=(), audience=("urn:api",)
)
FULL = AuthorizationRequest(
    to=ReturnTo(
        client_id="app",
        redirect_uri="http://127.0.0.1:4711/cb?ü=%20'\"\\",
        sent=False,
        response_mode="form_post",
        state="\u2028 🔑 {}[]\n\\u0041",
    ),
    scope=("openid", "x"),
    audience=("https://api.example.com/", "urn:api"),
    challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    nonce="",
    prompt=("login", "consent"),
    max_age=0,
    login_hint="alice@example.com",
    subject="alice",
    id_token_claims=("email", "https://claims.example.com/x"),
    userinfo_claims=("name",),
)


def a_stored_request(number: int = 1, request: AuthorizationRequest = PLAIN, **others: object) -> StoredRequest:
    own: dict[str, object] = {"created_at": NOW, "expires_at": UNTIL, "browser": MINE, **others}
    return StoredRequest(b"\xa0" + number.to_bytes(31, "big"), request, **own)  # type: ignore[arg-type]


async def kept(requests: AuthorizationRequests, number: int = 1, **others: object) -> StoredRequest:
    stored = a_stored_request(number, **others)  # type: ignore[arg-type]
    await requests.keep(stored)
    return stored


def test_the_full_request_has_something_of_everything() -> None:
    for kind, full, plain in ((AuthorizationRequest, FULL, PLAIN), (ReturnTo, FULL.to, PLAIN.to)):
        alike = [one.name for one in fields(kind) if getattr(full, one.name) == getattr(plain, one.name)]
        assert alike == (["client_id"] if kind is ReturnTo else [])


@pytest.mark.parametrize("request_", [PLAIN, FULL, evolve(FULL, max_age=10**15, nonce=None)])
async def test_a_request_is_kept_as_it_was_given(
    requests: AuthorizationRequests, request_: AuthorizationRequest
) -> None:
    stored = await kept(requests, request=request_, answered=("login", "select_account"))
    await kept(requests, 2)
    assert await requests.find(stored.digest, MINE, at=NOW) == stored
    assert await requests.claim(stored.digest, MINE, at=NOW, until=NOW) == stored
    found = await requests.find(stored.digest, MINE, at=NOW)
    assert found is not None
    assert (found.created_at.utcoffset(), found.expires_at.utcoffset()) == (timedelta(0), timedelta(0))


async def test_what_is_nobodys_becomes_the_browsers_that_comes_first(requests: AuthorizationRequests) -> None:
    stored = await kept(requests, browser=None, expires_at=NOW + TICK)
    assert await requests.find(stored.digest, MINE, at=NOW) is None
    claimed = evolve(stored, browser=MINE, expires_at=UNTIL)
    assert await requests.claim(stored.digest, MINE, at=NOW, until=UNTIL) == claimed
    assert await requests.claim(stored.digest, OTHERS, at=NOW, until=UNTIL + TICK) is None
    for until in (UNTIL + TICK, NOW):  # its own time goes on
        assert await requests.claim(stored.digest, MINE, at=NOW, until=until) == claimed
    assert await requests.find(stored.digest, MINE, at=UNTIL - TICK) == claimed


@pytest.mark.parametrize("browser", [None, MINE])
async def test_an_expired_request_is_nobodys(requests: AuthorizationRequests, browser: bytes | None) -> None:
    stored = await kept(requests, browser=browser)
    for at in (UNTIL, UNTIL + TICK):
        assert await requests.claim(stored.digest, MINE, at=at, until=at + TICK) is None
        assert await requests.find(stored.digest, MINE, at=at) is None
        assert await requests.note_answer(stored.digest, MINE, "login", at=at) is None
    assert await requests.claim(stored.digest, MINE, at=UNTIL - TICK, until=UNTIL) == evolve(stored, browser=MINE)


async def test_another_browsers_request_is_out_of_reach(requests: AuthorizationRequests) -> None:
    stored = await kept(requests)
    assert await requests.claim(stored.digest, OTHERS, at=NOW, until=UNTIL) is None
    assert await requests.find(stored.digest, OTHERS, at=NOW) is None
    assert await requests.note_answer(stored.digest, OTHERS, "login", at=NOW) is None
    assert not await requests.drop(stored.digest, OTHERS)
    assert await requests.find(stored.digest, MINE, at=NOW) == stored


async def test_what_is_not_there_is_none(requests: AuthorizationRequests) -> None:
    await kept(requests)
    for digest in (b"", b"\xa0" * 32, a_stored_request(2).digest):
        assert await requests.claim(digest, MINE, at=NOW, until=UNTIL) is None
        assert await requests.find(digest, MINE, at=NOW) is None
        assert await requests.note_answer(digest, MINE, "login", at=NOW) is None
        assert not await requests.drop(digest, MINE)


async def test_answers_are_noted_once_in_their_order(requests: AuthorizationRequests) -> None:
    stored, other = await kept(requests), await kept(requests, 2)
    for prompt, expected in (
        ("select_account", ("select_account",)),
        ("login", ("select_account", "login")),
        ("select_account", ("select_account", "login")),
    ):
        noted = evolve(stored, answered=expected)
        assert await requests.note_answer(stored.digest, MINE, prompt, at=NOW) == noted
        assert await requests.find(stored.digest, MINE, at=NOW) == noted
    assert await requests.find(other.digest, MINE, at=NOW) == other


async def test_a_request_is_dropped_once(requests: AuthorizationRequests) -> None:
    stored, other = await kept(requests), await kept(requests, 2)
    assert [await requests.drop(stored.digest, MINE) for _ in range(3)] == [True, False, False]
    assert await requests.claim(stored.digest, MINE, at=NOW, until=UNTIL) is None
    assert await requests.find(other.digest, MINE, at=NOW) == other


async def test_a_request_is_kept_once(requests: AuthorizationRequests) -> None:
    stored = await kept(requests)
    with pytest.raises(Exception):  # noqa: B017, PT011 - a mistake of the program, whatever it is called
        await requests.keep(evolve(stored, browser=OTHERS))
    assert await requests.find(stored.digest, MINE, at=NOW) == stored


async def test_of_many_browsers_at_once_one_gets_it(requests: AuthorizationRequests) -> None:
    browsers = [bytes([number]) * 32 for number in range(20)]
    for number in range(10):
        stored = await kept(requests, number, browser=None)
        claims = [requests.claim(stored.digest, browser, at=NOW, until=UNTIL + TICK) for browser in browsers]
        won = [claimed for claimed in await asyncio.gather(*claims) if claimed is not None]
        assert len(won) == 1
        assert won == [evolve(stored, browser=won[0].browser, expires_at=UNTIL + TICK)]
        found = [await requests.find(stored.digest, browser, at=NOW) for browser in browsers]
        assert [one for one in found if one is not None] == won


async def test_of_many_drops_at_once_one_does_it(requests: AuthorizationRequests) -> None:
    stored = await kept(requests)
    assert await outcomes(requests.drop(stored.digest, MINE) for _ in range(20)) == {True: 1, False: 19}


async def test_answers_at_once_all_last(requests: AuthorizationRequests) -> None:
    stored = await kept(requests)
    prompts = ["login", "consent", "select_account"]
    await asyncio.gather(*(requests.note_answer(stored.digest, MINE, prompts[at % 3], at=NOW) for at in range(30)))
    found = await requests.find(stored.digest, MINE, at=NOW)
    assert found is not None
    assert sorted(found.answered) == sorted(prompts)


async def test_in_postgres_what_a_later_release_says_beside_is_passed_over(database: Database) -> None:
    requests = in_postgres(database).requests
    stored = await kept(requests, request=FULL)
    later = json.dumps({"authorization_details": [{"type": "x"}], "dpop_jkt": "x"})
    await database.fetchrow("UPDATE authorization_requests SET request = request || $1", later)
    await database.fetchrow("UPDATE authorization_requests SET request = jsonb_set(request, '{to,more}', $1)", later)
    assert await requests.find(stored.digest, MINE, at=NOW) == stored


@pytest.mark.parametrize("damage", ['{"scope": "openid"}', '{"max_age": "1"}', '{"max_age": true}', '{"nonce": 1}'])
async def test_in_postgres_what_nobody_wrote_so_is_an_error(database: Database, damage: str) -> None:
    requests = in_postgres(database).requests
    stored = await kept(requests)
    await database.fetchrow("UPDATE authorization_requests SET request = request || $1", damage)
    with pytest.raises(Exception, match="AuthorizationRequest"):
        await requests.find(stored.digest, MINE, at=NOW)


async def test_in_postgres_a_plain_request_takes_little_room(database: Database) -> None:
    await kept(in_postgres(database).requests)
    row = await database.fetchrow("SELECT request FROM authorization_requests")
    assert row is not None
    assert json.loads(row["request"]).keys() == {"to", "scope", "audience"}
