"""The container builds every use case, for every store and every way of signing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import attrs
import pytest

import core
from adapters.fetching.guarded import GuardedFetcher
from adapters.fetching.key_sets import FetchedKeySets
from adapters.hashing.pooled import PooledPasswordHasher
from adapters.jose.assertions import JoseAssertions
from adapters.jose.derivation import SealedDeriver
from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.making import SealedKeyMaker
from adapters.jose.pseudonyms import SealedPseudonyms
from adapters.jose.sealing import Sealer, SealError, fresh_key
from adapters.jose.shared_secret import SharedSecretDeriver, SharedSecretTokens
from adapters.memory.authorization import MemoryAuthorizationRequests, MemoryConnections
from adapters.memory.clients import MemoryClients, MemoryResources, MemorySpentAssertions
from adapters.memory.codes import MemoryCodes
from adapters.memory.expired import MemoryExpiredRows
from adapters.memory.keys import MemorySealedSecrets, MemorySigningKeys
from adapters.memory.sessions import MemorySessions
from adapters.memory.store import MemoryStore
from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from adapters.postgres.authorization import PostgresAuthorizationRequests, PostgresConnections
from adapters.postgres.clients import PostgresClients, PostgresResources, PostgresSpentAssertions
from adapters.postgres.codes import PostgresCodes
from adapters.postgres.expired import PostgresExpiredRows
from adapters.postgres.keys import PostgresSealedSecrets, PostgresSigningKeys
from adapters.postgres.sessions import PostgresSessions
from adapters.postgres.store import PostgresStore
from adapters.postgres.throttle import PostgresTallies
from adapters.postgres.tokens import PostgresAccessTokens, PostgresRefreshFamilies
from adapters.postgres.users import PostgresUsers
from adapters.registration import AuthlibMetadataRules
from adapters.system import LoggedAudit, SystemClock, SystemEntropy
from container import TOKEN_PATH, Container, Settings
from core.access.model import Bearer
from core.authorization.model import SessionPolicy
from core.authorization.ports import AuthorizationRequests, Codes, Connections, Sessions
from core.authorization.request import RequestPolicy
from core.clients.dynamic import RegistrationPolicy
from core.clients.ports import (
    AssertionVerifier,
    ClientRepository,
    Fetcher,
    KeySets,
    MetadataRules,
    ResourceRepository,
    SpentAssertions,
)
from core.grants.client_credentials import ClientCredentialsGrant
from core.grants.code import CodeGrant
from core.grants.contract import ClientCredentialsRequest, CodeRequest, Grant, PasswordRequest, RefreshRequest
from core.grants.password import PasswordGrant
from core.grants.refresh import RefreshGrant
from core.housekeeping import ExpiredRows
from core.keys.ports import KeyMaker, PublicKeys, Resealer, SealedSecrets, SigningKeyStore
from core.ports import Audit, Clock, Entropy
from core.protocol.secret import Secret
from core.tokens.model import AccessTokenPolicy, RefreshPolicy
from core.tokens.ports import AccessTokenLedger, Deriver, Pseudonyms, RefreshFamilies, TokenSigner, TokenVerifier
from core.users.ports import PasswordHasher, TallyStore, UserRepository
from entrypoints.http.app import look, page_use_cases, use_cases
from entrypoints.http.routes import PAR, TOKEN
from entrypoints.pages.routes import page_routes
from tests.support import CHEAP

URL = Secret("postgresql://u:p@127.0.0.1:1/d")
SHARED: dict[str, Any] = {"jwt_secret_key": Secret("k" * 32), "jwt_algorithm": "HS256"}
PAIR: dict[str, Any] = {"jwt_algorithm": "ES256"}

# What is kept, by the name of its provider: in memory, and in PostgreSQL.
STORED: dict[str, tuple[object, type, type]] = {
    "users": (UserRepository, MemoryUsers, PostgresUsers),
    "clients": (ClientRepository, MemoryClients, PostgresClients),
    "resources": (ResourceRepository, MemoryResources, PostgresResources),
    "spent_assertions": (SpentAssertions, MemorySpentAssertions, PostgresSpentAssertions),
    "refresh_families": (RefreshFamilies, MemoryRefreshFamilies, PostgresRefreshFamilies),
    "access_tokens": (AccessTokenLedger, MemoryAccessTokens, PostgresAccessTokens),
    "tallies": (TallyStore, MemoryTallies, PostgresTallies),
    "signing_keys": (SigningKeyStore, MemorySigningKeys, PostgresSigningKeys),
    "sealed_secrets": (SealedSecrets, MemorySealedSecrets, PostgresSealedSecrets),
    "expired_rows": (ExpiredRows, MemoryExpiredRows, PostgresExpiredRows),
    "sessions": (Sessions, MemorySessions, PostgresSessions),
    "authorization_requests": (AuthorizationRequests, MemoryAuthorizationRequests, PostgresAuthorizationRequests),
    "connections": (Connections, MemoryConnections, PostgresConnections),
    "codes": (Codes, MemoryCodes, PostgresCodes),
}

# Which adapters may stand for a port.
PORTS: dict[object, set[type]] = {
    **{port: {memory, postgres} for port, memory, postgres in STORED.values()},
    Clock: {SystemClock},
    Entropy: {SystemEntropy},
    Audit: {LoggedAudit},
    PasswordHasher: {PooledPasswordHasher},
    TokenSigner: {SharedSecretTokens, KeyPairTokens},
    TokenVerifier: {SharedSecretTokens, KeyPairTokens},
    PublicKeys: {SharedSecretTokens, KeyPairTokens},
    Deriver: {SharedSecretDeriver, SealedDeriver},
    KeyMaker: {SealedKeyMaker},
    Resealer: {Sealer},
    AssertionVerifier: {JoseAssertions},
    Pseudonyms: {SealedPseudonyms},
    Fetcher: {GuardedFetcher},
    KeySets: {FetchedKeySets},
    MetadataRules: {AuthlibMetadataRules},
}
# Protocols that core itself fills.
WITHIN: set[object] = {Bearer, Grant}


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


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(core.__path__, "core."):
        yield importlib.import_module(found.name)


def classes() -> set[type]:
    """Every class of core."""
    return {
        kind
        for module in modules()
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__
    }


def is_protocol(kind: type) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def test_every_provider_builds(box: Container) -> None:
    assert all(made is not None for made in built(box).values())
    assert len(built(box)) > 110


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
    assert checked > 200


def test_every_port_of_core_has_its_adapters() -> None:
    assert {kind for kind in classes() if is_protocol(kind)} == PORTS.keys() | WITHIN


def test_every_use_case_of_core_has_a_provider(box: Container) -> None:
    cases = {
        kind
        for kind in classes()
        if not is_protocol(kind) and inspect.iscoroutinefunction(getattr(kind, "__call__", None))  # noqa: B004 - which it is
    }
    assert len(cases) > 60
    assert cases <= {type(made) for made in built(box).values()}


def test_the_routes_and_the_pages_ask_for_what_the_container_has(box: Container) -> None:
    """Each by its own name, so that none gets another's."""
    for asked in (use_cases(box), page_use_cases(box)):
        for field in attrs.fields(type(asked)):
            if field.name in box.providers:
                assert getattr(asked, field.name) is getattr(box, field.name)(), field.name
    assert page_routes(page_use_cases(box), look(box.settings()))


def test_the_store_and_the_signature_are_those_of_the_settings(box: Container) -> None:
    memory, shared = box.settings().storage == "memory", box.settings().signing == "shared_secret"
    assert type(box.store()) is (MemoryStore if memory else PostgresStore)
    for name, (_, in_memory, in_postgres) in STORED.items():
        assert type(getattr(box, name)()) is (in_memory if memory else in_postgres), name
    assert type(box.tokens()) is (SharedSecretTokens if shared else KeyPairTokens)
    assert type(box.deriver()) is (SharedSecretDeriver if shared else SealedDeriver)
    assert box.describe_server().publishes_keys is not shared


def test_everybody_shares_one_of_each(box: Container) -> None:
    assert all(getattr(box, name)() is made for name, made in built(box).items())
    assert box.authenticate_user().users is box.create_user().users is box.users()
    assert box.authenticate_client().clients is box.create_client().clients is box.clients()
    ledgers: set[object] = {box.current_user().ledger, box.introspect().ledger, box.revoke_token().ledger}
    assert ledgers == {box.access_tokens()}
    assert box.start_family().families is box.rotate_family().families is box.revoke_token().families
    assert box.authenticate_user().throttle is box.change_password().throttle is box.authenticate_client().throttle
    tokens: set[object] = {box.issue_access_token().signer, box.verify_token().verifier, box.publish_keys().keys}
    assert tokens | {box.issue_id_token().signer, box.read_hint().verifier} == {box.tokens()}
    assert box.sign_in().authenticate is box.password_grant().authenticate  # so by one throttle
    assert box.current_session().sessions is box.sign_in().start.sessions is box.log_out().end.sessions
    assert box.authorize().requests is box.push_request().requests
    assert box.authorize().proceed.codes is box.code_grant().codes
    assert box.authenticate_client().key_sets is box.key_sets()
    assert box.check_registration().fetcher is box.fetcher()


def test_accounts_are_managed_with_first_party_tokens_alone(box: Container) -> None:
    assert box.account_user().first_party_only
    assert not box.current_user().first_party_only


def test_users_and_clients_in_memory_share_their_names_and_all_tokens_one_epoch(tmp_path: Path) -> None:
    box = Container(settings=Settings(storage="memory", data_dir=tmp_path))
    assert box.users()._names is box.clients()._names
    epochs = {id(kept._epoch) for kept in (box.users(), box.clients(), box.refresh_families(), box.access_tokens())}
    assert epochs == {id(box.codes()._epoch)}


GRANTS: dict[type, type[Grant[Any]]] = {
    PasswordRequest: PasswordGrant,
    CodeRequest: CodeGrant,
    ClientCredentialsRequest: ClientCredentialsGrant,
    RefreshRequest: RefreshGrant,
}


@pytest.mark.parametrize(
    ("switches", "missing", "without_client"),
    [
        ({}, set(), {"password"}),
        ({"password_grant_refresh": True}, set(), {"password", "refresh_token"}),
        ({"password_grant": False}, {PasswordRequest}, {"password"}),
        ({"password_grant": False, "password_grant_refresh": True}, {PasswordRequest}, {"password"}),
    ],
    ids=str,
)
def test_grants_are_switched_on_by_the_settings(
    switches: dict[str, bool], missing: set[type], without_client: set[str]
) -> None:
    box = Container(settings=Settings(storage="memory", **switches))  # type: ignore[arg-type]  # switches alone
    endpoint, server = box.token_endpoint(), box.describe_server()
    expected = {kind: grant for kind, grant in GRANTS.items() if kind not in missing}
    assert {kind: type(grant) for kind, grant in endpoint.grants.items()} == expected
    assert endpoint.without_client == without_client
    assert server.grant_types == tuple(grant.grant_type for grant in expected.values())
    assert box.password_grant().refresh_without_client is switches.get("password_grant_refresh", False)
    box.hasher().close()


def test_the_policies_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(
        issuer="https://i/",
        audience="a",
        access_token_expire_minutes=7,
        leeway_seconds=3,
        refresh_token_days=5,
        refresh_token_idle_days=4,
        refresh_grace_seconds=2,
        key_rotation_days=6,
        jwks_cache_seconds=8,
        jwt_algorithm="EdDSA",
        require_pkce="public",
        require_par=True,
        session_hours=9,
        session_idle_minutes=10,
        registration="token",
        registration_token=Secret("initial"),
        unused_client_hours=11,
        fetch_loopback=True,
        storage="memory",
        data_dir=tmp_path,
    )
    box = Container(settings=settings)
    seven, three = timedelta(minutes=7), timedelta(seconds=3)
    assert box.access_token_policy() == AccessTokenPolicy("https://i/", "a", lifetime=seven, leeway=three)
    days = timedelta(days=5), timedelta(days=4)
    assert box.refresh_policy() == RefreshPolicy(*days, grace=timedelta(seconds=2))
    keys = box.key_policy()
    assert (keys.algorithms, keys.ahead, keys.period) == (
        ("EdDSA", "RS256", "ES256"),
        timedelta(seconds=9),
        timedelta(days=6),
    )
    assert keys.token_lifetime == timedelta(days=1)  # the longest that there can have been
    assertions = box.assertion_policy()
    assert (set(assertions.audiences), assertions.leeway) == (
        {"https://i/", f"https://i{TOKEN}", f"https://i{PAR}"},
        three,
    )
    assert TOKEN_PATH == TOKEN
    assert box.request_policy() == RequestPolicy(pkce_for_all=False, pushed_only=True, openid=True)
    assert box.session_policy() == SessionPolicy(lifetime=timedelta(hours=9), idle=timedelta(minutes=10))
    assert box.registration_policy() == RegistrationPolicy("token", Secret("initial"))
    assert box.unused_clients() == timedelta(hours=11)
    assert (box.id_token_policy().issuer, box.proceed().issuer) == ("https://i/", "https://i/")
    described = box.describe_server()
    assert (described.pushed_only, described.registers, described.publishes_keys) == (True, True, True)
    assert box.narrow().audience == "a"


@pytest.mark.parametrize(
    ("settings", "algorithms"),
    [
        ({}, ("ES256", "RS256")),
        ({"jwt_algorithm": "RS256"}, ("RS256", "ES256")),
        ({"jwt_secret_key": Secret("k" * 32), "jwt_algorithm": "HS256"}, ()),
    ],
    ids=str,
)
def test_there_are_keys_for_the_algorithms_in_use(settings: dict[str, Any], algorithms: tuple[str, ...]) -> None:
    assert Container(settings=Settings(storage="memory", **settings)).key_policy().algorithms == algorithms


def test_keys_are_never_rotated_by_time_when_the_settings_say_so() -> None:
    assert Container(settings=Settings(storage="memory", key_rotation_days=0)).key_policy().period is None


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


def test_what_an_earlier_encryption_key_sealed_opens_when_the_settings_name_it() -> None:
    old, new = fresh_key(), fresh_key()
    sealed = Sealer(old).seal("text", name="n")
    both = Settings(storage="memory", encryption_key=new, previous_encryption_keys=(old,))
    assert Container(settings=both).sealer().open(sealed, name="n") == "text"
    with pytest.raises(SealError):
        Container(settings=Settings(storage="memory", encryption_key=new)).sealer().open(sealed, name="n")
