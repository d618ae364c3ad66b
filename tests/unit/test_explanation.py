"""Would this token be accepted, and if not, why not? Told to the operator, who must not see the token again."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from core.clients.authenticate import PublicCredential
from core.clients.model import AuthMethod
from core.grants.contract import ClientCredentialsRequest, PasswordRequest, RefreshRequest
from core.protocol.secret import Secret
from core.tokens.model import Permission
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import AUDIENCE, House, basic

API = "https://files.example.com"
TYPED = Password.typed(PASSWORD)
APP = PublicCredential("app")


@pytest.fixture
async def home(house: House) -> House:
    await house.alice(roles=("writer",))
    await house.create_resource(API)
    await house.client("app", auth_method=AuthMethod.NONE, scopes=("read",), resources=(API,))
    return house


async def log_in(house: House, *resources: str) -> tuple[Secret, Secret]:
    response = await house.ask(PasswordRequest("alice", TYPED, resources=resources), APP)
    assert response.refresh_token is not None
    return response.access_token, response.refresh_token


async def test_a_good_token_is_accepted_and_says_what_it_is(home: House) -> None:
    token, _ = await log_in(home)
    home.clock.forward(minutes=3)
    explanation = await home.explain(token)
    assert explanation.accepted
    assert explanation.verdict.startswith("Accepted")
    claims = await home.verify(token)
    assert dict(explanation.facts) == {
        "kind": "access token",
        "sub": "alice",
        "client_id": "app",
        "aud": AUDIENCE,
        "scope": "read",
        "roles": "writer",
        "issued": "2026-11-23 12:00:00 UTC, 3 min ago",
        "expires": "in 27 min",
        "jti": claims.jti,
    }


async def test_neither_verdict_nor_facts_would_let_anybody_in(home: House) -> None:
    for token in await log_in(home):
        shown = repr(await home.explain(token))
        assert token.reveal() not in shown
        assert token.reveal().rpartition(".")[2] not in shown


async def test_the_token_of_a_client_has_neither_roles_nor_scope(home: House) -> None:
    made = await home.client("worker")
    explanation = await home.explain((await home.ask(ClientCredentialsRequest(), basic(made))).access_token)
    assert explanation.accepted
    facts = dict(explanation.facts)
    assert (facts["sub"], facts["roles"], facts["scope"]) == ("worker", "none", "none")


async def test_an_api_has_an_audience_of_its_own(home: House) -> None:
    token, _ = await log_in(home, API)
    refused = await home.explain(token)
    assert (refused.accepted, refused.verdict) == (False, f"Refused: it is for another audience ({API}).")
    assert dict(refused.facts)["aud"] == API
    assert (await home.explain(token, audience=API)).accepted
    assert not (await home.explain(token, audience=f"{API}/")).accepted


async def test_a_role_that_is_demanded_may_be_missing(home: House) -> None:
    token, _ = await log_in(home)
    assert (await home.explain(token, role="writer")).accepted
    assert (await home.explain(token, role="admin")).verdict == "Refused: the role admin is missing."
    alice = await home.find_user("alice")
    await home.update_user(alice.id, roles=("admin",))  # roles count as they are stored, not as the token says
    assert (await home.explain(token, role="admin")).accepted
    made = await home.client("worker")
    itself = (await home.ask(ClientCredentialsRequest(), basic(made))).access_token
    assert (await home.explain(itself, role="admin")).verdict == "Refused: the role admin is missing."
    with pytest.raises(ValueError, match="not a role"):
        await home.explain(token, role="No Role")


@pytest.mark.parametrize(
    ("how", "verdict"),
    [
        ("expired", "Refused: expired 3 min ago."),
        ("revoked", "Refused: revoked."),
        ("family", "Refused: revoked."),
        ("user", "Refused: the user is inactive."),
        ("client", "Refused: the client is inactive."),
        ("ended", "Refused: the user's earlier tokens were ended."),
        ("all", "Refused: the earlier tokens of its client, or of everybody, were ended."),
    ],
)
async def test_a_token_that_has_ended_says_which_check_fails(home: House, how: str, verdict: str) -> None:
    token, refresh = await log_in(home)
    alice, proof = await home.find_user("alice"), await home.proof_of("app")
    home.clock.forward(minutes=33 if how == "expired" else 1)
    if how == "revoked":
        await home.revoke(proof, token)
    elif how == "family":
        await home.revoke(proof, refresh)
    elif how == "user":
        await home.update_user(alice.id, is_active=False)
    elif how == "client":
        await home.update_client("app", is_active=False)
    elif how == "ended":
        await home.end_users_tokens("alice")
    elif how == "all":
        await home.end_all_tokens()
    explanation = await home.explain(token)
    assert (explanation.accepted, explanation.verdict) == (False, verdict)
    assert (explanation.facts == ()) == (how == "expired")


async def test_a_token_of_ancient_times_is_explained(home: House) -> None:
    explanation = await home.explain(await home.signed(home.claims(iat=0.5)))
    assert explanation.accepted
    assert dict(explanation.facts)["issued"].startswith("1970-")


async def test_a_bad_signature_says_so(home: House) -> None:
    token, _ = await log_in(home)
    text = token.reveal()
    for bad in (text[:-4] + "AAAA", "nonsense", ""):
        explanation = await home.explain(Secret(bad))
        assert not explanation.accepted
        assert explanation.facts == ()
    assert (await home.explain(Secret(text[:-4] + "AAAA"))).verdict == "Refused: bad signature."


async def test_a_good_refresh_token_is_accepted_and_not_used(home: House) -> None:
    _, token = await log_in(home)
    explanation = await home.explain(token)
    assert (explanation.accepted, explanation.verdict) == (True, "Accepted: it would be exchanged for new tokens.")
    assert dict(explanation.facts) == {
        "kind": "refresh token",
        "sub": "alice",
        "client_id": "app",
        "aud": AUDIENCE,
        "scope": "read",
    }
    assert await home.ask(RefreshRequest(token), APP)


@pytest.mark.parametrize(
    ("how", "verdict"),
    [
        ("exchanged", "Refused: exchanged before."),
        ("revoked", "Refused: revoked."),
        ("expired", "Refused: expired."),
        ("user", "Refused: the user is gone or inactive."),
        ("client", "Refused: its client is gone or inactive."),
        ("no client", "Refused: its client is gone or inactive."),
    ],
)
async def test_a_refresh_token_that_does_not_hold_says_why(home: House, how: str, verdict: str) -> None:
    _, token = await log_in(home)
    if how == "exchanged":
        await home.ask(RefreshRequest(token), APP)
        home.clock.forward(minutes=1)
    elif how == "revoked":
        await home.revoke(await home.proof_of("app"), token)
    elif how == "expired":
        home.clock.forward(days=31)
    elif how == "user":
        await home.delete_user((await home.find_user("alice")).id)
    elif how == "client":
        await home.update_client("app", is_active=False)
    else:
        await home.delete_client("app")
    explanation = await home.explain(token)
    assert (explanation.accepted, explanation.verdict) == (False, verdict)
    assert dict(explanation.facts)["sub"] == "alice"


async def test_a_refresh_token_without_a_client_or_without_a_user_is_explained(home: House) -> None:
    eager = evolve(home, refresh_without_client=True)
    response = await eager.ask(PasswordRequest("alice", TYPED))
    assert response.refresh_token is not None
    facts = dict((await eager.explain(response.refresh_token)).facts)
    assert (facts["client_id"], facts["scope"]) == ("none", "none")
    await home.client("worker")
    itself = await home.start_family(Permission("worker", None, (), (API,), home.clock.now()))
    explanation = await home.explain(itself.text)
    assert explanation.accepted
    assert dict(explanation.facts)["sub"] == "worker"


@pytest.mark.parametrize("token", ["wwr_", "wwr_nonsense", "wwr_" + "A" * 86])
async def test_what_is_no_refresh_token_of_ours_says_no_more(home: House, token: str) -> None:
    explanation = await home.explain(Secret(token))
    assert explanation.verdict == "Refused: not a refresh token of ours, or one that ended long ago."
    assert explanation.facts == ()
    never = (await home.refresh_tokens.first(home.entropy.uuid())).text
    assert (await home.explain(never)).verdict == explanation.verdict


@given(st.text())
async def test_any_text_is_refused(text: str) -> None:
    house = House.over(None)  # type: ignore[arg-type]  # nobody's password is looked at
    explanation = await house.explain(Secret(text))
    assert not explanation.accepted
    assert explanation.verdict.startswith("Refused: ")
