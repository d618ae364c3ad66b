"""Settings: every mistake at once, by name, and no secret in any message."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.settings import (
    SHORTEST_SECRET,
    SettingsError,
    as_environment,
    load,
    variables,
)
from adapters.settings.values import default_data_dir
from core.protocol.secret import Secret
from tests.unit.environment import FULL, KEY, NO_FILE, problems, settings

WRONG = {
    "DATABASE_URL": ["mysql://u:hunter2@h/d", "hunter2", "postgresql+asyncpg://u:hunter2@h/d", "postgresql://u:hunter2@[::1/d"],
    "JWT_ALGORITHM": ["RS512", "hs256", "none", "HS256,HS384", "PS256"],
    "ACCESS_TOKEN_EXPIRE_MINUTES": ["0", "-1", "1.5", "thirty", "1441", "1e3", "٣", "1_0", "+5"],
    "WATCHWORD_PASSWORD_GRANT": ["true", "1", "On", "no"],
    "WATCHWORD_PASSWORD_GRANT_REFRESH": ["yes", "0", "OFF"],
    "WATCHWORD_REFRESH_TOKEN_DAYS": ["0", "3651", "x"],
    "WATCHWORD_REFRESH_TOKEN_IDLE_DAYS": ["0", "3651", "x"],
    "WATCHWORD_REFRESH_GRACE_SECONDS": ["-1", "3601", "x"],
    "WATCHWORD_KEY_ROTATION_DAYS": ["-1", "3651", "x"],
    "WATCHWORD_JWKS_CACHE_SECONDS": ["0", "86401", "x"],
    "WATCHWORD_TRUSTED_PROXIES": ["*", "localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1,", ",", "10.0.0.1 10.0.0.2"],
    "WATCHWORD_ISSUER": [
        "auth.example.com", "ftp://a.example.com", "https://", "https://a.example.com?x=1", "https://a.example.com#x",
        "https://a.example.com?", "https://u:hunter2@a.example.com", "http://[::1", "https://a.example.com:port",
        "https://a b.example.com", "https://a.example.com/\nx",
    ],
    "WATCHWORD_LEEWAY_SECONDS": ["-1", "301", "x"],
    "WATCHWORD_REQUIRE_PKCE": ["off", "none", "ALL", "confidential"],
    "WATCHWORD_REQUIRE_PAR": ["true", "1", "On"],
    "WATCHWORD_SESSION_HOURS": ["0", "8761", "x"],
    "WATCHWORD_SESSION_IDLE_MINUTES": ["0", "525601", "x"],
    "WATCHWORD_REGISTRATION": ["on", "Open", "everybody"],
    "WATCHWORD_REGISTRATION_TOKEN": ["hunter2", "A" * 31, "A" * 513, "hunter2 " + "A" * 32, "hunter2\u00e9" + "A" * 32],
    "WATCHWORD_UNUSED_CLIENT_HOURS": ["0", "87601", "x"],
    "WATCHWORD_FETCH_LOOPBACK": ["true", "1"],
    "WATCHWORD_SERVICE_NAME": ["x" * 61, "a\tb", "a\u202eb"],
    "WATCHWORD_LOGO": ["/nonexistent/logo.svg", __file__, "/", "~no-such-account/logo.svg"],
    "WATCHWORD_COLOUR": ["red", "#fff", "2f5bd7", "#2f5bd7ff", "#2f5bdg", "#2f5bd7; x"],
    "WATCHWORD_STORAGE": ["sqlite", "Memory"],
    "WATCHWORD_ENCRYPTION_KEY": ["hunter2", "A" * 42, "A" * 45, "+" + "A" * 42, "A" * 43 + "=="],
    "WATCHWORD_PREVIOUS_ENCRYPTION_KEYS": ["hunter2", "A" * 42, "A" * 43 + ",", "A" * 43 + ",hunter2", ","],
    "WATCHWORD_DATA_DIR": ["~no-such-account/data"],
    "WATCHWORD_PG_BIN": ["~no-such-account/bin"],
    "WATCHWORD_POOL_SIZE": ["0", "1001", "x"],
    "WATCHWORD_ARGON2_MEMORY_KIB": ["7", "4194305", "x"],
    "WATCHWORD_ARGON2_TIME_COST": ["0", "1001", "x"],
    "WATCHWORD_ARGON2_PARALLELISM": ["0", "65", "x"],
    "WATCHWORD_HASHING_THREADS": ["-1", "257", "x"],
    "WATCHWORD_PORT": ["-1", "65536", "http", "999999999999"],
    "WATCHWORD_WORKERS": ["0", "65", "x"],
    "WATCHWORD_LOG_LEVEL": ["DEBUG", "trace"],
}  # fmt: skip
FREE = {"JWT_SECRET_KEY", "WATCHWORD_AUDIENCE", "WATCHWORD_HOST", "WATCHWORD_PG_USER"}


def test_nothing_has_to_be_set() -> None:
    made = settings()
    assert made.embedded
    assert (made.signing, made.jwt_algorithm) == ("key_pair", "ES256")
    assert made.issuer == made.audience == "http://127.0.0.1:8000"
    assert (made.host, made.port, made.workers, made.access_token_expire_minutes) == ("127.0.0.1", 8000, 1, 30)
    assert (made.argon2_memory_kib, made.argon2_time_cost, made.argon2_parallelism) == (19456, 2, 1)
    assert made.leeway_seconds == 0
    assert (made.password_grant, made.password_grant_refresh, made.trusted_proxies) == (True, False, ())
    assert (made.refresh_token_days, made.refresh_token_idle_days, made.refresh_grace_seconds) == (90, 30, 30)
    assert (made.key_rotation_days, made.jwks_cache_seconds, made.previous_encryption_keys) == (90, 300, ())
    assert made.data_dir == default_data_dir()
    assert (made.require_pkce, made.require_par, made.session_hours, made.session_idle_minutes) == (
        "all",
        False,
        336,
        720,
    )
    assert (made.registration, made.registration_token, made.registers, made.fetch_loopback) == (
        "off",
        None,
        False,
        False,
    )
    assert (made.service_name, made.logo, made.colour) == ("Watchword", None, "#2f5bd7")


def test_every_variable_is_read() -> None:
    made = settings(**FULL)
    assert set(FULL) == {name for name, _, _ in variables()}
    assert as_environment(made) == FULL
    assert not made.embedded
    assert made.signing == "shared_secret"
    assert made.jwt_secret_key == Secret(KEY)
    assert made.pool_size == 7


def test_the_cases_below_are_complete() -> None:
    assert WRONG.keys() | FREE == {name for name, _, _ in variables()}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_reported_by_name_and_not_by_value(name: str, value: str) -> None:
    found = problems({name: value})
    assert list(found) == [name]
    assert found[name]
    assert "hunter2" not in str(found)


def test_every_wrong_value_is_reported_at_once() -> None:
    assert set(problems({name: values[0] for name, values in WRONG.items()})) == set(WRONG)


def test_a_short_secret_is_reported_along_with_other_wrong_values() -> None:
    assert set(problems({"JWT_SECRET_KEY": "short", "WATCHWORD_PORT": "x"})) == {"JWT_SECRET_KEY", "WATCHWORD_PORT"}


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("WATCHWORD_ISSUR", "WATCHWORD_ISSUER"),
        ("WATCHWORD_PGBIN", "WATCHWORD_PG_BIN"),
        ("WATCHWORD_DATADIR", "WATCHWORD_DATA_DIR"),
    ],
)
def test_an_unknown_setting_is_reported_with_the_one_that_was_meant(name: str, suggestion: str) -> None:
    assert problems({name: "x"}) == {name: f"there is no such setting; did you mean {suggestion}?"}


def test_other_programs_variables_are_none_of_ours() -> None:
    assert settings(PATH="/bin", WATCHWORDS="x", watchword_port="x") == settings()


@pytest.mark.parametrize("name", sorted({name for name, _, _ in variables()}))
@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_value_counts_as_unset(name: str, value: str) -> None:
    assert load({name: value}, NO_FILE) == settings()


@pytest.mark.parametrize(("algorithm", "least"), SHORTEST_SECRET.items())
def test_a_secret_too_short_for_its_algorithm_is_refused(algorithm: str, least: int) -> None:
    assert least == int(algorithm[2:]) // 8  # RFC 7518 §3.2
    found = problems({"JWT_ALGORITHM": algorithm, "JWT_SECRET_KEY": "s" * (least - 1)})
    assert list(found) == ["JWT_SECRET_KEY"]
    assert f"{least} bytes" in found["JWT_SECRET_KEY"]
    assert "sss" not in str(found)
    assert settings(JWT_ALGORITHM=algorithm, JWT_SECRET_KEY="s" * least).jwt_algorithm == algorithm


def test_the_length_of_a_secret_counts_in_bytes() -> None:
    assert settings(JWT_SECRET_KEY="é" * 16).jwt_algorithm == "HS256"
    assert list(problems({"JWT_SECRET_KEY": "é" * 15 + "a"})) == ["JWT_SECRET_KEY"]


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"JWT_ALGORITHM": "ES256", "JWT_SECRET_KEY": KEY}, "JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "RS256", "JWT_SECRET_KEY": KEY}, "JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "EdDSA", "JWT_SECRET_KEY": KEY}, "JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "HS256"}, "JWT_ALGORITHM"),
        ({"WATCHWORD_ARGON2_MEMORY_KIB": "31", "WATCHWORD_ARGON2_PARALLELISM": "4"}, "WATCHWORD_ARGON2_MEMORY_KIB"),
        ({"WATCHWORD_STORAGE": "memory", "WATCHWORD_WORKERS": "2"}, "WATCHWORD_WORKERS"),
        ({"WATCHWORD_REGISTRATION": "token"}, "WATCHWORD_REGISTRATION_TOKEN"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environ: dict[str, str], named: str) -> None:
    assert list(problems(environ)) == [named]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_key_pairs_of_each_kind_sign_and_are_published(algorithm: str) -> None:
    made = settings(JWT_ALGORITHM=algorithm)
    assert (made.signing, made.access_algorithm, made.publishes_keys) == ("key_pair", algorithm, True)
    assert not settings(JWT_SECRET_KEY=KEY).publishes_keys


def test_proxies_and_earlier_keys_are_lists() -> None:
    made = settings(WATCHWORD_TRUSTED_PROXIES=" 10.0.0.0/8 ,192.0.2.1, 2001:db8::/32")
    assert made.trusted_proxies == ("10.0.0.0/8", "192.0.2.1", "2001:db8::/32")
    keys = settings(WATCHWORD_PREVIOUS_ENCRYPTION_KEYS=f"{'A' * 43},{'B' * 43}=").previous_encryption_keys
    assert keys == (Secret("A" * 43), Secret("B" * 43 + "="))
    assert "AAA" not in repr(made) + repr(keys)


def test_lanes_with_just_enough_memory_are_taken() -> None:
    assert settings(WATCHWORD_ARGON2_MEMORY_KIB="32", WATCHWORD_ARGON2_PARALLELISM="4").argon2_parallelism == 4


@pytest.mark.parametrize(
    "url", ["https://Auth.Example.com/", "https://auth.example.com:443", "http://[::1]:8000", "https://a/b//c/"]
)
def test_the_issuer_is_kept_byte_for_byte(url: str) -> None:
    made = settings(WATCHWORD_ISSUER=url)
    assert made.issuer == made.audience == url


def test_an_audience_may_differ_from_the_issuer() -> None:
    made = settings(WATCHWORD_ISSUER="https://a.example.com", WATCHWORD_AUDIENCE="api")
    assert (made.issuer, made.audience) == ("https://a.example.com", "api")


@pytest.mark.parametrize(
    ("host", "issuer"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"), ("localhost", "http://localhost:9000"), ("::1", "http://[::1]:9000"),
        ("2001:db8::1", "http://[2001:db8::1]:9000"), ("0.0.0.0", "http://127.0.0.1:9000"),  # noqa: S104
        ("::", "http://[::1]:9000"),
    ],
)  # fmt: skip
def test_without_an_issuer_it_is_where_the_server_listens(host: str, issuer: str) -> None:
    assert settings(WATCHWORD_HOST=host, WATCHWORD_PORT="9000").issuer == issuer


def test_a_host_of_ip_version_6_stays_bare_for_listening() -> None:
    assert settings(WATCHWORD_HOST="::1").host == "::1"


@pytest.mark.parametrize(
    "url", ["postgres://h/d", "postgresql://u:p%40@h:5432/d?sslmode=require", "postgresql:///d?host=/run"]
)
def test_a_database_url_is_kept_as_it_is(url: str) -> None:
    assert settings(DATABASE_URL=url).database_url == Secret(url)


def test_a_folder_is_absolute_and_its_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert settings(WATCHWORD_DATA_DIR="~/data").data_dir == tmp_path / "data"
    assert settings(WATCHWORD_DATA_DIR="data").data_dir == tmp_path / "data"


@pytest.mark.parametrize("environ", [{}, FULL, {"WATCHWORD_HOST": "::1", "WATCHWORD_STORAGE": "memory"}])
def test_settings_travel_to_another_process_unchanged(environ: dict[str, str]) -> None:
    made = load(environ, NO_FILE)
    assert load(as_environment(made), NO_FILE) == made


@given(st.dictionaries(st.sampled_from([name for name, _, _ in variables()]), st.text(), max_size=8))
def test_any_environment_is_settings_or_refused(environ: dict[str, str]) -> None:
    try:
        made = load(environ, NO_FILE)
    except SettingsError:
        return
    assert load(as_environment(made), NO_FILE) == made


@pytest.mark.parametrize(
    ("platform", "uid", "xdg", "expected"),
    [
        ("linux", 0, None, "/var/lib/watchword"),
        ("linux", 1000, None, "/home/alice/.local/share/watchword"),
        ("linux", 1000, "/data", "/data/watchword"),
        ("linux", 1000, "relative", "/home/alice/.local/share/watchword"),
        ("darwin", 501, None, "/home/alice/Library/Application Support/Watchword"),
    ],
)
def test_the_data_directory_is_where_the_platform_keeps_data(
    monkeypatch: pytest.MonkeyPatch, platform: str, uid: int, xdg: str | None, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_DATA_HOME", xdg)
    assert load({}, NO_FILE).data_dir == Path(expected)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2/x@h/db", "postgresql://u:hunter2#x@h/db", "postgresql://u:hunter2?x@h/db",
        "postgresql://u:hunter2@x@h/db", "postgresql://u:hunter2@h:port/db", "postgresql://u:hunter2@[::1/db",
        "postgresql+asyncpg://u:hunter2@h/db", "mysql://u:hunter2@h/db", "hunter2",
    ],
)  # fmt: skip
def test_an_address_that_programs_read_differently_is_refused(url: str) -> None:
    found = problems({"DATABASE_URL": url})
    assert list(found) == ["DATABASE_URL"]
    assert "hunter2" not in found["DATABASE_URL"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%2F%40@h:5432/db", "postgres://h/db", "postgresql:///db?host=/run/postgresql",
        "postgresql://u:p@[::1]:5432/db", "postgresql://u:p@a:1,b:2/db?target_session_attrs=read-write",
    ],
)  # fmt: skip
def test_addresses_of_every_honest_form_are_taken(url: str) -> None:
    made = settings(DATABASE_URL=url).database_url
    assert made is not None
    assert made.reveal() == url


def test_an_account_without_a_home_is_asked_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with pytest.raises(SettingsError, match="WATCHWORD_DATA_DIR"):
        load({}, NO_FILE)
    assert load({"WATCHWORD_DATA_DIR": "/data"}, NO_FILE).data_dir == Path("/data")
