"""Proof Key for Code Exchange (RFC 7636), by S256 alone: `plain` proves nothing to whoever has seen the request."""

from __future__ import annotations

import base64
import hashlib
import re

from core.protocol.secret import Secret

METHOD = "S256"

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # §4.2: base64url of a SHA-256
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # §4.1


def challenge_of(verifier: Secret) -> str | None:
    """The challenge that this verifier answers (RFC 7636 §4.6); None for what is no verifier."""
    text = verifier.reveal()
    if not VERIFIER.fullmatch(text):
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
