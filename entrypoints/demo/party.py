"""The relying party: what any application does to sign a person in (RFC 6749 §4.1, OpenID Connect Core §3.1)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from attrs import field, frozen

from core.protocol.pkce import METHOD, challenge_of
from core.protocol.secret import Secret
from entrypoints.demo import asking
from entrypoints.demo.asking import Problem
from entrypoints.demo.tokens import Claims, Expected, Tokens, VerifyJwt, read_tokens

SCOPES = ("openid", "profile", "email", "offline_access")
CALLBACK, SIGNED_OUT = "/callback", "/signed-out"
DISCOVERY = "/.well-known/openid-configuration"


@frozen
class Provider:
    """The server, as it describes itself (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    userinfo_endpoint: str
    end_session_endpoint: str
    jwks_uri: str
    pushed_authorization_request_endpoint: str
    pushed_only: bool

    @property
    def origin(self) -> str:
        parts = urlsplit(self.end_session_endpoint)
        return f"{parts.scheme}://{parts.netloc}"


ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
    "end_session_endpoint",
    "jwks_uri",
    "pushed_authorization_request_endpoint",
)


async def discover(issuer: str) -> Provider:
    """Raises `NoAnswer`, and `Problem` for a server that signs nobody in under this name."""
    answer = await asking.get(issuer.removesuffix("/") + DISCOVERY)
    if answer.status == 404:
        raise Problem(
            f"The server at {issuer} has no OpenID Connect: with JWT_SECRET_KEY there are no keys for ID tokens. "
            "Start it without that setting."
        )
    metadata = answer.json()
    if metadata.get("issuer") != issuer:  # §4.3
        raise Problem(
            f"The server that answers at {issuer} calls itself {metadata.get('issuer')}. "
            "Name that by --issuer, or by WATCHWORD_ISSUER."
        )
    try:
        urls = {name: str(metadata[name]) for name in ENDPOINTS}
    except KeyError as missing:
        raise Problem(f"The server at {issuer} does not say where its {missing.args[0]} is.") from None
    return Provider(issuer, **urls, pushed_only=metadata.get("require_pushed_authorization_requests") is True)


@frozen
class Attempt:
    """A sign-in that has begun: what the answer must fit."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: Secret

    @classmethod
    def new(cls) -> Attempt:
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), Secret(secrets.token_urlsafe(32)))


@frozen
class RelyingParty:
    """`base` is where the demo itself is, without a slash at its end."""

    provider: Provider
    client_id: str
    secret: Secret
    base: str
    verify: VerifyJwt

    async def is_known(self) -> bool:
        """Whether the server has this client, with this secret: a token that is none is revoked (RFC 7009 §2.2)."""
        answer = await asking.post(self.provider.revocation_endpoint, {"token": "none"}, self._authorization())
        return answer.status == 200

    async def begin(self, attempt: Attempt) -> str:
        """Where the browser goes. Raises `Problem`."""
        request = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.base + CALLBACK,
            "scope": " ".join(SCOPES),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge_of(attempt.verifier) or "",
            "code_challenge_method": METHOD,
        }
        if self.provider.pushed_only:  # RFC 9126 §4
            url = self.provider.pushed_authorization_request_endpoint
            pushed = (await asking.post(url, request, self._authorization())).json()
            request = {"client_id": self.client_id, "request_uri": str(pushed.get("request_uri"))}
        return f"{self.provider.authorization_endpoint}?{urlencode(request)}"

    async def redeem(self, code: str, attempt: Attempt) -> Tokens:
        """Raises `Problem`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.base + CALLBACK,
            "code_verifier": attempt.verifier.reveal(),
        }
        return await self._tokens(form, Expected(self.provider.issuer, self.client_id, nonce=attempt.nonce))

    async def refresh(self, tokens: Tokens) -> Tokens:
        """Raises `Problem`."""
        if tokens.refresh is None:
            raise Problem("There is no refresh token.")
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh.reveal()}
        same = Expected(self.provider.issuer, self.client_id, sub=str(tokens.claims["sub"]))  # Core §12.2
        return await self._tokens(form, same)

    async def userinfo(self, tokens: Tokens) -> Claims:
        """Raises `Problem`."""
        bearer = {"Authorization": f"Bearer {tokens.access.reveal()}"}
        answer = await asking.get(self.provider.userinfo_endpoint, bearer)
        if answer.status == 401:  # RFC 6750 §3
            raise Problem("The access token counts no longer: it has expired, or was ended. Refresh, or sign in again.")
        claims = answer.json()
        if claims.get("sub") != tokens.claims["sub"]:  # Core §5.3.2
            raise Problem("Userinfo tells of somebody else than the ID token.")
        return claims

    def sign_out_url(self, tokens: Tokens) -> str:
        """RP-Initiated Logout 1.0 §2."""
        query = {"id_token_hint": tokens.identity.reveal(), "post_logout_redirect_uri": self.base + SIGNED_OUT}
        return f"{self.provider.end_session_endpoint}?{urlencode(query)}"

    async def _tokens(self, form: Mapping[str, str], expected: Expected) -> Tokens:
        answer = (await asking.post(self.provider.token_endpoint, form, self._authorization())).json()
        jwks = (await asking.get(self.provider.jwks_uri)).json()
        return read_tokens(answer, jwks, expected, self.verify)

    def _authorization(self) -> dict[str, str]:
        """RFC 6749 §2.3.1."""
        pair = ":".join(quote(part, safe="") for part in (self.client_id, self.secret.reveal()))
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
