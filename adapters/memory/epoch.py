"""The instant before which all tokens have ended."""

from __future__ import annotations

from datetime import datetime


class Epoch:
    def __init__(self) -> None:
        self.valid_from: datetime | None = None

    def with_own(self, valid_from: datetime | None) -> datetime | None:
        """The later of this instant and somebody's own."""
        return max((one for one in (valid_from, self.valid_from) if one is not None), default=None)
