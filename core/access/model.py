"""Roles: what a name looks like, and who has some."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

ROLE = re.compile(r"[a-z][a-z0-9_:-]{0,63}")
ROLE_RULE = "a role is 1 to 64 characters of a-z 0-9 _ : -, starting with a letter"

# 64 names of 64 characters keep an access token below the 8 KiB that its verification accepts.
MOST_ROLES = 64


class Bearer(Protocol):
    """Whoever was recognised: a user that was loaded, or the claims of a token that was verified."""

    @property
    def username(self) -> str: ...

    @property
    def roles(self) -> tuple[str, ...]: ...


def as_roles(names: Iterable[str]) -> tuple[str, ...]:
    """Role names as they are kept: each once, in alphabetical order."""
    return tuple(sorted(set(names)))
