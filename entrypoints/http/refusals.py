"""The one place where a refusal of the core becomes an HTTP status, headers and a body."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from core.protocol.refusals import (
    Conflict,
    InsufficientRole,
    InsufficientScope,
    InvalidClient,
    InvalidFields,
    InvalidToken,
    NotFound,
    OAuthRefusal,
    PageRefusal,
    Refusal,
    TokenMissing,
    TooManyAttempts,
    Unavailable,
    WrongCredentials,
)
from entrypoints.http.problems import problem

# RFC 9110 §15.5.2: a 401 names a scheme. RFC 6750 §3: `Bearer` is followed by at least one parameter.
BEARER = 'Bearer realm="watchword"'
BASIC = 'Basic realm="watchword"'
RETRY_AFTER = "1"  # seconds

OAUTH_PATHS = "/api/v1/auth/"

# What the request log notes beside the status; the sender never learns it.
REASON = "watchword.reason"


def oauth_error(refusal: OAuthRefusal, authorization: str = "") -> Response:
    """RFC 6749 §5.2, but that a wrong password is a 401 here. A client that tried Basic is told of Basic."""
    headers = {"Cache-Control": "no-store"}
    status = 400
    if isinstance(refusal, WrongCredentials | InvalidClient):
        by_header = isinstance(refusal, InvalidClient) and authorization.lower().startswith("basic")
        headers["WWW-Authenticate"] = BASIC if by_header else BEARER
        status = 401
    return JSONResponse({"error": refusal.code, "error_description": refusal.description}, status, headers)


def answer(refusal: Refusal, authorization: str = "", *, oauth: bool = False) -> Response:
    """`authorization` is the header of that name, as it was sent; `oauth` says that the endpoint speaks RFC 6749."""
    match refusal:
        case OAuthRefusal():
            return oauth_error(refusal, authorization)
        case TooManyAttempts():  # RFC 6585 §4
            wait = {"Retry-After": str(refusal.wait), "Cache-Control": "no-store"}
            if oauth:  # no code of RFC 6749 §5.2 fits; this one is of §4.1.2.1
                body = {"error": "temporarily_unavailable", "error_description": refusal.description}
                return JSONResponse(body, 429, wait)
            return problem(429, refusal.description, headers=wait)
        case TokenMissing():  # RFC 6750 §3.1: no error code where no token was sent
            return problem(401, refusal.description, headers={"WWW-Authenticate": BEARER})
        case InvalidToken():
            challenge = f'Bearer error="invalid_token", error_description="{refusal.description}", realm="watchword"'
            return problem(401, refusal.description, headers={"WWW-Authenticate": challenge})
        case InsufficientScope():
            challenge = f'Bearer error="insufficient_scope", realm="watchword", scope="{refusal.scope}"'
            return problem(403, refusal.description, headers={"WWW-Authenticate": challenge})
        case InsufficientRole():
            # RFC 6750 §3.1 has no word for roles; this one is for privileges that a token does not give.
            challenge = 'Bearer error="insufficient_scope", realm="watchword"'
            return problem(403, refusal.description, headers={"WWW-Authenticate": challenge})
        case NotFound():
            return problem(404, refusal.description)
        case Conflict():
            return problem(409, refusal.description)
        case InvalidFields():
            return problem(422, "Some fields are not as they should be", errors=refusal.errors)
        case PageRefusal():
            return problem(400, refusal.description)
        case Unavailable():
            return problem(503, refusal.description, headers={"Retry-After": RETRY_AFTER})
    raise TypeError(f"no answer for {type(refusal).__name__}")


async def _on_refusal(request: Request, exception: Exception) -> Response:
    assert isinstance(exception, Refusal)  # noqa: S101 - registered for nothing else
    note_reason(request, exception)
    oauth = request.url.path.startswith(OAUTH_PATHS)
    return answer(exception, request.headers.get("authorization", ""), oauth=oauth)


def note_reason(request: Request, refusal: Refusal) -> None:
    """For the line of this request in the log."""
    request.scope[REASON] = reason(refusal)


def reason(refusal: Refusal) -> str:
    """What the operator should know of it: no secret, but more than the sender learns."""
    if isinstance(refusal, InvalidToken):
        return refusal.reason
    cause = refusal.__cause__
    return type(refusal).__name__ + (f" ({type(cause).__name__}: {cause})"[:300] if cause else "")


async def _on_http(_request: Request, exception: Exception) -> Response:
    """What Starlette itself refuses: no such path, no such method."""
    assert isinstance(exception, HTTPException)  # noqa: S101 - registered for nothing else
    detail = {404: "There is nothing here", 405: "This method is not offered here; see Allow"}
    return problem(
        exception.status_code, detail.get(exception.status_code, exception.detail), headers=exception.headers
    )


async def _on_disconnect(request: Request, _exception: Exception) -> Response:
    request.scope[REASON] = "the client went away"
    return Response(status_code=400)  # nobody reads it


def unexpected() -> Response:
    return problem(500, "Something went wrong here; the request id helps to find out what")


async def _on_unexpected(_request: Request, _exception: Exception) -> Response:
    """Starlette raises the exception again behind this answer, for the log."""
    return unexpected()


# What an endpoint raises to say no. Anything else is a fault.
REFUSED = (Refusal, HTTPException, ClientDisconnect)
Refused = Refusal | HTTPException | ClientDisconnect


async def refused(request: Request, exception: Refused) -> Response:
    match exception:
        case Refusal():
            return await _on_refusal(request, exception)
        case HTTPException():
            return await _on_http(request, exception)
    return await _on_disconnect(request, exception)


# For `Starlette(exception_handlers=...)`, also that of your own application.
refusal_handlers: Mapping[type[Exception], ExceptionHandler] = {
    Refusal: _on_refusal,
    HTTPException: _on_http,
    ClientDisconnect: _on_disconnect,
    Exception: _on_unexpected,
}
