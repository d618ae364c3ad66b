"""What is measured, part by part. Each brings the two sides that are compared, and its lines of the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bench.rows import Row

Side = Callable[[], Awaitable[None]]


class Part(Protocol):
    def sides(self) -> Sequence[Side]:
        """What runs back to back in a round; each takes one sample."""

    def rows(self) -> list[Row]:
        """After the last round."""
