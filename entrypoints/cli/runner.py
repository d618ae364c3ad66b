"""How a group of commands reaches its use cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")
U_co = TypeVar("U_co", covariant=True)  # the use cases of one group


class Run(Protocol[U_co]):
    """Opens the store, awaits the work on the group's use cases, closes the store. A `Refusal` ends the command."""

    def __call__(self, work: Callable[[U_co], Awaitable[T]]) -> T: ...
