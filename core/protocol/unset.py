"""What a change leaves as it is."""

from __future__ import annotations

from enum import Enum
from typing import Literal


class Unset(Enum):
    UNSET = "unset"


UNSET: Literal[Unset.UNSET] = Unset.UNSET
