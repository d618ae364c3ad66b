"""One line of the table: what is compared, in medians over the rounds, with the least and the most."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

from attrs import field, frozen

# What the target bounds, and in which direction.
Bound = Literal["ratio at least", "ratio below", "measured below"]


def _values(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(values)


@frozen
class Row:
    """`floor` is what `measured` is held against, value by value; empty where it is held against nothing."""

    what: str
    unit: str
    floor: tuple[float, ...] = field(converter=_values)
    measured: tuple[float, ...] = field(converter=_values)
    target: float | None = None
    bound: Bound = "ratio at least"

    @property
    def ratios(self) -> tuple[float, ...]:
        """Of neighbours in time, round by round."""
        return tuple(m / f for m, f in zip(self.measured, self.floor, strict=True)) if self.floor else ()

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        match self.bound:
            case "ratio at least":
                return median(self.ratios) >= self.target
            case "ratio below":
                return median(self.ratios) < self.target
            case "measured below":
                return median(self.measured) < self.target

    def as_dict(self) -> dict[str, object]:
        return {
            "what": " ".join(self.what.split()),
            "unit": self.unit,
            "floor": self.floor,
            "measured": self.measured,
            "ratio": median(self.ratios) if self.ratios else None,
            "target": self.target,
            "bound": self.bound if self.target is not None else None,
            "reached": self.reached,
        }


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
