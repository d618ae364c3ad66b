"""What `clients create` and `clients update` let an administrator say of a client."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

import click
from attrs import frozen

from core.clients.model import GRANT_TYPES
from core.protocol.unset import UNSET, Unset
from entrypoints.cli import applications
from entrypoints.cli.applications import Command, Decorator, application_options, application_said, given, words
from entrypoints.cli.files import FILE, read_object

MEMBERS = ("name", "grant_types", "scopes", "resources", "serves", "jwks", "first_party")


@frozen
class Registration:
    """What was said, and nothing of what was not: of the client, and of `Application`, by the names of the core."""

    client: Mapping[str, Any]
    application: Mapping[str, object]

    @property
    def has_keys(self) -> bool:
        return "jwks" in self.client or self.application.get("jwks_uri") is not None


def registration_options(command: Command) -> Command:
    """Adds the parameter `registration`."""

    @wraps(command)
    def collected(**parameters: Any) -> None:
        said = {name: parameters[name] for name in MEMBERS if not isinstance(parameters[name], Unset)}
        others = {name: value for name, value in parameters.items() if name not in {*MEMBERS, *applications.MEMBERS}}
        command(registration=Registration(said, application_said(parameters)), **others)

    decorated: Command = collected
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _key_set(_context: click.Context, _parameter: click.Parameter, path: str | None) -> Mapping[str, object] | Unset:
    return UNSET if path is None else read_object(path, "a JWK Set: an object with the member `keys`")


_OPTIONS: tuple[Decorator, ...] = (
    words("--grant-type", "grant_types", f"[{'|'.join(GRANT_TYPES)}]", "A grant that it may use"),
    words("--scope", "scopes", '"A B"', "Scopes that it may have, separated by spaces"),
    words("--resource", "resources", "URL", "An API that it may get tokens for"),
    words("--serves", "serves", "URL", "An API that it speaks for when it introspects tokens"),
    click.option("--name", callback=given, help="What people call it; otherwise its id."),
    click.option(
        "--jwks",
        metavar="FILE",
        type=FILE,
        callback=_key_set,
        help="Its public keys, a JWK Set in JSON, for private_key_jwt; - is standard input.",
    ),
    *application_options(),
    click.option(
        "--first-party/--no-first-party",
        default=None,
        callback=given,
        help="Your own: nobody is asked for consent, and its tokens may manage accounts.",
    ),
)
