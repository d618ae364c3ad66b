"""TokenSigner, TokenVerifier and PublicKeys: every adapter signs, and takes nothing but its own signatures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry, serialize_compact

from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.making import SealedKeyMaker
from adapters.jose.sealing import Sealer, SealError, fresh_key
from adapters.jose.shared_secret import SharedSecretTokens
from adapters.memory.keys import MemorySigningKeys
from adapters.system import SystemClock
from core.keys.model import KeyPolicy, SigningKey
from core.keys.ports import SigningKeyStore
from core.keys.rotate import MaintainKeys
from core.ports import Audit, Clock
from core.protocol.refusals import InvalidToken, Unavailable
from core.protocol.secret import Secret
from tests.support import SetClock

Tokens = SharedSecretTokens | KeyPairTokens

TYP = "at+jwt"
CLAIMS: dict[str, object] = {"sub": "alice", "n": 1, "x": [True, None, "ü"]}
SHARED = Secret("0123456789abcdef" * 4)
DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
PAIRS = ["ES256", "RS256", "EdDSA"]
ALGORITHMS = [*DIGESTS, *PAIRS]


class Silent:
    """Nobody asks what happened."""

    def note(self, event: str, **facts: str) -> None:
        return None


_: type[Audit] = Silent


def pair(store: SigningKeyStore, key: Secret, algorithm: str = "ES256", clock: Clock | None = None) -> KeyPairTokens:
    """A worker on this store, with this encryption key."""
    sealer, time = Sealer(key), clock or SetClock()
    policy = KeyPolicy((algorithm,), ahead=timedelta(minutes=5), period=None, token_lifetime=timedelta(minutes=30))
    maintain = MaintainKeys(store, SealedKeyMaker(sealer), time, policy, Silent())
    return KeyPairTokens(store, sealer, maintain, time, policy, algorithm)


@cache  # an RSA key takes its time
def made(algorithm: str) -> Tokens:
    if algorithm in DIGESTS:
        return SharedSecretTokens(SHARED, algorithm)
    return pair(MemorySigningKeys(), fresh_key(), algorithm)


@pytest.fixture(params=ALGORITHMS)
def tokens(request: pytest.FixtureRequest) -> Tokens:
    return made(request.param)


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return value


def by_hmac(header: object, payload: object, key: bytes, algorithm: str = "HS256") -> Secret:
    """A token made by hand, so that no library has a say in what stands in it."""
    signed = f"{encoded(header)}.{encoded(payload)}"
    return Secret(f"{signed}.{encoded(hmac.new(key, signed.encode(), DIGESTS[algorithm]).digest())}")


async def refuse(tokens: Tokens, *hostile: Secret) -> None:
    for token in hostile:
        with pytest.raises(InvalidToken) as caught:
            await tokens.verify(token, typ=TYP)
        assert caught.value.description == "Could not validate credentials"


async def test_what_was_signed_verifies_as_it_was(tokens: Tokens) -> None:
    assert await tokens.verify(await tokens.sign(CLAIMS, typ=TYP), typ=TYP) == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_the_header_says_algorithm_typ_and_key_and_no_more(algorithm: str) -> None:
    tokens = made(algorithm)
    header = decoded((await tokens.sign(CLAIMS, typ=TYP)).reveal().split(".")[0])
    published = await tokens.jwks()
    assert header == {"alg": algorithm, "typ": TYP, **({"kid": published[0]["kid"]} if published else {})}


async def test_only_the_typ_that_is_asked_for_verifies(tokens: Tokens) -> None:
    token = await tokens.sign(CLAIMS, typ="at+jwt")
    with pytest.raises(InvalidToken):
        await tokens.verify(token, typ="logout+jwt")


async def test_a_changed_token_is_refused(tokens: Tokens) -> None:
    header, payload, signature = (await tokens.sign(CLAIMS, typ=TYP)).reveal().split(".")
    for at in (0, len(signature) // 2):
        other = "A" if signature[at] != "A" else "B"
        await refuse(tokens, Secret(f"{header}.{payload}.{signature[:at]}{other}{signature[at + 1 :]}"))
    await refuse(
        tokens,
        Secret(f"{header}.{encoded({**CLAIMS, 'sub': 'bob'})}.{signature}"),
        Secret(f"{encoded({**decoded(header), 'x': 1})}.{payload}.{signature}"),
        Secret(f"{header}.{payload}.{signature[:-4]}"),
        Secret(f"{header}.{payload}.{signature}AAAA"),
        Secret(f"{header}.{payload}."),
        Secret(f"{header}.{payload}"),
        Secret(f".{payload}.{signature}"),
        Secret(f"{header}..{signature}"),
        Secret(f"{header}.{payload}.{signature}.x"),
    )


async def test_a_token_has_one_spelling(tokens: Tokens) -> None:
    token = (await tokens.sign(CLAIMS, typ=TYP)).reveal()
    header, payload, signature = token.split(".")
    dotted = [
        f"{token} ",
        f" {token}",
        f"{token}\n",
        f"{token}=",
        f"{header}=.{payload}.{signature}",
        f"{header}\n.{payload}.{signature}",
    ]
    await refuse(
        tokens,
        *map(Secret, dotted),
        Secret(token.replace(".", "..")),
        Secret(f"{header}.{payload}.{signature[:5]}!{signature[5:]}"),
    )


async def test_the_unused_bits_of_a_signature_are_zero(tokens: Tokens) -> None:
    # RFC 4648 §3.5. 32, 48, 64 and 256 bytes leave 2, 0, 4 and 4 bits of the last character unused.
    token = (await tokens.sign(CLAIMS, typ=TYP)).reveal()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]]
    await refuse(tokens, *map(Secret, others))


async def test_an_unsigned_token_is_refused(tokens: Tokens) -> None:
    for algorithm in ("none", "None", "NONE", "", None):
        header = {"alg": algorithm, "typ": TYP}
        await refuse(
            tokens, Secret(f"{encoded(header)}.{encoded(CLAIMS)}."), Secret(f"{encoded(header)}.{encoded(CLAIMS)}.AAAA")
        )


async def test_another_instance_with_another_key_is_refused(tokens: Tokens) -> None:
    for algorithm in ("ES256", "EdDSA"):
        other = pair(MemorySigningKeys(), fresh_key(), algorithm)
        await refuse(tokens, await other.sign(CLAIMS, typ=TYP))
    for algorithm in DIGESTS:
        stranger = SharedSecretTokens(Secret("fedcba9876543210" * 4), algorithm)
        await refuse(tokens, await stranger.sign(CLAIMS, typ=TYP))


@pytest.mark.parametrize("algorithm", DIGESTS)
@pytest.mark.parametrize("used", DIGESTS)
async def test_a_shared_secret_counts_with_its_own_algorithm_alone(algorithm: str, used: str) -> None:
    token = by_hmac({"alg": used, "typ": TYP}, CLAIMS, SHARED.reveal().encode(), used)
    tokens = SharedSecretTokens(SHARED, algorithm)
    if used == algorithm:
        assert await tokens.verify(token, typ=TYP) == CLAIMS
    else:
        await refuse(tokens, token)


async def test_a_public_key_is_no_shared_secret() -> None:
    tokens = made("ES256")
    (jwk,) = await tokens.jwks()
    public = ECKey.import_key(dict(jwk))
    for key in (public.as_pem(private=False), public.as_der(private=False), json.dumps(dict(jwk)).encode(), b""):
        for kid in ({}, {"kid": jwk["kid"]}):
            await refuse(tokens, by_hmac({"alg": "HS256", "typ": TYP, **kid}, CLAIMS, key))


@pytest.mark.parametrize("kid", ["other", "", "../../dev/null", "' OR 1=1 --", 1, None, True, ["x"], {"x": 1}])
@pytest.mark.parametrize("algorithm", ["HS256", *PAIRS])
async def test_a_key_by_another_name_is_refused(algorithm: str, kid: object) -> None:
    tokens = made(algorithm)
    if isinstance(tokens, SharedSecretTokens):
        token = by_hmac({"alg": "HS256", "typ": TYP, "kid": kid}, CLAIMS, SHARED.reveal().encode())
    else:
        header, payload, signature = (await tokens.sign(CLAIMS, typ=TYP)).reveal().split(".")
        token = Secret(f"{encoded({**decoded(header), 'kid': kid})}.{payload}.{signature}")
    if kid is None and isinstance(tokens, SharedSecretTokens):
        return  # names no key, as a token without the member
    await refuse(tokens, token)


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
async def test_a_key_that_comes_with_the_token_is_not_looked_at(algorithm: str) -> None:
    tokens = made(algorithm)
    key = ECKey.generate_key("P-256", private=True)
    public = key.as_dict(private=False)
    rules = JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    rules.max_header_length = 4096
    kids = [None, *(jwk["kid"] for jwk in await tokens.jwks())]
    for brought in (
        {"jwk": public},
        {"jku": "https://evil.example.com"},
        {"x5u": "https://evil.example.com"},
        {"x5c": ["AAAA"]},
    ):
        for kid in kids:
            header = {"alg": "ES256", "typ": TYP, **brought, **({"kid": kid} if kid else {})}
            await refuse(tokens, Secret(serialize_compact(header, json.dumps(CLAIMS), key, registry=rules)))


@pytest.mark.parametrize("crit", [["exp"], ["b64"], ["x"], [], "x", None, 1, {}, ["x", "x"], [1]])
async def test_a_critical_extension_that_is_unknown_is_refused(crit: object) -> None:
    tokens = SharedSecretTokens(SHARED, "HS256")
    header = {"alg": "HS256", "typ": TYP, "crit": crit, "x": 1, "b64": False}
    await refuse(tokens, by_hmac(header, CLAIMS, SHARED.reveal().encode()))


@pytest.mark.parametrize(
    "typ", [None, "", "JWT", 1, ["at+jwt"], "at+jwt ", "application/application/at+jwt", "text/at+jwt"]
)
async def test_a_header_of_another_typ_is_refused(typ: object) -> None:
    await refuse(
        SharedSecretTokens(SHARED, "HS256"), by_hmac({"alg": "HS256", "typ": typ}, CLAIMS, SHARED.reveal().encode())
    )


@pytest.mark.parametrize(
    "header",
    [
        [],
        "x",
        1,
        None,
        {},
        {"typ": TYP},
        {"alg": 1, "typ": TYP},
        {"alg": ["HS256"], "typ": TYP},
        b"\xff",
        b"{",
        b"[" * 3000,
    ],
)
async def test_a_header_that_is_no_header_is_refused(tokens: Tokens, header: object) -> None:
    await refuse(tokens, by_hmac(header, CLAIMS, SHARED.reveal().encode()))


@pytest.mark.parametrize(
    "payload", [[], "x", 1, None, True, b"", b"\xff", b"{", b"[" * 4000, b"1" * 5000, b'{"a":' * 1000]
)
async def test_a_payload_that_is_no_object_is_refused(payload: object) -> None:
    tokens = SharedSecretTokens(SHARED, "HS256")
    await refuse(tokens, by_hmac({"alg": "HS256", "typ": TYP}, payload, SHARED.reveal().encode()))


SHARED_TOKENS = made("HS256")
PAIR_TOKENS = made("ES256")


@given(st.text() | st.lists(st.text("AQID-_=."), min_size=3, max_size=3).map(".".join))
async def test_any_text_is_an_invalid_token(text: str) -> None:
    await refuse(SHARED_TOKENS, Secret(text))
    await refuse(PAIR_TOKENS, Secret(text))


@given(
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk"]),
        st.none() | st.text() | st.integers() | st.lists(st.text()),
    )
)
async def test_any_header_under_a_foreign_key_is_an_invalid_token(header: dict[str, object]) -> None:
    await refuse(SHARED_TOKENS, by_hmac({"alg": "HS256", "typ": TYP} | header, CLAIMS, b"another"))
    await refuse(PAIR_TOKENS, by_hmac({"alg": "ES256", "typ": TYP} | header, CLAIMS, b"another"))


async def test_a_shared_secret_publishes_nothing() -> None:
    assert await SharedSecretTokens(SHARED, "HS256").jwks() == ()


async def test_a_secret_is_any_text() -> None:
    tokens = SharedSecretTokens(Secret("é" * 16), "HS256")
    assert await tokens.verify(await tokens.sign(CLAIMS, typ=TYP), typ=TYP) == CLAIMS


async def test_a_key_pair_publishes_its_public_half(signing_keys: SigningKeyStore) -> None:
    (jwk,) = await pair(signing_keys, fresh_key()).jwks()
    assert {name: jwk[name] for name in ("kty", "crv", "use", "alg")} == {
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
    }  # fmt: skip
    assert jwk.keys() == {"kty", "crv", "use", "alg", "x", "y", "kid"}
    assert jwk["kid"] == ECKey.import_key(dict(jwk)).thumbprint()


async def test_processes_on_one_store_share_one_key(signing_keys: SigningKeyStore) -> None:
    key = fresh_key()
    workers = [pair(signing_keys, key) for _ in range(10)]
    published = await asyncio.gather(*(worker.jwks() for worker in workers for _ in range(3)))
    assert published == [published[0]] * 30
    token = await workers[0].sign(CLAIMS, typ=TYP)
    assert await workers[9].verify(token, typ=TYP) == CLAIMS


async def test_the_private_half_is_stored_sealed(signing_keys: SigningKeyStore) -> None:
    key = fresh_key()
    await pair(signing_keys, key).prepare()
    (stored,) = await signing_keys.all()
    assert "d" not in stored.public_jwk
    private = json.loads(Sealer(key).open(stored.sealed_private_key, name=stored.kid))
    assert private["d"] not in repr(evolve(stored, created_at=stored.created_at)) + stored.sealed_private_key
    with pytest.raises(SealError):
        await pair(signing_keys, fresh_key()).prepare()


@pytest.mark.parametrize(
    "damage", [str.lower, lambda s: s[:-4] + "AAAA", lambda _: "", lambda _: "a.b.c.d.e", lambda _: "é"]
)
def test_what_is_sealed_opens_with_its_key_and_name_alone(damage: Callable[[str], str]) -> None:
    sealer = Sealer(fresh_key())
    sealed = sealer.seal("text", name="name")
    assert sealer.open(sealed, name="name") == "text"
    with pytest.raises(SealError):
        sealer.open(sealed, name="other")
    with pytest.raises(SealError):
        sealer.open(damage(sealed), name="name")


class SilentSigningKeys(MemorySigningKeys):
    """A store that is away, and takes its time to say so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def all(self) -> tuple[SigningKey, ...]:
        self.asked += 1
        await super().all()
        raise Unavailable


async def test_all_who_wait_for_the_key_share_one_attempt() -> None:
    store = SilentSigningKeys()
    tokens = pair(store, fresh_key(), clock=SystemClock())
    answers = await asyncio.gather(*(tokens.jwks() for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert store.asked == 1
    with pytest.raises(Unavailable):
        await tokens.jwks()
    assert store.asked == 2
