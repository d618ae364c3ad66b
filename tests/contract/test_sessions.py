"""Sessions: who is signed in where, and what ends with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from core.authorization.model import Seen, Session
from core.authorization.ports import Sessions
from core.tokens.model import Family, Login, Permission
from core.tokens.ports import Rotated
from core.users.model import User
from core.users.ports import UserChanges
from tests.contract.conftest import NOW, Stores
from tests.contract.test_access_tokens import a_token
from tests.contract.test_authorization_requests import a_stored_request
from tests.contract.test_refresh_families import SOON, a_family, presenting
from tests.contract.test_users import a_user

LIFETIME = timedelta(days=14)
IDLE = timedelta(hours=12)
TICK = timedelta(microseconds=1)
SECOND = NOW.replace(microsecond=0) + timedelta(seconds=1)
LATER = SECOND + timedelta(minutes=1)


def cookie(number: int) -> bytes:
    """The digest of the cookie with this number."""
    return b"\xc0" + number.to_bytes(31, "big")


def a_session(username: str = "alice", number: int = 1, **others: object) -> Session:
    own: dict[str, object] = {
        "authenticated_at": NOW,
        "seen_at": NOW + TICK,
        "expires_at": NOW + LIFETIME,
        "idle_expires_at": NOW + IDLE,
        "agent": "Mozilla/5.0 (ü; '\"\\ %s)",
        "address": "2001:db8::1",
        **others,
    }
    return Session(id=uuid4(), digest=cookie(number), username=username, **own)  # type: ignore[arg-type]


async def signed_in(stores: Stores, username: str = "alice", number: int = 1, **others: object) -> Session:
    """A user who is there, and a session of theirs."""
    if await stores.users.get_by_username(username) is None:
        await stores.users.create(a_user(username))
    session = a_session(username, number, **others)
    await stores.sessions.start(session, browser=None)
    return session


async def refreshing(stores: Stores, session: Session | None, *scope: str, client_id: str = "app") -> Family:
    """A family of refresh tokens that came of this session."""
    login = Login(session.authenticated_at, session.id) if session is not None else None
    username = session.username if session is not None else "alice"
    family = evolve(a_family(), permission=Permission(client_id, username, scope, ("urn:api",), NOW, login))
    await stores.families.start(family)
    return family


async def refreshes(stores: Stores, family: Family) -> bool:
    """Whether the first token of the family is still good. Spends it."""
    client_id = family.permission.client_id
    return isinstance(await stores.families.rotate(presenting(family, 0, client_id=client_id)), Rotated)


async def owner(stores: Stores, username: str = "alice") -> User:
    user = await stores.users.get_by_username(username)
    assert user is not None
    return user


async def test_a_session_is_kept_as_it_was_started_and_seen_with_its_user(stores: Stores) -> None:
    session, other = await signed_in(stores), await signed_in(stores, "bob", 2, agent="", address="")
    assert await stores.sessions.look(cookie(1)) == Seen(session, await owner(stores))
    assert await stores.sessions.look(cookie(2)) == Seen(other, await owner(stores, "bob"))
    assert await stores.sessions.look(cookie(3)) is None
    assert await stores.sessions.look(b"") is None


async def test_times_come_back_to_the_microsecond_and_aware(stores: Stores) -> None:
    await signed_in(stores)
    seen = await stores.sessions.look(cookie(1))
    assert seen is not None
    times = [seen.session.authenticated_at, seen.session.seen_at, seen.session.expires_at, seen.session.idle_expires_at]
    assert times == [NOW, NOW + TICK, NOW + LIFETIME, NOW + IDLE]
    assert {time.utcoffset() for time in times} == {timedelta(0)}


async def test_a_session_is_seen_alive_or_not(stores: Stores) -> None:
    session = await signed_in(stores, expires_at=NOW - LIFETIME, idle_expires_at=NOW - LIFETIME)
    changes = UserChanges(at=LATER, is_active=False, tokens_valid_from=LATER, roles=("admin",))
    changed = await stores.users.update((await owner(stores)).id, changes)
    assert await stores.sessions.look(cookie(1)) == Seen(session, changed)


async def test_with_a_user_the_sessions_go(stores: Stores) -> None:
    await signed_in(stores)
    kept = await signed_in(stores, "bob", 2)
    await stores.users.delete((await owner(stores)).id)
    assert await stores.sessions.look(cookie(1)) is None
    assert await stores.sessions.of_user("alice") == ()
    assert await stores.sessions.end("alice", None, at=NOW) == 0
    assert await stores.sessions.of_user("bob") == (kept,)


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
async def test_the_later_end_of_tokens_is_the_users(
    stores: Stores, own: datetime | None, everybodys: datetime | None, expected: datetime | None
) -> None:
    await stores.users.create(a_user(tokens_valid_from=own))
    await stores.sessions.start(a_session(), browser=None)
    if everybodys is not None:
        await stores.ledger.end_all(everybodys)
    seen = await stores.sessions.look(cookie(1))
    assert seen is not None
    assert seen.user.tokens_valid_from == expected


async def test_a_use_is_noted_and_never_taken_back(stores: Stores) -> None:
    session, other = await signed_in(stores), await signed_in(stores, number=2)
    for at, idle in ((LATER, LATER + IDLE), (SECOND, LATER + IDLE - TICK), (SECOND, SECOND)):
        await stores.sessions.touch(session.id, at=at, idle_expires_at=idle)
        touched = evolve(session, seen_at=LATER, idle_expires_at=LATER + IDLE)
        assert await stores.sessions.look(cookie(1)) == Seen(touched, await owner(stores))
    await stores.sessions.touch(uuid4(), at=LATER, idle_expires_at=LATER)
    assert await stores.sessions.look(cookie(2)) == Seen(other, await owner(stores))


async def test_a_users_sessions_are_listed_the_one_used_last_first(stores: Stores) -> None:
    made = [await signed_in(stores, number=number, seen_at=NOW + number * TICK) for number in (2, 1, 4, 3)]
    await signed_in(stores, "bob", 5)
    await stores.sessions.touch(made[1].id, at=LATER, idle_expires_at=NOW)
    found = await stores.sessions.of_user("alice")
    assert [session.digest for session in found] == [cookie(number) for number in (1, 4, 3, 2)]
    assert found[1:] == (made[2], made[3], made[0])
    assert await stores.sessions.of_user("carol") == ()


async def test_one_session_ends(stores: Stores) -> None:
    session, other = await signed_in(stores), await signed_in(stores, number=2)
    for username, one in (("bob", session.id), ("alice", uuid4())):
        assert await stores.sessions.end(username, one, at=LATER) == 0
    assert await stores.sessions.end("alice", session.id, at=LATER) == 1
    assert await stores.sessions.end("alice", session.id, at=LATER) == 0
    assert await stores.sessions.look(cookie(1)) is None
    assert await stores.sessions.of_user("alice") == (other,)


async def test_all_sessions_of_one_user_end(stores: Stores) -> None:
    for number in (1, 2, 3):
        await signed_in(stores, number=number)
    other = await signed_in(stores, "bob", 4)
    assert await stores.sessions.end("alice", None, at=LATER) == 3
    assert await stores.sessions.end("alice", None, at=LATER) == 0
    assert await stores.sessions.of_user("alice") == ()
    assert await stores.sessions.of_user("bob") == (other,)


async def ends(stores: Stores, session: Session, how: str) -> None:
    match how:
        case "one":
            await stores.sessions.end("alice", session.id, at=SOON)
        case "all":
            await stores.sessions.end("alice", None, at=SOON)
        case _:
            await stores.sessions.start(a_session(number=9, seen_at=SOON), browser=session.digest)


@pytest.mark.parametrize("how", ["one", "all", "another sign-in"])
async def test_with_a_session_its_refresh_tokens_end_but_those_granted_to_stay(stores: Stores, how: str) -> None:
    session, other = await signed_in(stores), await signed_in(stores, "bob", 2)
    online = [await refreshing(stores, session, *scope) for scope in ((), ("openid",), ("offline_access_not",))]
    staying = [
        await refreshing(stores, session, "offline_access"),
        await refreshing(stores, session, "openid", "offline_access", "x"),
        await refreshing(stores, other),
        await refreshing(stores, None),
    ]
    ended = await refreshing(stores, session)
    await stores.families.revoke(ended.id, at=NOW)
    await ends(stores, session, how)
    for family in online:
        assert await stores.families.find(family.id) == evolve(family, revoked_at=SOON)
        assert (await stores.ledger.standing(a_token(grant_id=family.id))).revoked
        assert not await refreshes(stores, family)
    for family in staying:
        assert await stores.families.find(family.id) == family
        assert not (await stores.ledger.standing(a_token(grant_id=family.id))).revoked
        assert await refreshes(stores, family)
    assert await stores.families.find(ended.id) == evolve(ended, revoked_at=NOW)


async def test_while_a_session_lives_its_refresh_tokens_do(stores: Stores) -> None:
    """Also when nobody has used it for a while: the application was used, not this."""
    family = await refreshing(stores, await signed_in(stores, idle_expires_at=NOW))
    assert await refreshes(stores, family)


async def test_a_sign_in_takes_over_what_stands_under_the_cookie_before(stores: Stores) -> None:
    before, other = await signed_in(stores), await signed_in(stores, "bob", 2)
    made = {
        number: a_stored_request(number, browser=browser)
        for number, browser in ((1, cookie(1)), (2, cookie(1)), (3, cookie(2)), (4, None))
    }
    for stored in made.values():
        await stores.requests.keep(stored)
    session = a_session(number=7)
    await stores.sessions.start(session, browser=before.digest)
    assert await stores.sessions.look(cookie(1)) is None
    assert await stores.sessions.look(cookie(7)) == Seen(session, await owner(stores))
    assert await stores.sessions.of_user("bob") == (other,)
    for number in (1, 2):
        assert await stores.requests.find(made[number].digest, cookie(1), at=NOW) is None
        assert await stores.requests.find(made[number].digest, cookie(7), at=NOW) == evolve(
            made[number], browser=cookie(7)
        )
    assert await stores.requests.find(made[3].digest, cookie(2), at=NOW) == made[3]
    assert await stores.requests.find(made[4].digest, cookie(7), at=NOW) is None


@pytest.mark.parametrize("browser", [None, cookie(6)])
async def test_a_sign_in_elsewhere_leaves_everything_else(stores: Stores, browser: bytes | None) -> None:
    before = await signed_in(stores)
    family = await refreshing(stores, before)
    stored = a_stored_request(1, browser=cookie(1))
    await stores.requests.keep(stored)
    await stores.sessions.start(a_session(number=7), browser=browser)
    assert await stores.sessions.look(cookie(1)) == Seen(before, await owner(stores))
    assert await stores.requests.find(stored.digest, cookie(1), at=NOW) == stored
    assert await refreshes(stores, family)


async def test_a_request_that_waited_goes_on_after_somebody_else_signed_in_there(stores: Stores) -> None:
    """On a shared machine: the session of the one before ends, the request stays with the browser."""
    await signed_in(stores)
    await stores.users.create(a_user("bob"))
    stored = a_stored_request(1, browser=cookie(1))
    await stores.requests.keep(stored)
    await stores.sessions.start(a_session("bob", 7), browser=cookie(1))
    assert await stores.sessions.of_user("alice") == ()
    assert await stores.requests.find(stored.digest, cookie(7), at=NOW) == evolve(stored, browser=cookie(7))


@pytest.mark.parametrize("same", ["id", "digest"])
async def test_a_session_is_started_once(stores: Stores, same: str) -> None:
    session = await signed_in(stores)
    twin = a_session("alice", 1 if same == "digest" else 2)
    twin = evolve(twin, id=session.id) if same == "id" else twin
    with pytest.raises(Exception):  # noqa: B017, PT011 - a mistake of the program, whatever it is called
        await stores.sessions.start(twin, browser=None)
    assert await stores.sessions.of_user("alice") == (session,)


@pytest.mark.parametrize("session", [None, UUID(int=0)])
async def test_nobody_has_no_sessions(sessions: Sessions, session: UUID | None) -> None:
    for name in ("", "nobody", "ü", "' OR 1=1 --"):
        assert await sessions.of_user(name) == ()
        assert await sessions.end(name, session, at=NOW) == 0


async def test_a_session_goes_on_under_a_new_cookie(stores: Stores) -> None:
    """Its user signed in once more: nothing that came of it ends."""
    before = await signed_in(stores, number=1)
    family = await refreshing(stores, before)
    await stores.requests.keep(a_stored_request(browser=before.digest))
    again = evolve(before, digest=cookie(2), authenticated_at=NOW + TICK, seen_at=NOW + TICK)
    assert await stores.sessions.start(again, browser=before.digest, goes_on=True)
    assert await stores.sessions.look(before.digest) is None
    seen = await stores.sessions.look(again.digest)
    assert seen is not None
    assert seen.session == again
    found = await stores.families.find(family.id)
    assert found is not None
    assert found.revoked_at is None
    digest = a_stored_request().digest
    assert await stores.requests.find(digest, again.digest, at=NOW) is not None


async def test_a_session_that_has_ended_does_not_go_on(stores: Stores) -> None:
    before = await signed_in(stores, number=1)
    await stores.sessions.end("alice", before.id, at=NOW)
    again = evolve(before, digest=cookie(2))
    assert not await stores.sessions.start(again, browser=before.digest, goes_on=True)
    assert await stores.sessions.look(again.digest) is None


async def test_nobody_goes_on_with_the_session_of_somebody_else(stores: Stores) -> None:
    before = await signed_in(stores, number=1)
    await stores.users.create(a_user("bob"))
    stolen = evolve(before, username="bob", digest=cookie(2))
    assert not await stores.sessions.start(stolen, browser=before.digest, goes_on=True)
    assert not await stores.sessions.start(evolve(before, digest=cookie(3)), browser=cookie(9), goes_on=True)
    seen = await stores.sessions.look(before.digest)
    assert seen is not None
    assert seen.session == before
