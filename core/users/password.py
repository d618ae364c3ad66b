"""What a password is."""

from __future__ import annotations

import unicodedata

from attrs import frozen

from core.protocol.refusals import FieldError
from core.protocol.secret import Secret

SHORTEST = 8
LONGEST = 1024
PASSWORD_RULE = f"a password is {SHORTEST} to {LONGEST} characters of any kind but NUL"


@frozen
class Password:
    """A password as somebody typed it, normalised (NFC) so that one text typed on two keyboards is one password.

    It is never truncated and cannot be printed. One that is not `possible` was never let through as a new password,
    and is nobody's.
    """

    secret: Secret
    possible: bool

    @classmethod
    def typed(cls, text: str) -> Password:
        """Never an error: whether it may be kept is asked by `password_errors`."""
        # Length first: normalising a long run of combining marks takes quadratic time.
        if len(text) > LONGEST or "\0" in text or not _encodable(text):
            return cls(Secret(""), possible=False)
        normal = unicodedata.normalize("NFC", text)
        return cls(Secret(normal), possible=SHORTEST <= len(normal) <= LONGEST)


def password_errors(password: Password, field: str = "password") -> list[FieldError]:
    """What keeps this from becoming somebody's new password."""
    return [] if password.possible else [FieldError(field, PASSWORD_RULE)]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
