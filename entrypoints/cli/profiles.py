"""What the commands say of a person: standard claims (OpenID Connect Core §5.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click
from attrs import frozen

from core.users.profile import Profile
from entrypoints.cli.files import FILE, read_object

Command = Callable[..., None]

# An option and its claim, and what it means.
CLAIMS = (
    ("--name", "name", "The full name, as people read it."),
    ("--given-name", "given_name", "The given name."),
    ("--family-name", "family_name", "The family name."),
    ("--locale", "locale", "A language, such as en-GB."),
    ("--zoneinfo", "zoneinfo", "A time zone, such as Europe/Paris."),
    ("--phone-number", "phone_number", "A number such as +1 604 555 1234."),
)


@frozen
class ProfileSaid:
    """`whole` is in place of the profile before, None to keep that. Each of `claims` changes one, or by an empty text
    takes it away.
    """

    whole: Profile | None
    claims: Mapping[str, str]

    def __bool__(self) -> bool:
        return self.whole is not None or bool(self.claims)

    def after(self, before: Profile) -> Profile:
        profile = {**(before if self.whole is None else self.whole), **self.claims}
        if self.whole is None and profile.get("phone_number") != before.get("phone_number"):
            profile.pop("phone_number_verified", None)  # it was another number
        return {name: value for name, value in profile.items() if self.claims.get(name) != ""}


def profile_options(command: Command) -> Command:
    """Adds the parameters `profile` and `email_verified`, which is None where nothing was said."""

    @wraps(command)
    def collected(*, whole: Profile | None, **parameters: Any) -> None:
        said = {claim: parameters.pop(claim) for _, claim, _ in CLAIMS}
        claims = {claim: text for claim, text in said.items() if text is not None}
        command(profile=ProfileSaid(whole, claims), **parameters)

    decorated: Command = collected
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def _whole(_context: click.Context, _parameter: click.Parameter, path: str | None) -> Profile | None:
    return None if path is None else read_object(path, "an object of standard claims")


_OPTIONS = (
    *(click.option(option, claim, help=help_) for option, claim, help_ in CLAIMS),
    click.option("--email-verified/--no-email-verified", default=None, help="Whether the e-mail address was verified."),
    click.option(
        "--profile",
        "whole",
        metavar="FILE",
        type=FILE,
        callback=_whole,
        help="All standard claims, as a JSON object; - is standard input.",
    ),
)
