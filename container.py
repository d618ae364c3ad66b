"""The composition root: the only place that knows both the core and its adapters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from dependency_injector import containers, providers

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.hashing.pooled import PooledPasswordHasher
from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.sealing import Sealer, SealError, fresh_key, key_in
from adapters.jose.shared_secret import SharedSecretTokens
from adapters.memory.keys import MemorySigningKeys
from adapters.memory.store import MemoryStore
from adapters.memory.users import MemoryUsers
from adapters.postgres.database import Database
from adapters.postgres.keys import PostgresSigningKeys
from adapters.postgres.schema import MigrationError, SchemaStatus
from adapters.postgres.store import PostgresStore, SchemaBehind
from adapters.postgres.users import PostgresUsers
from adapters.settings import Settings, SettingsError, as_environment, load, variables
from adapters.system import SystemClock, SystemEntropy
from core.grants.contract import PasswordRequest
from core.grants.password import PasswordGrant
from core.grants.token_endpoint import TokenEndpoint
from core.keys.publish import PublishKeys
from core.protocol.secret import Secret
from core.tokens.issue import IssueAccessToken
from core.tokens.model import AccessTokenPolicy
from core.tokens.verify import CurrentUser, VerifyToken
from core.users.accounts import (
    ChangeEmail,
    ChangePassword,
    CreateUser,
    DeleteUser,
    FindUser,
    ListUsers,
    UpdateUser,
)
from core.users.authenticate import AuthenticateUser

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
    kept = fresh_key() if settings.storage == "memory" else None
    return Sealer(settings.encryption_key or kept or key_in(settings.data_dir))


def _policy(settings: Settings) -> AccessTokenPolicy:
    return AccessTokenPolicy(
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=timedelta(minutes=settings.access_token_expire_minutes),
        leeway=timedelta(seconds=settings.leeway_seconds),
    )


class Container(containers.DeclarativeContainer):
    """Built with `Container(settings=load())`. Nothing here opens a connection: `store().open()` does."""

    settings = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    entropy = providers.Singleton(SystemEntropy)
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
    users = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresUsers, database),
        memory=providers.Singleton(MemoryUsers),
    )
    signing_keys = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(PostgresSigningKeys, database),
        memory=providers.Singleton(MemorySigningKeys),
    )

    sealer = providers.Singleton(_sealer, settings)
    tokens = providers.Selector(
        settings.provided.signing,
        shared_secret=providers.Singleton(
            SharedSecretTokens, settings.provided.jwt_secret_key, settings.provided.jwt_algorithm
        ),
        key_pair=providers.Singleton(KeyPairTokens, signing_keys, sealer, clock),
    )
    access_token_policy = providers.Singleton(_policy, settings)

    # core/users
    authenticate_user = providers.Singleton(AuthenticateUser, users, hasher, clock)
    create_user = providers.Singleton(CreateUser, users, hasher, clock, entropy)
    find_user = providers.Singleton(FindUser, users)
    list_users = providers.Singleton(ListUsers, users)
    update_user = providers.Singleton(UpdateUser, users, hasher, clock)
    change_email = providers.Singleton(ChangeEmail, users, clock)
    change_password = providers.Singleton(ChangePassword, users, hasher, clock)
    delete_user = providers.Singleton(DeleteUser, users)

    # core/keys
    publish_keys = providers.Singleton(PublishKeys, tokens)

    # core/tokens
    issue_access_token = providers.Singleton(
        IssueAccessToken, signer=tokens, clock=clock, entropy=entropy, policy=access_token_policy
    )
    verify_token = providers.Singleton(VerifyToken, verifier=tokens, clock=clock, policy=access_token_policy)
    current_user = providers.Singleton(CurrentUser, verify_token, users)

    # core/grants
    password_grant = providers.Singleton(PasswordGrant, authenticate_user)
    grants = providers.Dict({PasswordRequest: password_grant})
    token_endpoint = providers.Singleton(TokenEndpoint, grants, issue_access_token)
