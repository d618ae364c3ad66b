"""watchword config check and migrate --status: what is in force, and what is wrong with it."""

from __future__ import annotations

from adapters.postgres.schema import names
from container import MIGRATIONS
from tests.cli.conftest import Watchword


def test_every_mistake_is_reported_at_once_and_no_secret_is_shown(watchword: Watchword) -> None:
    done = watchword.run(
        "config",
        "check",
        DATABASE_URL="mysql://root:hidden-word@db/x",
        JWT_SECRET_KEY="hidden-word",
        ACCESS_TOKEN_EXPIRE_MINUTES="soon",
        WATCHWORD_ISUER="https://auth.example.com",
    )
    assert done.returncode == 2
    for name in ("DATABASE_URL", "ACCESS_TOKEN_EXPIRE_MINUTES", "WATCHWORD_ISUER"):
        assert f"  {name}: " in done.stderr
    assert "did you mean WATCHWORD_ISSUER?" in done.stderr
    assert "hidden-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_in_force_is_shown_and_secrets_are_not(watchword: Watchword) -> None:
    shown = watchword.json("config", "check", JWT_SECRET_KEY="hidden-word-" * 4, WATCHWORD_PORT="9000")
    assert shown["JWT_ALGORITHM"] == "HS256"
    assert shown["WATCHWORD_ISSUER"] == "http://127.0.0.1:9000"
    assert shown["JWT_SECRET_KEY"] == "(set, hidden)"
    text = watchword.ok("config", "check", JWT_SECRET_KEY="hidden-word-" * 4)
    assert "ACCESS_TOKEN_EXPIRE_MINUTES" in text
    assert "hidden-word" not in text


def test_switches_and_lists_are_shown_as_they_are_written_and_secrets_within_them_are_not(watchword: Watchword) -> None:
    keys = ",".join(letter * 43 for letter in "AB")
    shown = watchword.json(
        "config", "check",
        WATCHWORD_PASSWORD_GRANT="off", WATCHWORD_TRUSTED_PROXIES="10.0.0.0/8, ::1",
        WATCHWORD_PREVIOUS_ENCRYPTION_KEYS=keys,
    )  # fmt: skip
    assert shown["WATCHWORD_PASSWORD_GRANT"] == "off"
    assert shown["WATCHWORD_TRUSTED_PROXIES"] == "10.0.0.0/8,::1"
    assert shown["WATCHWORD_PREVIOUS_ENCRYPTION_KEYS"] == "(set, hidden)"
    assert "AAA" not in watchword.ok("config", "check", WATCHWORD_PREVIOUS_ENCRYPTION_KEYS=keys)
    unset = watchword.json("config", "check")
    assert (unset["WATCHWORD_TRUSTED_PROXIES"], unset["WATCHWORD_PREVIOUS_ENCRYPTION_KEYS"]) == (None, None)


def test_a_dotenv_file_in_the_current_folder_counts_and_the_environment_goes_first(watchword: Watchword) -> None:
    (watchword.folder / ".env").write_text("WATCHWORD_PORT=9000\nACCESS_TOKEN_EXPIRE_MINUTES=5\n")
    shown = watchword.json("config", "check", WATCHWORD_PORT="9001")
    assert shown["WATCHWORD_PORT"] == 9001
    assert shown["ACCESS_TOKEN_EXPIRE_MINUTES"] == 5


def test_the_status_of_migrations(watchword: Watchword) -> None:
    before = watchword.json("migrate", "--status")
    assert before == {"applied": [], "pending": names(MIGRATIONS), "unknown": []}
    assert "0001.users" in watchword.ok("migrate", "--dev")
    after = watchword.json("migrate", "--status")
    assert after == {"applied": [*names(MIGRATIONS), "dev-0001.testuser"], "pending": [], "unknown": []}
    assert "applied  0001.users" in watchword.ok("migrate", "--status")


def test_a_database_that_is_away_is_named_without_its_password(watchword: Watchword) -> None:
    done = watchword.run("migrate", DATABASE_URL="postgresql://someone:hidden-word@127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stderr.startswith("watchword: cannot connect to the database")
    assert "hidden-word" not in done.stderr
    done = watchword.run("users", "list", DATABASE_URL="postgresql://someone:hidden-word@127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stderr == "Error: Watchword cannot reach its database at the moment\n"


def test_a_picture_that_cannot_be_shown_is_said_before_anything_starts(watchword: Watchword) -> None:
    large, folder = watchword.folder / "large.png", watchword.folder / "folder.svg"
    large.write_bytes(bytes(1024 * 1024 + 1))
    folder.mkdir()
    for path, told in ((large, "at most 1024 KiB"), (folder, "expected a file"), ("x" * 300 + ".svg", "be read")):
        for command in (("config", "check"), ("serve",)):
            done = watchword.run(*command, WATCHWORD_LOGO=str(path), WATCHWORD_STORAGE="memory")
            assert done.returncode == 2
            assert "  WATCHWORD_LOGO: " in done.stderr
            assert told in done.stderr
            assert "Traceback" not in done.stderr
    large.write_bytes(bytes(1024 * 1024))
    assert watchword.json("config", "check", WATCHWORD_LOGO=str(large))["WATCHWORD_LOGO"] == str(large)


def test_a_registration_token_that_nobody_is_asked_for_is_a_mistake(watchword: Watchword) -> None:
    """Whoever sets it believes that registration is guarded by it."""
    token = "hidden-word-" * 4
    for mode in ("off", "open"):
        done = watchword.run("config", "check", WATCHWORD_REGISTRATION=mode, WATCHWORD_REGISTRATION_TOKEN=token)
        assert done.returncode == 2
        assert f"WATCHWORD_REGISTRATION_TOKEN: of no use, as WATCHWORD_REGISTRATION is {mode}" in done.stderr
        assert token not in done.stderr
    shown = watchword.json("config", "check", WATCHWORD_REGISTRATION="token", WATCHWORD_REGISTRATION_TOKEN=token)
    assert shown["WATCHWORD_REGISTRATION_TOKEN"] == "(set, hidden)"
