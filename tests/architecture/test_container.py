"""The container builds every use case, for every store and every way of signing."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, get_type_hints

import attrs
import pytest

from adapters.hashing.pooled import PooledPasswordHasher
from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.shared_secret import SharedSecretTokens
from adapters.memory.keys import MemorySigningKeys
from adapters.memory.store import MemoryStore
from adapters.memory.users import MemoryUsers
from adapters.postgres.keys import PostgresSigningKeys
from adapters.postgres.store import PostgresStore
from adapters.postgres.users import PostgresUsers
from adapters.system import SystemClock, SystemEntropy
from container import Container, Settings
from core.grants.contract import PasswordRequest
from core.grants.password import PasswordGrant
from core.grants.token_endpoint import TokenEndpoint
from core.keys.ports import PublicKeys, SigningKeyStore
from core.ports import Clock, Entropy
from core.protocol.secret import Secret
from core.tokens.model import AccessTokenPolicy
from core.tokens.ports import TokenSigner, TokenVerifier
from core.users.ports import PasswordHasher, UserRepository
from tests.support import CHEAP

URL = Secret("postgresql://u:p@127.0.0.1:1/d")
SHARED: dict[str, Any] = {"jwt_secret_key": Secret("k" * 32), "jwt_algorithm": "HS256"}
PAIR: dict[str, Any] = {"jwt_algorithm": "ES256"}

# Which adapters may stand for a port.
PORTS: dict[object, set[type]] = {
    Clock: {SystemClock},
    Entropy: {SystemEntropy},
    PasswordHasher: {PooledPasswordHasher},
    UserRepository: {MemoryUsers, PostgresUsers},
    SigningKeyStore: {MemorySigningKeys, PostgresSigningKeys},
    TokenSigner: {SharedSecretTokens, KeyPairTokens},
    TokenVerifier: {SharedSecretTokens, KeyPairTokens},
    PublicKeys: {SharedSecretTokens, KeyPairTokens},
}


@pytest.fixture(params=[("memory", SHARED), ("memory", PAIR), ("postgres", SHARED), ("postgres", PAIR)], ids=str)
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Container]:
    storage, signing = request.param
    database = URL if storage == "postgres" else None
    settings = Settings(storage=storage, database_url=database, data_dir=tmp_path, **signing, **CHEAP)  # type: ignore[arg-type]
    made = Container(settings=settings)
    yield made
    made.hasher().close()


def built(box: Container) -> dict[str, Any]:
    """Everything but the database, which a container in memory has no address for."""
    names = [name for name in box.providers if name != "database" or box.settings().storage == "postgres"]
    return {name: getattr(box, name)() for name in names}


def test_every_provider_builds(box: Container) -> None:
    assert all(made is not None for made in built(box).values())
    assert len(built(box)) > 15


def test_every_field_of_a_use_case_holds_what_it_asks_for(box: Container) -> None:
    checked = 0
    for made in built(box).values():
        if not attrs.has(type(made)) or not type(made).__module__.startswith("core."):
            continue
        hints = get_type_hints(type(made))
        for field in attrs.fields(type(made)):
            value, hint = getattr(made, field.name), hints[field.name]
            if hint in PORTS:
                assert type(value) in PORTS[hint], field.name
                checked += 1
            elif inspect.isclass(hint):
                assert isinstance(value, hint), field.name
                checked += 1
    assert checked > 25


def test_every_use_case_of_core_has_a_provider(box: Container) -> None:
    import core.grants.token_endpoint
    import core.keys.publish
    import core.tokens.issue
    import core.tokens.verify
    import core.users.accounts
    import core.users.authenticate

    modules = [
        core.users.accounts, core.users.authenticate, core.tokens.issue, core.tokens.verify, core.keys.publish,
        core.grants.token_endpoint,
    ]  # fmt: skip
    cases: set[Callable[..., object]] = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and inspect.iscoroutinefunction(getattr(kind, "__call__", None))  # noqa: B004
    }
    assert len(cases) > 10
    assert cases <= {type(made) for made in built(box).values()}


def test_the_store_and_the_signature_are_those_of_the_settings(box: Container) -> None:
    memory, shared = box.settings().storage == "memory", box.settings().signing == "shared_secret"
    kinds = (
        (MemoryStore, MemoryUsers, MemorySigningKeys) if memory else (PostgresStore, PostgresUsers, PostgresSigningKeys)
    )
    assert (type(box.store()), type(box.users()), type(box.signing_keys())) == kinds
    assert type(box.tokens()) is (SharedSecretTokens if shared else KeyPairTokens)


def test_everybody_shares_one_of_each(box: Container) -> None:
    assert all(getattr(box, name)() is made for name, made in built(box).items() if name != "grants")
    assert box.current_user().users is box.create_user().users is box.authenticate_user().users
    tokens: set[object] = {box.issue_access_token().signer, box.verify_token().verifier, box.publish_keys().keys}
    assert tokens == {box.tokens()}


def test_the_password_grant_is_switched_on(box: Container) -> None:
    endpoint: TokenEndpoint = box.token_endpoint()
    assert {kind: type(grant) for kind, grant in endpoint.grants.items()} == {PasswordRequest: PasswordGrant}


def test_the_policy_is_that_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(
        issuer="https://i",
        audience="a",
        access_token_expire_minutes=7,
        leeway_seconds=3,
        storage="memory",
        data_dir=tmp_path,
    )
    policy: AccessTokenPolicy = Container(settings=settings).access_token_policy()
    assert (policy.issuer, policy.audience) == ("https://i", "a")
    assert (policy.lifetime.total_seconds(), policy.leeway.total_seconds()) == (420, 3)


def test_the_costs_of_a_hash_are_those_of_the_settings(tmp_path: Path) -> None:
    box = Container(settings=Settings(argon2_memory_kib=64, argon2_time_cost=2, argon2_parallelism=4, storage="memory"))
    hasher: PooledPasswordHasher = box.hasher()
    assert "$m=64,t=2,p=4$" in hasher._decoy
    hasher.close()


def test_the_encryption_key_is_kept_where_the_data_is(tmp_path: Path) -> None:
    Container(settings=Settings(database_url=URL, data_dir=tmp_path / "data")).sealer()
    kept = tmp_path / "data" / "encryption.key"
    assert kept.stat().st_mode & 0o777 == 0o600
    first = kept.read_text()
    Container(settings=Settings(database_url=URL, data_dir=tmp_path / "data")).sealer()
    assert kept.read_text() == first
