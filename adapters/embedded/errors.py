"""The one refusal of this adapter."""

from __future__ import annotations


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run. The message says what to do about it and holds no secret."""
