"""watchword demo app: an application on another port, registered and ready, for whoever wants to see a sign-in."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import click
from attrs import frozen

from core.clients.application import Application
from core.clients.ports import AssertionVerifier
from core.clients.register import SIGN_IN_GRANTS, CreateClient, FindClient, NewSecret, RotateSecret, UpdateClient
from core.protocol.refusals import ClientIdTaken, ClientNotFound, UserNotFound
from core.protocol.secret import Secret
from core.users.accounts import FindUser
from entrypoints.cli.leaving import on_sigterm_leave_in_order
from entrypoints.cli.output import json_option
from entrypoints.cli.runner import Run

if TYPE_CHECKING:
    from entrypoints.demo.party import Provider, RelyingParty

HOST = "127.0.0.1"
PORT = 8100
SOFTWARE = "watchword-demo-app"  # by which the demo knows a client that is its own

# A server looks at a client again after a fifth of a second.
TRIES, PAUSE = 4, 0.3


@frozen
class Demo:
    """The use cases that register the demo app, what verifies by published keys, and who may sign in."""

    find: FindClient
    create: CreateClient
    update: UpdateClient
    rotate_secret: RotateSecret
    find_user: FindUser
    keys: AssertionVerifier
    development_user: tuple[str, str] | None  # a name and a password that everybody knows

    async def register(self, client_id: str, base: str) -> NewSecret:
        """The client, for an app at this address, with a new secret: a client id is never given out again."""
        from entrypoints.demo.party import CALLBACK, SCOPES, SIGNED_OUT

        application = Application(
            redirect_uris=(base + CALLBACK,),
            post_logout_redirect_uris=(base + SIGNED_OUT,),
            client_uri=base + "/",
            software_id=SOFTWARE,
            require_pkce=True,
        )
        try:
            client = await self.find(client_id)
        except ClientNotFound:
            return await self._create(client_id, application, SCOPES)
        if client.application.software_id != SOFTWARE:
            raise click.ClickException(
                f"{client_id} is a client already, and not one of this demo. Give another id by --client-id."
            )
        await self.update(
            client_id,
            grant_types=SIGN_IN_GRANTS,
            scopes=SCOPES,
            is_active=True,
            application=application.members(),
        )
        return await self.rotate_secret(client_id)

    async def _create(self, client_id: str, application: Application, scopes: tuple[str, ...]) -> NewSecret:
        try:
            return await self.create(client_id=client_id, name="Demo app", scopes=scopes, application=application)
        except ClientIdTaken:
            raise click.ClickException(
                f"{client_id} was in use before, and no id is given out again. Give another one by --client-id."
            ) from None

    async def hint(self) -> str:
        """As whom to sign in."""
        if self.development_user is not None:
            name, password = self.development_user
            with suppress(UserNotFound):
                if (await self.find_user(name)).is_active:
                    return f"Sign in as {name} with the password {password}."
        return "Sign in as any user of yours; `watchword users create` makes one."


class Issuer(Protocol):
    def __call__(self, named: str | None) -> str:
        """The issuer of the server beside this command: the one that is named, or that of the settings.

        Ends the command where the settings are wrong, or nothing outside the server reaches its store.
        """


def demo_commands(do: Run[Demo], issuer_of: Issuer) -> click.Group:
    @click.group("demo", help="See it work.")
    def demo() -> None:
        pass

    @demo.command(help="Run an application that signs people in through the server that runs beside it.")
    @click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="Where it listens.")
    @click.option("--client-id", default="demo-app", show_default=True, help="The client that it is registered as.")
    @click.option("--issuer", metavar="URL", help="The server.  [default: WATCHWORD_ISSUER, or its host and port]")
    @json_option
    def app(port: int, client_id: str, issuer: str | None, as_json: bool) -> None:
        from entrypoints.demo.asking import Problem

        on_sigterm_leave_in_order()
        issuer = issuer_of(issuer)
        try:
            with _listening(port) as listener, suppress(KeyboardInterrupt):
                _run(do, issuer, client_id, listener, as_json)
        except Problem as problem:
            raise click.ClickException(str(problem)) from None

    return demo


def _run(do: Run[Demo], issuer: str, client_id: str, listener: socket.socket, as_json: bool) -> None:
    """Until a signal ends it. Raises `Problem`, and nothing is registered then unless the server is another's."""
    from entrypoints.demo.app import build
    from entrypoints.demo.party import RelyingParty
    from entrypoints.http import server

    base = f"http://{HOST}:{listener.getsockname()[1]}"
    provider = asyncio.run(_discovered(issuer))

    async def work(on: Demo) -> tuple[RelyingParty, str]:
        made = await on.register(client_id, base)
        secret = made.secret or Secret("")  # never without: its method is client_secret_basic
        return RelyingParty(provider, client_id, secret, base, on.keys.verify), await on.hint()

    party, hint = do(work)
    asyncio.run(_check(party))
    if as_json:
        click.echo(json.dumps({"url": f"{base}/", "client_id": client_id}))
    else:
        click.echo(f"The demo app is at {base}/\n")
        click.echo(f"  Server  {issuer}")
        click.echo(f"  Client  {client_id}, which stays registered, and has a new secret at each start\n")
        click.echo(f"Open it in a browser. {hint}\n\nCtrl+C stops it.")
    sys.stdout.flush()
    server.serve(build(party, hint=hint), listener)


async def _discovered(issuer: str) -> Provider:
    from entrypoints.demo.asking import NoAnswer
    from entrypoints.demo.party import discover

    try:
        return await discover(issuer)
    except NoAnswer:
        raise click.ClickException(
            f"No server answers at {issuer}. Start one in another terminal, and this command again:\n\n"
            "  watchword serve\n\n"
            "If it is somewhere else, say where by --issuer."
        ) from None


async def _check(party: RelyingParty) -> None:
    """The server works on the store in which the client was just registered."""
    for _ in range(TRIES):
        if await party.is_known():
            return
        await asyncio.sleep(PAUSE)
    raise click.ClickException(
        f"The server at {party.provider.issuer} does not know the client {party.client_id}, which was registered just "
        "now: it works on another database. Run this command with the settings that the server has, such as "
        "DATABASE_URL or WATCHWORD_DATA_DIR."
    )


def _listening(port: int) -> socket.socket:
    from entrypoints.http import server

    try:
        return server.listen(HOST, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror
        raise click.ClickException(f"Cannot listen on {HOST} port {port}: {reason}. Take another by --port.") from None
