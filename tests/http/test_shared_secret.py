"""JWT_SECRET_KEY is set: HS256, nothing published, and no way between the two kinds of tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.protocol.secret import Secret
from tests.http.support import ME, Forge, Watched, assert_refused, b64, claims, me, part, unb64, watching
from tests.support import settings_for

KEY = "a shared secret of more than 32 bytes, known to services"


@pytest.fixture(scope="module")
def shared(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory, live: Watched) -> Iterator[Watched]:
    """A second server on the very same users."""
    live.add_user("both")
    data = tmp_path_factory.mktemp("shared")
    settings = settings_for(module_database_url, data, jwt_secret_key=Secret(KEY), jwt_algorithm="HS256")
    with watching(settings) as server:
        yield server


def signed(header: object, payload: object, key: bytes = KEY.encode(), digest: str = "sha256") -> str:
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{b64(hmac.new(key, text.encode(), digest).digest())}"


def test_a_login_gets_an_hs256_token_that_holds(shared: Watched) -> None:
    token = shared.token("both")
    assert json.loads(unb64(token.split(".")[0])) == {"alg": "HS256", "typ": "at+jwt"}
    assert me(shared, token).status_code == 200


def test_whoever_holds_the_secret_makes_and_checks_tokens(shared: Watched) -> None:
    token = shared.token("both")
    text, _, signature = token.rpartition(".")
    assert hmac.compare_digest(unb64(signature), hmac.new(KEY.encode(), text.encode(), hashlib.sha256).digest())
    assert me(shared, signed({"alg": "HS256", "typ": "at+jwt"}, claims("both"))).status_code == 200


def test_tokens_of_one_kind_are_refused_by_the_other(live: Watched, shared: Watched) -> None:
    assert_refused(me(shared, live.token("both")))
    assert_refused(me(live, shared.token("both")))


def test_our_key_under_another_algorithm_is_refused(shared: Watched, forge: Forge) -> None:
    for alg, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("hs256", "sha256"), ("none", "sha256")):
        assert_refused(me(shared, signed({"alg": alg, "typ": "at+jwt"}, claims("both"), digest=digest)))
    unsigned = f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{part(claims('both'))}."
    assert_refused(me(shared, unsigned))
    assert_refused(me(shared, forge.token("both")))


@pytest.mark.parametrize(
    "key",
    [b"", b"secret", KEY.encode() + b"\n", KEY.upper().encode(), base64.b64encode(KEY.encode()), KEY[:32].encode()],
)
def test_another_secret_is_refused(shared: Watched, key: bytes) -> None:
    assert_refused(me(shared, signed({"alg": "HS256", "typ": "at+jwt"}, claims("both"), key)))


def test_a_secret_that_the_token_brings_along_is_not_looked_at(shared: Watched) -> None:
    jwk = {"kty": "oct", "k": b64(b"brought along")}
    for extra in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/"}, {"kid": "x", "jwk": jwk}, {"kid": "../../dev/null"}):
        for key in (b"brought along", b""):
            assert_refused(me(shared, signed({"alg": "HS256", "typ": "at+jwt", **extra}, claims("both"), key)))


def test_nothing_is_published(shared: Watched) -> None:
    with shared.client() as client:
        answer = client.get("/.well-known/jwks.json")
    assert (answer.status_code, answer.json()) == (200, {"keys": []})


def test_the_secret_appears_in_no_answer(shared: Watched) -> None:
    forms = {KEY, b64(KEY.encode()), base64.b64encode(KEY.encode()).decode(), KEY.encode().hex()}
    with shared.client(shared.token("both")) as client:
        for path in ("/.well-known/jwks.json", "/openapi.yaml", "/docs", "/healthz", "/readyz", ME, "/nowhere"):
            answer = client.get(path)
            assert not any(form in answer.text or form in str(answer.headers) for form in forms)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_longer_algorithms_work_with_longer_secrets(database_url: Secret, tmp_path: Path, algorithm: str) -> None:
    key = Secret("k" * 64)
    with watching(settings_for(database_url, tmp_path, jwt_secret_key=key, jwt_algorithm=algorithm)) as server:
        server.add_user("longer")
        token = server.token("longer")
        assert json.loads(unb64(token.split(".")[0]))["alg"] == algorithm
        assert me(server, token).status_code == 200
