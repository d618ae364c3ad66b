"""What a token is worth right now, told to whom it concerns (RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from core.clients.authenticate import AuthenticateClient, AuthenticatedClient, ClientCredential
from core.clients.model import Client
from core.ports import Clock
from core.protocol.refusals import InvalidClient, InvalidToken
from core.protocol.secret import Secret
from core.tokens.model import AccessTokenPolicy, Family, RefreshPolicy
from core.tokens.ports import AccessTokenLedger, RefreshFamilies
from core.tokens.refresh import PREFIX, RefreshTokens
from core.tokens.subjects import Subjects
from core.tokens.verify import VerifyToken, in_good_standing
from core.users.ports import UserRepository

INACTIVE: Mapping[str, object] = MappingProxyType({"active": False})


@frozen
class LookAtRefreshToken:
    """A refresh token as the store knows it, without a use of it."""

    families: RefreshFamilies
    tokens: RefreshTokens
    ledger: AccessTokenLedger
    users: UserRepository
    clock: Clock
    policy: RefreshPolicy

    async def __call__(self, text: Secret, client: Client | None) -> Family:
        """The family of a token that this client could exchange now. Raises `InvalidToken`."""
        token = await self.tokens.read(text)
        family = await self.families.find(token.family) if token is not None else None
        if token is None or family is None:
            raise InvalidToken("not a refresh token of ours")
        now, allowed = self.clock.now(), family.permission
        if allowed.client_id != (client.client_id if client is not None else None):
            raise InvalidToken("issued to another client")
        if family.revoked_at is not None:
            raise InvalidToken("revoked")
        if not family.live(now):
            raise InvalidToken("expired")
        if not family.accepts(token.digest, at=now, grace=self.policy.grace):
            raise InvalidToken("exchanged before")
        ended = [client.tokens_valid_from] if client is not None else []
        ended.append(await self.ledger.all_valid_from())
        if allowed.username is not None:
            user = await self.users.get_by_username(allowed.username)
            if user is None or not user.is_active:
                raise InvalidToken("the user is gone or inactive")
            ended.append(user.tokens_valid_from)
        if any(instant is not None and allowed.at < instant for instant in ended):
            raise InvalidToken("earlier tokens were ended")
        return family


@frozen
class Introspect:
    verify: VerifyToken
    ledger: AccessTokenLedger
    refresh: LookAtRefreshToken
    subjects: Subjects
    policy: AccessTokenPolicy

    async def __call__(self, caller: AuthenticatedClient, token: Secret) -> Mapping[str, object]:
        """The members of an introspection response (RFC 7662 §2.2).

        `{"active": false}` for every token that is not live, and for every one that is not meant for the caller: it is
        neither the caller's own nor for a resource that the caller serves (§4). Raises `InvalidClient`.
        """
        if caller.client.public:
            raise InvalidClient("Introspection is for clients that authenticate")
        try:
            if token.reveal().startswith(PREFIX):
                return await self._refresh_token(await self.refresh(token, caller.client), caller.client)
            return await self._access_token(token, caller.client)
        except InvalidToken:
            return INACTIVE

    async def _refresh_token(self, family: Family, client: Client) -> Mapping[str, object]:
        allowed = family.permission
        subject = await self.subjects(client, allowed.username) if allowed.username is not None else allowed.client_id
        members = {
            "active": True,
            "client_id": allowed.client_id,
            "sub": subject,
            "username": allowed.username if subject == allowed.username else None,
            "scope": " ".join(allowed.scope) or None,
            "aud": list(allowed.audience),
            "iss": self.policy.issuer,
            "iat": int(allowed.at.timestamp()),
            "exp": int(min(family.expires_at, family.idle_expires_at).timestamp()),
        }
        return {name: value for name, value in members.items() if value is not None}

    async def _access_token(self, token: Secret, caller: Client) -> Mapping[str, object]:
        claims = await self.verify.for_anybody(token)
        if claims.client_id != caller.client_id and not set(claims.aud).intersection(caller.serves):
            raise InvalidToken("meant for somebody else")
        user = in_good_standing(claims, await self.ledger.standing(claims))
        members: dict[str, object] = {
            "active": True,
            "iss": claims.iss,
            "sub": claims.sub,
            "aud": claims.aud[0] if len(claims.aud) == 1 else list(claims.aud),
            "exp": claims.exp,
            "iat": claims.iat,
            "jti": claims.jti,
            "client_id": claims.client_id,
            "token_type": "Bearer",
        }
        if claims.scope:
            members["scope"] = claims.scope
        if user is not None:
            members |= {"username": user.username} if claims.sub == user.username else {}
            members["roles"] = list(user.roles)
        return members


@frozen
class IntrospectionEndpoint:
    """RFC 7662 §2.1: who asks, and what may they know."""

    authenticate: AuthenticateClient
    introspect: Introspect

    async def __call__(self, credential: ClientCredential, token: Secret, *, address: str) -> Mapping[str, object]:
        """As `Introspect`. Raises `InvalidClient`, `TooManyAttempts`."""
        caller = await self.authenticate(credential, address=address)
        answer = await self.introspect(caller, token)
        if answer is INACTIVE and caller.remembered:  # which it may owe to what the client was until a moment ago
            caller = await self.authenticate(credential, address=address, fresh=True)
            answer = await self.introspect(caller, token)
        return answer
