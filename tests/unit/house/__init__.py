"""The core on memory adapters, area by area as core itself: each part of the house stands on the one before."""

from tests.unit.house.ground import AUDIENCE, ISSUER, KEY_POLICY, SHARED
from tests.unit.house.life import (
    ADDRESS,
    APP,
    CALLBACK,
    CHALLENGE,
    NOBODY,
    VERIFIER,
    House,
    asking,
    basic,
    code_in,
    said,
)

__all__ = [
    "ADDRESS",
    "APP",
    "AUDIENCE",
    "CALLBACK",
    "CHALLENGE",
    "ISSUER",
    "KEY_POLICY",
    "NOBODY",
    "SHARED",
    "VERIFIER",
    "House",
    "asking",
    "basic",
    "code_in",
    "said",
]
