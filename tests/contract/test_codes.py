"""Codes: kept once, good once, and for as long as what they rest on (RFC 6749 §4.1.2, RFC 7636 §4.6)."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from core.authorization.model import Code, Session
from core.authorization.ports import Codes, FirstToken, Mismatched, NewCode, Redeemed, Redemption, Replayed
from core.clients.ports import ClientChanges
from core.housekeeping import CODES_STAY, Prune
from core.tokens.model import Family, Login, Permission
from core.users.ports import UserChanges
from tests.contract.conftest import NOW, Stores
from tests.contract.test_access_tokens import a_token
from tests.contract.test_clients import a_public_client
from tests.contract.test_sessions import IDLE, LIFETIME, TICK, owner, refreshes, signed_in

SOON = NOW + timedelta(seconds=30)
UNTIL = NOW + timedelta(minutes=1)
LATER = NOW + timedelta(days=1)

API, OTHER_API = "urn:api", "https://api.example.com/"
CALLBACK = "https://app.example.com/cb?x=ü'\"\\"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
FIRST = FirstToken(b"\x00" * 32, NOW + timedelta(days=90), NOW + timedelta(days=30))
UNKNOWN_SESSION = UUID(int=7)


def a_code(session: Session | None = None, number: int = 1, **others: object) -> Code:
    """What it is for can be changed as well: scope, audience, client_id, username, at, login, claims."""
    login = Login(session.authenticated_at, session.id) if session is not None else Login(NOW, UNKNOWN_SESSION)
    granted = Permission("app", "alice", ("openid", "read"), (API, OTHER_API), NOW, login, ("email", "x"))
    of_grant = {name: others.pop(name) for name in [*others] if hasattr(granted, name)}
    code = Code(
        digest=number.to_bytes(32, "big"),
        grant_id=uuid4(),
        permission=evolve(granted, **of_grant),  # type: ignore[arg-type]
        redirect_uri=CALLBACK,
        redirect_uri_sent=True,
        expires_at=UNTIL,
        session_expires_at=session.expires_at if session is not None else NOW + LIFETIME,
        challenge=CHALLENGE,
        nonce="n-0S6_'\"",
        id_token_claims=("acr", "name"),
    )
    return evolve(code, **others)  # type: ignore[arg-type]


def presenting(code: Code | bytes, **others: object) -> Redemption:
    """As the application of `a_code` does it, for a refresh token, too."""
    own = {
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "challenge": CHALLENGE,
        "audience": (),
        "at": SOON,
        "refresh": FIRST,
        **others,
    }
    return Redemption(digest=code.digest if isinstance(code, Code) else code, **own)  # type: ignore[arg-type]


async def issued(stores: Stores, number: int = 1, **others: object) -> Code:
    """A code for alice, who is signed in, by a client that is there."""
    if await stores.clients.get("app") is None:
        await stores.clients.create(a_public_client())
    sessions = await stores.sessions.of_user("alice")
    code = a_code(sessions[0] if sessions else await signed_in(stores), number, **others)
    assert await stores.codes.issue(NewCode(code))
    return code


async def family_of(stores: Stores, code: Code) -> Family:
    family = await stores.families.find(code.grant_id)
    assert family is not None
    return family


async def test_a_code_is_exchanged_for_what_was_kept_with_its_user(stores: Stores) -> None:
    code, other = await issued(stores), await issued(stores, 2)
    plain = await issued(
        stores, 3, scope=(), audience=(API,), claims=(), nonce=None, challenge=None, id_token_claims=()
    )
    user = await owner(stores)
    assert await stores.codes.redeem(presenting(code)) == Redeemed(code, user)
    assert await stores.codes.redeem(presenting(plain, challenge=None)) == Redeemed(plain, user)
    assert await stores.codes.redeem(presenting(other)) == Redeemed(other, user)


async def test_times_come_back_to_the_microsecond_and_aware(stores: Stores) -> None:
    outcome = await stores.codes.redeem(presenting(await issued(stores)))
    assert isinstance(outcome, Redeemed)
    code = outcome.code
    assert code.permission.login is not None
    times = [code.expires_at, code.session_expires_at, code.permission.at, code.permission.login.at]
    assert {time.utcoffset() for time in times} == {timedelta(0)}
    assert code.permission.at == NOW


async def test_the_user_is_as_stored_at_that_moment(stores: Stores) -> None:
    code = await issued(stores)
    changes = UserChanges(at=SOON, roles=("admin",), tokens_valid_from=NOW, profile={"name": "Alice"})
    changed = await stores.users.update((await owner(stores)).id, changes)
    assert await stores.codes.redeem(presenting(code)) == Redeemed(code, changed)


async def test_with_the_code_a_family_of_refresh_tokens_is_started(stores: Stores) -> None:
    code = await issued(stores)
    await stores.codes.redeem(presenting(code))
    assert await family_of(stores, code) == Family(
        code.grant_id, code.permission, FIRST.digest, NOW + LIFETIME, NOW + LIFETIME
    )
    assert await refreshes(stores, await family_of(stores, code))


async def test_without_a_refresh_token_there_is_no_family(stores: Stores) -> None:
    code = await issued(stores)
    assert isinstance(await stores.codes.redeem(presenting(code, refresh=None)), Redeemed)
    assert await stores.families.find(code.grant_id) is None
    assert not (await stores.ledger.standing(a_token(grant_id=code.grant_id))).revoked


@pytest.mark.parametrize(
    ("scope", "policy", "idle", "expected"),
    [
        (("openid",), 90, 30, (14, 14)),
        (("openid",), 90, 3, (14, 3)),
        (("openid",), 9, 3, (9, 3)),
        (("openid",), 9, 30, (9, 9)),
        (("offline_access",), 90, 30, (90, 30)),
        (("openid", "offline_access"), 90, 3, (90, 3)),
        (("offline_access",), 9, 30, (9, 9)),
    ],
)
async def test_the_family_ends_with_the_session_unless_it_may_go_on(
    stores: Stores, scope: tuple[str, ...], policy: int, idle: int, expected: tuple[int, int]
) -> None:
    code = await issued(stores, scope=scope)
    first = FirstToken(FIRST.digest, NOW + timedelta(days=policy), NOW + timedelta(days=idle))
    await stores.codes.redeem(presenting(code, refresh=first))
    family = await family_of(stores, code)
    assert ((family.expires_at - NOW).days, (family.idle_expires_at - NOW).days) == expected


@pytest.mark.parametrize(
    ("sent", "named", "fits"),
    [
        (True, CALLBACK, True),
        (True, None, False),
        (True, CALLBACK + "/", False),
        (True, "", False),
        (False, None, True),
        (False, CALLBACK, True),
        (False, CALLBACK.upper(), False),
        (False, "", False),
    ],
)
async def test_the_redirect_uri_is_named_as_it_was(stores: Stores, sent: bool, named: str | None, fits: bool) -> None:
    """RFC 6749 §4.1.3."""
    code = await issued(stores, redirect_uri_sent=sent)
    outcome = await stores.codes.redeem(presenting(code, redirect_uri=named))
    assert outcome == (Redeemed(code, await owner(stores)) if fits else Mismatched("redirect_uri"))


@pytest.mark.parametrize(
    ("own", "answer", "fits"),
    [
        (CHALLENGE, CHALLENGE, True),
        (CHALLENGE, None, False),
        (CHALLENGE, CHALLENGE.lower(), False),
        (CHALLENGE, "", False),
        (None, None, True),
        (None, CHALLENGE, False),
    ],
)
async def test_the_challenge_is_answered_and_nothing_where_there_was_none(
    stores: Stores, own: str | None, answer: str | None, fits: bool
) -> None:
    """RFC 7636 §4.6; RFC 9700 §2.1.1: a verifier without a challenge is a downgrade."""
    code = await issued(stores, challenge=own)
    outcome = await stores.codes.redeem(presenting(code, challenge=answer))
    assert outcome == (Redeemed(code, await owner(stores)) if fits else Mismatched("challenge"))


@pytest.mark.parametrize(
    ("named", "fits"),
    [
        ((), True),
        ((API,), True),
        ((OTHER_API, API), True),
        ((API, API), True),
        ((API, "urn:other"), False),
        (("urn:ap",), False),
    ],
)
async def test_only_resources_that_were_granted_are_had(stores: Stores, named: tuple[str, ...], fits: bool) -> None:
    """RFC 8707 §2.2."""
    code = await issued(stores)
    outcome = await stores.codes.redeem(presenting(code, audience=named))
    assert outcome == (Redeemed(code, await owner(stores)) if fits else Mismatched("resource"))


async def test_what_does_not_fit_spends_nothing(stores: Stores) -> None:
    code = await issued(stores)
    wrong = {"challenge": "x", "redirect_uri": None, "audience": ("urn:other",), "client_id": "other"}
    for change in product(*([False, True] for _ in wrong)):
        others = {name: wrong[name] for name, chosen in zip(wrong, change, strict=True) if chosen}
        if others:
            outcome = await stores.codes.redeem(presenting(code, **others))
            assert outcome is None if "client_id" in others else isinstance(outcome, Mismatched)
            assert await stores.families.find(code.grant_id) is None
    assert isinstance(await stores.codes.redeem(presenting(code)), Redeemed)


async def test_a_code_lives_to_its_last_moment(stores: Stores) -> None:
    code, other = await issued(stores), await issued(stores, 2)
    for at in (UNTIL, UNTIL + TICK, LATER):
        assert await stores.codes.redeem(presenting(code, at=at)) is None
        assert await stores.codes.redeem(presenting(code, at=at, challenge="x")) is None
    assert isinstance(await stores.codes.redeem(presenting(code, at=UNTIL - TICK)), Redeemed)
    assert isinstance(await stores.codes.redeem(presenting(other, at=UNTIL - TICK)), Redeemed)


async def test_what_is_no_code_is_none(codes: Codes) -> None:
    for digest in (b"", b"\x01" * 32):
        assert await codes.redeem(presenting(digest)) is None
    await codes.revoke(uuid4(), at=NOW, until=UNTIL)


async def end(stores: Stores, how: str) -> None:
    user = await owner(stores)
    (session,) = await stores.sessions.of_user("alice")
    match how:
        case "session":
            await stores.sessions.end("alice", session.id, at=SOON)
        case "another sign-in":
            await stores.sessions.start(evolve(session, id=uuid4(), digest=b"new"), browser=session.digest)
        case "user gone":
            await stores.users.delete(user.id)
        case "user inactive":
            await stores.users.update(user.id, UserChanges(at=SOON, is_active=False))
        case "user's tokens":
            await stores.users.update(user.id, UserChanges(at=SOON, tokens_valid_from=NOW + TICK))
        case "everybody's tokens":
            await stores.ledger.end_all(NOW + TICK)
        case "client's tokens":
            await stores.clients.update("app", ClientChanges(at=SOON, tokens_valid_from=NOW + TICK))
        case _:
            assert await stores.connections.end("alice", "app", valid_from=NOW + TICK, at=SOON)


ENDS = (
    "session",
    "another sign-in",
    "user gone",
    "user inactive",
    "user's tokens",
    "everybody's tokens",
    "client's tokens",
    "connection",
)


@pytest.mark.parametrize("how", ENDS)
async def test_a_code_ends_with_what_it_rests_on(stores: Stores, how: str) -> None:
    code = await issued(stores)
    consented = await issued(stores, 2)
    await stores.codes.issue(NewCode(evolve(consented, digest=b"3", grant_id=uuid4()), allows=(API,)))
    await end(stores, how)
    for one in (code, consented):
        assert await stores.codes.redeem(presenting(one)) is None
        assert await stores.families.find(one.grant_id) is None


@pytest.mark.parametrize("how", ENDS)
async def test_a_code_that_comes_again_is_known_whatever_ended_since(stores: Stores, how: str) -> None:
    code = await issued(stores)
    await stores.codes.issue(NewCode(a_code(number=2), allows=(API,)))
    assert isinstance(await stores.codes.redeem(presenting(code)), Redeemed)
    await end(stores, how)
    assert await stores.codes.redeem(presenting(code)) == Replayed(code)


@pytest.mark.parametrize(
    ("expires", "idle", "good"),
    [(LIFETIME, IDLE, True), (SOON + TICK - NOW, IDLE, True), (SOON - NOW, IDLE, False), (LIFETIME, SOON - NOW, False)],
)
async def test_the_session_lives_at_that_moment(
    stores: Stores, expires: timedelta, idle: timedelta, good: bool
) -> None:
    session = await signed_in(stores, expires_at=NOW + expires, idle_expires_at=NOW + idle)
    code = a_code(session)
    await stores.codes.issue(NewCode(code))
    assert isinstance(await stores.codes.redeem(presenting(code)), Redeemed) == good


async def test_what_was_granted_at_the_instant_from_which_tokens_count_is_good(stores: Stores) -> None:
    code = await issued(stores)
    await stores.codes.issue(NewCode(a_code(number=2), allows=(API,)))
    await stores.users.update((await owner(stores)).id, UserChanges(at=SOON, tokens_valid_from=NOW))
    await stores.clients.update("app", ClientChanges(at=SOON, tokens_valid_from=NOW))
    await stores.ledger.end_all(NOW)
    await stores.connections.end("alice", "app", valid_from=NOW, at=SOON)
    assert isinstance(await stores.codes.redeem(presenting(code)), Redeemed)


@pytest.mark.parametrize("whose", ["user", "everybody"])
async def test_a_sign_in_from_before_the_end_of_tokens_gives_nothing(stores: Stores, whose: str) -> None:
    """The session was looked at before it ended, and the code was issued after."""
    code = await issued(stores, at=NOW + TICK)
    if whose == "user":
        await stores.users.update((await owner(stores)).id, UserChanges(at=SOON, tokens_valid_from=NOW + TICK))
    else:
        await stores.ledger.end_all(NOW + TICK)
    assert await stores.codes.redeem(presenting(code)) is None


async def test_a_code_comes_again_from_its_own_client_alone(stores: Stores) -> None:
    code = await issued(stores)
    await stores.codes.redeem(presenting(code))
    for others in ({}, {"challenge": "x"}, {"redirect_uri": None}, {"audience": ("urn:other",)}, {"at": LATER}):
        assert await stores.codes.redeem(presenting(code, **others)) == Replayed(code)
    assert await stores.codes.redeem(presenting(code, client_id="other")) is None
    assert await refreshes(stores, await family_of(stores, code))  # until somebody revokes it


async def test_a_code_is_known_for_as_long_as_its_tokens_may_live(stores: Stores) -> None:
    code, unused = await issued(stores), await issued(stores, 2)
    await stores.codes.redeem(presenting(code))
    stores.clock.instant = UNTIL + CODES_STAY
    await Prune(stores.expired)()
    assert await stores.codes.redeem(presenting(code, at=UNTIL + CODES_STAY)) == Replayed(code)
    stores.clock.forward(microseconds=1)
    assert await stores.expired.count() == 2
    await Prune(stores.expired)()
    for one in (code, unused):
        assert await stores.codes.redeem(presenting(one)) is None


async def test_a_grant_is_revoked_with_all_its_tokens(stores: Stores) -> None:
    code, other = await issued(stores), await issued(stores, 2)
    for one in (code, other):
        await stores.codes.redeem(presenting(one))
    family = await family_of(stores, code)
    for at in (SOON, LATER):
        await stores.codes.revoke(code.grant_id, at=at, until=LATER)
        assert await stores.families.find(code.grant_id) == evolve(family, revoked_at=SOON)
    assert (await stores.ledger.standing(a_token(grant_id=code.grant_id))).revoked
    assert not await refreshes(stores, family)
    assert not (await stores.ledger.standing(a_token(grant_id=other.grant_id))).revoked
    assert await refreshes(stores, await family_of(stores, other))


async def test_a_grant_without_refresh_tokens_is_revoked_until_its_tokens_have_expired(stores: Stores) -> None:
    code = await issued(stores)
    await stores.codes.redeem(presenting(code, refresh=None))
    for until in (UNTIL, LATER, UNTIL):
        await stores.codes.revoke(code.grant_id, at=SOON, until=until)
    token = a_token(grant_id=code.grant_id, jti=str(uuid4()))
    for instant, revoked in ((LATER, True), (LATER + TICK, False)):
        stores.clock.instant = instant
        await Prune(stores.expired)()
        assert (await stores.ledger.standing(token)).revoked == revoked
