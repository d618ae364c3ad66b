"""PyJWT, in an API that knows the issuer and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import jwt
import pytest

from core.protocol.secret import Secret
from tests.http.support import Watched, eventually
from tests.interop.support import API, discover, issuing, register
from tests.support import TLS

REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]  # RFC 9068 §2.2


@pytest.fixture(params=["ES256", "RS256", "EdDSA"])
def algorithm(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def issuer(database_url: Secret, tmp_path: Path, algorithm: str) -> Iterator[Watched]:
    with issuing(database_url, tmp_path, jwt_algorithm=algorithm) as watched:
        yield watched


def token_of(live: Watched, metadata: dict[str, Any], secret: str) -> str:
    answer = httpx.post(
        metadata["token_endpoint"],
        data={"grant_type": "client_credentials", "resource": API},
        auth=("service", secret),
        verify=TLS,
    )
    token: str = answer.raise_for_status().json()["access_token"]
    return token


def read(keys: jwt.PyJWKClient, token: str, metadata: dict[str, Any], algorithm: str, audience: str = API) -> Any:
    """What the README tells an API to check."""
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    key = keys.get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=audience,
        issuer=metadata["issuer"],
        options={"require": REQUIRED},
    )


def test_an_api_verifies_tokens_by_the_published_keys(issuer: Watched, algorithm: str) -> None:
    metadata = discover(issuer.container.settings().issuer)
    secret = register(issuer, "service", "client_credentials")
    token = token_of(issuer, metadata, secret)
    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    claims = read(keys, token, metadata, algorithm)
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("service", "service", "reports:read reports:write")
    with pytest.raises(jwt.InvalidAudienceError):
        read(keys, token, metadata, algorithm, audience="https://api.example.com/v2")
    header, payload, signature = token.split(".")
    changed = "A" if signature[0] != "A" else "B"
    with pytest.raises(jwt.InvalidSignatureError):
        read(keys, f"{header}.{payload}.{changed}{signature[1:]}", metadata, algorithm)


def test_after_a_rotation_the_new_key_is_found(issuer: Watched, algorithm: str) -> None:
    metadata = discover(issuer.container.settings().issuer)
    secret = register(issuer, "service", "client_credentials")
    before = token_of(issuer, metadata, secret)
    assert eventually(lambda: len(published(metadata, algorithm)) == 2, within=30)  # the next one is announced
    patient = jwt.PyJWKClient(metadata["jwks_uri"])
    eager = jwt.PyJWKClient(metadata["jwks_uri"], cooldown_duration=0)
    for keys in (patient, eager):
        read(keys, before, metadata, algorithm)

    after = rotated(issuer, metadata, secret, before)
    # The key was published before it signed: not even a client that asks nobody again for half a minute waits for it.
    read(patient, after, metadata, algorithm)
    # And a token of the key before is good for as long as it lasts.
    read(patient, before, metadata, algorithm)

    newest = rotated(issuer, metadata, secret, after)
    # The next key of all was made after both had asked, and is used at once: who meets an unknown key asks again.
    read(eager, newest, metadata, algorithm)


def test_a_key_that_is_withdrawn_is_found_no_more(issuer: Watched, algorithm: str) -> None:
    metadata = discover(issuer.container.settings().issuer)
    token = token_of(issuer, metadata, register(issuer, "service", "client_credentials"))
    kid = kid_of(token)
    issuer.run(issuer.container.retire_key()(kid))

    assert eventually(lambda: kid not in published(metadata, algorithm), within=30)
    with pytest.raises(jwt.PyJWKClientError):
        read(jwt.PyJWKClient(metadata["jwks_uri"]), token, metadata, algorithm)


def published(metadata: dict[str, Any], algorithm: str) -> set[str]:
    """The names of the keys that anybody may fetch now."""
    keys = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_keys()
    return {str(key.key_id) for key in keys if key.algorithm_name == algorithm}


def rotated(live: Watched, metadata: dict[str, Any], secret: str, before: str) -> str:
    """A token by the key after that of `before`. Workers hear of a rotation within a second."""
    live.run(live.container.rotate_keys()(at_once=True))
    tokens: list[str] = []

    def by_another_key() -> bool:
        tokens.append(token_of(live, metadata, secret))
        return kid_of(tokens[-1]) != kid_of(before)

    assert eventually(by_another_key, within=30)
    return tokens[-1]


def kid_of(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid
