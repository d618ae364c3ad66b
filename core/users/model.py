"""A user, and the rules that every user keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from attrs import field, frozen

from core.access.model import MOST_ROLES, ROLE, ROLE_RULE, as_roles
from core.protocol.refusals import FieldError, InvalidFields
from core.users.profile import Profile, profile_errors

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
USERNAME_RULE = "a username is 1 to 64 characters of a-z 0-9 . _ - @ +, starting with a letter or digit"

# The production of HTML's <input type=email>, which is a practical subset of RFC 5322 §3.4.1, with the
# lengths of RFC 5321 §4.5.3.1. Migration 0001 holds the same expression as a constraint.
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
LONGEST_EMAIL = 254
EMAIL_RULE = f"an e-mail address looks like name@example.com, at most {LONGEST_EMAIL} ASCII characters"


@frozen
class User:
    """Someone who can log in.

    `username` is the `sub` of this user's tokens: it never changes and is never given to another person
    (OpenID Connect Core §2). `profile` has standard claims of §5.1 by name. Access tokens with an `iat` before
    `tokens_valid_from` (a whole second, or None) are no longer acceptable. Raises `InvalidFields`, naming every field
    that breaks a rule.
    """

    id: UUID
    username: str
    email: str
    hashed_password: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    is_active: bool = True
    roles: tuple[str, ...] = field(default=(), converter=as_roles)
    tokens_valid_from: datetime | None = None
    email_verified: bool = False
    profile: Profile = field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        refuse(
            *username_errors(self.username),
            *email_errors(self.email),
            *role_errors(self.roles),
            *(profile_errors(self.profile) if self.profile else ()),
        )


def username_errors(username: str) -> list[FieldError]:
    return [] if USERNAME.fullmatch(username) else [FieldError("username", USERNAME_RULE)]


def email_errors(email: str) -> list[FieldError]:
    fits = len(email) <= LONGEST_EMAIL and EMAIL.fullmatch(email)
    return [] if fits else [FieldError("email", EMAIL_RULE)]


def role_errors(roles: Iterable[str]) -> list[FieldError]:
    names = as_roles(roles)
    if len(names) > MOST_ROLES:
        return [FieldError("roles", f"at most {MOST_ROLES} roles")]
    return [] if all(ROLE.fullmatch(name) for name in names) else [FieldError("roles", ROLE_RULE)]


def refuse(*errors: FieldError) -> None:
    """Raise `InvalidFields` when there is something to name."""
    if errors:
        raise InvalidFields(*errors)


def next_whole_second(instant: datetime) -> datetime:
    """The instant from which tokens count again after a revocation at `instant`.

    `iat` has whole seconds (RFC 7519 §2, as nearly every library writes it), so a token issued earlier in the same
    second could not be told from one issued later: all of that second is cut off.
    """
    return instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
