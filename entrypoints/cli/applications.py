"""What the commands say of an application that signs people in, and what its author has to know next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from attrs import frozen

from core.clients.application import SIGNING_ALGORITHMS, SUBJECT_TYPES, Application
from core.clients.model import Client
from core.protocol.redirects import custom_scheme, is_redirect_uri
from core.protocol.scope import OPENID
from core.protocol.unset import UNSET, Unset
from entrypoints.cli.output import print_fields

Command = Callable[..., None]
Decorator = Callable[[Command], Command]

ALGORITHMS = f"[{'|'.join(SIGNING_ALGORITHMS)}]"

# An option and the member that it sets, what stands for its value, and what it means.
LISTS = (
    ("--redirect-uri", "redirect_uris", "URI", "Where people come back to after signing in"),
    ("--post-logout-redirect-uri", "post_logout_redirect_uris", "URI", "Where they come back to after signing out"),
)
TEXTS = (
    ("--client-uri", "client_uri", "URL", "Its website, which people see when they are asked for consent."),
    ("--policy-uri", "policy_uri", "URL", "Its privacy policy; likewise."),
    ("--tos-uri", "tos_uri", "URL", "Its terms of service; likewise."),
    ("--subject-type", "subject_type", f"[{'|'.join(SUBJECT_TYPES)}]", "pairwise: no other sector knows its `sub`s."),
    ("--sector-identifier-uri", "sector_identifier_uri", "URL", "The sector, for redirect URIs of several hosts."),
    ("--id-token-alg", "id_token_signed_response_alg", ALGORITHMS, "What signs its ID tokens; otherwise RS256."),
    ("--userinfo-alg", "userinfo_signed_response_alg", ALGORITHMS, "Sign what userinfo tells; otherwise plain JSON."),
    ("--jwks-uri", "jwks_uri", "URL", "Where its public keys are, for private_key_jwt, in place of --jwks."),
)
SWITCHES = (
    ("--require-pkce/--no-require-pkce", "require_pkce", "PKCE, whatever the server's rule; never off with --public."),
    (
        "--require-par/--no-require-par",
        "require_pushed_authorization_requests",
        "Whether each authorization request has to be pushed first (RFC 9126).",
    ),
)
KINDS = "application_type"
MEMBERS = frozenset({KINDS, *(member for _, member, *_ in (*LISTS, *TEXTS, *SWITCHES))})


def application_options() -> Iterator[Decorator]:
    """One option for each of `MEMBERS`, whose value is `UNSET` where it is not given."""
    for option, member, metavar, help_ in LISTS:
        yield words(option, member, metavar, help_)
    for option, member, metavar, help_ in TEXTS:
        yield click.option(option, member, metavar=metavar, callback=_text, help=help_)
    yield click.option(
        "--native/--web",
        KINDS,
        default=None,
        callback=lambda _context, _parameter, native: UNSET if native is None else "native" if native else "web",
        help="Native: on people's own machines, where a scheme of its own may lead, which implies it.",
    )
    for option, member, help_ in SWITCHES:
        yield click.option(option, member, default=None, callback=given, help=help_)


def application_said(parameters: Mapping[str, Any]) -> dict[str, object]:
    """The members of `Application` that were given. None is for one that is taken away."""
    said = {name: value for name, value in parameters.items() if name in MEMBERS and not isinstance(value, Unset)}
    uris: list[str] = [uri for _, member, *_ in LISTS for uri in said.get(member, ())]
    if KINDS not in said and any(is_redirect_uri(uri) and custom_scheme(uri) for uri in uris):
        said[KINDS] = "native"
    return said


def words(option: str, name: str, metavar: str, help_: str) -> Decorator:
    """An option that may be repeated. `UNSET` when it is not given; an empty text is none of them."""

    def split(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...] | Unset:
        return tuple(word for text in texts for word in text.split()) if texts else UNSET

    return click.option(option, name, metavar=metavar, multiple=True, callback=split, help=f"{help_}; may be repeated.")


def given(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    return UNSET if value is None else value


def _text(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | Unset | None:
    return UNSET if text is None else text or None


@frozen
class Server:
    """What the author of an application has to know of this server. `openid` is off with a shared secret."""

    issuer: str
    token_endpoint: str
    openid: bool


def print_next_steps(client: Client, server: Server) -> None:
    """What goes into the settings of an application's library."""
    base = server.issuer.removesuffix("/")
    well_known = "openid-configuration" if server.openid else "oauth-authorization-server"
    application: Application = client.application
    click.echo("What the application has to know:\n")
    print_fields(
        {
            "issuer": server.issuer,
            "discovery": f"{base}/.well-known/{well_known}",
            "authorization": f"{base}/authorize",
            "token": server.token_endpoint,
            "client_id": client.client_id,
            "redirect_uri": list(application.redirect_uris),
            "scope": [name for name in client.scopes if server.openid or name != OPENID],
        }
    )
    if not server.openid:
        click.echo("\nJWT_SECRET_KEY is set: there are no ID tokens, and the scope openid is refused.")
    click.echo("\nA library that knows discovery needs the issuer alone. To see it all work: watchword demo app\n")
