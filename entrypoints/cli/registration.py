"""What `clients create` and `clients update` let an administrator say of a client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn

import click
from attrs import asdict, frozen

from core.clients.model import GRANT_TYPES
from core.protocol.unset import UNSET, Unset

Command = Callable[..., None]

MOST_BYTES = 256 * 1024  # of a file; what is cut off there is no JSON any more


@frozen
class Registration:
    """Whatever is `UNSET` was not said."""

    name: str | Unset
    grant_types: tuple[str, ...] | Unset
    scopes: tuple[str, ...] | Unset
    resources: tuple[str, ...] | Unset
    serves: tuple[str, ...] | Unset
    jwks: Mapping[str, object] | Unset

    @property
    def given(self) -> dict[str, Any]:
        return asdict(self, recurse=False, filter=lambda _, value: not isinstance(value, Unset))


def registration_options(command: Command) -> Command:
    """Adds the parameter `registration`."""

    @wraps(command)
    def collected(
        *,
        name: str | None,
        grant_types: tuple[str, ...] | Unset,
        scopes: tuple[str, ...] | Unset,
        resources: tuple[str, ...] | Unset,
        serves: tuple[str, ...] | Unset,
        jwks: Mapping[str, object] | Unset,
        **others: Any,
    ) -> None:
        said = Registration(UNSET if name is None else name, grant_types, scopes, resources, serves, jwks)
        command(registration=said, **others)

    options: list[Callable[[Command], Command]] = [
        _words("--grant-type", "grant_types", f"[{'|'.join(GRANT_TYPES)}]", "A grant that it may use"),
        _words("--scope", "scopes", '"A B"', "Scopes that it may have, separated by spaces"),
        _words("--resource", "resources", "URL", "An API that it may get tokens for"),
        _words("--serves", "serves", "URL", "An API that it speaks for when it introspects tokens"),
        click.option("--name", help="What people call it; otherwise its id."),
        click.option(
            "--jwks",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, allow_dash=True),
            callback=_key_set,
            help="Its public keys, a JWK Set in JSON, for private_key_jwt; - is standard input.",
        ),
    ]
    decorated: Command = collected
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _words(option: str, name: str, metavar: str, help_: str) -> Callable[[Command], Command]:
    """An option that may be repeated. `UNSET` when it is not given; an empty text is none of them."""

    def split(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...] | Unset:
        return tuple(word for text in texts for word in text.split()) if texts else UNSET

    return click.option(option, name, metavar=metavar, multiple=True, callback=split, help=f"{help_}; may be repeated.")


def _key_set(_context: click.Context, _parameter: click.Parameter, path: str | None) -> Mapping[str, object] | Unset:
    if path is None:
        return UNSET
    try:
        with click.open_file(path, "rb") as file:
            text: bytes = file.read(MOST_BYTES)
        value = json.loads(text.decode(), parse_constant=_no_constant)
    except OSError as error:
        raise click.BadParameter(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise click.BadParameter("expected JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise click.BadParameter("expected a JWK Set: an object with the member `keys`")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
