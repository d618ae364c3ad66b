"""What tests of settings share: an environment in which everything is set, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.settings import Settings, SettingsError, load

NO_FILE = Path("/nonexistent/.env")
KEY = "jwt-secret-0123456789-0123456789"
LOGO = Path(__file__).parents[2] / "entrypoints" / "pages" / "static" / "icon.svg"

FULL = {
    "DATABASE_URL": "postgresql://u:p@db.example.com:5433/w",
    "JWT_SECRET_KEY": KEY,
    "JWT_ALGORITHM": "HS256",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "5",
    "WATCHWORD_PASSWORD_GRANT": "off",
    "WATCHWORD_PASSWORD_GRANT_REFRESH": "on",
    "WATCHWORD_REFRESH_TOKEN_DAYS": "10",
    "WATCHWORD_REFRESH_TOKEN_IDLE_DAYS": "5",
    "WATCHWORD_REFRESH_GRACE_SECONDS": "0",
    "WATCHWORD_KEY_ROTATION_DAYS": "0",
    "WATCHWORD_JWKS_CACHE_SECONDS": "60",
    "WATCHWORD_TRUSTED_PROXIES": "10.0.0.0/8,::1",
    "WATCHWORD_ISSUER": "https://auth.example.com/tenant/",
    "WATCHWORD_AUDIENCE": "api",
    "WATCHWORD_LEEWAY_SECONDS": "2",
    "WATCHWORD_REQUIRE_PKCE": "public",
    "WATCHWORD_REQUIRE_PAR": "on",
    "WATCHWORD_SESSION_HOURS": "24",
    "WATCHWORD_SESSION_IDLE_MINUTES": "30",
    "WATCHWORD_REGISTRATION": "token",
    "WATCHWORD_REGISTRATION_TOKEN": "registration-token-0123456789-012",
    "WATCHWORD_UNUSED_CLIENT_HOURS": "5",
    "WATCHWORD_FETCH_LOOPBACK": "on",
    "WATCHWORD_SERVICE_NAME": "Example & Sons",
    "WATCHWORD_LOGO": str(LOGO),
    "WATCHWORD_COLOUR": "#00aaff",
    "WATCHWORD_STORAGE": "postgres",
    "WATCHWORD_DATA_DIR": "/srv/watchword",
    "WATCHWORD_ENCRYPTION_KEY": "A" * 43,
    "WATCHWORD_PREVIOUS_ENCRYPTION_KEYS": "B" * 43 + "," + "C" * 42 + "A=",
    "WATCHWORD_POOL_SIZE": "7",
    "WATCHWORD_ARGON2_MEMORY_KIB": "65536",
    "WATCHWORD_ARGON2_TIME_COST": "3",
    "WATCHWORD_ARGON2_PARALLELISM": "4",
    "WATCHWORD_HASHING_THREADS": "2",
    "WATCHWORD_HOST": "192.0.2.1",
    "WATCHWORD_PORT": "9000",
    "WATCHWORD_WORKERS": "3",
    "WATCHWORD_LOG_LEVEL": "debug",
    "WATCHWORD_PG_USER": "postgres",
    "WATCHWORD_PG_BIN": "/usr/lib/postgresql/18/bin",
}


def settings(**environ: str) -> Settings:
    return load(environ, NO_FILE)


def problems(environ: dict[str, str], dotenv: Path = NO_FILE) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(environ, dotenv)
    assert str(caught.value) == "\n".join(f"{name}: {text}" for name, text in caught.value.problems.items())
    return caught.value.problems
