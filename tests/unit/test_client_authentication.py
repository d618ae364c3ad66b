"""Which client is this? One answer to all that fail, and no way in but the one that is registered."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Mapping
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from core.clients.authenticate import (
    LONGEST_ASSERTION_LIFE,
    LONGEST_JTI,
    AssertionCredential,
    ClientCredential,
    PublicCredential,
    SecretCredential,
)
from core.clients.model import AuthMethod
from core.protocol.refusals import InvalidClient, TooManyAttempts
from core.protocol.secret import Secret
from tests.unit.house import ADDRESS, ISSUER, House, basic
from tests.unit.jws import a_key, public, signed

KEY = a_key()
JWKS: dict[str, object] = {"keys": [public(KEY, kid="1")]}
ENDPOINT = f"{ISSUER}/api/v1/auth/token"

REFUSED = "Client authentication failed"

networks = itertools.count()


async def who(house: House, credential: ClientCredential, address: str = "") -> str | None:
    """The client that is recognised; None when it is refused, as every other is. Each time from another network."""
    number = next(networks)
    address = address or f"10.{number // 256 % 256}.{number % 256}.1"
    try:
        return (await house.authenticate_client(credential, address=address)).client.client_id
    except InvalidClient as refusal:
        if refusal.description != REFUSED:
            raise
        return None


def assertion(
    house: House, changed: Mapping[str, object] | None = None, *, without: str = "", client_id: str | None = None
) -> AssertionCredential:
    """An assertion that is as it should be, but for what is changed and what it is `without`."""
    now = int(house.clock.now().timestamp())
    good = {"iss": "robot", "sub": "robot", "aud": ISSUER, "exp": now + 60, "jti": str(house.entropy.uuid())}
    claims = {name: value for name, value in {**good, **(changed or {})}.items() if name != without}
    return AssertionCredential(signed(claims, KEY, "ES256"), client_id)


@pytest.fixture
async def robot(house: House) -> House:
    """A house with a client that has a key pair."""
    await house.client("robot", auth_method=AuthMethod.PRIVATE_KEY_JWT, jwks=JWKS)
    return house


@pytest.mark.parametrize("method", [AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST])
async def test_a_right_secret_counts_by_the_method_that_is_registered_alone(house: House, method: AuthMethod) -> None:
    made = await house.client(auth_method=method)
    assert made.secret is not None
    for presented in AuthMethod:
        expected = "reports" if presented is method else None
        assert await who(house, SecretCredential("reports", made.secret, presented)) == expected


@pytest.mark.parametrize("secret", ["", "wws_", "wws_x", "\0", "é", "\ud800", "x" * 100_000])
async def test_a_wrong_secret_is_refused(house: House, secret: str) -> None:
    made = await house.client()
    assert await who(house, evolve(basic(made), secret=Secret(secret))) is None


async def test_a_secret_counts_as_it_was_shown_to_the_last_character(house: House) -> None:
    made = await house.client()
    assert made.secret is not None
    text = made.secret.reveal()
    for other in (text[:-1], text + "x", text + " ", text.upper(), text.removeprefix("wws_")):
        assert await who(house, evolve(basic(made), secret=Secret(other))) is None


async def test_the_secret_of_another_client_is_refused(house: House) -> None:
    await house.client()
    other = await house.client("other")
    assert await who(house, evolve(basic(other), client_id="reports")) is None


async def test_after_a_rotation_both_secrets_count_until_the_overlap_ends(house: House) -> None:
    old = await house.client()
    new = await house.rotate_secret("reports", overlap=timedelta(hours=1))
    assert [await who(house, basic(made)) for made in (old, new)] == ["reports", "reports"]
    house.clock.forward(minutes=59)
    newest = await house.rotate_secret("reports", overlap=timedelta(hours=1))
    assert [await who(house, basic(made)) for made in (old, new, newest)] == [None, "reports", "reports"]
    house.clock.forward(hours=1)
    assert [await who(house, basic(made)) for made in (old, new, newest)] == [None, None, "reports"]
    last = await house.rotate_secret("reports")
    assert [await who(house, basic(made)) for made in (newest, last)] == [None, "reports"]


async def test_a_public_client_names_itself_and_nobody_else_gets_through_so(robot: House) -> None:
    await robot.client("app", auth_method=AuthMethod.NONE)
    await robot.client("reports")
    assert await who(robot, PublicCredential("app")) == "app"
    assert await who(robot, PublicCredential("reports")) is None
    assert await who(robot, PublicCredential("robot")) is None
    assert await who(robot, SecretCredential("app", Secret(""), AuthMethod.NONE)) is None


async def test_a_public_client_has_no_secret_that_could_be_right(house: House) -> None:
    made = await house.client("app", auth_method=AuthMethod.NONE)
    assert made.secret is None
    for method in AuthMethod:
        for secret in ("", "None", "wws_"):
            assert await who(house, SecretCredential("app", Secret(secret), method)) is None


async def test_an_inactive_and_a_deleted_client_are_unknown(house: House) -> None:
    made = await house.client()
    await house.update_client("reports", is_active=False)
    assert await who(house, basic(made)) is None
    await house.update_client("reports", is_active=True)
    assert await who(house, basic(made)) == "reports"
    await house.delete_client("reports")
    assert await who(house, basic(made)) is None


@pytest.mark.parametrize("client_id", ["", "nobody", "Reports", "reports\0", "\ud800", "watchword", "x" * 5000])
async def test_a_client_that_there_is_not_is_refused(house: House, client_id: str) -> None:
    made = await house.client()
    assert await who(house, evolve(basic(made), client_id=client_id)) is None
    assert await who(house, PublicCredential(client_id)) is None


# Assertions (RFC 7523 §3)


@pytest.mark.parametrize("audience", [ISSUER, ENDPOINT, [ISSUER], ["https://other.example.com", ENDPOINT], [1, ISSUER]])
async def test_an_assertion_for_the_issuer_or_the_token_endpoint_counts(robot: House, audience: object) -> None:
    assert await who(robot, assertion(robot, {"aud": audience})) == "robot"


@pytest.mark.parametrize(
    "audience",
    [
        None, "", "https://other.example.com", f"{ISSUER}/", ISSUER.upper(), f"{ENDPOINT}/", f"{ISSUER} {ENDPOINT}", [],
        [[ISSUER]], {"iss": ISSUER}, True, 1,
    ],
)  # fmt: skip
async def test_an_assertion_for_anybody_else_does_not(robot: House, audience: object) -> None:
    assert await who(robot, assertion(robot, {"aud": audience})) is None


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "jti"])
async def test_no_claim_may_be_missing(robot: House, claim: str) -> None:
    assert await who(robot, assertion(robot, without=claim)) is None


@pytest.mark.parametrize("claim", ["iss", "sub"])
@pytest.mark.parametrize("value", ["other", "Robot", "", None, 1, ["robot"], "robot "])
async def test_issuer_and_subject_are_the_client(robot: House, claim: str, value: object) -> None:
    await robot.client("other", auth_method=AuthMethod.PRIVATE_KEY_JWT, jwks=JWKS)
    assert await who(robot, assertion(robot, {claim: value})) is None


async def test_the_client_that_is_named_beside_an_assertion_is_its_issuer(robot: House) -> None:
    assert await who(robot, assertion(robot, client_id="robot")) == "robot"
    for other in ("other", "", "Robot"):
        assert await who(robot, assertion(robot, client_id=other)) is None


@pytest.mark.parametrize(
    ("seconds", "counts"), [(-1, False), (0, False), (1, True), (300, True), (301, False), (10**9, False)]
)
async def test_an_assertion_expires_soon_and_not_yet(robot: House, seconds: int, counts: bool) -> None:
    assert timedelta(minutes=5) == LONGEST_ASSERTION_LIFE
    expires = int(robot.clock.now().timestamp()) + seconds
    assert (await who(robot, assertion(robot, {"exp": expires})) == "robot") is counts


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", [None, "", "1", True, [], {}, -1, 1e11, 1e300, 10**400, math.inf, -math.inf, math.nan]
)
async def test_a_time_that_is_none_is_refused(robot: House, claim: str, value: object) -> None:
    assert await who(robot, assertion(robot, {claim: value})) is None


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_an_assertion_counts_from_its_own_time_on(robot: House, claim: str) -> None:
    now = int(robot.clock.now().timestamp())
    assert await who(robot, assertion(robot, {claim: now + 1})) is None
    assert await who(robot, assertion(robot, {claim: now})) == "robot"
    assert await who(robot, assertion(robot, {claim: 0.5})) == "robot"


async def test_leeway_widens_every_boundary(robot: House) -> None:
    five = timedelta(seconds=5)
    easy = evolve(robot.authenticate_client, policy=evolve(robot.authenticate_client.policy, leeway=five))
    now = int(robot.clock.now().timestamp())
    for good in ({"exp": now - 4}, {"exp": now + 305}, {"nbf": now + 5}, {"iat": now + 5}):
        assert await easy(assertion(robot, good), address=ADDRESS)
    for bad in ({"exp": now - 5}, {"exp": now + 306}, {"nbf": now + 6}, {"iat": now + 6}):
        with pytest.raises(InvalidClient):
            await easy(assertion(robot, bad), address=ADDRESS)


async def test_an_assertion_counts_once_and_of_many_at_once_one_does(robot: House) -> None:
    once = assertion(robot)
    outcomes = await asyncio.gather(*(who(robot, once) for _ in range(20)))
    assert sorted(map(str, outcomes)) == ["None"] * 19 + ["robot"]
    assert await who(robot, once) is None
    assert await who(robot, assertion(robot)) == "robot"


async def test_an_identifier_is_the_clients_own(robot: House) -> None:
    await robot.client("other", auth_method=AuthMethod.PRIVATE_KEY_JWT, jwks=JWKS)
    assert await who(robot, assertion(robot, {"jti": "1"})) == "robot"
    assert await who(robot, assertion(robot, {"jti": "1", "iss": "other", "sub": "other"})) == "other"


async def test_what_is_refused_for_another_reason_spends_nothing(robot: House) -> None:
    assert await who(robot, assertion(robot, {"jti": "1", "aud": "other"})) is None
    assert await who(robot, assertion(robot, {"jti": "1"})) == "robot"


async def test_with_leeway_an_assertion_stays_spent_until_it_cannot_count_any_more(robot: House) -> None:
    five = timedelta(seconds=5)
    easy = evolve(robot.authenticate_client, policy=evolve(robot.authenticate_client.policy, leeway=five))
    once = assertion(robot, {"exp": int(robot.clock.now().timestamp()) + 10})
    assert await easy(once, address=ADDRESS)
    robot.clock.forward(seconds=14)
    with pytest.raises(InvalidClient):
        await easy(once, address=ADDRESS)


@pytest.mark.parametrize("jti", ["", None, 1, ["1"], "x" * (LONGEST_JTI + 1)])
async def test_an_identifier_of_another_form_is_refused(robot: House, jti: object) -> None:
    assert await who(robot, assertion(robot, {"jti": jti})) is None
    assert await who(robot, assertion(robot, {"jti": "x" * LONGEST_JTI})) == "robot"


async def test_an_assertion_of_another_key_is_refused(robot: House) -> None:
    now = int(robot.clock.now().timestamp())
    claims = {"iss": "robot", "sub": "robot", "aud": ISSUER, "exp": now + 60, "jti": "1"}
    stranger = a_key(name="stranger")
    assert await who(robot, AssertionCredential(signed(claims, stranger, "ES256"))) is None
    assert await who(robot, AssertionCredential(signed(claims, stranger, "ES256", {"kid": "1"}))) is None


async def test_a_client_with_a_secret_does_not_get_through_by_an_assertion(robot: House) -> None:
    await robot.client("reports")
    assert await who(robot, assertion(robot, {"iss": "reports", "sub": "reports"})) is None


async def test_a_client_with_keys_does_not_get_through_by_a_secret(robot: House) -> None:
    for method in (AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST, AuthMethod.PRIVATE_KEY_JWT):
        assert await who(robot, SecretCredential("robot", Secret("wws_"), method)) is None


@given(st.text() | st.lists(st.text("AQID-_=.eyJ"), min_size=3, max_size=3).map(".".join))
async def test_any_text_is_no_assertion(text: str) -> None:
    house = House.over(None)  # type: ignore[arg-type]  # nobody's password is looked at
    assert await who(house, AssertionCredential(Secret(text))) is None


# What failing costs


async def test_failures_are_throttled_and_a_right_secret_never_is(house: House) -> None:
    made = await house.client()
    wrong = evolve(basic(made), secret=Secret("wws_wrong"))
    for _ in range(5):
        assert await who(house, wrong, ADDRESS) is None
    with pytest.raises(TooManyAttempts) as caught:
        await who(house, wrong, ADDRESS)
    assert caught.value.wait == 1
    assert await who(house, basic(made), ADDRESS) == "reports"
    with pytest.raises(TooManyAttempts):
        await who(house, wrong, ADDRESS)


async def test_an_unknown_client_is_throttled_alike(house: House) -> None:
    for credential in (PublicCredential("nobody"), AssertionCredential(Secret("nonsense"))):
        for _ in range(5):
            assert await who(house, credential, ADDRESS) is None
        with pytest.raises(TooManyAttempts) as caught:
            await who(house, credential, ADDRESS)
        assert caught.value.wait == 1
