"""watchword users …: the verbs of an account."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click
from attrs import frozen

from core.authorization.connections import ListConnections
from core.authorization.model import Connection, resource_and_scope
from core.authorization.sessions import EndSessions
from core.protocol.unset import UNSET
from core.users.accounts import LARGEST_PAGE, CreateUser, DeleteUser, FindUser, ListUsers, UpdateUser
from core.users.model import User
from core.users.password import Password
from entrypoints.cli.output import json_option, minute, print_fields, print_json, print_table, yes
from entrypoints.cli.profiles import ProfileSaid, profile_options
from entrypoints.cli.runner import Run
from entrypoints.views import user_view


@frozen
class Accounts:
    """The use cases that these commands call."""

    create: CreateUser
    find: FindUser
    list: ListUsers
    update: UpdateUser
    delete: DeleteUser
    end_sessions: EndSessions
    connections: ListConnections


def users_commands(do: Run[Accounts]) -> click.Group:
    @click.group("users", help="Create, show and change users.")
    def users() -> None:
        pass

    @users.command(help="Create a user. Asks for the password.")
    @click.argument("username")
    @click.option("--email", required=True)
    @click.option("--role", "roles", multiple=True, help="Give this role; may be repeated.")
    @profile_options
    @_password_options
    @json_option
    def create(
        username: str,
        email: str,
        roles: tuple[str, ...],
        profile: ProfileSaid,
        email_verified: bool | None,
        password: Password,
        as_json: bool,
    ) -> None:
        user = do(
            lambda on: on.create(
                username=username,
                email=email,
                password=password,
                roles=roles,
                email_verified=bool(email_verified),
                profile=profile.after({}),
            )
        )
        _print_user(user, as_json, f"Created {user.username}.")

    @users.command("list", help="List all users.")
    @json_option
    def list_(as_json: bool) -> None:
        found = do(_all_users)
        if as_json:
            print_json({"users": [user_view(user) for user in found]})
        else:
            print_table(
                ("USERNAME", "E-MAIL", "ROLES", "ACTIVE", "CREATED"),
                ((u.username, u.email, " ".join(u.roles), yes(u.is_active), f"{u.created_at:%Y-%m-%d}") for u in found),
            )

    @users.command(help="Show one user.")
    @click.argument("username")
    @json_option
    def show(username: str, as_json: bool) -> None:
        _print_user(do(lambda on: on.find(username)), as_json)

    @users.command(
        help="Change what is told of a user. An option that is left out changes nothing, an empty text takes it away."
    )
    @click.argument("username")
    @click.option("--email")
    @profile_options
    @json_option
    def update(
        username: str, email: str | None, profile: ProfileSaid, email_verified: bool | None, as_json: bool
    ) -> None:
        if email is None and email_verified is None and not profile:
            raise click.UsageError("Say what to change.")

        async def work(on: Accounts) -> User:
            user = await on.find(username)
            return await on.update(
                user.id,
                email=UNSET if email is None else email,
                email_verified=UNSET if email_verified is None else email_verified,
                profile=profile.after(user.profile) if profile else UNSET,
            )

        _print_user(do(work), as_json, f"Changed {username}.")

    @users.command("set-roles", help="Give a user exactly these roles; none takes all away.")
    @click.argument("username")
    @click.argument("roles", nargs=-1)
    @json_option
    def set_roles(username: str, roles: tuple[str, ...], as_json: bool) -> None:
        user = do(lambda on: _update(on, username, roles=roles))
        _print_user(user, as_json, f"{user.username} has the roles: {' '.join(user.roles) or 'none'}.")

    @users.command("set-password", help="Set a new password. Ends the user's access tokens.")
    @click.argument("username")
    @_password_options
    @json_option
    def set_password(username: str, password: Password, as_json: bool) -> None:
        user = do(lambda on: _update(on, username, password=password))
        _print_user(user, as_json, f"{user.username} has a new password; earlier access tokens no longer count.")

    @users.command(help="Let a user log in again.")
    @click.argument("username")
    @json_option
    def activate(username: str, as_json: bool) -> None:
        user = do(lambda on: _update(on, username, is_active=True))
        _print_user(user, as_json, f"{user.username} is active.")

    @users.command(help="Keep a user from logging in. Ends the user's access tokens.")
    @click.argument("username")
    @json_option
    def deactivate(username: str, as_json: bool) -> None:
        user = do(lambda on: _update(on, username, is_active=False))
        _print_user(user, as_json, f"{user.username} is inactive; earlier access tokens no longer count.")

    @users.command("sign-out", help="Sign a user out everywhere. Applications keep what they may do in their absence.")
    @click.argument("username")
    @json_option
    def sign_out(username: str, as_json: bool) -> None:
        ended = do(lambda on: _sign_out(on, username))
        if as_json:
            print_json({"username": username, "sessions_ended": ended})
        else:
            click.echo(f"Signed {username} out: {ended} {'session has' if ended == 1 else 'sessions have'} ended.")

    @users.command(help="List the applications that a user has allowed something.")
    @click.argument("username")
    @json_option
    def apps(username: str, as_json: bool) -> None:
        found = do(lambda on: _apps(on, username))
        if as_json:
            print_json({"apps": [_app_view(app) for app in found]})
        else:
            print_table(
                ("CLIENT", "NAME", "ALLOWED", "SINCE", "LAST USED"),
                (
                    (app.client_id, app.client_name, " ".join(_scopes(app)), minute(app.since), minute(app.used_at))
                    for app in found
                ),
            )

    @users.command(help="Delete a user. The username is never given out again.")
    @click.argument("username")
    @click.option("--yes", "agreed", is_flag=True, help="Do not ask.")
    @json_option
    def delete(username: str, agreed: bool, as_json: bool) -> None:
        if not agreed:
            click.confirm(f"Delete {username} for ever? The name can never be used again.", abort=True, err=True)
        user = do(lambda on: _delete(on, username))
        _print_user(user, as_json, f"Deleted {user.username}.")

    return users


def _password_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `password`, which is asked for twice, or read from standard input."""

    def read(context: click.Context, _parameter: click.Parameter, from_stdin: bool) -> None:
        if from_stdin:
            text = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
        elif sys.stdin.isatty():
            text = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        else:
            raise click.UsageError("There is no terminal to ask for the password; use --password-stdin.")
        context.params["password"] = Password.typed(text)

    return click.option(
        "--password-stdin",
        is_flag=True,
        callback=read,
        expose_value=False,
        help="Read the password from the first line of standard input.",
    )(command)


async def _all_users(on: Accounts) -> list[User]:
    page = await on.list(limit=LARGEST_PAGE)
    found = list(page.users)
    while page.next is not None:
        page = await on.list(after=page.next, limit=LARGEST_PAGE)
        found += page.users
    return found


async def _update(on: Accounts, username: str, **changes: Any) -> User:
    return await on.update((await on.find(username)).id, **changes)


async def _delete(on: Accounts, username: str) -> User:
    user = await on.find(username)
    await on.delete(user.id)
    return user


async def _sign_out(on: Accounts, username: str) -> int:
    return await on.end_sessions.all((await on.find(username)).username)


async def _apps(on: Accounts, username: str) -> tuple[Connection, ...]:
    return await on.connections((await on.find(username)).username)


def _scopes(app: Connection) -> tuple[str, ...]:
    """Each once, whichever the API."""
    return tuple(dict.fromkeys(scope for text in app.granted if (scope := resource_and_scope(text)[1])))


def _app_view(app: Connection) -> dict[str, object]:
    return {
        "client_id": app.client_id,
        "client_name": app.client_name,
        "scopes": list(_scopes(app)),
        "since": app.since.isoformat(),
        "used_at": app.used_at.isoformat(),
    }


def _print_user(user: User, as_json: bool, sentence: str | None = None) -> None:
    if as_json:
        print_json(user_view(user))
    elif sentence is not None:
        click.echo(sentence)
    else:
        print_fields(user_view(user))
