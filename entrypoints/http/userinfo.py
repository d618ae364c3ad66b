"""GET and POST /api/v1/auth/userinfo (OpenID Connect Core §5.3)."""

from __future__ import annotations

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from core.identity.userinfo import TellUserInfo
from core.protocol.refusals import InvalidRequest
from core.protocol.secret import Secret
from entrypoints.http.forms import oauth_form
from entrypoints.http.oauth import NO_STORE, no_store
from entrypoints.http.protect import bearer_token


@frozen
class UserInfoRoute:
    tell: TellUserInfo

    async def __call__(self, request: Request) -> Response:
        answer = await self.tell(await self._token(request))
        if isinstance(answer, Secret):  # §5.3.2
            return Response(answer.reveal(), headers=NO_STORE, media_type="application/jwt")
        return no_store(answer)

    async def _token(self, request: Request) -> Secret:
        """In the header, or in a form (RFC 6750 §2.1, §2.2), never in both, and never in the URL (RFC 9700 §4.3.2)."""
        if request.method != "POST" or not await request.body():
            return bearer_token(request)
        form = await oauth_form(request, known=("access_token",))
        named = form.get("access_token")
        if not named:
            return bearer_token(request)
        if "authorization" in request.headers:
            raise InvalidRequest("the token is sent in one way at a time")
        return Secret(named)
