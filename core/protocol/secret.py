"""A value that must never be printed."""

from __future__ import annotations

import hmac

from attrs import field, frozen


@frozen(repr=False, eq=False)
class Secret:
    """Text that `repr`, `str`, `format` and logs show as `Secret(***)`.

    Compares in constant time. It does not pickle: a secret that leaves the process does so by `reveal()`, in sight.
    """

    _value: str = field()

    def reveal(self) -> str:
        """The text itself. Call it only where the secret is used, never to keep it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret does not pickle")


def _bytes(text: str) -> bytes:
    """Any text, lone surrogates among it."""
    return text.encode("utf-8", "surrogatepass")
