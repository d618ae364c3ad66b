"""Parts of the embedded PostgreSQL by themselves, without a server."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError, journal
from adapters.embedded.account import Account
from adapters.embedded.journal import Journal
from adapters.embedded.lock import Lock

NOBODYS = 54321  # a user id without a name


def test_one_process_at_a_time_has_the_lock_and_says_in_which_role(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert first.holder() == ""
    assert first.take("command")
    assert second.holder() == "command"
    assert not second.take("serve")
    first.release()
    assert second.take("serve")
    assert first.holder() == "serve"
    second.release()
    second.release()


def test_the_log_keeps_one_former_file_and_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_ROTATED", 10)
    monkeypatch.setattr(journal, "_LARGEST", 20)
    path = tmp_path / "postgres.log"
    with Journal(path) as log:
        os.write(log.descriptor, b"first\nsecond\n")
        assert log.tail(1) == "second"
        log.trim()
        assert log.tail() == "first\nsecond"
    with Journal(path) as log:
        assert (tmp_path / "postgres.log.1").read_text() == "first\nsecond\n"
        assert log.tail() == ""
        os.write(log.descriptor, b"x" * 30)
        log.trim()
        assert log.tail() == ""
    assert path.stat().st_size == 0


def test_without_the_wheel_the_ways_out_are_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EmbeddedPostgresError, match="DATABASE_URL"):
        EmbeddedPostgres(root, role="command").start()


def test_a_platform_without_it_is_told_of_database_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedPostgresError, match="DATABASE_URL"):
        EmbeddedPostgres(tmp_path, role="serve").start()


def test_an_account_without_a_name_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODYS)
    with pytest.raises(EmbeddedPostgresError, match="/etc/passwd"):
        Account.choose(None, tmp_path)


def test_an_ordinary_user_runs_it_as_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    account = Account.choose("postgres", tmp_path)
    assert (account.uid, account.differs) == (1, False)


def test_data_of_an_account_without_a_name_is_not_given_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, NOBODYS, NOBODYS)
        with pytest.raises(EmbeddedPostgresError, match=f"user id {NOBODYS}, which has no name"):
            Account.choose(None, tmp_path)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        assert Account.choose(None, tmp_path).uid == os.getuid()
