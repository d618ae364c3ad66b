"""The composition root: the only place that knows both the core and its adapters."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dependency_injector import containers, providers

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.fetching.guarded import GuardedFetcher
from adapters.fetching.key_sets import FetchedKeySets
from adapters.hashing.pooled import PooledPasswordHasher
from adapters.jose.assertions import JoseAssertions
from adapters.jose.derivation import SealedDeriver
from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.making import SealedKeyMaker
from adapters.jose.pseudonyms import SealedPseudonyms
from adapters.jose.sealing import Sealer, SealError, fresh_key, keys_in
from adapters.jose.shared_secret import SharedSecretDeriver, SharedSecretTokens
from adapters.memory.stores import MemoryStores
from adapters.postgres.database import Database
from adapters.postgres.schema import MigrationError, SchemaStatus
from adapters.postgres.store import SchemaBehind
from adapters.postgres.stores import PostgresStores
from adapters.registration import AuthlibMetadataRules
from adapters.settings import Settings, SettingsError, as_environment, load, policies, variables
from adapters.settings.policies import TOKEN_PATH
from adapters.system import LoggedAudit, SystemClock, SystemEntropy
from core.authorization.authorize import Authorize, PushRequest
from core.authorization.connections import EndConnection, ListConnections
from core.authorization.csrf import FormTokens
from core.authorization.logout import LogOut
from core.authorization.proceed import Proceed
from core.authorization.request import CheckRequest
from core.authorization.sessions import CurrentSession, EndSessions, ListSessions, SignIn, SignInAgain, StartSession
from core.clients.authenticate import AuthenticateClient
from core.clients.dynamic import (
    CheckRegistration,
    DeleteRegistration,
    ReadRegistration,
    RegisterClient,
    ReplaceRegistration,
)
from core.clients.metadata import ReadMetadata
from core.clients.narrowing import Narrow
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
from core.grants.code import CodeGrant
from core.grants.contract import (
    ClientCredentialsRequest,
    CodeRequest,
    Grant,
    PasswordRequest,
    RefreshRequest,
    TokenRequest,
)
from core.grants.identify import Identify
from core.grants.password import PasswordGrant
from core.grants.refresh import RefreshGrant
from core.grants.token_endpoint import TokenEndpoint
from core.housekeeping import Prune
from core.identity.id_token import IssueIdToken, ReadHint
from core.identity.userinfo import TellUserInfo
from core.keys.publish import PublishKeys
from core.keys.rotate import ListKeys, MaintainKeys, ResealKeys, RetireKey, RotateKeys
from core.protocol.secret import Secret
from core.tokens.explain import ExplainToken
from core.tokens.introspect import Introspect, IntrospectionEndpoint, LookAtRefreshToken
from core.tokens.issue import IssueAccessToken
from core.tokens.refresh import RefreshTokens, RotateFamily, StartFamily
from core.tokens.revoke import EndAllTokens, RevokeToken
from core.tokens.subjects import Subjects
from core.tokens.verify import CurrentUser, VerifyToken
from core.users.accounts import (
    ChangeEmail,
    ChangePassword,
    ChangeProfile,
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
    "TOKEN_PATH",
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
    if settings.encryption_key is not None:
        return Sealer(settings.encryption_key, *settings.previous_encryption_keys)
    kept = (fresh_key(),) if settings.storage == "memory" else keys_in(settings.data_dir)
    return Sealer(*kept, *settings.previous_encryption_keys)


def _grants(
    settings: Settings,
    password: PasswordGrant,
    client_credentials: ClientCredentialsGrant,
    refresh: RefreshGrant,
    code: CodeGrant,
) -> dict[type[TokenRequest], Grant[Any]]:
    """What is not in it is switched off."""
    own: dict[type[TokenRequest], Grant[Any]] = {
        CodeRequest: code,
        ClientCredentialsRequest: client_credentials,
        RefreshRequest: refresh,
    }
    return {PasswordRequest: password, **own} if settings.password_grant else own


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
    unused_clients = providers.Singleton(policies.unused_clients, settings)
    stores = providers.Selector(
        settings.provided.storage,
        postgres=providers.Singleton(
            PostgresStores, database, MIGRATIONS, clock, settings.provided.audience, unused_clients
        ),
        memory=providers.Singleton(MemoryStores, clock, settings.provided.audience, unused_clients),
    )
    store = providers.Singleton(getattr, stores, "store")
    users = providers.Singleton(getattr, stores, "users")
    resources = providers.Singleton(getattr, stores, "resources")
    clients = providers.Singleton(getattr, stores, "clients")
    spent_assertions = providers.Singleton(getattr, stores, "spent_assertions")
    refresh_families = providers.Singleton(getattr, stores, "refresh_families")
    access_tokens = providers.Singleton(getattr, stores, "access_tokens")
    tallies = providers.Singleton(getattr, stores, "tallies")
    expired_rows = providers.Singleton(getattr, stores, "expired_rows")
    signing_keys = providers.Singleton(getattr, stores, "signing_keys")
    sealed_secrets = providers.Singleton(getattr, stores, "sealed_secrets")
    authorization_requests = providers.Singleton(getattr, stores, "authorization_requests")
    connections = providers.Singleton(getattr, stores, "connections")
    sessions = providers.Singleton(getattr, stores, "sessions")
    codes = providers.Singleton(getattr, stores, "codes")

    # core/keys
    sealer = providers.Singleton(_sealer, settings)
    key_policy = providers.Singleton(policies.keys, settings)
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
    pseudonyms = providers.Singleton(SealedPseudonyms, deriver)
    assertions = providers.Singleton(JoseAssertions)
    access_token_policy = providers.Singleton(policies.access_tokens, settings)

    # core/users
    throttle = providers.Singleton(Throttle, tallies, clock)
    authenticate_user = providers.Singleton(AuthenticateUser, users, hasher, throttle, clock)
    create_user = providers.Singleton(CreateUser, users, hasher, clock, entropy)
    find_user = providers.Singleton(FindUser, users)
    list_users = providers.Singleton(ListUsers, users)
    update_user = providers.Singleton(UpdateUser, users, hasher, clock)
    change_email = providers.Singleton(ChangeEmail, users, clock)
    change_profile = providers.Singleton(ChangeProfile, users, clock)
    change_password = providers.Singleton(ChangePassword, users, hasher, throttle, clock, audit)
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
    fetcher = providers.Singleton(GuardedFetcher, loopback=settings.provided.fetch_loopback)
    key_sets = providers.Singleton(FetchedKeySets, fetcher, assertions)
    assertion_policy = providers.Singleton(policies.assertions, settings)
    authenticate_client = providers.Singleton(
        AuthenticateClient, clients, assertions, key_sets, spent_assertions, throttle, clock, assertion_policy
    )

    # Clients that register themselves.
    registration_policy = providers.Singleton(policies.registration, settings)
    read_metadata = providers.Singleton(ReadMetadata, providers.Singleton(AuthlibMetadataRules))
    check_registration = providers.Singleton(CheckRegistration, registry, fetcher, throttle, registration_policy)
    register_client = providers.Singleton(
        RegisterClient,
        clients,
        read_metadata,
        check_registration,
        throttle,
        clock,
        entropy,
        audit,
        registration_policy,
    )
    read_registration = providers.Singleton(ReadRegistration, clients, registration_policy)
    replace_registration = providers.Singleton(
        ReplaceRegistration, clients, read_registration, read_metadata, check_registration, clock, audit
    )
    delete_registration = providers.Singleton(DeleteRegistration, clients, read_registration, audit)

    # core/tokens
    issue_access_token = providers.Singleton(
        IssueAccessToken, signer=tokens, clock=clock, entropy=entropy, policy=access_token_policy
    )
    verify_token = providers.Singleton(VerifyToken, tokens, pseudonyms, clock, access_token_policy)
    current_user = providers.Singleton(CurrentUser, verify_token, access_tokens)
    account_user = providers.Singleton(CurrentUser, verify_token, access_tokens, first_party_only=True)
    subjects = providers.Singleton(Subjects, pseudonyms)
    refresh_policy = providers.Singleton(policies.refresh, settings)
    refresh_tokens = providers.Singleton(RefreshTokens, deriver, entropy)
    start_family = providers.Singleton(StartFamily, refresh_families, refresh_tokens, entropy, clock, refresh_policy)
    rotate_family = providers.Singleton(RotateFamily, refresh_families, refresh_tokens, clock, refresh_policy, audit)
    look_at_refresh_token = providers.Singleton(
        LookAtRefreshToken, refresh_families, refresh_tokens, access_tokens, users, clock, refresh_policy
    )
    introspect = providers.Singleton(
        Introspect, verify_token, access_tokens, look_at_refresh_token, subjects, access_token_policy
    )
    introspection_endpoint = providers.Singleton(IntrospectionEndpoint, authenticate_client, introspect)
    revoke_token = providers.Singleton(
        RevokeToken, refresh_families, refresh_tokens, verify_token, access_tokens, clock, audit
    )
    end_all_tokens = providers.Singleton(EndAllTokens, access_tokens, clock, audit)
    explain_token = providers.Singleton(
        ExplainToken, verify_token, access_tokens, look_at_refresh_token, clients, clock
    )

    # core/identity
    id_token_policy = providers.Singleton(policies.id_tokens, settings)
    issue_id_token = providers.Singleton(IssueIdToken, tokens, subjects, clock, id_token_policy)
    read_hint = providers.Singleton(ReadHint, tokens, id_token_policy)
    tell_user_info = providers.Singleton(
        TellUserInfo, verify_token, access_tokens, clients, tokens, settings.provided.publishes_keys
    )

    # core/authorization
    narrow = providers.Singleton(Narrow, settings.provided.audience)
    session_policy = providers.Singleton(policies.sessions, settings)
    current_session = providers.Singleton(CurrentSession, sessions, clock, session_policy)
    start_session = providers.Singleton(StartSession, sessions, clock, entropy, session_policy)
    sign_in = providers.Singleton(SignIn, authenticate_user, start_session, audit)
    sign_in_again = providers.Singleton(SignInAgain, users, start_session, clock, audit)
    end_sessions = providers.Singleton(EndSessions, sessions, clock, audit)
    list_sessions = providers.Singleton(ListSessions, sessions, clock)
    list_connections = providers.Singleton(ListConnections, connections)
    end_connection = providers.Singleton(EndConnection, connections, clock, audit)
    form_tokens = providers.Singleton(FormTokens, deriver)
    request_policy = providers.Singleton(policies.requests, settings)
    check_request = providers.Singleton(CheckRequest, clients, narrow, read_hint, request_policy)
    proceed = providers.Singleton(Proceed, codes, subjects, clock, entropy, settings.provided.issuer)
    authorize = providers.Singleton(
        Authorize, check_request, authorization_requests, current_session, proceed, clock, entropy, audit
    )
    push_request = providers.Singleton(
        PushRequest, authenticate_client, check_request, authorization_requests, clock, entropy
    )
    log_out = providers.Singleton(LogOut, clients, current_session, read_hint, subjects, end_sessions)

    # core/grants
    identify = providers.Singleton(Identify, subjects)
    password_grant = providers.Singleton(
        PasswordGrant, authenticate_user, narrow, start_family, identify, settings.provided.password_grant_refresh
    )
    client_credentials_grant = providers.Singleton(ClientCredentialsGrant, narrow, clock)
    refresh_grant = providers.Singleton(RefreshGrant, rotate_family, narrow, identify, clock)
    code_grant = providers.Singleton(CodeGrant, codes, refresh_tokens, narrow, identify, clock, audit, refresh_policy)
    grants = providers.Singleton(_grants, settings, password_grant, client_credentials_grant, refresh_grant, code_grant)
    without_client = providers.Singleton(policies.without_client, settings)
    token_endpoint = providers.Singleton(
        TokenEndpoint, grants, authenticate_client, clock, issue_access_token, issue_id_token, without_client
    )

    describe_server = providers.Singleton(
        DescribeServer,
        settings.provided.issuer,
        providers.Singleton(_grant_types, grants),
        settings.provided.publishes_keys,
        settings.provided.require_par,
        settings.provided.registers,
        resources,
    )
    prune = providers.Singleton(Prune, expired_rows)
