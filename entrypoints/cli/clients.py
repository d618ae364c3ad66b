"""watchword clients …: the verbs of software that asks for tokens."""

from __future__ import annotations

import re
from datetime import timedelta

import click
from attrs import frozen

from core.clients.application import Application
from core.clients.model import AuthMethod, Client
from core.clients.register import (
    CreateClient,
    DeleteClient,
    FindClient,
    ListClients,
    NewSecret,
    RotateSecret,
    UpdateClient,
)
from core.protocol.secret import Secret
from core.protocol.unset import UNSET
from core.users.accounts import LARGEST_PAGE
from entrypoints.cli.applications import Server, print_next_steps
from entrypoints.cli.output import json_option, minute, print_fields, print_json, print_table, yes
from entrypoints.cli.registration import Registration, registration_options
from entrypoints.cli.runner import Run
from entrypoints.views import client_view

UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@frozen
class Clients:
    """The use cases that these commands call, and the server that the clients will ask."""

    create: CreateClient
    find: FindClient
    list: ListClients
    update: UpdateClient
    rotate_secret: RotateSecret
    delete: DeleteClient
    server: Server


class Duration(click.ParamType[timedelta, str]):
    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        given = re.fullmatch(r"([0-9]{1,9})([smhd]?)", value)
        if given is None:
            self.fail("expected a length of time such as 1h, 30m or 7d, or a number of seconds", param, ctx)
        return timedelta(**{UNITS[given[2]]: int(given[1])})


def clients_commands(do: Run[Clients]) -> click.Group:
    @click.group("clients", help="Register and change software that asks for tokens.")
    def clients() -> None:
        pass

    @clients.command(help="Register a client. NAME is its id, and the `sub` of the tokens that it gets for itself.")
    @click.argument("client_id", metavar="NAME")
    @registration_options
    @click.option(
        "--auth-method",
        type=click.Choice([str(method) for method in AuthMethod]),
        help="How it proves who it is.  [default: client_secret_basic; private_key_jwt with --jwks or --jwks-uri]",
    )
    @click.option("--public", is_flag=True, help="It can keep no secret: --auth-method none.")
    @json_option
    def create(
        client_id: str, registration: Registration, auth_method: str | None, public: bool, as_json: bool
    ) -> None:
        method = _method(auth_method, public, registration)

        async def work(on: Clients) -> tuple[NewSecret, Server]:
            application = Application.stored(registration.application)
            made = await on.create(
                client_id=client_id, auth_method=method, application=application, **registration.client
            )
            return made, on.server

        made, server = do(work)
        _print_secret(made, as_json, f"Created {client_id}.")
        if not as_json and made.secret is not None and "client_credentials" in made.client.grant_types:
            click.echo(f"Get a token, with the secret in $SECRET:\n\n  {_curl(made.client, server.token_endpoint)}\n")
        if not as_json and "authorization_code" in made.client.grant_types:
            print_next_steps(made.client, server)

    @clients.command("list", help="List all clients.")
    @json_option
    def list_(as_json: bool) -> None:
        found = do(_all_clients)
        if as_json:
            print_json({"clients": [client_view(client) for client in found]})
        else:
            print_table(
                ("CLIENT", "NAME", "AUTHENTICATION", "GRANTS", "SCOPES", "ACTIVE", "REDIRECT URIS"),
                map(_row, found),
            )

    @clients.command(help="Show one client.")
    @click.argument("client_id", metavar="ID")
    @json_option
    def show(client_id: str, as_json: bool) -> None:
        _print_client(do(lambda on: on.find(client_id)), as_json)

    @clients.command(help="Change a client. An option that is left out changes nothing, an empty text takes all away.")
    @click.argument("client_id", metavar="ID")
    @registration_options
    @click.option(
        "--activate/--deactivate",
        "active",
        default=None,
        help="Let it authenticate, or keep it from that, which ends its tokens.",
    )
    @json_option
    def update(client_id: str, registration: Registration, active: bool | None, as_json: bool) -> None:
        application = registration.application or UNSET
        is_active = UNSET if active is None else active
        if not registration.client and application is UNSET and active is None:
            raise click.UsageError("Say what to change.")
        client = do(
            lambda on: on.update(client_id, is_active=is_active, application=application, **registration.client)
        )
        ended = " It is inactive: its tokens have ended." if active is False else ""
        _print_client(client, as_json, f"Changed {client.client_id}.{ended}")

    @clients.command("rotate-secret", help="Give a client a new secret, which is shown once.")
    @click.argument("client_id", metavar="ID")
    @click.option(
        "--overlap",
        type=Duration(),
        default="0",
        help="How much longer the present secret counts: 1h, 30m, 7d, or seconds; at most 30d.  [default: not at all]",
    )
    @json_option
    def rotate_secret(client_id: str, overlap: timedelta, as_json: bool) -> None:
        made = do(lambda on: on.rotate_secret(client_id, overlap=overlap))
        until = made.client.secret.previous_until if made.client.secret is not None else None
        before = f"the one before counts until {minute(until)}" if until is not None else "the one before has ended"
        _print_secret(made, as_json, f"{client_id} has a new secret; {before}.")

    @clients.command(help="Delete a client. Its tokens end, and its id is never given out again.")
    @click.argument("client_id", metavar="ID")
    @click.option("--yes", "agreed", is_flag=True, help="Do not ask.")
    @json_option
    def delete(client_id: str, agreed: bool, as_json: bool) -> None:
        if not agreed:
            click.confirm(f"Delete {client_id} for ever? The id can never be used again.", abort=True, err=True)
        client = do(lambda on: _delete(on, client_id))
        _print_client(client, as_json, f"Deleted {client.client_id}.")

    return clients


def _method(named: str | None, public: bool, registration: Registration) -> AuthMethod:
    if public and named not in {None, str(AuthMethod.NONE)}:
        raise click.UsageError(f"--public and --auth-method {named} contradict each other.")
    if public:
        return AuthMethod.NONE
    if named is not None:
        return AuthMethod(named)
    return AuthMethod.PRIVATE_KEY_JWT if registration.has_keys else AuthMethod.SECRET_BASIC


async def _all_clients(on: Clients) -> list[Client]:
    page = await on.list(limit=LARGEST_PAGE)
    found = list(page.clients)
    while page.next is not None:
        page = await on.list(after=page.next, limit=LARGEST_PAGE)
        found += page.clients
    return found


def _row(client: Client) -> tuple[str, ...]:
    return (
        client.client_id,
        client.name,
        client.auth_method,
        " ".join(client.grant_types),
        " ".join(client.scopes),
        yes(client.is_active),
        " ".join(client.application.redirect_uris),
    )


async def _delete(on: Clients, client_id: str) -> Client:
    client = await on.find(client_id)
    await on.delete(client_id)
    return client


def _curl(client: Client, endpoint: str) -> str:
    """What asks for a token, without the secret: neither the screen nor the shell's history needs it again."""
    by_header = client.auth_method is AuthMethod.SECRET_BASIC
    who = (
        f'-u "{client.client_id}:$SECRET"'
        if by_header
        else f'-d client_id={client.client_id} -d "client_secret=$SECRET"'
    )
    what = f" --data-urlencode 'resource={client.resources[0]}'" if client.resources else ""
    return f"curl {who} -d grant_type=client_credentials{what} {endpoint}"


def _print_secret(made: NewSecret, as_json: bool, sentence: str) -> None:
    """The one place that shows a secret."""
    if as_json:
        print_json(client_view(made.client) | _shown(made.secret))
        return
    click.echo(sentence)
    if made.secret is not None:
        click.echo()
        print_fields({"client_id": made.client.client_id, **_shown(made.secret)})
        click.echo("\nThe secret is shown only this once; Watchword keeps no copy. Store it now.\n")


def _shown(secret: Secret | None) -> dict[str, object]:
    return {} if secret is None else {"client_secret": secret.reveal()}


def _print_client(client: Client, as_json: bool, sentence: str | None = None) -> None:
    if as_json:
        print_json(client_view(client))
    elif sentence is not None:
        click.echo(sentence)
    else:
        print_fields(client_view(client))
