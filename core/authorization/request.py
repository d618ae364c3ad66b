"""An authorization request, from parameters to something that may be acted upon (RFC 6749 §4.1.1, OpenID Connect Core
§3.1.2.1). First where an answer may go: until that is known, nothing is redirected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from attrs import frozen

from core.authorization.model import NONE, PROMPTS, AuthorizationRequest, ResponseMode, ReturnTo
from core.clients.application import ACR
from core.clients.model import CLIENT_ID, Client
from core.clients.narrowing import Asked, Narrow
from core.clients.ports import ClientRepository
from core.identity.claims import CLAIMS, claims_opened_by
from core.identity.id_token import ReadHint
from core.protocol.pkce import CHALLENGE, METHOD
from core.protocol.redirects import is_registered
from core.protocol.refusals import (
    AuthorizationRefused,
    InvalidRequest,
    InvalidScope,
    OAuthRefusal,
    PageRefusal,
    UnauthorizedClient,
)
from core.protocol.scope import IDENTITY_SCOPES, MOST_RESOURCES, OFFLINE_ACCESS, OPENID, common, parse_scope
from core.protocol.secret import Secret

LONGEST = 2048  # characters of a parameter; `claims` and `id_token_hint` may have as many as a token
LONGEST_OF_ALL = 8192
LONG = frozenset({"claims", "id_token_hint"})
LARGEST_AGE = 10**9  # seconds
SUBJECT = re.compile(r"[\x21-\x7E]{1,255}")  # OpenID Connect Core §2
DISPLAYS = ("page", "popup", "touch", "wap")

# What the endpoint understands. Others are passed over (RFC 6749 §3.1).
PARAMETERS = frozenset(
    {"response_type", "client_id", "redirect_uri", "scope", "state", "response_mode", "nonce", "display", "prompt"}
    | {"max_age", "ui_locales", "id_token_hint", "login_hint", "acr_values", "claims", "code_challenge"}
    | {"code_challenge_method", "request", "request_uri", "registration", "resource"}
)


@frozen
class Parameters:
    """As they were sent, empty ones left out (RFC 6749 §3.1). `repeated` are the names that came more than once."""

    values: Mapping[str, str]
    resources: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()

    def get(self, name: str) -> str | None:
        return self.values.get(name)


@frozen
class RequestPolicy:
    """`pkce_for_all`: for clients that authenticate as well. `openid`: whether there are keys to sign ID tokens."""

    pkce_for_all: bool = True
    pushed_only: bool = False
    openid: bool = True


@frozen
class CheckRequest:
    clients: ClientRepository
    narrow: Narrow
    read_hint: ReadHint
    policy: RequestPolicy

    async def client(self, client_id: str | None) -> Client:
        """Raises `PageRefusal`."""
        if not client_id:
            raise PageRefusal("The application did not say which one it is: client_id is missing.")
        known = CLIENT_ID.fullmatch(client_id) is not None
        client = await self.clients.recent(client_id) if known else None
        if client is not None and not client.is_active:
            client = await self.clients.get(client_id)  # it may have been activated a moment ago
        if client is None or not client.is_active:
            raise PageRefusal("This application is not registered here, or is no longer active.")
        return client

    async def still(self, to: ReturnTo) -> Client:
        """The client of a request that waited, if its answer may still go there. Raises `PageRefusal`."""
        client = await self.client(to.client_id)
        if not is_registered(to.redirect_uri, client.application.redirect_uris):
            client = await self.clients.get(client.client_id) or client  # it may have been registered a moment ago
            _redirect_uri(client, to.redirect_uri, openid=False)
        return client

    async def return_to(self, parameters: Parameters) -> tuple[Client, ReturnTo]:
        """The client, and where its answer goes. Raises `PageRefusal`."""
        for name in ("client_id", "redirect_uri"):
            if name in parameters.repeated:
                raise PageRefusal(f"The application sent {name} more than once.")
        client = await self.client(parameters.get("client_id"))
        given = parameters.get("redirect_uri")
        if given is not None and not is_registered(given, client.application.redirect_uris):
            client = await self.clients.get(client.client_id) or client  # it may have been registered a moment ago
        uri = _redirect_uri(client, given, openid=OPENID in (parameters.get("scope") or "").split(" "))
        state = None if "state" in parameters.repeated else parameters.get("state")
        if state is not None and len(state) > LONGEST:
            raise PageRefusal(f"The application sent a state of more than {LONGEST} characters.")
        mode: ResponseMode = "form_post" if parameters.get("response_mode") == "form_post" else "query"
        return client, ReturnTo(
            client_id=client.client_id, redirect_uri=uri, sent=given is not None, response_mode=mode, state=state
        )

    async def __call__(
        self, client: Client, to: ReturnTo, parameters: Parameters, *, pushed: bool = False
    ) -> AuthorizationRequest:
        """Raises an `OAuthRefusal`, which may go to where `to` says. It never rests on what is remembered."""
        try:
            return await self._checked(client, to, parameters, pushed=pushed)
        except OAuthRefusal:
            fresh = await self.clients.get(client.client_id)
            if fresh is None or not fresh.is_active or (fresh == client and fresh.definitions == client.definitions):
                raise
            return await self._checked(fresh, to, parameters, pushed=pushed)

    async def _checked(
        self, client: Client, to: ReturnTo, parameters: Parameters, *, pushed: bool
    ) -> AuthorizationRequest:
        _check_shape(parameters)
        if "authorization_code" not in client.grant_types:
            raise UnauthorizedClient("This client is not registered for the grant authorization_code")
        if not pushed and (self.policy.pushed_only or client.application.require_pushed_authorization_requests):
            raise InvalidRequest("This client has to push its authorization requests (RFC 9126)")
        scope, audience = self._narrowed(client, parameters)
        if OPENID in scope and not to.sent:
            raise InvalidRequest("redirect_uri is missing")
        userinfo, id_token, subject = _requested_claims(parameters.get("claims") if OPENID in scope else None)
        hinted = await self._hinted(client, parameters.get("id_token_hint"))
        if hinted is not None and subject is not None and hinted != subject:
            raise InvalidRequest("id_token_hint and claims name different users")
        # A claim is no way around the scope that the client may not have.
        may_be_told, opened = claims_opened_by(client.allowed_scopes), claims_opened_by(scope)
        return AuthorizationRequest(
            to=to,
            scope=scope,
            audience=audience,
            challenge=self._challenge(client, parameters),
            nonce=parameters.get("nonce"),
            prompt=_prompt(parameters.get("prompt")),
            max_age=_max_age(parameters.get("max_age"), client.application.default_max_age),
            login_hint=parameters.get("login_hint"),
            subject=hinted or subject,
            id_token_claims=common(id_token, may_be_told),
            userinfo_claims=tuple(claim for claim in common(userinfo, may_be_told) if claim not in opened),
        )

    def _narrowed(self, client: Client, parameters: Parameters) -> tuple[tuple[str, ...], tuple[str, ...]]:
        text = parameters.get("scope")
        asked = parse_scope(text) if text is not None else None
        if asked is not None and OPENID in asked and not self.policy.openid:
            raise InvalidScope("This server has no key pairs, so it has no OpenID Connect")
        resources = parameters.resources
        scope, audience = self.narrow(Asked(scope=asked, resources=resources), client, person=True)
        if asked is None:  # without a word, nothing is told of the person
            scope = tuple(name for name in scope if name not in IDENTITY_SCOPES)
        if OPENID not in scope:  # then these are no scopes but where an API of one's own has some of that name
            own = {OFFLINE_ACCESS, *(name for one in audience for name in client.definitions.get(one, ()))}
            scope = tuple(name for name in scope if name not in IDENTITY_SCOPES or name in own)
        if "refresh_token" not in client.grant_types:
            scope = tuple(name for name in scope if name != OFFLINE_ACCESS)
        return scope, audience

    def _challenge(self, client: Client, parameters: Parameters) -> str | None:
        challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
        if challenge is None:
            if method is not None:
                raise InvalidRequest("code_challenge is missing")
            own = client.application.require_pkce
            if client.public or (self.policy.pkce_for_all if own is None else own):
                raise InvalidRequest("code_challenge is missing: PKCE with S256 is required (RFC 7636)")
            return None
        if method != METHOD:  # left out, it would be `plain` (RFC 7636 §4.3)
            raise InvalidRequest("code_challenge_method must be S256")
        if not CHALLENGE.fullmatch(challenge):
            raise InvalidRequest("code_challenge must be 43 characters of base64url: the SHA-256 of the verifier")
        return challenge

    async def _hinted(self, client: Client, token: str | None) -> str | None:
        """The `sub` that an `id_token_hint` names."""
        if token is None:
            return None
        hint = await self.read_hint(Secret(token))
        if hint is None or client.client_id not in hint.audience:
            raise InvalidRequest("id_token_hint is no ID token that this server gave to this client")
        return hint.sub


def _redirect_uri(client: Client, given: str | None, *, openid: bool) -> str:
    registered = client.application.redirect_uris
    if given is None:
        if len(registered) == 1 and not openid:  # RFC 6749 §3.1.2.3
            return registered[0]
        raise PageRefusal("The application did not say where to go back to: redirect_uri is missing.")
    if not is_registered(given, registered):
        raise PageRefusal("The application wants to go back to an address that is not registered for it.")
    return given


def _check_shape(parameters: Parameters) -> None:
    """What is wrong with the request whoever sent it. Raises an `OAuthRefusal`."""
    for name in parameters.repeated & PARAMETERS:
        raise InvalidRequest(f"{name} is sent more than once")
    for name, value in parameters.values.items():
        longest = LONGEST_OF_ALL if name in LONG else LONGEST
        if name in PARAMETERS and len(value) > longest:
            raise InvalidRequest(f"{name} has more than {longest} characters")
    refused: dict[str, OAuthRefusal] = {
        "request": AuthorizationRefused("request_not_supported", "Request objects are not supported"),
        "request_uri": AuthorizationRefused("request_uri_not_supported", "request_uri is for pushed requests alone"),
        "registration": AuthorizationRefused(
            "registration_not_supported", "The parameter registration is not supported"
        ),
    }
    for name, refusal in refused.items():
        if parameters.get(name) is not None:
            raise refusal
    kind = parameters.get("response_type")
    if kind is None:
        raise InvalidRequest("response_type is missing")
    if kind != "code":
        raise AuthorizationRefused("unsupported_response_type", "response_type must be code")
    if parameters.get("response_mode") not in {None, "query", "form_post"}:
        raise InvalidRequest("response_mode must be query or form_post")
    if len(parameters.resources) > MOST_RESOURCES:
        raise InvalidRequest(f"more than {MOST_RESOURCES} resources")


def _prompt(text: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(" "))) if text is not None else ()
    if not set(names) <= set(PROMPTS):
        raise InvalidRequest(f"prompt must be some of {', '.join(PROMPTS)}")
    if NONE in names and len(names) > 1:
        raise InvalidRequest("prompt none stands alone")
    return names


def _max_age(text: str | None, default: int | None) -> int | None:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= LARGEST_AGE):
        raise InvalidRequest("max_age must be a number of seconds")
    return int(text)


def _requested_claims(text: str | None) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Claims for userinfo, those for the ID token, and the `sub` that is expected (OpenID Connect Core §5.5)."""
    if text is None:
        return (), (), None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("claims is not JSON") from None
    userinfo, id_token = _member(document, "userinfo"), _member(document, "id_token")
    acr = id_token.get("acr")
    if acr is not None and acr.get("essential") is True and not _fits(acr, ACR):
        raise AuthorizationRefused("unmet_authentication_requirements", "There is no such authentication context here")
    return common(userinfo, CLAIMS), common(id_token, CLAIMS), _expected(id_token, userinfo)


def _expected(*members: Mapping[str, Mapping[str, object]]) -> str | None:
    """The `sub` that is asked for, one that could be somebody's."""
    values = [member["sub"]["value"] for member in members if "value" in member.get("sub", {})]
    if not all(isinstance(value, str) and SUBJECT.fullmatch(value) for value in values):
        raise InvalidRequest("claims: the value of sub is none that anybody could have")
    if any(value != values[0] for value in values):
        raise InvalidRequest("claims name different users")
    return str(values[0]) if values else None


def _member(document: object, name: str) -> Mapping[str, Mapping[str, object]]:
    if not isinstance(document, dict):
        raise InvalidRequest("claims is not an object")
    member = document.get(name)
    if member is None:
        return {}
    if not isinstance(member, dict) or not all(value is None or isinstance(value, dict) for value in member.values()):
        raise InvalidRequest(f"claims: {name} is not an object of objects")
    return {claim: value or {} for claim, value in member.items()}


def _fits(wanted: Mapping[str, object], value: str) -> bool:
    values = wanted.get("values", [wanted["value"]] if "value" in wanted else [value])
    return isinstance(values, list) and value in values
