"""What a person may say of themselves: the standard claims of OpenID Connect Core §5.1, all of them optional."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from core.protocol.redirects import is_web_url
from core.protocol.refusals import FieldError

LONGEST = 512

TEXTS = ("name", "given_name", "family_name", "middle_name", "nickname", "gender")
URLS = ("profile", "picture", "website")
ADDRESS = ("formatted", "street_address", "locality", "region", "postal_code", "country")

_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    # §5.1: ISO 8601-1, with the year 0000 for one that is not told.
    "birthdate": (
        re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?"),
        "a date such as 1990-12-31, 0000-12-31 without the year, or a year",
    ),
    "zoneinfo": (re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"), "a time zone such as Europe/Paris"),
    "locale": (re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*"), "a language tag such as en-US"),
    "phone_number": (
        re.compile(r"\+[0-9][0-9 ().-]{2,30}(;ext=[0-9]{1,10})?"),
        "a number that begins with + and the country, such as +1 604 555 1234",
    ),
}

MEMBERS = (*TEXTS, *URLS, *_FORMS, "phone_number_verified", "address")

Profile = Mapping[str, object]


def profile_errors(profile: Profile, prefix: str = "profile.") -> list[FieldError]:
    """Everything that is wrong with it, each member by name."""
    errors = []
    for name, value in profile.items():
        problem = _problem(name, value)
        if problem is not None:
            errors.append(FieldError(f"{prefix}{name}"[:80], problem))
    return errors


def _problem(name: str, value: object) -> str | None:
    if name not in MEMBERS:
        return "there is no such field"
    if name == "phone_number_verified":
        return None if isinstance(value, bool) else "expected true or false"
    if name == "address":
        return _address_problem(value)
    if not isinstance(value, str) or not _is_text(value):
        return f"expected 1 to {LONGEST} characters, none of them a control character"
    if name in URLS:
        return None if is_web_url(value) else "expected a URL such as https://example.com/"
    if name in _FORMS:
        form, rule = _FORMS[name]
        return None if form.fullmatch(value) else f"expected {rule}"
    return None


def _address_problem(value: object) -> str | None:
    if not isinstance(value, Mapping) or not value or not all(isinstance(name, str) for name in value):
        return "expected an object"
    for name, part in value.items():
        if name not in ADDRESS:
            return f"its fields are {', '.join(ADDRESS)}"
        if not isinstance(part, str) or not _is_text(part.replace("\r\n", " ").replace("\n", " ")):
            return f"{name}: expected 1 to {LONGEST} characters"
    return None


def _is_text(value: str) -> bool:
    """Printable, so that neither NUL nor halves of surrogate pairs are in it."""
    return 0 < len(value) <= LONGEST and value.isprintable() and value.strip() == value


def frozen_profile(profile: Profile) -> Profile:
    """A copy that nobody else can change."""
    copied: Profile = json.loads(json.dumps(dict(profile)))
    return copied
