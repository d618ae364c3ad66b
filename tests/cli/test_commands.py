"""What holds for every command."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from entrypoints.cli.__main__ import cli
from tests.cli.conftest import Watchword


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())
ALL = pytest.mark.parametrize("path", list(COMMANDS), ids=" ".join)


def test_there_are_the_commands_that_are_promised() -> None:
    promised = {
        "clients": {"create", "list", "show", "update", "rotate-secret", "delete"},
        "resources": {"create", "list", "update", "delete"},
        "keys": {"list", "rotate", "retire", "reseal"},
        "token": {"explain"},
        "tokens": {"revoke"},
        "users": {
            *("create", "list", "show", "update", "set-roles", "set-password", "activate", "deactivate", "delete"),
            *("sign-out", "apps"),
        },
        "config": {"check"},
        "demo": {"app"},
    }
    assert {path for path in COMMANDS if len(path) == 2} == {
        (group, name) for group in promised for name in promised[group]
    }
    assert {path[0] for path in COMMANDS if len(path) == 1} == {"serve", "migrate", "prune"}


@ALL
def test_each_has_help_and_json(shared: Watchword, path: tuple[str, ...]) -> None:
    told = shared.here.ok(*path, "--help")
    assert "--json" in told
    assert COMMANDS[path].help


@pytest.mark.parametrize(
    "path",
    [("clients", "list"), ("resources", "list"), ("keys", "list"), ("prune",), ("users", "list"), ("demo", "app")],
    ids=" ".join,
)
def test_what_lives_within_a_server_is_out_of_reach_and_each_says_so(shared: Watchword, path: tuple[str, ...]) -> None:
    done = shared.here.run(*path, WATCHWORD_STORAGE="memory")
    assert (done.returncode, done.stdout) == (1, "")
    assert "WATCHWORD_STORAGE=memory lives within the server" in done.stderr
