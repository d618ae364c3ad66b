"""What the floor is told about the server that is held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import asdict, frozen

VARIABLE = "BENCH_FLOOR"
LIFETIME = 24 * 3600  # seconds of an access token; as the server's while it is measured


@frozen
class Given:
    issuer: str
    username: str  # whose refresh tokens these are
    jwks: str  # as the server publishes them

    def as_environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Given:
        return cls(**json.loads(environ[VARIABLE]))
