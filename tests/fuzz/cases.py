"""What hooks know of a test case: what it is expected to be answered, and what is chosen for it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.fuzz.known import Body, Case, Kind

T = TypeVar("T")

expected: dict[str, set[int]] = {}  # by the id of the case
sent_by: dict[str, Kind] = {}


class Chance:
    """Choices that follow from what the case says, so that the same case is the same again."""

    def __init__(self, case: Case) -> None:
        text = repr((case.operation.label, case.path_parameters, case.query, case.body))
        self._left = zlib.crc32(text.encode("utf-8", "surrogatepass"))

    def one_in(self, number: int) -> bool:
        return self.among(range(number)) == 0

    def among(self, options: Sequence[T]) -> T:
        self._left, chosen = divmod(self._left, len(options))
        return options[chosen]


# Changes a case so that it is likely to succeed, and says what it is expected to be answered.
Likely = Callable[[Case, Body, Chance], None]
