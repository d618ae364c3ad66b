"""Refresh tokens: what they look like, who knows them again, and how one follows from another."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import string
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.jose.shared_secret import SharedSecretDeriver
from adapters.system import SystemEntropy
from core.protocol.refusals import InvalidGrant
from core.protocol.secret import Secret
from core.tokens.model import Permission, RefreshPolicy
from core.tokens.ports import Exceeded, Rotated
from core.tokens.refresh import PREFIX, RefreshToken, RefreshTokens
from tests.unit.house import AUDIENCE, House

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
FAMILY = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

TOKENS = RefreshTokens(SharedSecretDeriver(Secret("k" * 32)), SystemEntropy())


def raw(token: RefreshToken) -> bytes:
    return base64.urlsafe_b64decode(token.text.reveal().removeprefix(PREFIX) + "==")


def text_of(data: bytes) -> Secret:
    return Secret(PREFIX + base64.urlsafe_b64encode(data).rstrip(b"=").decode())


async def test_a_token_is_opaque_text_with_a_prefix_that_names_its_family_and_no_more() -> None:
    token = await TOKENS.first(FAMILY)
    text = token.text.reveal()
    assert text.startswith("wwr_")
    assert len(text) == len("wwr_") + 86
    assert set(text.removeprefix("wwr_")) <= set(ALPHABET)
    assert raw(token)[:16] == FAMILY.bytes
    assert token.digest == hashlib.sha256(text.encode()).digest()
    assert text not in repr(token)


async def test_a_token_is_known_again() -> None:
    first = await TOKENS.first(FAMILY)
    for token in (first, await TOKENS.successor(first)):
        assert await TOKENS.read(token.text) == token


async def test_every_first_token_is_another() -> None:
    made = [(await TOKENS.first(FAMILY)).text.reveal() for _ in range(100)]
    assert len(set(made)) == 100


async def test_a_successor_follows_from_the_token_itself_and_the_servers_key() -> None:
    first = await TOKENS.first(FAMILY)
    second = await TOKENS.successor(first)
    assert second.family == FAMILY
    assert second.text != first.text
    assert await TOKENS.successor(first) == second
    worker = RefreshTokens(SharedSecretDeriver(Secret("k" * 32)), SystemEntropy())
    assert await worker.successor(first) == second
    stranger = RefreshTokens(SharedSecretDeriver(Secret("x" * 32)), SystemEntropy())
    assert await stranger.successor(first) != second
    chain = [first]
    for _ in range(50):
        chain.append(await TOKENS.successor(chain[-1]))
    assert len({raw(token)[16:48] for token in chain}) == 51


async def test_every_bit_that_is_flipped_makes_it_unknown() -> None:
    data = raw(await TOKENS.first(FAMILY))
    assert len(data) == 64
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert await TOKENS.read(text_of(bytes(changed))) is None


async def test_a_token_has_one_spelling() -> None:
    text = (await TOKENS.first(FAMILY)).text.reveal()
    # 64 bytes leave four bits of the last character unused: sixteen characters stand for the same bytes.
    last = ALPHABET.index(text[-1])
    same = [text[:-1] + ALPHABET[last ^ bits] for bits in range(1, 16)]
    assert {base64.urlsafe_b64decode(each.removeprefix(PREFIX) + "==") for each in same} == {
        base64.urlsafe_b64decode(text.removeprefix(PREFIX) + "==")
    }
    others = [
        f"{text}==",
        f"{text}=",
        f" {text}",
        f"{text} ",
        f"{text}\n",
        text.removeprefix(PREFIX),
        f"{PREFIX}{text}",
    ]
    others += [text.replace("wwr_", "WWR_"), text.replace("wwr_", "wws_"), f"{text[:20]}\n{text[20:]}", f"{text}\0"]
    for other in [*same, *others]:
        assert await TOKENS.read(Secret(other)) is None


async def test_the_token_of_another_server_is_unknown() -> None:
    stranger = RefreshTokens(SharedSecretDeriver(Secret("x" * 32)), SystemEntropy())
    assert await TOKENS.read((await stranger.first(FAMILY)).text) is None


async def test_the_parts_of_two_tokens_make_no_third() -> None:
    one, other = raw(await TOKENS.first(FAMILY)), raw(await TOKENS.first(UUID(int=1)))
    for mixed in (
        other[:16] + one[16:],
        one[:16] + other[16:48] + one[48:],
        one[:48] + other[48:],
        one[:16] + other[16:],
    ):
        assert await TOKENS.read(text_of(mixed)) is None


@given(st.text() | st.text(ALPHABET, min_size=86, max_size=86).map(PREFIX.__add__) | st.binary().map(str))
async def test_any_text_is_unknown(text: str) -> None:
    assert await TOKENS.read(Secret(text)) is None


# What the store is asked


GRANTED = ("read", "write")


async def granted(house: House, client_id: str | None = "reports") -> RefreshToken:
    allowed = Permission(client_id, "alice", GRANTED, (AUDIENCE,), house.clock.now())
    return await house.start_family(allowed)


async def rotate(
    house: House, token: Secret, client_id: str | None = "reports", *, scope: str = "", audience: tuple[str, ...] = ()
) -> tuple[RefreshToken, Rotated] | Exceeded:
    return await house.rotate_family(
        token, client_id=client_id, scope=tuple(scope.split()), audience=audience, valid_from=None
    )


async def next_of(house: House, token: Secret) -> Secret:
    outcome = await rotate(house, token)
    assert not isinstance(outcome, Exceeded)
    return outcome[0].text


async def test_a_family_is_kept_with_digests_and_its_two_ends(house: House) -> None:
    token = await granted(house)
    family = await house.families.find(token.family)
    assert family is not None
    now, policy = house.clock.now(), house.refresh_policy
    assert (family.current, family.previous) == (token.digest, None)
    assert (family.expires_at, family.idle_expires_at) == (now + policy.lifetime, now + policy.idle)
    assert family.permission == Permission("reports", "alice", GRANTED, (AUDIENCE,), now)
    assert token.text.reveal() not in repr(family)
    assert repr(token.digest) not in repr(family)


async def test_an_idle_end_never_lies_behind_the_absolute_one(house: House) -> None:
    short = evolve(house, refresh_policy=RefreshPolicy(lifetime=timedelta(days=1), idle=timedelta(days=5)))
    family = await short.families.find((await granted(short)).family)
    assert family is not None
    assert family.idle_expires_at == family.expires_at == house.clock.now() + timedelta(days=1)


async def test_a_token_is_exchanged_for_its_successor_and_so_on(house: House) -> None:
    token = (await granted(house)).text
    for _ in range(5):
        house.clock.forward(days=1)
        token = await next_of(house, token)
    assert house.audit.events == []


async def test_whoever_lost_the_answer_gets_it_again_within_the_grace(house: House) -> None:
    first = (await granted(house)).text
    second = await next_of(house, first)
    house.clock.forward(seconds=29.9)
    assert await next_of(house, first) == second
    assert await next_of(house, second) != second


async def test_many_at_once_get_one_successor(house: House) -> None:
    first = (await granted(house)).text
    successors = await asyncio.gather(*(next_of(house, first) for _ in range(50)))
    assert len({token.reveal() for token in successors}) == 1


async def test_a_repeated_use_does_not_move_the_grace(house: House) -> None:
    first = (await granted(house)).text
    await next_of(house, first)
    house.clock.forward(seconds=20)
    await next_of(house, first)
    house.clock.forward(seconds=20)
    with pytest.raises(InvalidGrant):
        await next_of(house, first)


@pytest.mark.parametrize("how", ["after the grace", "after the successor was used", "without a grace"])
async def test_reuse_ends_the_family_and_is_noted(house: House, how: str) -> None:
    if how == "without a grace":
        house = evolve(house, refresh_policy=RefreshPolicy(grace=timedelta(0)))
    token = await granted(house)
    second = await next_of(house, token.text)
    if how == "after the grace":
        house.clock.forward(seconds=30)
    elif how == "after the successor was used":
        second = await next_of(house, second)
    with pytest.raises(InvalidGrant):
        await next_of(house, token.text)
    facts = {"grant_id": str(token.family), "client_id": "reports", "username": "alice"}
    assert house.audit.notes == [("refresh token reused: family revoked", facts)]
    with pytest.raises(InvalidGrant):
        await next_of(house, second)
    assert len(house.audit.notes) == 1  # the family has ended: nobody uses anything again


async def test_a_reuse_where_no_client_took_part_is_noted_as_well(house: House) -> None:
    token = await granted(house, None)
    await rotate(house, token.text, None)
    house.clock.forward(minutes=1)
    with pytest.raises(InvalidGrant):
        await rotate(house, token.text, None)
    assert house.audit.notes[0][1]["client_id"] == ""


async def test_every_token_that_does_not_hold_gets_one_and_the_same_answer(house: House) -> None:
    token = await granted(house)
    foreign, revoked, expired = [await granted(house) for _ in range(3)]
    await house.families.revoke(revoked.family, at=house.clock.now())
    await next_of(house, token.text)
    answers = []
    house.clock.forward(minutes=1)
    for text, client_id in (
        (token.text, "reports"),  # spent
        (foreign.text, "other"),
        (foreign.text, None),
        (revoked.text, "reports"),
        (Secret("wwr_nonsense"), "reports"),
        (Secret(""), "reports"),
        ((await TOKENS.first(FAMILY)).text, "reports"),  # made by us, and kept nowhere
    ):
        with pytest.raises(InvalidGrant) as caught:
            await rotate(house, text, client_id)
        answers.append(str(caught.value))
    house.clock.forward(days=90)
    with pytest.raises(InvalidGrant) as caught:
        await next_of(house, expired.text)
    assert {*answers, str(caught.value)} == {"This refresh token is not acceptable"}


async def test_a_foreign_client_does_no_harm(house: House) -> None:
    token = await granted(house)
    for client_id in ("other", None):
        with pytest.raises(InvalidGrant):
            await rotate(house, token.text, client_id)
    assert await next_of(house, token.text)


async def test_a_token_lasts_as_long_as_it_is_used_and_no_longer_than_its_grant(house: House) -> None:
    idle, policy = await granted(house), house.refresh_policy
    token = (await granted(house)).text
    house.clock.forward(days=30)
    with pytest.raises(InvalidGrant):
        await next_of(house, idle.text)
    with pytest.raises(InvalidGrant):
        await next_of(house, token)
    token = (await granted(house)).text
    began = house.clock.now()
    for _ in range(4):
        house.clock.forward(days=20)
        token = await next_of(house, token)
    house.clock.instant = began + policy.lifetime - timedelta(microseconds=1)
    token = await next_of(house, token)
    house.clock.instant = began + policy.lifetime
    with pytest.raises(InvalidGrant):
        await next_of(house, token)


async def test_more_than_was_granted_changes_nothing(house: House) -> None:
    token = (await granted(house)).text
    for scope, audience in (("read admin", ()), ("", ("https://elsewhere.example.com",))):
        assert isinstance(await rotate(house, token, scope=scope, audience=audience), Exceeded)
    outcome = await rotate(house, token, scope="read", audience=(AUDIENCE,))
    assert not isinstance(outcome, Exceeded)
    house.clock.forward(minutes=1)
    with pytest.raises(InvalidGrant):  # a spent one ends its family whatever is asked with it
        await rotate(house, token, scope="admin")
