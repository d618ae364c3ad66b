"""ID tokens: every claim of them (OpenID Connect Core §2), and what an old one is still good for (`id_token_hint`)."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import evolve
from joserfc import jwt
from joserfc.jwk import KeySet

from adapters.jose.key_pair import KeyPairTokens
from adapters.memory.keys import MemorySigningKeys
from core.clients.model import Client
from core.identity.id_token import Hint, IdTokenPolicy, SignedIn, half_hash
from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret
from core.tokens.model import LARGEST_TOKEN, PSEUDONYM, Login
from core.users.model import User
from tests.unit.house import ISSUER, House
from tests.unit.jws import encoded

ACCESS = Secret("an.access.token")
SESSION = UUID(int=7)


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice(profile={"name": "Alice", "locale": "en"})
    await openid.app()
    return openid


async def alice(home: House) -> User:
    return await home.find_user("alice")


async def app(home: House) -> Client:
    return await home.find_client("app")


async def issued(home: House, client: Client | None = None, **others: Any) -> Secret:
    login = Login(home.clock.now() - timedelta(minutes=5), SESSION)
    made = evolve(SignedIn(await alice(home), login), **others)
    return await home.issue_id_token(client or await app(home), made, access_token=ACCESS)


def parts(token: Secret) -> tuple[dict[str, object], dict[str, object]]:
    header, claims = (json.loads(base64.urlsafe_b64decode(p + "==")) for p in token.reveal().split(".")[:2])
    return header, claims


async def test_every_claim(home: House) -> None:
    now = int(home.clock.now().timestamp())
    header, claims = parts(await issued(home, nonce="a nonce"))
    assert claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "app",
        "azp": "app",
        "exp": now + 3600,
        "iat": now,
        "auth_time": now - 300,
        "nonce": "a nonce",
        "acr": "1",
        "amr": ["pwd"],
        "sid": str(SESSION),
        "at_hash": half_hash(ACCESS),
    }
    assert header.keys() == {"alg", "typ", "kid"}
    assert header["typ"] == "JWT"


async def test_without_a_nonce_there_is_none(home: House) -> None:
    assert "nonce" not in parts(await issued(home))[1]


def test_at_hash_is_the_left_half_of_the_digest() -> None:
    """§3.1.3.6, with the tokens of the examples in appendix A.3."""
    assert half_hash(Secret("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")) == "77QmUPtjPfzWtF2AnpK9RQ"
    whole = hashlib.sha256(b"x").digest()
    assert half_hash(Secret("x")) == base64.urlsafe_b64encode(whole[:16]).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_it_is_signed_as_the_client_registered_by_a_key_that_is_published(home: House, algorithm: str) -> None:
    await home.app("other", id_token_signed_response_alg=algorithm)
    token = await issued(home, await home.find_client("other"))
    published: Any = {"keys": [dict(key) for key in await home.tokens.jwks()]}
    decoded = jwt.decode(token.reveal(), KeySet.import_key_set(published), algorithms=[algorithm])
    assert decoded.header["alg"] == algorithm
    assert decoded.claims["aud"] == "other"


async def test_the_default_is_what_every_client_understands(home: House) -> None:
    assert parts(await issued(home))[0]["alg"] == "RS256"  # Dynamic Client Registration §2


async def test_claims_that_were_asked_for_one_by_one_are_in_it_as_far_as_they_are_known(home: House) -> None:
    _, claims = parts(await issued(home, claims=("name", "email", "phone_number")))
    assert (claims["name"], claims["email"]) == ("Alice", "alice@example.com")
    assert not {"phone_number", "locale", "email_verified"} & claims.keys()


async def test_a_claim_of_a_person_never_takes_the_place_of_one_of_the_protocol(home: House) -> None:
    user = await alice(home)
    hostile = evolve(user, profile={"name": "x"})
    object.__setattr__(hostile, "profile", dict.fromkeys(("sub", "iss", "aud", "acr", "nonce", "sid"), "evil"))
    _, claims = parts(await issued(home, user=hostile, claims=("sub", "iss", "aud", "acr", "sid")))
    assert "evil" not in claims.values()


async def test_a_pairwise_client_is_told_its_own_name_for_the_user(home: House) -> None:
    await home.app("pairwise", subject_type="pairwise")
    client = await home.find_client("pairwise")
    _, claims = parts(await issued(home, client))
    assert claims["sub"] == await home.subjects(client, "alice")
    assert str(claims["sub"]).startswith(PSEUDONYM)
    assert "alice" not in str(claims)


async def test_nothing_of_it_is_shown_where_things_are_logged(home: House) -> None:
    signed_in = SignedIn(await alice(home), Login(home.clock.now(), SESSION))
    assert "alice@example.com" not in repr(signed_in)
    assert repr(await issued(home)) == "Secret(***)"


# Hints


async def test_a_hint_tells_whom_and_which_session(home: House) -> None:
    assert await home.read_hint(await issued(home)) == Hint("alice", ("app",), SESSION)


async def test_one_that_has_expired_is_as_good(home: House) -> None:
    token = await issued(home)
    home.clock.forward(days=400)
    assert await home.read_hint(token) == Hint("alice", ("app",), SESSION)


async def test_one_of_another_issuer_is_none(home: House) -> None:
    elsewhere = evolve(home, id_token_policy=IdTokenPolicy("https://other.example.com"))
    assert await home.read_hint(await issued(elsewhere)) is None
    assert await elsewhere.read_hint(await issued(home)) is None


async def test_one_by_a_key_of_others_is_none(home: House) -> None:
    store = MemorySigningKeys()
    theirs = evolve(home, signing_keys=store)
    tokens = KeyPairTokens(store, theirs.sealer, theirs.maintain_keys, theirs.clock, theirs.key_policy, "ES256")
    await theirs.app("es", id_token_signed_response_alg="ES256")
    theirs = evolve(theirs, tokens=tokens)
    forged = await issued(theirs, await theirs.find_client("es"))
    assert await theirs.read_hint(forged) is not None
    assert await home.read_hint(forged) is None


@pytest.mark.parametrize(
    "changes",
    [{"iss": None}, {"sub": None}, {"aud": None}, {"sub": 1}, {"aud": ["app"]}, {"aud": 1}, {"auth_time": None}],
)
async def test_one_that_lacks_something_is_none(home: House, changes: dict[str, object]) -> None:
    whole = parts(await issued(home))[1]
    claims = {name: value for name, value in {**whole, **changes}.items() if value is not None}
    assert await home.read_hint(await home.signed(claims, typ="JWT")) is None
    assert await home.read_hint(await home.signed(whole, typ="JWT")) is not None


@pytest.mark.parametrize("sid", [None, "", "x", 1, ["x"]])
async def test_without_a_session_it_still_tells_whom(home: House, sid: object) -> None:
    whole = parts(await issued(home))[1]
    assert await home.read_hint(await home.signed({**whole, "sid": sid}, typ="JWT")) == Hint("alice", ("app",), None)


async def test_other_tokens_of_ours_are_no_hints(home: House) -> None:
    whole = parts(await issued(home))[1]
    for typ in ("at+jwt", "application/at+jwt", "logout+jwt", ""):
        assert await home.read_hint(await home.signed(whole, typ=typ)) is None
    assert await home.read_hint(await home.log_in()) is None
    # Userinfo that is signed has the same type, the same keys and the same audience, and speaks of no sign-in.
    userinfo: dict[str, object] = {"iss": ISSUER, "aud": "app", "sub": "alice", "name": "Alice"}
    assert await home.read_hint(await home.signed(userinfo, typ="JWT")) is None


async def test_an_id_token_is_no_access_token(home: House) -> None:
    for check in (home.verify.for_anybody, home.current_user, home.tell_user_info):
        with pytest.raises(InvalidToken):
            await check(await issued(home))


async def test_garbage_is_no_hint(home: House) -> None:
    token = (await issued(home)).reveal()
    head, body, signature = token.split(".")
    unsigned, bobs = encoded({"alg": "none", "typ": "JWT"}), encoded({"sub": "bob"})
    mixed = (f"{head}.{body}.", f"{unsigned}.{body}.", f"{head}.{body}.{signature[::-1]}", f"{head}.{bobs}.{signature}")
    for text in (
        "",
        "x",
        "a.b.c",
        "..",
        "é.é.é",
        "\0",
        "\ud800",
        "x" * (LARGEST_TOKEN + 1),
        token + ".",
        token[:-4],
        *mixed,
    ):
        assert await home.read_hint(Secret(text)) is None


async def test_where_there_are_no_key_pairs_nothing_is_one(house: House) -> None:
    await house.app()
    await house.alice()
    assert await house.read_hint(Secret(f"a.b.{uuid4()}")) is None
    with pytest.raises(ValueError, match="no key pairs"):
        await issued(house)
