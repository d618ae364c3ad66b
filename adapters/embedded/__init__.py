"""A private PostgreSQL that Watchword starts, watches and stops by itself."""

from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
