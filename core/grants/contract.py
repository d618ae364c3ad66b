"""What every grant takes and gives."""

from __future__ import annotations

from typing import Protocol, TypeVar

from attrs import frozen

from core.protocol.secret import Secret
from core.users.authenticate import AuthenticatedUser
from core.users.password import Password


@frozen
class PasswordRequest:
    """RFC 6749 §4.3.2."""

    username: str
    password: Password


# The closed union of what the token endpoint understands. A new grant adds its request here.
TokenRequest = PasswordRequest

R_contra = TypeVar("R_contra", bound=TokenRequest, contravariant=True)


@frozen
class Authorization:
    """A grant's yes: for whom a token may be issued."""

    user: AuthenticatedUser


@frozen
class TokenResponse:
    """RFC 6749 §5.1. `expires_in` is in seconds."""

    access_token: Secret
    expires_in: int
    token_type: str = "bearer"


class Grant(Protocol[R_contra]):
    async def __call__(self, request: R_contra) -> Authorization:
        """Decide. Raises an `OAuthRefusal`."""
