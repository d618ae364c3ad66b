"""Settings from a file: below the environment, read as it is, and only if nobody else can write to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.settings import SettingsError, load
from core.protocol.secret import Secret
from tests.unit.environment import NO_FILE, problems


def test_the_file_is_read_below_the_environment(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "WATCHWORD_PORT=9001\nWATCHWORD_HOST=::1\n# WATCHWORD_WORKERS=5\nWATCHWORD_LOG_LEVEL=\nOTHER=x\nBARE\n"
    )
    made = load({"WATCHWORD_PORT": "9002"}, file)
    assert (made.port, made.host, made.workers, made.log_level) == (9002, "::1", 1, "info")


def test_nothing_in_the_file_is_interpolated(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    literal = "${PATH}-$HOME-0123456789-0123456789-0123456789"
    file.write_text(f"JWT_SECRET_KEY={literal}\n")
    assert load({"PATH": "x", "HOME": "y"}, file).jwt_secret_key == Secret(literal)


def test_a_mistake_in_the_file_is_reported_as_one_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("WATCHWORD_PORT=x\nWATCHWORD_PROT=1\n")
    assert set(problems({"WATCHWORD_WORKERS": "0"}, file)) == {"WATCHWORD_PORT", "WATCHWORD_PROT", "WATCHWORD_WORKERS"}


def test_a_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"JWT_SECRET_KEY=hunter2\xff\xfe\n")
    found = problems({}, file)
    assert list(found) == [str(file)]
    assert "hunter2" not in str(found)


def test_the_file_of_the_present_folder_is_read_unless_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WATCHWORD_PORT=9003\n")
    monkeypatch.chdir(tmp_path)
    assert load({}).port == 9003


def test_a_dotenv_file_that_others_can_write_is_not_obeyed(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("JWT_SECRET_KEY=" + "k" * 40)
    file.chmod(0o666)
    with pytest.raises(SettingsError, match="everybody may write"):
        load({}, file)
    file.chmod(0o644)
    assert load({}, file).jwt_secret_key is not None
    if os.geteuid() == 0:
        os.chown(file, 54321, 54321)
        with pytest.raises(SettingsError, match="belongs to somebody else"):
            load({}, file)


def test_a_dotenv_file_that_is_no_text_is_reported_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"JWT_SECRET_KEY=hunter2\xff\n")
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        load({}, file)
    assert "hunter2" not in str(caught.value)


def test_the_environment_is_that_of_the_process_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.setenv("WATCHWORD_PORT", "9004")
    assert load(dotenv=NO_FILE).port == 9004
