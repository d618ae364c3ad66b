"""The composition root: the only place that knows both the core and its adapters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dependency_injector import containers, providers

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.hashing.pooled import PooledPasswordHasher
from adapters.jose.assertions import JoseAssertions
from adapters.jose.derivation import SealedDeriver
from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.making import SealedKeyMaker
from adapters.jose.sealing import Sealer, SealError, fresh_key, keys_in
from adapters.jose.shared_secret import SharedSecretDeriver, SharedSecretTokens
from adapters.memory.clients import MemoryClients, MemoryResources, MemorySpentAssertions
from adapters.memory.epoch import Epoch
from adapters.memory.expired import MemoryExpiredRows
from adapters.memory.keys import MemorySealedSecrets, MemorySigningKeys
from adapters.memory.store import MemoryStore
from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from adapters.postgres.clients import PostgresClients, PostgresResources, PostgresSpentAssertions
from adapters.postgres.database import Database
from adapters.postgres.expired import PostgresExpiredRows
from adapters.postgres.keys import PostgresSealedSecrets, PostgresSigningKeys
from adapters.postgres.schema import MigrationError, SchemaStatus
from adapters.postgres.store import PostgresStore, SchemaBehind
from adapters.postgres.throttle import PostgresTallies
from adapters.postgres.tokens import PostgresAccessTokens, PostgresRefreshFamilies
from adapters.postgres.users import PostgresUsers
from adapters.settings import Settings, SettingsError, as_environment, load, variables
from adapters.system import LoggedAudit, SystemClock, SystemEntropy
from core.clients.authenticate import AssertionPolicy, AuthenticateClient
from core.clients.register import (
    CreateClient,
    CreateResource,
    DeleteClient,
    DeleteResource,
    EndClientsTokens,
    FindClient,
    ListClients,
    ListResources,
    Registry,
    RotateSecret,
    UpdateClient,
    UpdateResource,
)
from core.discovery import DescribeServer
from core.grants.client_credentials import ClientCredentialsGrant
from core.grants.contract import ClientCredentialsRequest, Grant, PasswordRequest, RefreshRequest, TokenRequest
from core.grants.narrowing import Narrow
from core.grants.password import PasswordGrant
from core.grants.refresh import RefreshGrant
from core.grants.token_endpoint import TokenEndpoint
from core.housekeeping import Prune
from core.keys.model import KeyPolicy
from core.keys.publish import PublishKeys
from core.keys.rotate import ListKeys, MaintainKeys, ResealKeys, RetireKey, RotateKeys
from core.protocol.secret import Secret
from core.tokens.explain import ExplainToken
from core.tokens.introspect import Introspect, IntrospectionEndpoint, LookAtRefreshToken
from core.tokens.issue import IssueAccessToken
from core.tokens.model import AccessTokenPolicy, RefreshPolicy
from core.tokens.refresh import RefreshTokens, RotateFamily, StartFamily
from core.tokens.revoke import EndAllTokens, RevokeToken
from core.tokens.verify import CurrentUser, VerifyToken
from core.users.accounts import (
    ChangeEmail,
    ChangePassword,
    CreateUser,
    DeleteUser,
    EndUsersTokens,
    FindUser,
    ListUsers,
    UpdateUser,
)
from core.users.authenticate import AuthenticateUser
from core.users.throttle import Throttle

__all__ = [
    "CONTRACT",
    "DEV_MIGRATIONS",
    "DEV_PASSWORD",
    "DEV_USER",
    "LOOPBACK",
    "MIGRATIONS",
    "Container",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "MigrationError",
    "SchemaBehind",
    "SchemaStatus",
    "SealError",
    "Settings",
    "SettingsError",
    "apply_migrations",
    "as_environment",
    "is_for_development",
    "load",
    "schema_status",
    "variables",
]

# Beside this file in a checkout and in an installed wheel alike.
_HERE = Path(__file__).resolve().parent
MIGRATIONS = _HERE / "migrations"
DEV_MIGRATIONS = MIGRATIONS / "dev"
CONTRACT = _HERE / "openapi.yaml"

# The most that ACCESS_TOKEN_EXPIRE_MINUTES may be, and may have been while a key signed.
LONGEST_LIFETIME = timedelta(days=1)

# The audience that client assertions may name besides the issuer (RFC 7523 §3).
TOKEN_PATH = "/api/v1/auth/token"

# Who is there in development, and where from nobody else can come.
DEV_USER = "testuser"
DEV_PASSWORD = "testpass"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_for_development(settings: Settings) -> bool:
    """Only this machine can connect, and no proxy on it serves others: then default credentials do no harm."""
    return {settings.host, urlsplit(settings.issuer).hostname} <= LOOPBACK


def apply_migrations(dsn: Secret, *folders: Path) -> tuple[str, ...]:
    """See `adapters.postgres.migrations.apply`, whose libraries a server that does not migrate never loads."""
    from adapters.postgres import migrations

    return migrations.apply(dsn, *folders)


def schema_status(dsn: Secret, *folders: Path, optional: Iterable[Path] = ()) -> SchemaStatus:
    """See `adapters.postgres.migrations.status`."""
    from adapters.postgres import migrations

    return migrations.status(dsn, *folders, optional=optional)


def _sealer(settings: Settings) -> Sealer:
    """In memory nothing outlives the process, so neither does the key."""
    if settings.encryption_key is not None:
        return Sealer(settings.encryption_key, *settings.previous_encryption_keys)
    kept = (fresh_key(),) if settings.storage == "memory" else keys_in(settings.data_dir)
    return Sealer(*kept, *settings.previous_encryption_keys)


def _policy(settings: Settings) -> AccessTokenPolicy:
    return AccessTokenPolicy(
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=timedelta(minutes=settings.access_token_expire_minutes),
        leeway=timedelta(seconds=settings.leeway_seconds),
    )


def _refresh_policy(settings: Settings) -> RefreshPolicy:
    return RefreshPolicy(
        lifetime=timedelta(days=settings.refresh_token_days),
        idle=timedelta(days=settings.refresh_token_idle_days),
        grace=timedelta(seconds=settings.refresh_grace_seconds),
    )


def _key_policy(settings: Settings) -> KeyPolicy:
    """The algorithm of access tokens, and RS256 for ID tokens, which every client understands."""
    pairs = () if settings.signing == "shared_secret" else tuple(dict.fromkeys((settings.access_algorithm, "RS256")))
    return KeyPolicy(
        algorithms=pairs,
        # A second more than others may keep the key set: for as long a worker may publish what it read before.
        ahead=timedelta(seconds=settings.jwks_cache_seconds + 1),
        period=timedelta(days=settings.key_rotation_days) if settings.key_rotation_days else None,
        token_lifetime=LONGEST_LIFETIME,
    )


def _assertion_policy(settings: Settings) -> AssertionPolicy:
    endpoint = settings.issuer.removesuffix("/") + TOKEN_PATH
    return AssertionPolicy(frozenset({settings.issuer, endpoint}), timedelta(seconds=settings.leeway_seconds))


def _grants(
    settings: Settings,
    password: PasswordGrant,
    client_credentials: ClientCredentialsGrant,
    refresh: RefreshGrant,
) -> dict[type[TokenRequest], Grant[Any]]:
    """What is not in it is switched off."""
    own: dict[type[TokenRequest], Grant[Any]] = {ClientCredentialsRequest: client_credentials, RefreshRequest: refresh}
    return {PasswordRequest: password, **own} if settings.password_grant else own


def _without_client(settings: Settings) -> frozenset[str]:
    refreshes = settings.password_grant and settings.password_grant_refresh
    return frozenset({"password", "refresh_token"} if refreshes else {"password"})


def _grant_types(grants: dict[type[TokenRequest], Grant[Any]]) -> tuple[str, ...]:
    return tuple(grant.grant_type for grant in grants.values())


class Container(containers.DeclarativeContainer):
    """Built with `Container(settings=load())`. Nothing here opens a connection: `store().open()` does."""

    settings = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    entropy = providers.Singleton(SystemEntropy)
    audit = providers.Singleton(LoggedAudit)
    hasher = providers.Singleton(
        PooledPasswordHasher,
        memory_kib=settings.provided.argon2_memory_kib,
        time_cost=settings.provided.argon2_time_cost,
        parallelism=settings.provided.argon2_parallelism,
        threads=settings.provided.hashing_threads,
    )

    database = providers.Singleton(Database, settings.provided.database_url, largest=settings.provided.pool_size)
    store = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresStore, database, MIGRATIONS),
        memory=providers.Singleton(MemoryStore),
    )
    names: providers.Singleton[set[str]] = providers.Singleton(set)  # usernames and client ids of a store in memory
    epoch = providers.Singleton(Epoch)
    users = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresUsers, database),
        memory=providers.Singleton(MemoryUsers, names, epoch),
    )
    resources = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresResources, database),
        memory=providers.Singleton(MemoryResources),
    )
    clients = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresClients, database, settings.provided.audience),
        memory=providers.Singleton(MemoryClients, resources, names, settings.provided.audience, epoch),
    )
    spent_assertions = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresSpentAssertions, database),
        memory=providers.Singleton(MemorySpentAssertions, clock),
    )
    refresh_families = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresRefreshFamilies, database),
        memory=providers.Singleton(MemoryRefreshFamilies, epoch, users),
    )
    access_tokens = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresAccessTokens, database),
        memory=providers.Singleton(MemoryAccessTokens, users, clients, refresh_families, epoch),
    )
    tallies = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresTallies, database),
        memory=providers.Singleton(MemoryTallies),
    )
    expired_rows = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresExpiredRows, database, clock),
        memory=providers.Singleton(MemoryExpiredRows, refresh_families, access_tokens, tallies, clock),
    )
    signing_keys = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresSigningKeys, database),
        memory=providers.Singleton(MemorySigningKeys),
    )
    sealed_secrets = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresSealedSecrets, database),
        memory=providers.Singleton(MemorySealedSecrets),
    )

    # core/keys
    sealer = providers.Singleton(_sealer, settings)
    key_policy = providers.Singleton(_key_policy, settings)
    key_maker = providers.Singleton(SealedKeyMaker, sealer)
    maintain_keys = providers.Singleton(MaintainKeys, signing_keys, key_maker, clock, key_policy, audit)
    rotate_keys = providers.Singleton(RotateKeys, signing_keys, maintain_keys, clock, key_policy, audit)
    retire_key = providers.Singleton(RetireKey, signing_keys, maintain_keys, clock, audit)
    list_keys = providers.Singleton(ListKeys, signing_keys, clock, key_policy)
    reseal_keys = providers.Singleton(ResealKeys, signing_keys, sealed_secrets, sealer, audit)

    tokens = providers.Selector(
        settings.provided.signing,
        shared_secret=providers.Singleton(
            SharedSecretTokens, settings.provided.jwt_secret_key, settings.provided.jwt_algorithm
        ),
        key_pair=providers.Singleton(
            KeyPairTokens, signing_keys, sealer, maintain_keys, clock, key_policy, settings.provided.access_algorithm
        ),
    )
    publish_keys = providers.Singleton(PublishKeys, tokens)
    deriver = providers.Selector(
        settings.provided.signing,
        shared_secret=providers.Singleton(SharedSecretDeriver, settings.provided.jwt_secret_key),
        key_pair=providers.Singleton(SealedDeriver, sealed_secrets, sealer),
    )
    assertions = providers.Singleton(JoseAssertions)
    access_token_policy = providers.Singleton(_policy, settings)

    # core/users
    throttle = providers.Singleton(Throttle, tallies, clock)
    authenticate_user = providers.Singleton(AuthenticateUser, users, hasher, throttle, clock)
    create_user = providers.Singleton(CreateUser, users, hasher, clock, entropy)
    find_user = providers.Singleton(FindUser, users)
    list_users = providers.Singleton(ListUsers, users)
    update_user = providers.Singleton(UpdateUser, users, hasher, clock)
    change_email = providers.Singleton(ChangeEmail, users, clock)
    change_password = providers.Singleton(ChangePassword, users, hasher, throttle, clock)
    end_users_tokens = providers.Singleton(EndUsersTokens, users, clock, audit)
    delete_user = providers.Singleton(DeleteUser, users)

    # core/clients
    registry = providers.Singleton(Registry, resources, assertions)
    create_client = providers.Singleton(CreateClient, clients, registry, clock, entropy, audit)
    find_client = providers.Singleton(FindClient, clients)
    list_clients = providers.Singleton(ListClients, clients)
    update_client = providers.Singleton(UpdateClient, clients, registry, clock, audit)
    rotate_secret = providers.Singleton(RotateSecret, clients, clock, entropy, audit)
    end_clients_tokens = providers.Singleton(EndClientsTokens, clients, clock, audit)
    delete_client = providers.Singleton(DeleteClient, clients, audit)
    create_resource = providers.Singleton(CreateResource, resources, clock)
    list_resources = providers.Singleton(ListResources, resources)
    update_resource = providers.Singleton(UpdateResource, resources)
    delete_resource = providers.Singleton(DeleteResource, resources)
    assertion_policy = providers.Singleton(_assertion_policy, settings)
    authenticate_client = providers.Singleton(
        AuthenticateClient, clients, assertions, spent_assertions, throttle, clock, assertion_policy
    )

    # core/tokens
    issue_access_token = providers.Singleton(
        IssueAccessToken, signer=tokens, clock=clock, entropy=entropy, policy=access_token_policy
    )
    verify_token = providers.Singleton(VerifyToken, verifier=tokens, clock=clock, policy=access_token_policy)
    current_user = providers.Singleton(CurrentUser, verify_token, access_tokens)
    refresh_policy = providers.Singleton(_refresh_policy, settings)
    refresh_tokens = providers.Singleton(RefreshTokens, deriver, entropy)
    start_family = providers.Singleton(StartFamily, refresh_families, refresh_tokens, entropy, clock, refresh_policy)
    rotate_family = providers.Singleton(RotateFamily, refresh_families, refresh_tokens, clock, refresh_policy, audit)
    look_at_refresh_token = providers.Singleton(
        LookAtRefreshToken, refresh_families, refresh_tokens, access_tokens, users, clock, refresh_policy
    )
    introspect = providers.Singleton(
        Introspect, verify_token, access_tokens, look_at_refresh_token, access_token_policy
    )
    introspection_endpoint = providers.Singleton(IntrospectionEndpoint, authenticate_client, introspect)
    revoke_token = providers.Singleton(
        RevokeToken, refresh_families, refresh_tokens, verify_token, access_tokens, clock, audit
    )
    end_all_tokens = providers.Singleton(EndAllTokens, access_tokens, clock, audit)
    explain_token = providers.Singleton(
        ExplainToken, verify_token, access_tokens, look_at_refresh_token, clients, clock
    )

    # core/grants
    narrow = providers.Singleton(Narrow, settings.provided.audience)
    password_grant = providers.Singleton(
        PasswordGrant, authenticate_user, narrow, start_family, settings.provided.password_grant_refresh
    )
    client_credentials_grant = providers.Singleton(ClientCredentialsGrant, narrow, clock)
    refresh_grant = providers.Singleton(RefreshGrant, rotate_family, narrow, clock)
    grants = providers.Singleton(_grants, settings, password_grant, client_credentials_grant, refresh_grant)
    without_client = providers.Singleton(_without_client, settings)
    token_endpoint = providers.Singleton(
        TokenEndpoint, grants, authenticate_client, clock, issue_access_token, without_client
    )

    describe_server = providers.Singleton(
        DescribeServer,
        settings.provided.issuer,
        providers.Singleton(_grant_types, grants),
        settings.provided.publishes_keys,
        resources,
    )
    prune = providers.Singleton(Prune, expired_rows)
