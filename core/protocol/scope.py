"""Scopes (RFC 6749 §3.3) and resource indicators (RFC 8707 §2): what they look like, and how lists of them narrow."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from core.protocol.refusals import FieldError, InvalidScope

# RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E.
SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,128}")
SCOPE_RULE = 'a scope is 1 to 128 visible ASCII characters, without " and \\'
MOST_SCOPES = 64

# OpenID Connect Core §5.4 and §11: what these open is this server's own to tell, whatever the API.
OPENID = "openid"
OFFLINE_ACCESS = "offline_access"
IDENTITY_SCOPES = (OPENID, "profile", "email", "address", "phone", OFFLINE_ACCESS)

LONGEST_RESOURCE = 512
RESOURCE_RULE = f"a resource is an absolute URI without a fragment, at most {LONGEST_RESOURCE} ASCII characters"
MOST_RESOURCES = 32


def parse_scope(text: str) -> tuple[str, ...]:
    """The scopes of a `scope` parameter, each once, in the order of the request. Raises `InvalidScope`."""
    names = unique(text.split(" "))
    if len(names) > MOST_SCOPES:
        raise InvalidScope(f"more than {MOST_SCOPES} scopes")
    if not all(SCOPE.fullmatch(name) for name in names):
        raise InvalidScope("scope is malformed: names are separated by one space each")
    return names


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, where it came first."""
    return tuple(dict.fromkeys(names))


def common(names: Iterable[str], allowed: Collection[str]) -> tuple[str, ...]:
    """The names that are allowed, in their order."""
    return tuple(name for name in names if name in allowed)


def scope_errors(names: Collection[str], field: str = "scopes") -> list[FieldError]:
    if len(names) > MOST_SCOPES:
        return [FieldError(field, f"at most {MOST_SCOPES} scopes")]
    return [] if all(SCOPE.fullmatch(name) for name in names) else [FieldError(field, SCOPE_RULE)]


def resource_errors(identifiers: Collection[str], field: str = "resources") -> list[FieldError]:
    if len(identifiers) > MOST_RESOURCES:
        return [FieldError(field, f"at most {MOST_RESOURCES} resources")]
    return [] if all(map(_is_resource, identifiers)) else [FieldError(field, RESOURCE_RULE)]


def _is_resource(identifier: str) -> bool:
    """RFC 8707 §2: an absolute URI (RFC 3986 §4.3), no fragment. It is compared byte for byte and never normalised."""
    if not identifier.isascii() or not identifier.isprintable() or len(identifier) > LONGEST_RESOURCE:
        return False
    if any(character in identifier for character in ' "#<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(identifier)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or (parts.path and not identifier.startswith(f"{parts.scheme}://")))
