"""The command `watchword`. A boot module: it sees the container."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NoReturn, TypeVar

import attrs
import click

from container import (
    DEV_MIGRATIONS,
    DEV_PASSWORD,
    DEV_USER,
    MIGRATIONS,
    TOKEN_PATH,
    Container,
    EmbeddedPostgres,
    EmbeddedPostgresError,
    MigrationError,
    SchemaBehind,
    SchemaStatus,
    SealError,
    Settings,
    SettingsError,
    apply_migrations,
    as_environment,
    is_for_development,
    load,
    schema_status,
    variables,
)
from core.protocol.refusals import Refusal, Unavailable, UserNotFound
from core.protocol.secret import Secret
from entrypoints.cli.applications import Server
from entrypoints.cli.clients import Clients, clients_commands
from entrypoints.cli.configuration import config_commands
from entrypoints.cli.demo import Demo, demo_commands
from entrypoints.cli.explain import token_commands
from entrypoints.cli.keys import Keys, keys_commands
from entrypoints.cli.leaving import on_sigterm_leave_in_order
from entrypoints.cli.output import json_option, print_json
from entrypoints.cli.prune import Housekeeping, prune_command
from entrypoints.cli.resources import Resources, resources_commands
from entrypoints.cli.runner import Run
from entrypoints.cli.tokens import Endings, tokens_commands
from entrypoints.cli.users import Accounts, users_commands
from entrypoints.logs import set_up

T = TypeVar("T")
U = TypeVar("U")

DEFAULT_ISSUER = "http://127.0.0.1:8000"  # where nobody says otherwise


@click.group(help="Watchword: users, passwords, roles and tokens for your API.")
@click.version_option(package_name="watchword", prog_name="watchword")
def cli() -> None:
    pass


@cli.command(help="Run the server.")
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.  [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 64), help="The number of processes.  [default: 1]")
@json_option
def serve(host: str | None, port: int | None, workers: int | None, as_json: bool) -> None:
    from entrypoints.http import server

    flags = {"WATCHWORD_HOST": host, "WATCHWORD_PORT": port, "WATCHWORD_WORKERS": workers}
    given = {name: str(value) for name, value in flags.items() if value is not None}
    settings = _settings(given)
    set_up(settings.log_level)
    try:
        listener = server.listen(settings.host, settings.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror  # or of the resolver
        _fail(f"cannot listen on {settings.host} port {settings.port}: {reason}")
    with listener, suppress(KeyboardInterrupt):
        # Port 0 means any: the addresses in tokens and messages name the one that it became.
        settings = _settings(given | {"WATCHWORD_PORT": str(listener.getsockname()[1])})
        on_sigterm_leave_in_order()
        with _database(settings, "serve") as reached:
            dev_user = _prepare(reached, embedded=settings.embedded)
            _greet(settings, dev_user, as_json)
            if reached.workers == 1:
                from entrypoints.http.app import build

                server.serve(build(Container(settings=reached)), listener)
            else:
                os.environ.update(as_environment(reached))
                server.serve_by_workers(reached.workers, listener)


@cli.command(help="Bring the database's schema up to date.")
@click.option("--dev", is_flag=True, help="Add the development user testuser.")
@click.option("--status", "only_status", is_flag=True, help="Change nothing; say what is applied and what is not.")
@json_option
def migrate(dev: bool, only_status: bool, as_json: bool) -> None:
    settings = _settings()
    folders = (MIGRATIONS, DEV_MIGRATIONS) if dev else (MIGRATIONS,)
    with _database(settings, "command") as reached:
        if only_status:
            _print_status(schema_status(_dsn(reached), *folders, optional=[DEV_MIGRATIONS]), as_json)
            return
        done = apply_migrations(_dsn(reached), *folders)
    if as_json:
        print_json({"applied": list(done)})
    else:
        click.echo(f"Applied {', '.join(done)}." if done else "Nothing to do: the schema is up to date.")


def _runner(assemble: Callable[[Container], U]) -> Run[U]:
    """How a group of commands works on the use cases that `assemble` takes from the container, on the configured store,
    whether or not a server runs on it.
    """

    async def with_store(settings: Settings, work: Callable[[U], Awaitable[T]]) -> T:
        container = Container(settings=settings)
        await container.store().open()
        try:
            await container.store().ready()
            return await work(assemble(container))
        finally:
            await container.store().close()
            container.hasher().close()

    def run(work: Callable[[U], Awaitable[T]]) -> T:
        settings = _settings_beside_a_server()
        with _database(settings, "command") as reached:
            if settings.embedded:
                apply_migrations(_dsn(reached), MIGRATIONS)
            try:
                return asyncio.run(with_store(reached, work))
            except Refusal as refusal:
                raise click.ClickException(refusal.description) from None

    return run


def _accounts(container: Container) -> Accounts:
    return Accounts(
        create=container.create_user(),
        find=container.find_user(),
        list=container.list_users(),
        update=container.update_user(),
        delete=container.delete_user(),
        end_sessions=container.end_sessions(),
        connections=container.list_connections(),
    )


def _clients(container: Container) -> Clients:
    return Clients(
        create=container.create_client(),
        find=container.find_client(),
        list=container.list_clients(),
        update=container.update_client(),
        rotate_secret=container.rotate_secret(),
        delete=container.delete_client(),
        server=Server(
            issuer=container.settings().issuer,
            token_endpoint=container.settings().issuer.removesuffix("/") + TOKEN_PATH,
            openid=container.settings().publishes_keys,
        ),
    )


def _resources(container: Container) -> Resources:
    return Resources(
        create=container.create_resource(),
        list=container.list_resources(),
        update=container.update_resource(),
        delete=container.delete_resource(),
    )


def _keys(container: Container) -> Keys:
    return Keys(
        list=container.list_keys(),
        rotate=container.rotate_keys(),
        retire=container.retire_key(),
        reseal=container.reseal_keys(),
        check=container.tokens().prepare,
        fixed=container.settings().signing == "shared_secret",
    )


def _endings(container: Container) -> Endings:
    return Endings(
        of_user=container.end_users_tokens(),
        of_client=container.end_clients_tokens(),
        of_all=container.end_all_tokens(),
        clock=container.clock(),
    )


def _demo(container: Container) -> Demo:
    development_user = (DEV_USER, DEV_PASSWORD) if is_for_development(container.settings()) else None
    return Demo(
        find=container.find_client(),
        create=container.create_client(),
        update=container.update_client(),
        rotate_secret=container.rotate_secret(),
        find_user=container.find_user(),
        keys=container.assertions(),
        development_user=development_user,
    )


def _issuer(named: str | None) -> str:
    return _settings_beside_a_server({"WATCHWORD_ISSUER": named} if named is not None else None).issuer


cli.add_command(users_commands(_runner(_accounts)))
cli.add_command(clients_commands(_runner(_clients)))
cli.add_command(resources_commands(_runner(_resources)))
cli.add_command(keys_commands(_runner(_keys)))
cli.add_command(token_commands(_runner(lambda container: container.explain_token())))
cli.add_command(tokens_commands(_runner(_endings)))
cli.add_command(config_commands(lambda: _settings(), variables))
cli.add_command(demo_commands(_runner(_demo), _issuer))
cli.add_command(prune_command(_runner(lambda container: Housekeeping(container.prune(), container.expired_rows()))))


def _settings(flags: Mapping[str, str] | None = None) -> Settings:
    """The settings, with flags before the environment. Ends the command with all that is wrong with them."""
    try:
        return load({**os.environ, **(flags or {})})
    except SettingsError as error:
        click.echo("Some settings are not as they should be:", err=True)
        for line in str(error).splitlines():
            click.echo(f"  {line}", err=True)
        sys.exit(2)


def _settings_beside_a_server(flags: Mapping[str, str] | None = None) -> Settings:
    """The settings of a command that works on what a server keeps."""
    settings = _settings(flags)
    if settings.storage == "memory":
        raise click.ClickException("WATCHWORD_STORAGE=memory lives within the server: nothing outside reaches it")
    return settings


@contextmanager
def _database(settings: Settings, role: Literal["serve", "command"]) -> Iterator[Settings]:
    """The settings with the address of a database that is there: the embedded one is started, or shared."""
    if not settings.embedded:
        yield settings
        return
    with EmbeddedPostgres(
        settings.data_dir, role=role, account=settings.postgres_account, binaries=settings.postgres_binaries
    ) as dsn:
        yield attrs.evolve(settings, database_url=dsn)


def _dsn(settings: Settings) -> Secret:
    if settings.database_url is None:
        raise click.ClickException("WATCHWORD_STORAGE=memory has no schema")
    return settings.database_url


def _prepare(settings: Settings, *, embedded: bool) -> bool:
    """Whatever can be wrong at a start is found here, in one process and with a clear message.

    True when the development user may log in. The user comes with the embedded database, if only this machine
    can reach the server.
    """
    if embedded:
        folders = [MIGRATIONS, DEV_MIGRATIONS] if is_for_development(settings) else [MIGRATIONS]
        apply_migrations(_dsn(settings), *folders)

    if settings.storage == "memory":
        return is_for_development(settings)  # made anew at each start, by the application

    async def try_once() -> bool:
        container = Container(settings=settings)
        await container.store().open()
        try:
            await container.store().ready()
            await container.tokens().prepare()
            return (await container.find_user()(DEV_USER)).is_active
        except UserNotFound:
            return False
        finally:
            await container.store().close()

    try:
        return asyncio.run(try_once())
    except SchemaBehind:
        raise
    except Unavailable as refusal:
        cause = f" ({refusal.__cause__})" if refusal.__cause__ else ""
        click.echo(f"Warning: {refusal.description}{cause}. The server starts, and serves once it is there.", err=True)
        return False


def _greet(settings: Settings, dev_user: bool, as_json: bool) -> None:
    """Where the server is and where its data is; with a development user, the first thing to try."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{settings.port}"
    from importlib import metadata

    data = str(settings.data_dir) if settings.embedded else "DATABASE_URL"
    if settings.storage == "memory":
        data = "memory, gone when the server ends"
    if as_json:
        click.echo(json.dumps({"address": address, "issuer": settings.issuer, "data": data, "pid": os.getpid()}))
        return
    click.echo(f"Watchword {metadata.version('watchword')} is at {address}\n")
    click.echo(f"  Data    {data}{' (embedded PostgreSQL)' if settings.embedded else ''}")
    if Path(".env").is_file():
        click.echo(f"  .env    {Path('.env').absolute()}")
    click.echo(f"  Tokens  {settings.jwt_algorithm}, issuer {settings.issuer}")
    click.echo(f"  API     {address}/docs\n")
    if dev_user and is_for_development(settings):
        click.echo("Get a token for the development user:\n")
        click.echo(f"  curl -d username={DEV_USER} -d password={DEV_PASSWORD} {address}/api/v1/auth/token\n")
        if settings.storage != "memory":
            click.echo("See somebody sign in to an application, from another terminal:\n")
            named = "" if settings.issuer == DEFAULT_ISSUER else f" --issuer {settings.issuer}"
            click.echo(f"  watchword demo app{named}\n")
    elif dev_user:
        click.echo(
            f"Warning: others can reach this server (by {settings.host} or {settings.issuer}), and the development "
            f"user is there, with a password that everybody knows. Delete it:\n\n  watchword users delete {DEV_USER}\n",
            err=True,
        )
    else:
        click.echo("Create a user:\n\n  watchword users create alice --email alice@example.com --role admin\n")
    click.echo("Ctrl+C stops the server.")
    sys.stdout.flush()


def _print_status(status: SchemaStatus, as_json: bool) -> None:
    if as_json:
        print_json(attrs.asdict(status))
        return
    for name in status.applied:
        click.echo(f"applied  {name}")
    for name in status.pending:
        click.echo(f"pending  {name}")
    for name in status.unknown:
        click.echo(f"unknown  {name} (made by a newer version of Watchword)")


def _fail(message: str) -> NoReturn:
    click.echo(f"watchword: {message}", err=True)
    sys.exit(1)


def main() -> None:
    try:
        cli()
    except (EmbeddedPostgresError, MigrationError, SealError) as error:
        _fail(str(error))
    except Refusal as refusal:
        _fail(refusal.description)


if __name__ == "__main__":
    main()
