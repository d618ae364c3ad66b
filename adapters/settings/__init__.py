"""Settings: the environment, and a .env file, to one frozen object. Every mistake is reported at once, by name."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import fields, frozen
from dotenv import dotenv_values

from adapters.settings.values import (
    Malformed,
    Parse,
    address,
    bearer,
    colour,
    default_data_dir,
    encryption_key,
    encryption_keys,
    folder,
    issuer,
    networks,
    one_of,
    picture,
    postgres_url,
    secret,
    setting,
    switch,
    text,
    title,
    whole_number,
)
from core.protocol.secret import Secret

SHORTEST_SECRET = {"HS256": 32, "HS384": 48, "HS512": 64}  # bytes; RFC 7518 §3.2


class SettingsError(Exception):
    """One line for each setting at fault, with its name and what was expected, never with its value."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


@frozen
class Settings:
    database_url: Secret | None = setting(
        "DATABASE_URL", postgres_url, None, "the PostgreSQL to use; unset: the embedded one"
    )
    jwt_secret_key: Secret | None = setting(
        "JWT_SECRET_KEY", secret, None, "sign tokens with this shared secret; unset: with an ES256 key pair"
    )
    jwt_algorithm: str = setting(
        "JWT_ALGORITHM",
        one_of("HS256", "HS384", "HS512", "ES256", "RS256", "EdDSA"),
        "",
        "HS256 with a shared secret, ES256 without",
    )
    access_token_expire_minutes: int = setting(
        "ACCESS_TOKEN_EXPIRE_MINUTES", whole_number(1, 1440), 30, "how long an access token is good for"
    )
    password_grant: bool = setting("WATCHWORD_PASSWORD_GRANT", switch, True, "`off` takes the password grant away")
    password_grant_refresh: bool = setting(
        "WATCHWORD_PASSWORD_GRANT_REFRESH", switch, False, "`on`: a refresh token also where no client takes part"
    )
    refresh_token_days: int = setting(
        "WATCHWORD_REFRESH_TOKEN_DAYS", whole_number(1, 3650), 90, "how long refresh tokens of one grant last in all"
    )
    refresh_token_idle_days: int = setting(
        "WATCHWORD_REFRESH_TOKEN_IDLE_DAYS", whole_number(1, 3650), 30, "how long a refresh token lasts unused"
    )
    refresh_grace_seconds: int = setting(
        "WATCHWORD_REFRESH_GRACE_SECONDS",
        whole_number(0, 3600),
        30,
        "how long a refresh token may be presented again after its use; 0: never",
    )
    key_rotation_days: int = setting(
        "WATCHWORD_KEY_ROTATION_DAYS", whole_number(0, 3650), 90, "how long a key pair signs; 0: until it is rotated"
    )
    jwks_cache_seconds: int = setting(
        "WATCHWORD_JWKS_CACHE_SECONDS",
        whole_number(1, 86400),
        300,
        "how long others may keep our public keys; a new key is published as long before it signs",
    )
    trusted_proxies: tuple[str, ...] = setting(
        "WATCHWORD_TRUSTED_PROXIES",
        networks,
        (),
        "the proxies whose X-Forwarded-For counts, by address or network, separated by commas",
    )
    issuer: str = setting(
        "WATCHWORD_ISSUER", issuer, "", "the `iss` of tokens: the URL by which clients know us; unset: host and port"
    )
    audience: str = setting("WATCHWORD_AUDIENCE", text, "", "the `aud` of tokens; unset: the issuer")
    leeway_seconds: int = setting(
        "WATCHWORD_LEEWAY_SECONDS",
        whole_number(0, 300),
        0,
        "how far clocks may disagree when a token is checked",
    )
    require_pkce: Literal["all", "public"] = setting(
        "WATCHWORD_REQUIRE_PKCE",
        one_of("all", "public"),
        "all",
        "which clients need PKCE to sign people in; `public`: those without a secret",
    )
    require_par: bool = setting(
        "WATCHWORD_REQUIRE_PAR", switch, False, "`on`: every authorization request has to be pushed first (RFC 9126)"
    )
    session_hours: int = setting(
        "WATCHWORD_SESSION_HOURS", whole_number(1, 8760), 336, "how long somebody stays signed in at the most"
    )
    session_idle_minutes: int = setting(
        "WATCHWORD_SESSION_IDLE_MINUTES", whole_number(1, 525600), 720, "how long without doing anything here"
    )
    registration: Literal["off", "token", "open"] = setting(
        "WATCHWORD_REGISTRATION",
        one_of("off", "token", "open"),
        "off",
        "who may register a client over HTTP: nobody, who has WATCHWORD_REGISTRATION_TOKEN, or anybody",
    )
    registration_token: Secret | None = setting(
        "WATCHWORD_REGISTRATION_TOKEN", bearer, None, "what lets others register clients"
    )
    unused_client_hours: int = setting(
        "WATCHWORD_UNUSED_CLIENT_HOURS",
        whole_number(1, 87600),
        72,
        "how long a client that registered itself may go unused before it is deleted",
    )
    fetch_loopback: bool = setting(
        "WATCHWORD_FETCH_LOOPBACK",
        switch,
        False,
        "`on`, for development: documents that clients name may be on this machine",
    )
    service_name: str = setting("WATCHWORD_SERVICE_NAME", title, "Watchword", "what the pages call this service")
    logo: Path | None = setting(
        "WATCHWORD_LOGO", picture, None, "a picture for the pages: a file in SVG, PNG, JPEG or WebP"
    )
    colour: str = setting("WATCHWORD_COLOUR", colour, "#2f5bd7", "the colour of buttons and links, as #rrggbb")
    storage: Literal["postgres", "memory"] = setting(
        "WATCHWORD_STORAGE",
        one_of("postgres", "memory"),
        "postgres",
        "`memory` forgets everything at its end",
    )
    data_dir: Path = setting(
        "WATCHWORD_DATA_DIR",
        folder,
        attrs.Factory(default_data_dir),
        "the embedded database and the encryption key",
    )
    encryption_key: Secret | None = setting(
        "WATCHWORD_ENCRYPTION_KEY",
        encryption_key,
        None,
        "encrypts signing keys at rest; unset: one kept in the data directory",
    )
    previous_encryption_keys: tuple[Secret, ...] = setting(
        "WATCHWORD_PREVIOUS_ENCRYPTION_KEYS",
        encryption_keys,
        (),
        "those used before, separated by commas, until `watchword keys reseal` was run",
    )
    pool_size: int = setting(
        "WATCHWORD_POOL_SIZE", whole_number(1, 1000), 10, "the most database connections of one worker"
    )
    argon2_memory_kib: int = setting(
        "WATCHWORD_ARGON2_MEMORY_KIB", whole_number(8, 4194304), 19456, "memory of one password hash"
    )
    argon2_time_cost: int = setting(
        "WATCHWORD_ARGON2_TIME_COST", whole_number(1, 1000), 2, "passes of one password hash"
    )
    argon2_parallelism: int = setting(
        "WATCHWORD_ARGON2_PARALLELISM", whole_number(1, 64), 1, "lanes of one password hash"
    )
    hashing_threads: int = setting(
        "WATCHWORD_HASHING_THREADS",
        whole_number(0, 256),
        0,
        "password hashes at once in one worker; 0: the cores",
    )
    host: str = setting("WATCHWORD_HOST", address, "127.0.0.1", "the address that `serve` listens on")
    port: int = setting("WATCHWORD_PORT", whole_number(0, 65535), 8000, "the port that `serve` listens on")
    workers: int = setting("WATCHWORD_WORKERS", whole_number(1, 64), 1, "the processes that `serve` runs")
    log_level: str = setting(
        "WATCHWORD_LOG_LEVEL", one_of("debug", "info", "warning", "error"), "info", "the least that is logged"
    )
    postgres_account: str | None = setting(
        "WATCHWORD_PG_USER", text, None, "the account of the embedded PostgreSQL when root starts it"
    )
    postgres_binaries: Path | None = setting(
        "WATCHWORD_PG_BIN",
        folder,
        None,
        "PostgreSQL's own binaries, in place of those that came with Watchword",
    )

    @property
    def embedded(self) -> bool:
        return self.database_url is None and self.storage == "postgres"

    @property
    def access_algorithm(self) -> str:
        return self.jwt_algorithm or ("HS256" if self.jwt_secret_key is not None else "ES256")

    @property
    def registers(self) -> bool:
        return self.registration != "off"

    @property
    def publishes_keys(self) -> bool:
        return self.signing == "key_pair"

    @property
    def signing(self) -> Literal["shared_secret", "key_pair"]:
        return "key_pair" if self.jwt_secret_key is None else "shared_secret"


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Settings:
    """The settings of this process. The environment goes before the file; an empty value there unsets the file's.

    Raises `SettingsError`, with every problem in it.
    """
    file = Path(".env") if dotenv is None else dotenv
    found = {**_read(file), **(os.environ if environ is None else environ)}
    found = {name: value for name, value in found.items() if value.strip()}
    problems = _unknown(found)
    values: dict[str, Any] = {}
    for attribute in fields(Settings):
        name = attribute.metadata["name"]
        if name in found:
            try:
                values[attribute.name] = _parse(attribute.metadata["parse"], found[name])
            except ValueError as error:
                problems[name] = str(error) if isinstance(error, Malformed) else "malformed"
    try:
        settings = Settings(**values)
    except RuntimeError:  # no home directory, so no default
        raise SettingsError({"WATCHWORD_DATA_DIR": "expected a folder; this account has no home", **problems}) from None
    problems = {**_contradictions(settings), **problems}
    if problems:
        raise SettingsError(problems)
    own = settings.issuer or f"http://{_reachable(settings.host)}:{settings.port}"
    return attrs.evolve(
        settings,
        jwt_algorithm=settings.access_algorithm,
        issuer=own,
        audience=settings.audience or own,
    )


def _parse(parse: Parse, value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Malformed("expected text in UTF-8") from None
    # A shared secret is used byte for byte; around anything else white space is an accident.
    return parse(value if parse is secret else value.strip())


def _reachable(host: str) -> str:
    """The host of a URL for what `serve` listens on; every address of this machine is one of its own at least."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    return f"[{host}]" if ":" in host else host


def variables() -> list[tuple[str, Any, str]]:
    """Name, default and meaning of every setting, in order."""
    return [(a.metadata["name"], a.default, a.metadata["about"]) for a in fields(Settings)]


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables that give another process these very settings, secrets included."""
    values = {a.metadata["name"]: getattr(settings, a.name) for a in fields(Settings)}
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    """As the variable is written."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(_text, value)) if isinstance(value, tuple) else str(value)


def _read(file: Path) -> dict[str, str]:
    try:
        if not file.is_file():
            return {}
        _check_owner(file)
        values = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError({str(file): f"cannot be read ({type(error).__name__})"}) from None
    return {name: value for name, value in values.items() if value is not None}


def _check_owner(file: Path) -> None:
    """Where others can leave files, theirs are not obeyed. Raises `SettingsError`."""
    if sys.platform == "win32":
        return
    status = file.stat()
    if status.st_uid not in {0, os.geteuid()} or status.st_mode & 0o002:
        raise SettingsError({str(file): "belongs to somebody else, or everybody may write to it: it is not read"})


def _unknown(found: Mapping[str, str]) -> dict[str, str]:
    known = [name for name, _, _ in variables()]
    problems = {}
    for name in found:
        if name.startswith("WATCHWORD_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            problems[name] = "there is no such setting" + (f"; did you mean {close[0]}?" if close else "")
    return problems


def _contradictions(settings: Settings) -> dict[str, str]:
    problems = {}
    key, algorithm = settings.jwt_secret_key, settings.jwt_algorithm
    if key is not None:
        shortest = SHORTEST_SECRET.get(algorithm or "HS256")
        if shortest is None:
            problems["JWT_ALGORITHM"] = f"{algorithm} signs with a key pair, so JWT_SECRET_KEY must be unset"
        elif len(key.reveal().encode()) < shortest:
            problems["JWT_SECRET_KEY"] = (
                f"expected at least {shortest} bytes for {algorithm or 'HS256'}; `openssl rand -hex 32` makes 64"
            )
    elif algorithm.startswith("HS"):
        problems["JWT_ALGORITHM"] = f"{algorithm} needs JWT_SECRET_KEY"
    if settings.argon2_memory_kib < 8 * settings.argon2_parallelism:  # RFC 9106 §3.1
        problems["WATCHWORD_ARGON2_MEMORY_KIB"] = "expected at least 8 for each of WATCHWORD_ARGON2_PARALLELISM"
    if settings.registration == "token" and settings.registration_token is None:
        problems["WATCHWORD_REGISTRATION_TOKEN"] = "expected a token, as WATCHWORD_REGISTRATION is token"
    elif settings.registration != "token" and settings.registration_token is not None:
        problems["WATCHWORD_REGISTRATION_TOKEN"] = (
            f"of no use, as WATCHWORD_REGISTRATION is {settings.registration}; expected that to be token"
        )
    if settings.storage == "memory" and settings.workers > 1:
        problems["WATCHWORD_WORKERS"] = "workers cannot share WATCHWORD_STORAGE=memory; expected 1"
    return problems
