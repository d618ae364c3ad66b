"""The table of routes. A test compares it with openapi.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from attrs import frozen
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.grants.token_endpoint import TokenEndpoint
from core.keys.publish import PublishKeys
from core.tokens.verify import CurrentUser
from entrypoints.http.docs import docs_routes
from entrypoints.http.protect import Endpoint, Protect
from entrypoints.http.token import TokenRoute
from entrypoints.http.users import PATH, AdminAccounts, OwnAccount
from entrypoints.http.wellknown import Jwks, Readyz, healthz

ADMIN = "admin"


@frozen
class UseCases:
    """Everything that the routes ask of the core."""

    token_endpoint: TokenEndpoint
    current_user: CurrentUser
    own_account: OwnAccount
    admin_accounts: AdminAccounts
    publish_keys: PublishKeys
    ready: Callable[[], Awaitable[None]]


def build_routes(use: UseCases, *, contract: bytes) -> list[Route]:
    protect = Protect(use.current_user)
    user, admin = protect.require_user, protect.require_role(ADMIN)
    own, all_ = use.own_account, use.admin_accounts
    return [
        resource("/api/v1/auth/token", POST=TokenRoute(use.token_endpoint)),
        resource(f"{PATH}/me", GET=user(own.show), PATCH=user(own.patch)),
        resource(f"{PATH}/me/password", PUT=user(own.put_password)),
        resource(PATH, GET=admin(all_.list), POST=admin(all_.create)),
        resource(f"{PATH}/{{id:uuid}}", GET=admin(all_.show), PATCH=admin(all_.patch), DELETE=admin(all_.delete)),
        resource("/.well-known/jwks.json", GET=Jwks(use.publish_keys)),
        resource("/healthz", GET=healthz),
        resource("/readyz", GET=Readyz(use.ready)),
        *docs_routes(contract),
    ]


def resource(path: str, **methods: Endpoint) -> Route:
    """One route for a path with all its methods, so that a 405 names every one of them in `Allow`."""
    return Route(path, Resource(methods), methods=list(methods))


@frozen
class Resource:
    """Answers by method (ASGI)."""

    methods: Mapping[str, Endpoint]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        response = await self.methods[method](Request(scope, receive, send))
        await response(scope, receive, send)
