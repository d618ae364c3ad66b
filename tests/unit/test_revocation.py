"""Tokens that end before they expire."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from core.grants.contract import ClientCredentialsRequest, PasswordRequest, RefreshRequest
from core.protocol.refusals import InvalidGrant, InvalidToken
from core.protocol.secret import Secret
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import AUDIENCE, House, basic

TYPED = Password.typed(PASSWORD)


@pytest.fixture
async def home(house: House) -> House:
    await house.alice()
    return house


async def test_a_refresh_token_ends_with_its_whole_family_access_tokens_included(home: House) -> None:
    made = await home.client()
    first = await home.ask(PasswordRequest("alice", TYPED), basic(made))
    assert first.refresh_token is not None
    second = await home.ask(RefreshRequest(first.refresh_token), basic(made))
    assert second.refresh_token is not None
    await home.revoke(await home.proof_of(), first.refresh_token)  # of any age
    for response in (first, second):
        with pytest.raises(InvalidToken) as caught:
            await home.current_user(response.access_token)
        assert caught.value.reason == "revoked"
        assert response.refresh_token is not None
        with pytest.raises(InvalidGrant):
            await home.ask(RefreshRequest(response.refresh_token), basic(made))
    assert home.audit.events == ["client created", "refresh token revoked"]


async def test_an_access_token_ends_alone(home: House) -> None:
    made = await home.client()
    responses = [await home.ask(PasswordRequest("alice", TYPED), basic(made)) for _ in range(2)]
    await home.revoke(await home.proof_of(), responses[0].access_token)
    with pytest.raises(InvalidToken):
        await home.current_user(responses[0].access_token)
    assert await home.current_user(responses[1].access_token)
    assert responses[0].refresh_token is not None
    assert await home.ask(RefreshRequest(responses[0].refresh_token), basic(made))
    assert home.audit.events[-1] == "access token revoked"


async def test_a_client_ends_a_token_of_its_own(home: House) -> None:
    made = await home.client()
    token = (await home.ask(ClientCredentialsRequest(), basic(made))).access_token
    proof = await home.proof_of()
    await home.revoke(proof, token)
    assert await home.introspect(proof, token) == {"active": False}


async def test_without_a_client_those_tokens_end_that_no_client_was_given(home: House) -> None:
    eager = evolve(home, refresh_without_client=True)
    response = await eager.ask(PasswordRequest("alice", TYPED))
    assert response.refresh_token is not None
    other = await eager.ask(PasswordRequest("alice", TYPED))
    await eager.revoke(None, response.refresh_token)
    await eager.revoke(None, other.access_token)
    for token in (response.access_token, other.access_token):
        with pytest.raises(InvalidToken):
            await eager.current_user(token)


async def test_nobody_ends_the_tokens_of_another(home: House) -> None:
    made = await home.client()
    await home.client("other")
    own = await evolve(home, refresh_without_client=True).ask(PasswordRequest("alice", TYPED))
    theirs = await home.ask(PasswordRequest("alice", TYPED), basic(made))
    proof = await home.proof_of("other")
    for token, whose in (
        (theirs.access_token, (proof, None)),
        (theirs.refresh_token, (proof, None)),
        (own.access_token, (proof,)),
        (own.refresh_token, (proof,)),
    ):
        assert token is not None
        for client in whose:
            with pytest.raises(InvalidGrant, match="another client"):
                await home.revoke(client, token)
    assert await home.current_user(theirs.access_token)
    assert await home.current_user(own.access_token)
    assert theirs.refresh_token is not None
    assert await home.ask(RefreshRequest(theirs.refresh_token), basic(made))


async def test_what_has_ended_needs_no_revocation(home: House) -> None:
    made = await home.client()
    response = await home.ask(PasswordRequest("alice", TYPED), basic(made))
    assert response.refresh_token is not None
    proof = await home.proof_of()
    for _ in range(2):
        await home.revoke(proof, response.access_token)
        await home.revoke(proof, response.refresh_token)
    home.clock.forward(days=100)
    await home.revoke(proof, response.access_token)
    await home.revoke(proof, response.refresh_token)
    never = (await home.refresh_tokens.first(home.entropy.uuid())).text
    await home.revoke(proof, never)


@given(st.text() | st.text("AQID-_=.wr", max_size=100).map("wwr_".__add__))
async def test_any_text_needs_no_revocation(text: str) -> None:
    house = House.over(None)  # type: ignore[arg-type]  # nobody's password is looked at
    await house.revoke(None, Secret(text))
    assert house.audit.notes == []


async def test_a_revocation_is_kept_for_as_long_as_the_token_could_count(home: House) -> None:
    five = timedelta(seconds=5)
    easy = evolve(home, policy=evolve(home.policy, leeway=five))
    token = await easy.log_in()
    await easy.revoke(None, token)
    claims = await easy.verify(token)
    expires = easy.clock.now() + easy.policy.lifetime + five
    assert home.ledger.expired(expires) == []
    assert home.ledger.expired(expires + timedelta(seconds=1)) == [claims.jti]


async def test_the_record_of_a_revocation_holds_no_token(home: House) -> None:
    made = await home.client()
    response = await home.ask(PasswordRequest("alice", TYPED), basic(made))
    assert response.refresh_token is not None
    proof = await home.proof_of()
    for token in (response.access_token, response.refresh_token):
        await home.revoke(proof, token)
        assert token.reveal() not in repr(home.audit.notes)
    assert {facts["client_id"] for _, facts in home.audit.notes} == {"reports"}


async def test_tokens_for_another_audience_end_as_well(home: House) -> None:
    token = await home.signed(home.claims(aud="https://elsewhere.example.com", jti="one"))
    await home.revoke(None, token)
    with pytest.raises(InvalidToken):
        await home.current_user(await home.signed(home.claims(aud=AUDIENCE, jti="one")))


async def test_all_tokens_end_and_later_ones_count(home: House) -> None:
    made = await home.client()
    home.clock.forward(milliseconds=250)
    old = await home.ask(PasswordRequest("alice", TYPED), basic(made))
    whole = home.clock.now() + timedelta(milliseconds=750)
    assert await home.end_all_tokens() == whole
    with pytest.raises(InvalidToken):
        await home.current_user(old.access_token)
    assert old.refresh_token is not None
    with pytest.raises(InvalidGrant):
        await home.ask(RefreshRequest(old.refresh_token), basic(made))
    home.clock.instant = whole
    new = await home.ask(PasswordRequest("alice", TYPED), basic(made))
    assert await home.current_user(new.access_token)
    assert new.refresh_token is not None
    assert await home.ask(RefreshRequest(new.refresh_token), basic(made))
    assert home.audit.events == ["client created", "all tokens ended"]


async def test_the_end_of_all_tokens_only_moves_forward(home: House) -> None:
    later = await home.end_all_tokens()
    home.clock.forward(seconds=-60)
    await home.end_all_tokens()
    assert await home.ledger.all_valid_from() == later
