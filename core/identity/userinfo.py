"""The userinfo endpoint (OpenID Connect Core §5.3): what a client may know of the person whose token it has."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from core.clients.ports import ClientRepository
from core.identity.claims import claims_opened_by, told
from core.identity.id_token import ID_TOKEN_TYP
from core.protocol.refusals import InsufficientScope, InvalidToken, NotFound
from core.protocol.scope import OPENID
from core.protocol.secret import Secret
from core.tokens.ports import AccessTokenLedger, TokenSigner
from core.tokens.verify import VerifyToken, in_good_standing


@frozen
class TellUserInfo:
    """`openid`: whether there are keys to sign for OpenID Connect. Without them this is offered to nobody."""

    verify: VerifyToken
    ledger: AccessTokenLedger
    clients: ClientRepository
    signer: TokenSigner
    openid: bool = True

    async def __call__(self, token: Secret) -> Mapping[str, object] | Secret:
        """The claims, or a JWT with them for a client that registered to have it so (§5.3.2).

        Raises `InvalidToken`, `InsufficientScope`; `NotFound` where there is no OpenID Connect.
        """
        if not self.openid:
            raise NotFound("This server has no key pairs, so it has no OpenID Connect")
        claims = await self.verify(token)
        scope = claims.scope.split(" ")
        if OPENID not in scope:
            raise InsufficientScope(OPENID)
        user = in_good_standing(claims, await self.ledger.standing(claims))
        client = await self.clients.recent(claims.client_id)
        if user is None or client is None:
            raise InvalidToken("no user or no client behind it")
        answer = {**told(user, (*claims_opened_by(scope), *claims.userinfo)), "sub": claims.sub}
        algorithm = client.application.userinfo_signed_response_alg
        if algorithm is None:
            return answer
        answer |= {"iss": self.verify.policy.issuer, "aud": client.client_id}
        return await self.signer.sign(answer, typ=ID_TOKEN_TYP, algorithm=algorithm)
