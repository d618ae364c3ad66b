"""watchword config check: every setting, and what is in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import click

from core.protocol.secret import Secret
from entrypoints.cli.output import json_option, print_json, print_table

HIDDEN = "(set, hidden)"


def config_commands(
    settings: Callable[[], attrs.AttrsInstance], variables: Callable[[], Iterable[tuple[str, Any, str]]]
) -> click.Group:
    """`settings` ends the command with all that is wrong. Each field has its variable's name in its metadata.

    `variables` are the name, the default and the meaning of each.
    """

    @click.group("config", help="Look at the configuration.")
    def config() -> None:
        pass

    @config.command(help="Check every setting and show what is in force. Secrets stay hidden.")
    @json_option
    def check(as_json: bool) -> None:
        shown = _in_force(settings())
        if as_json:
            print_json(shown)
        else:
            about = {name: text for name, _, text in variables()}
            rows = ((name, "" if value is None else str(value), about[name]) for name, value in shown.items())
            print_table(("SETTING", "VALUE", "MEANING"), rows)

    return config


def _in_force(settings: attrs.AttrsInstance) -> dict[str, object]:
    """Each variable with its value; of a secret, only whether it is set."""
    fields = attrs.fields(type(settings))
    return {attribute.metadata["name"]: _shown(getattr(settings, attribute.name)) for attribute in fields}


def _shown(value: object) -> object:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        several = [str(_shown(one)) for one in value]
        return ",".join(dict.fromkeys(several)) or None
    if isinstance(value, Secret):
        return HIDDEN
    return value if isinstance(value, int | None) else str(value)
