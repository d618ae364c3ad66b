"""Several users of one data directory: one owns the server, the others share it and inherit it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedPostgres
from adapters.embedded.layout import Layout
from tests.embedded.support import FAST, Owner, add_row, answers, eventually, postmaster, rows, servers


def holder(root: Path) -> str:
    return Layout(root).lock.read_text().strip()


@pytest.mark.parametrize(("first", "second"), [("serve", "serve"), ("serve", "command"), ("command", "command")])
def test_second_handle_shares_at_once_and_leaves_the_server_running(root: Path, first: str, second: str) -> None:
    with Owner(root, first) as owner:
        dsn = owner.dsn()
        begun = time.monotonic()
        with Owner(root, second) as sharer:
            assert sharer.dsn() == dsn
            assert time.monotonic() - begun < 5
            add_row(dsn, 1)
            assert sharer.end() == 0
        assert rows(dsn) == [1]
        assert owner.end() == 0
    assert servers(root) == []


def test_sharer_takes_over_when_the_owner_stops(root: Path) -> None:
    owner = EmbeddedPostgres(root, role="serve", settings=FAST)
    with owner as dsn, EmbeddedPostgres(root, role="serve", settings=FAST):
        add_row(dsn.reveal(), 1)
        former = postmaster(root)
        owner.stop()
        eventually(lambda: answers(dsn.reveal()), 5)
        assert rows(dsn.reveal()) == [1]
        assert postmaster(root) != former


def test_sharer_takes_over_when_the_owner_is_killed(root: Path) -> None:
    with Owner(root) as owner:
        dsn = owner.dsn()
        add_row(dsn, 1)
        former = postmaster(root)
        with EmbeddedPostgres(root, role="command", settings=FAST) as shared:
            assert shared.reveal() == dsn
            owner.kill()
            eventually(lambda: not former.is_running(), 10)
            eventually(lambda: answers(dsn), 10)
            assert rows(dsn) == [1]


def test_exactly_one_of_several_sharers_takes_over(root: Path) -> None:
    owner = EmbeddedPostgres(root, role="serve", settings=FAST)
    dsn = owner.start().reveal()
    sharers = [EmbeddedPostgres(root, role="serve", settings=FAST) for _ in range(3)]
    for sharer in sharers:
        assert sharer.start().reveal() == dsn
    owner.stop()
    for sharer in sharers:  # and again, each time with one fewer
        eventually(lambda: answers(dsn), 5)
        time.sleep(0.3)  # a second heir would show by now
        assert len([process for process in servers(root) if "-D" in process.cmdline()]) == 1
        sharer.stop()
    assert servers(root) == []


def test_four_processes_start_at_once_on_nothing(fresh: Path) -> None:
    owners = [Owner(fresh, role) for role in ("serve",) * 4]
    try:
        assert len({owner.dsn() for owner in owners}) == 1
        for number, owner in enumerate(owners):
            add_row(owner_dsn := _address(fresh), number)
            assert rows(owner_dsn) == list(range(number + 1))
            assert owner.process.poll() is None
    finally:
        for owner in owners:
            owner.kill()
    eventually(lambda: not servers(fresh))


def _address(root: Path) -> str:
    with EmbeddedPostgres(root, role="command", settings=FAST) as dsn:
        return dsn.reveal()


def test_serve_waits_for_a_command_and_then_owns(root: Path) -> None:
    with Owner(root, "command") as command:
        command.dsn()
        assert holder(root) == f"{command.process.pid} command"
        former = postmaster(root)
        timer = threading.Timer(1.5, command.end)
        timer.start()
        begun = time.monotonic()
        with EmbeddedPostgres(root, role="serve", settings=FAST) as dsn:
            assert 1 < time.monotonic() - begun < 12
            assert holder(root).endswith(" serve")
            assert postmaster(root) != former
            assert answers(dsn.reveal())
        timer.join()


def test_serve_shares_with_a_command_that_does_not_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.embedded.supervisor._COMMAND_ENDS", 1.0)
    with (
        EmbeddedPostgres(root, role="command", settings=FAST) as dsn,
        EmbeddedPostgres(root, role="serve", settings=FAST) as shared,
    ):
        assert shared == dsn
        assert holder(root).endswith(" command")
