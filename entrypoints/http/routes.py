"""The table of routes. A test compares it with openapi.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from core.authorization.authorize import PushRequest
from core.clients.authenticate import AuthenticateClient
from core.discovery import DescribeServer
from core.grants.token_endpoint import TokenEndpoint
from core.identity.userinfo import TellUserInfo
from core.keys.publish import PublishKeys
from core.tokens.introspect import IntrospectionEndpoint
from core.tokens.revoke import RevokeToken
from core.tokens.verify import CurrentUser
from entrypoints.http.clients import PATH as CLIENTS
from entrypoints.http.clients import AdminClients
from entrypoints.http.docs import docs_routes
from entrypoints.http.protect import Endpoint, Protect
from entrypoints.http.pushed import PushedRoute
from entrypoints.http.refusals import REFUSED, Refused, refused
from entrypoints.http.registration import PATH as REGISTER
from entrypoints.http.registration import Registrations
from entrypoints.http.token import TokenRoute
from entrypoints.http.token_status import IntrospectRoute, RevokeRoute
from entrypoints.http.userinfo import UserInfoRoute
from entrypoints.http.users import PATH, AdminAccounts, OwnAccount
from entrypoints.http.wellknown import JWKS_PATH, Jwks, Metadata, Readyz, healthz, metadata_paths

ADMIN = "admin"

TOKEN = "/api/v1/auth/token"
REVOKE = "/api/v1/auth/revoke"
INTROSPECT = "/api/v1/auth/introspect"
PAR = "/api/v1/auth/par"
USERINFO = "/api/v1/auth/userinfo"

# By the names that the metadata have for them (RFC 8414 §2).
ENDPOINTS = {
    "token_endpoint": TOKEN,
    "revocation_endpoint": REVOKE,
    "introspection_endpoint": INTROSPECT,
    "jwks_uri": JWKS_PATH,
    "pushed_authorization_request_endpoint": PAR,
    "userinfo_endpoint": USERINFO,
    "registration_endpoint": REGISTER,
    "service_documentation": "/docs",
}


def open_to_browsers(issuer: str) -> frozenset[str]:
    """The paths that apps in a browser call, from whatever origin; one that ends in / with all that is below."""
    own = {TOKEN, REVOKE, PAR, USERINFO, REGISTER, f"{REGISTER}/", JWKS_PATH}
    return frozenset({*own, *metadata_paths(issuer, openid=True)})


@frozen
class UseCases:
    """Everything that the routes ask of the core."""

    token_endpoint: TokenEndpoint
    authenticate_client: AuthenticateClient
    revoke_token: RevokeToken
    introspection_endpoint: IntrospectionEndpoint
    account_user: CurrentUser
    push_request: PushRequest
    tell_user_info: TellUserInfo
    registrations: Registrations
    own_account: OwnAccount
    admin_accounts: AdminAccounts
    admin_clients: AdminClients
    publish_keys: PublishKeys
    describe_server: DescribeServer
    cache_seconds: int
    ready: Callable[[], Awaitable[None]]


def build_routes(use: UseCases, *, contract: bytes, endpoints: Mapping[str, str]) -> list[Route]:
    """`endpoints` are those of others that the metadata name."""
    protect = Protect(use.account_user)
    user, admin = protect.require_user, protect.require_role(ADMIN)
    own, all_, clients = use.own_account, use.admin_accounts, use.admin_clients
    metadata = Metadata(use.describe_server, {**ENDPOINTS, **endpoints}, use.cache_seconds)
    openid, user_info = use.describe_server.publishes_keys, UserInfoRoute(use.tell_user_info)
    return [
        resource(TOKEN, POST=TokenRoute(use.token_endpoint)),
        resource(INTROSPECT, POST=IntrospectRoute(use.introspection_endpoint)),
        resource(REVOKE, POST=RevokeRoute(use.authenticate_client, use.revoke_token)),
        resource(PAR, POST=PushedRoute(use.push_request)),
        resource(USERINFO, GET=user_info, POST=user_info),
        resource(REGISTER, POST=use.registrations.register),
        resource(
            f"{REGISTER}/{{client_id}}",
            GET=use.registrations.show,
            PUT=use.registrations.replace,
            DELETE=use.registrations.delete,
        ),
        resource(f"{PATH}/me", GET=user(own.show), PATCH=user(own.patch)),
        resource(f"{PATH}/me/password", PUT=user(own.put_password)),
        resource(PATH, GET=admin(all_.list), POST=admin(all_.create)),
        resource(f"{PATH}/{{id:uuid}}", GET=admin(all_.show), PATCH=admin(all_.patch), DELETE=admin(all_.delete)),
        resource(CLIENTS, GET=admin(clients.list), POST=admin(clients.create)),
        resource(
            f"{CLIENTS}/{{client_id}}",
            GET=admin(clients.show),
            PATCH=admin(clients.patch),
            DELETE=admin(clients.delete),
        ),
        resource(f"{CLIENTS}/{{client_id}}/rotate-secret", POST=admin(clients.rotate)),
        resource(JWKS_PATH, GET=Jwks(use.publish_keys, use.cache_seconds)),
        *(resource(path, GET=metadata) for path in metadata_paths(use.describe_server.issuer, openid=openid)),
        resource("/healthz", GET=healthz),
        resource("/readyz", GET=Readyz(use.ready)),
        *docs_routes(contract),
    ]


def resource(path: str, **methods: Endpoint) -> Route:
    """One route for a path with all its methods, so that a 405 names every one of them in `Allow`."""
    return Route(path, Resource(methods), methods=list(methods))


@frozen
class Resource:
    """Answers by method (ASGI), refusals included."""

    methods: Mapping[str, Endpoint]
    refuse: Callable[[Request, Refused], Awaitable[Response]] = refused

    def find(self, method: str) -> Endpoint | None:
        return self.methods.get("GET" if method == "HEAD" else method)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.find(scope["method"])
        assert endpoint is not None, "the route has let nothing else through"  # noqa: S101 - says who has checked
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except REFUSED as refusal:
            response = await self.refuse(request, refusal)
        await response(scope, receive, send)


class Shortcut:
    """Paths without parameters are found by one look-up (ASGI); `app` answers all that is not offered there."""

    def __init__(self, app: ASGIApp, routes: Iterable[Route]) -> None:
        self._app = app
        fixed = (route for route in routes if not route.param_convertors)
        self._resources = {route.path: route.endpoint for route in fixed if isinstance(route.endpoint, Resource)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        resource = self._resources.get(scope["path"]) if scope["type"] == "http" else None
        if resource is not None and resource.find(scope["method"]) is not None:
            await resource(scope, receive, send)
        else:
            await self._app(scope, receive, send)
