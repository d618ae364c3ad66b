"""What scopes mean, in words for the person who is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from core.authorization.model import AuthorizationRequest, Connection, Seen, resource_and_scope
from core.authorization.proceed import allowed_by, wanted
from core.clients.model import Client
from core.protocol.redirects import host_of
from core.protocol.scope import IDENTITY_SCOPES, OFFLINE_ACCESS


@frozen
class Told:
    title: str
    detail: str


@frozen
class Api:
    identifier: str
    scopes: tuple[str, ...]


WORDS = {
    "openid": Told("Who you are", "your username"),
    "profile": Told("Your profile", "name, picture, birthday, language and the like, as far as you filled them in"),
    "email": Told("Your e-mail address", "and whether it was verified"),
    "address": Told("Your postal address", "if you filled it in"),
    "phone": Told("Your phone number", "if you filled it in"),
}
PSEUDONYM = Told("That it is you", "by a name that this application alone knows you by")


def wait_in_words(seconds: int) -> str:
    """For whoever guessed too often."""
    if seconds < 2:
        return "Try again in a second."
    return f"Try again in {seconds} seconds." if seconds < 120 else f"Try again in {-(-seconds // 60)} minutes."


def told(scope: Iterable[str], *, pairwise: bool = False) -> list[Told]:
    names = [name for name in IDENTITY_SCOPES if name in set(scope) and name in WORDS]
    return [PSEUDONYM if pairwise and name == "openid" else WORDS[name] for name in names]


def apis(scope: Iterable[str], audience: Sequence[str], without: str | None = None) -> list[Api]:
    """`without` is left out where no scope is about it."""
    own = tuple(name for name in scope if name not in IDENTITY_SCOPES)
    return [Api(identifier, own) for identifier in audience if own or identifier != without]


@frozen
class Asking:
    """The application, as it is shown to the person."""

    name: str
    client_id: str
    vouched_for: bool
    host: str
    client_uri: str | None
    policy_uri: str | None
    tos_uri: str | None


def consent_context(request: AuthorizationRequest, client: Client, seen: Seen, issuer: str) -> dict[str, object]:
    application, scope = client.application, wanted(request)
    learns = told(scope, pairwise=application.subject_type == "pairwise")
    granted = set(seen.connection.granted) if seen.connection is not None else set()
    return {
        "client": Asking(
            client.name,
            client.client_id,
            client.vouched_for,
            host_of(request.to.redirect_uri),
            application.client_uri,
            application.policy_uri,
            application.tos_uri,
        ),
        "told": learns,
        "offline": OFFLINE_ACCESS in scope,
        # A token for ourselves opens what is told already, and more for applications of our own alone.
        "resources": apis(request.scope, request.audience, issuer if learns and not client.first_party else None),
        "before": set(allowed_by(request, client)) <= granted,
    }


@frozen
class App:
    """A connected application, on the account page."""

    client_id: str
    name: str
    told: tuple[str, ...]
    offline: bool
    resources: tuple[Api, ...]
    since: object
    used_at: object


def app_of(connection: Connection, issuer: str) -> App:
    """From permissions as `core.authorization.model.permissions` spells them."""
    scopes: dict[str, set[str]] = {}
    for permission in connection.granted:
        resource, scope = resource_and_scope(permission)
        scopes.setdefault(resource, set()).update({scope} if scope else ())
    everywhere = {scope for names in scopes.values() for scope in names}
    learns = tuple(one.title for one in told(everywhere))
    without = issuer if learns else None
    return App(
        connection.client_id,
        connection.client_name or connection.client_id,
        learns,
        OFFLINE_ACCESS in everywhere,
        tuple(api for resource, names in scopes.items() for api in apis(sorted(names), [resource], without)),
        connection.since,
        connection.used_at,
    )
