"""What every grant takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from attrs import field, frozen

from core.clients.authenticate import AuthenticatedClient, ClientCredential
from core.clients.narrowing import Asked
from core.identity.id_token import SignedIn
from core.protocol.secret import Secret
from core.tokens.model import Permission
from core.users.password import Password


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


@frozen
class CodeRequest(Asked):
    """RFC 6749 §4.1.3, with the verifier of RFC 7636 §4.5."""

    code: Secret
    redirect_uri: str | None = None
    code_verifier: Secret | None = None


# The closed union of what the token endpoint understands. A new grant adds its request here.
TokenRequest = PasswordRequest | ClientCredentialsRequest | RefreshRequest | CodeRequest

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
    """A grant's yes: what may be issued, and the refresh token that goes with it.

    `subject` is the name by which the client knows the user, where it is not the username; with `signed_in` there is to
    be an ID token.
    """

    permission: Permission
    roles: Sequence[str] = ()
    grant_id: UUID | None = None
    refresh_token: Secret | None = None
    subject: str | None = None
    signed_in: SignedIn | None = None


@frozen
class TokenResponse:
    """RFC 6749 §5.1, OpenID Connect Core §3.1.3.3. `expires_in` is in seconds."""

    access_token: Secret
    expires_in: int
    scope: tuple[str, ...] = ()
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    token_type: str = field(default="bearer")


class Grant(Protocol[R_contra]):
    grant_type: ClassVar[str]

    async def __call__(self, asked: ClientRequest[R_contra], /) -> Authorization:
        """Decide. Raises an `OAuthRefusal`."""
