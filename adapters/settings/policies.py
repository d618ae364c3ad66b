"""From settings to the narrow policies that use cases take."""

from __future__ import annotations

from datetime import timedelta

from adapters.settings import Settings
from core.authorization.model import SessionPolicy
from core.authorization.request import RequestPolicy
from core.clients.authenticate import AssertionPolicy
from core.clients.dynamic import RegistrationPolicy
from core.identity.id_token import IdTokenPolicy
from core.keys.model import KeyPolicy
from core.tokens.model import AccessTokenPolicy, RefreshPolicy

# The most that ACCESS_TOKEN_EXPIRE_MINUTES may be, and may have been while a key signed.
LONGEST_LIFETIME = timedelta(days=1)

# The audience that client assertions may name besides the issuer (RFC 7523 §3).
TOKEN_PATH = "/api/v1/auth/token"
PAR_PATH = "/api/v1/auth/par"


def access_tokens(settings: Settings) -> AccessTokenPolicy:
    return AccessTokenPolicy(
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=timedelta(minutes=settings.access_token_expire_minutes),
        leeway=timedelta(seconds=settings.leeway_seconds),
    )


def refresh(settings: Settings) -> RefreshPolicy:
    return RefreshPolicy(
        lifetime=timedelta(days=settings.refresh_token_days),
        idle=timedelta(days=settings.refresh_token_idle_days),
        grace=timedelta(seconds=settings.refresh_grace_seconds),
    )


def keys(settings: Settings) -> KeyPolicy:
    """The algorithm of access tokens, and those of ID tokens: RS256, which every client understands, and ES256."""
    pairs = dict.fromkeys((settings.access_algorithm, "RS256", "ES256")) if settings.publishes_keys else {}
    return KeyPolicy(
        algorithms=tuple(pairs),
        # A second more than others may keep the key set: for as long a worker may publish what it read before.
        ahead=timedelta(seconds=settings.jwks_cache_seconds + 1),
        period=timedelta(days=settings.key_rotation_days) if settings.key_rotation_days else None,
        token_lifetime=LONGEST_LIFETIME,
    )


def assertions(settings: Settings) -> AssertionPolicy:
    base = settings.issuer.removesuffix("/")
    audiences = {settings.issuer, base + TOKEN_PATH, base + PAR_PATH}
    return AssertionPolicy(frozenset(audiences), timedelta(seconds=settings.leeway_seconds))


def id_tokens(settings: Settings) -> IdTokenPolicy:
    return IdTokenPolicy(settings.issuer)


def sessions(settings: Settings) -> SessionPolicy:
    return SessionPolicy(
        lifetime=timedelta(hours=settings.session_hours), idle=timedelta(minutes=settings.session_idle_minutes)
    )


def registration(settings: Settings) -> RegistrationPolicy:
    return RegistrationPolicy(settings.registration, settings.registration_token)


def requests(settings: Settings) -> RequestPolicy:
    return RequestPolicy(
        pkce_for_all=settings.require_pkce == "all",
        pushed_only=settings.require_par,
        openid=settings.publishes_keys,
    )


def unused_clients(settings: Settings) -> timedelta:
    return timedelta(hours=settings.unused_client_hours)


def without_client(settings: Settings) -> frozenset[str]:
    refreshes = settings.password_grant and settings.password_grant_refresh
    return frozenset({"password", "refresh_token"} if refreshes else {"password"})
