"""A process that uses the embedded PostgreSQL below its first argument until its standard input ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.embedded.lock import Role


def main(root: str, role: str) -> None:
    try:
        with EmbeddedPostgres(Path(root), role=cast(Role, role)) as dsn:
            print(dsn.reveal(), flush=True)
            sys.stdin.read()
    except EmbeddedPostgresError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
