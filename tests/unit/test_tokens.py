"""Access tokens: what they claim, and when they hold."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.model import MOST_ROLES
from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret
from core.tokens.model import (
    ACCESS_TOKEN_TYP,
    LARGEST_TOKEN,
    LONGEST_JTI,
    PSEUDONYM,
    AccessToken,
    Permission,
    Standing,
)
from core.tokens.verify import ago, in_good_standing
from tests.unit.house import AUDIENCE, ISSUER, House

REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]  # RFC 9068 §2.2
OPTIONAL = ["nbf", "roles", "scope"]

NO_TEXT: list[object] = [None, "", 1, 1.5, True, [], ["a"], {}, "a\0", "\ud800"]
NO_DATE: list[object] = [
    None,
    "",
    "1",
    True,
    False,
    [],
    {},
    [1],
    1e11,
    -1,
    1.7e12,
    1e300,
    10**400,
    math.nan,
    math.inf,
    -math.inf,
]
NO_TEXTS: list[object] = [None, 1, True, {}, [1], ["a", None], [["a"]]]
WRONG_TYPES = [
    *((name, value) for name in ["iss", "sub", "jti", "client_id", "scope"] for value in NO_TEXT),
    *((name, value) for name in ["exp", "iat", "nbf"] for value in NO_DATE),
    *(("aud", value) for value in NO_TEXTS),
    *(("roles", value) for value in [*NO_TEXTS, "admin"]),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


async def refused(house: House, **claims: object) -> str:
    with pytest.raises(InvalidToken) as caught:
        await house.verify(await house.signed(house.claims(**claims)))
    assert caught.value.description == "Could not validate credentials"
    return caught.value.reason


async def test_a_token_has_the_claims_of_rfc_9068(house: House) -> None:
    await house.alice(roles=("writer", "admin"))
    at = house.clock.now()
    allowed = Permission(None, "alice", (), (AUDIENCE,), at)
    house.clock.forward(seconds=2.5)
    issued = await house.issue(allowed, roles=(await house.find_user("alice")).roles)
    claims = await house.tokens.verify(issued.access_token, typ=ACCESS_TOKEN_TYP)
    jti = claims["jti"]
    assert claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "exp": int(at.timestamp()) + 2 + 1800,
        "iat": int(at.timestamp()),
        "jti": jti,
        "client_id": "watchword",
        "roles": ["admin", "writer"],
    }
    assert issued.expires_in == 1800


async def test_a_token_says_what_was_permitted_and_no_more(house: House) -> None:
    grant_id = house.entropy.uuid()
    allowed = Permission("reports", "alice", ("b", "a"), (AUDIENCE, ISSUER), house.clock.now())
    claims = await house.verify((await house.issue(allowed, roles=("reader",), grant_id=grant_id)).access_token)
    assert (claims.sub, claims.client_id, claims.aud) == ("alice", "reports", (AUDIENCE, ISSUER))
    assert (claims.scope, claims.roles, claims.grant_id) == ("b a", ("reader",), grant_id)
    itself = Permission("reports", None, (), (AUDIENCE,), house.clock.now())
    raw = await house.tokens.verify((await house.issue(itself)).access_token, typ=ACCESS_TOKEN_TYP)
    assert raw.keys() == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id"}
    assert (raw["sub"], raw["aud"]) == ("reports", AUDIENCE)


async def test_every_token_has_an_identifier_of_its_own(house: House) -> None:
    await house.alice()
    tokens = [await house.verify(await house.log_in()) for _ in range(20)]
    assert len({token.jti for token in tokens}) == 20


async def test_a_verified_token_gives_its_claims(house: House) -> None:
    token = await house.verify(await house.signed(house.claims(scope="a b", aud=["other", AUDIENCE])))
    assert (token.username, token.roles, token.scope, token.aud) == ("alice", ("reader",), "a b", ("other", AUDIENCE))


async def test_the_largest_user_gets_a_token_that_verifies(house: House) -> None:
    alice = attrs.evolve(
        await house.alice(), username="a" * 64, roles=[f"{number:02}".rjust(64, "r") for number in range(MOST_ROLES)]
    )
    issued = await house.issue(Permission(None, alice.username, (), (AUDIENCE,), house.clock.now()), roles=alice.roles)
    assert len((await house.verify(issued.access_token)).roles) == MOST_ROLES


@pytest.mark.parametrize("name", REQUIRED)
async def test_a_token_without_a_required_claim_is_refused(house: House, name: str) -> None:
    claims = house.claims()
    del claims[name]
    with pytest.raises(InvalidToken) as caught:
        await house.verify(await house.signed(claims))
    assert name in caught.value.reason


@pytest.mark.parametrize("name", OPTIONAL)
async def test_a_token_without_an_optional_claim_holds(house: House, name: str) -> None:
    claims = house.claims()
    claims.pop(name, None)
    assert await house.verify(await house.signed(claims))


@pytest.mark.parametrize(("name", "value"), WRONG_TYPES)
async def test_a_claim_of_another_type_is_refused_by_name(house: House, name: str, value: object) -> None:
    assert f"claim {name}:" in await refused(house, **{name: value})


async def test_expiry_is_the_first_second_of_refusal(house: House) -> None:
    now = int(house.clock.now().timestamp())
    assert await refused(house, exp=now) == "expired 0 s ago"
    assert await refused(house, exp=now - 1) == "expired 1 s ago"
    assert await house.verify(await house.signed(house.claims(exp=now + 1)))
    token = await house.signed(house.claims(exp=now + 1))
    house.clock.forward(milliseconds=999)
    assert await house.verify(token)
    house.clock.forward(milliseconds=1)
    with pytest.raises(InvalidToken):
        await house.verify(token)


async def test_a_token_counts_from_its_nbf(house: House) -> None:
    now = int(house.clock.now().timestamp())
    assert await refused(house, nbf=now + 1) == "not valid yet"
    assert await house.verify(await house.signed(house.claims(nbf=now)))


async def test_a_token_from_the_future_is_refused(house: House) -> None:
    now = int(house.clock.now().timestamp())
    assert await refused(house, iat=now + 1) == "issued in the future"
    assert await house.verify(await house.signed(house.claims(iat=now)))


async def test_leeway_widens_every_boundary_by_itself(house: House) -> None:
    easy = attrs.evolve(house, policy=attrs.evolve(house.policy, leeway=house.policy.lifetime.resolution * 5_000_000))
    now = int(house.clock.now().timestamp())
    for good in ({"exp": now - 4}, {"nbf": now + 5}, {"iat": now + 5}):
        assert await easy.verify(await easy.signed(easy.claims(**good)))
    assert await refused(easy, exp=now - 5) == "expired 5 s ago"
    assert await refused(easy, nbf=now + 6) == "not valid yet"
    assert await refused(easy, iat=now + 6) == "issued in the future"


@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://evil.example.com"])
async def test_another_issuer_is_refused(house: House, issuer: str) -> None:
    assert await refused(house, iss=issuer) == "another issuer"


@pytest.mark.parametrize("audience", ["", "other", [], ["other"], AUDIENCE + "/", [AUDIENCE + " "]])
async def test_another_audience_is_refused(house: House, audience: object) -> None:
    assert await refused(house, aud=audience) == "another audience"


@pytest.mark.parametrize("audience", ["other", ["other", "another"], []])
async def test_whose_audience_does_not_matter_is_asked_in_so_many_words(house: House, audience: object) -> None:
    token = await house.signed(house.claims(aud=audience))
    assert (await house.verify.for_anybody(token)).username == "alice"
    with pytest.raises(InvalidToken):
        await house.verify(token)


@pytest.mark.parametrize("grant_id", ["", "x", 1, None, "6ba7b810-9dad-11d1-80b4-00c04fd430c", "\0"])
async def test_the_name_of_a_grant_is_a_uuid(house: House, grant_id: object) -> None:
    assert "claim grant_id:" in await refused(house, grant_id=grant_id)
    named = house.claims(grant_id="6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    assert (await house.verify(await house.signed(named))).grant_id is not None


async def test_an_identifier_has_a_bound(house: House) -> None:
    assert "longer than" in await refused(house, jti="x" * (LONGEST_JTI + 1))
    assert await house.verify(await house.signed(house.claims(jti="x" * LONGEST_JTI)))


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "at+jwt2", ""])
async def test_another_typ_is_refused(house: House, typ: str) -> None:
    with pytest.raises(InvalidToken):
        await house.verify(await house.tokens.sign(house.claims(), typ=typ))


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_every_spelling_of_the_typ_is_taken(house: House, typ: str) -> None:
    assert await house.verify(await house.tokens.sign(house.claims(), typ=typ))


async def test_a_token_over_the_bound_is_refused_before_it_is_read(house: House) -> None:
    for length in (LARGEST_TOKEN + 1, LARGEST_TOKEN * 100):
        with pytest.raises(InvalidToken) as caught:
            await house.verify(Secret("a" * length))
        assert caught.value.reason == "too large"
    with pytest.raises(InvalidToken) as caught:
        await house.verify(Secret("a" * LARGEST_TOKEN))
    assert caught.value.reason != "too large"


@given(name=st.sampled_from(REQUIRED + OPTIONAL), value=JSON)
async def test_whatever_a_claim_holds_the_token_holds_or_is_invalid(
    house_of_all: House, name: str, value: object
) -> None:
    claims = house_of_all.claims(**{name: value})
    try:
        token = await house_of_all.verify(await house_of_all.signed(claims))
    except InvalidToken:
        return
    assert isinstance(token, AccessToken)
    assert token.iss == ISSUER
    assert AUDIENCE in token.aud
    assert isinstance(getattr(token, name), tuple | str | int | float)


@given(st.dictionaries(st.sampled_from(REQUIRED + OPTIONAL) | st.text(), JSON, max_size=12))
async def test_arbitrary_claims_are_invalid(house_of_all: House, claims: dict[str, object]) -> None:
    with pytest.raises(InvalidToken):
        await house_of_all.verify(await house_of_all.signed(claims))


@given(st.text())
async def test_arbitrary_text_is_an_invalid_token(house_of_all: House, text: str) -> None:
    with pytest.raises(InvalidToken):
        await house_of_all.current_user(Secret(text))


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
async def test_a_sub_that_nobody_has_is_an_invalid_token(house_of_all: House, sub: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        await house_of_all.current_user(await house_of_all.signed(house_of_all.claims(sub=sub)))
    assert caught.value.reason == ("a pseudonym of nobody" if sub.startswith(PSEUDONYM) else "no such user")


@pytest.fixture(scope="session")
def house_of_all(cheap_hasher: object) -> House:
    """One for all examples of a property; nobody lives there."""
    return House.over(cheap_hasher)  # type: ignore[arg-type]


async def test_a_payload_that_is_no_object_is_refused(house: House) -> None:
    payloads: list[object] = [[], "text", 1, None]
    for payload in payloads:
        with pytest.raises(InvalidToken):
            await house.verify(await house.tokens.sign(payload, typ=ACCESS_TOKEN_TYP))  # type: ignore[arg-type]


async def test_the_current_user_is_as_stored_now(house: House) -> None:
    alice = await house.alice()
    token = await house.log_in()
    await house.update_user(alice.id, roles=("admin",))
    assert (await house.current_user(token)).roles == ("admin",)


async def test_the_token_of_a_deleted_user_is_refused(house: House) -> None:
    alice = await house.alice()
    token = await house.log_in()
    await house.delete_user(alice.id)
    with pytest.raises(InvalidToken) as caught:
        await house.current_user(token)
    assert caught.value.reason == "no such user"


async def test_the_token_of_an_inactive_user_is_refused(house: House) -> None:
    await house.alice(is_active=False)
    with pytest.raises(InvalidToken) as caught:
        await house.current_user(await house.signed(house.claims()))
    assert caught.value.reason == "the user is inactive"


async def test_tokens_of_the_second_of_a_change_are_refused_and_of_the_next_accepted(house: House) -> None:
    alice = await house.alice()
    now = int(house.clock.now().timestamp())
    await house.update_user(alice.id, is_active=False)
    await house.update_user(alice.id, is_active=True)
    house.clock.forward(seconds=1)
    with pytest.raises(InvalidToken):
        await house.current_user(await house.signed(house.claims(iat=now)))
    with pytest.raises(InvalidToken):
        await house.current_user(await house.signed(house.claims(iat=now + 0.999)))
    assert await house.current_user(await house.signed(house.claims(iat=now + 1)))


SECOND = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
LATER = SECOND + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("sub", "client_id", "standing", "reason"),
    [
        ("alice", "watchword", {}, ""),
        ("alice", "reports", {"client_active": True}, ""),
        ("reports", "reports", {"client_active": True, "user": None}, ""),
        ("alice", "watchword", {"valid_from": SECOND}, ""),
        ("alice", "watchword", {"client_active": False}, ""),  # nobody is registered as Watchword itself
        ("alice", "watchword", {"revoked": True}, "revoked"),
        ("alice", "reports", {"client_active": None}, "no such client"),
        ("alice", "reports", {"client_active": False}, "the client is inactive"),
        ("reports", "reports", {"client_active": None, "user": None}, "no such client"),
        ("alice", "watchword", {"valid_from": LATER}, "the earlier tokens of its client, or of everybody, were ended"),
        ("alice", "watchword", {"user": None}, "no such user"),
        ("alice", "reports", {"user": None, "client_active": True}, "no such user"),
        ("alice", "watchword", {"is_active": False}, "the user is inactive"),
        ("alice", "watchword", {"tokens_valid_from": SECOND}, ""),
        ("alice", "watchword", {"tokens_valid_from": LATER}, "the user's earlier tokens were ended"),
    ],
)
async def test_what_the_store_knows_of_a_token_decides(
    house: House, sub: str, client_id: str, standing: dict[str, Any], reason: str
) -> None:
    alice = await house.alice()
    known = {"revoked": False, "client_active": None, "valid_from": None, "user": alice, **standing}
    for name in ("is_active", "tokens_valid_from"):
        if name in known:
            known["user"] = attrs.evolve(alice, **{name: known.pop(name)})
    iat = SECOND.timestamp()
    token = AccessToken.parse(house.claims(sub=sub, client_id=client_id, iat=iat))
    if not reason:
        assert in_good_standing(token, Standing(**known)) == known["user"]
        return
    with pytest.raises(InvalidToken) as caught:
        in_good_standing(token, Standing(**known))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (0.9, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172800, "2 days")],
)
def test_a_length_of_time_is_told_as_people_do(seconds: float, said: str) -> None:
    assert ago(seconds) == said


async def test_the_reason_is_not_in_what_the_sender_reads(house: House) -> None:
    with pytest.raises(InvalidToken) as caught:
        await house.verify(Secret("not a token"))
    assert json.dumps(str(caught.value)) == '"Could not validate credentials"'
