"""What a password is."""

from __future__ import annotations

import unicodedata
from itertools import groupby

from attrs import frozen

from core.protocol.refusals import FieldError
from core.protocol.secret import Secret

SHORTEST = 8
LONGEST = 1024

MOST_DECOMPOSED = 4  # code points that canonical decomposition makes of one character
LONGEST_RUN = 30  # combining marks, one after another
PASSWORD_RULE = f"a password is {SHORTEST} to {LONGEST} characters of any kind but NUL"


@frozen
class Password:
    """A password as somebody typed it, normalised (NFC) so that one text typed on two keyboards is one password.

    It is never truncated and cannot be printed. One that is not `possible` can be nobody's.
    """

    secret: Secret
    possible: bool

    @classmethod
    def typed(cls, text: str) -> Password:
        """Never an error: whether it may be kept is asked by `password_errors`."""
        if "\0" in text or not _encodable(text) or not _soon_normalised(text):
            return cls(Secret(""), possible=False)
        normal = unicodedata.normalize("NFC", text)
        return cls(Secret(normal), possible=len(normal) <= LONGEST)


def password_errors(password: Password, field: str = "password") -> list[FieldError]:
    """What keeps this from becoming somebody's new password. A hash from elsewhere may be of a shorter one."""
    fits = password.possible and len(password.secret.reveal()) >= SHORTEST
    return [] if fits else [FieldError(field, PASSWORD_RULE)]


def _soon_normalised(text: str) -> bool:
    """Ordering a run of combining marks takes quadratic time, so beyond the greatest length runs are bounded.

    The bound is that of the Stream-Safe Text Format (UAX #15 §13), which holds for the text of every language.
    """
    if len(text) <= LONGEST:
        return True
    if len(text) > LONGEST * MOST_DECOMPOSED:
        return False
    runs = (sum(1 for _ in run) for mark, run in groupby(text, key=lambda c: unicodedata.combining(c) > 0) if mark)
    return max(runs, default=0) <= LONGEST_RUN


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
