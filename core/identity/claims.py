"""What is told of a person, and to whom: the standard claims by scope (OpenID Connect Core §5.1, §5.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from core.users.model import User

SCOPE_CLAIMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "profile": (
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ),
        "email": ("email", "email_verified"),
        "address": ("address",),
        "phone": ("phone_number", "phone_number_verified"),
    }
)

_SCOPE_OF: Mapping[str, str] = {claim: scope for scope, claims in SCOPE_CLAIMS.items() for claim in claims}

# What a claims request may name (§5.5): others are nobody's, and are passed over.
CLAIMS = tuple(_SCOPE_OF)


def scopes_of(claims: Iterable[str]) -> tuple[str, ...]:
    """The scopes that open these claims, by which people are asked for them."""
    return tuple(dict.fromkeys(_SCOPE_OF[claim] for claim in claims))


def claims_opened_by(scope: Iterable[str]) -> tuple[str, ...]:
    return tuple(claim for name in scope for claim in SCOPE_CLAIMS.get(name, ()))


def told(user: User, claims: Iterable[str]) -> dict[str, object]:
    """The values of these claims, as far as they are known (§5.3.2: what is not is left out, never null)."""
    known = {
        **user.profile,
        "preferred_username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "updated_at": int(user.updated_at.timestamp()),
    }
    if "phone_number" in known:
        known.setdefault("phone_number_verified", False)
    else:
        known.pop("phone_number_verified", None)
    return {claim: known[claim] for claim in claims if claim in known}
