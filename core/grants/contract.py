"""What every grant takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from attrs import field, frozen

from core.clients.authenticate import AuthenticatedClient, ClientCredential
from core.protocol.secret import Secret
from core.tokens.model import Permission
from core.users.password import Password


@frozen(kw_only=True)
class Asked:
    """What tokens are asked for: None and no resources stand for all that may be had (RFC 6749 §3.3, RFC 8707 §2)."""

    scope: tuple[str, ...] | None = None
    resources: tuple[str, ...] = ()


@frozen
class PasswordRequest(Asked):
    """RFC 6749 §4.3.2."""

    username: str
    password: Password


@frozen
class ClientCredentialsRequest(Asked):
    """RFC 6749 §4.4.2."""


@frozen
class RefreshRequest(Asked):
    """RFC 6749 §6."""

    refresh_token: Secret


# The closed union of what the token endpoint understands. A new grant adds its request here.
TokenRequest = PasswordRequest | ClientCredentialsRequest | RefreshRequest

R_co = TypeVar("R_co", bound=TokenRequest, covariant=True)
R_contra = TypeVar("R_contra", bound=TokenRequest, contravariant=True)


@frozen
class Presented(Generic[R_co]):
    """A request as it arrived: what is asked, what the client shows for itself, and the address it comes from."""

    request: R_co
    credential: ClientCredential | None
    address: str


@frozen
class ClientRequest(Generic[R_co]):
    """A request whose client is known, and registered for this grant. None: nobody claims to be a client."""

    request: R_co
    client: AuthenticatedClient | None
    address: str


@frozen
class Authorization:
    """A grant's yes: what may be issued, and the refresh token that goes with it."""

    permission: Permission
    roles: Sequence[str] = ()
    grant_id: UUID | None = None
    refresh_token: Secret | None = None


@frozen
class TokenResponse:
    """RFC 6749 §5.1. `expires_in` is in seconds."""

    access_token: Secret
    expires_in: int
    scope: tuple[str, ...] = ()
    refresh_token: Secret | None = None
    token_type: str = field(default="bearer")


class Grant(Protocol[R_contra]):
    grant_type: ClassVar[str]

    async def __call__(self, asked: ClientRequest[R_contra], /) -> Authorization:
        """Decide. Raises an `OAuthRefusal`."""
