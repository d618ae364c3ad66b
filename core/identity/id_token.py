"""ID tokens: who signed in, when and how, told to one client (OpenID Connect Core §2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from attrs import field, frozen

from core.clients.application import ACR
from core.clients.model import Client
from core.identity.claims import told
from core.ports import Clock
from core.protocol.refusals import InvalidToken
from core.protocol.secret import Secret
from core.tokens.model import LARGEST_TOKEN, Login
from core.tokens.ports import TokenSigner, TokenVerifier
from core.tokens.subjects import Subjects
from core.users.model import User

ID_TOKEN_TYP = "JWT"
AMR = ("pwd",)  # RFC 8176 §2


@frozen
class IdTokenPolicy:
    issuer: str
    lifetime: timedelta = timedelta(hours=1)


@frozen
class SignedIn:
    """What an ID token is made of. `claims` are those that were asked for in it (§5.5)."""

    user: User = field(repr=False)
    login: Login
    nonce: str | None = None
    claims: tuple[str, ...] = ()


@frozen
class IssueIdToken:
    signer: TokenSigner
    subjects: Subjects
    clock: Clock
    policy: IdTokenPolicy

    async def __call__(self, client: Client, signed_in: SignedIn, *, access_token: Secret) -> Secret:
        """Signed by the algorithm that the client registered."""
        now = int(self.clock.now().timestamp())
        claims: dict[str, object] = {
            **told(signed_in.user, signed_in.claims),
            "iss": self.policy.issuer,
            "sub": await self.subjects(client, signed_in.user.username),
            "aud": client.client_id,
            "azp": client.client_id,
            "exp": now + int(self.policy.lifetime.total_seconds()),
            "iat": now,
            "auth_time": int(signed_in.login.at.timestamp()),
            "acr": ACR,
            "amr": list(AMR),
            "sid": str(await self.subjects.session(client, signed_in.login.session)),
            "at_hash": half_hash(access_token),
        }
        if signed_in.nonce is not None:
            claims["nonce"] = signed_in.nonce
        algorithm = client.application.id_token_signed_response_alg
        return await self.signer.sign(claims, typ=ID_TOKEN_TYP, algorithm=algorithm)


@frozen
class Hint:
    """What an `id_token_hint` says, under our signature: whom the client once knew, and in which session."""

    sub: str
    audience: tuple[str, ...]
    session: UUID | None


@frozen
class ReadHint:
    verifier: TokenVerifier
    policy: IdTokenPolicy

    async def __call__(self, token: Secret) -> Hint | None:
        """None for anything but an ID token of ours. One that has expired is as good (Core §3.1.2.1), and its key may
        have been followed by another meanwhile: a session lasts longer than that is published.
        """
        if len(token.reveal()) > LARGEST_TOKEN:
            return None
        try:
            claims = await self.verifier.verify(token, typ=ID_TOKEN_TYP, by_old=True)
        except InvalidToken:
            return None
        sub, audience = claims.get("sub"), claims.get("aud")
        if claims.get("iss") != self.policy.issuer or not isinstance(sub, str) or not isinstance(audience, str):
            return None
        if "auth_time" not in claims:  # signed userinfo, which is of no sign-in
            return None
        return Hint(sub, (audience,), _session(claims))


def half_hash(token: Secret) -> str:
    """`at_hash`: the left half of a SHA-256, which goes with RS256 and ES256 (§3.1.3.6)."""
    half = hashlib.sha256(token.reveal().encode("ascii")).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")


def _session(claims: Mapping[str, object]) -> UUID | None:
    try:
        return UUID(str(claims.get("sid")))
    except ValueError:
        return None
