"""watchword tokens revoke: end all tokens of somebody, or of everybody."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
from attrs import frozen

from core.clients.register import EndClientsTokens
from core.ports import Clock
from core.tokens.revoke import EndAllTokens
from core.users.accounts import EndUsersTokens
from entrypoints.cli.output import json_option, print_json
from entrypoints.cli.runner import Run

# For the end of this second. A longer wait would mean that clocks disagree.
LONGEST_WAIT = timedelta(seconds=1)


@frozen
class Endings:
    """The use cases that these commands call, and the clock by which tokens count again."""

    of_user: EndUsersTokens
    of_client: EndClientsTokens
    of_all: EndAllTokens
    clock: Clock

    async def __call__(self, user: str | None, client: str | None) -> datetime | None:
        """End the tokens of one of them, or of everybody when there is neither.

        Returns at the instant from which tokens count again: those of the rest of this second end with the others, so
        whoever asks for one after the command keeps it.
        """
        if user is not None:
            valid_from = (await self.of_user(user)).tokens_valid_from
        elif client is not None:
            valid_from = (await self.of_client(client)).tokens_valid_from
        else:
            valid_from = await self.of_all()
        if valid_from is not None:
            await self.clock.sleep_until(min(valid_from, self.clock.now() + LONGEST_WAIT))
        return valid_from


def tokens_commands(do: Run[Endings]) -> click.Group:
    @click.group("tokens", help="End tokens.")
    def tokens() -> None:
        pass

    @tokens.command(help="End all access and refresh tokens of one user, of one client, or of everybody.")
    @click.option("--user", metavar="NAME", help="Those of this user.")
    @click.option("--client", metavar="ID", help="Those that this client was given, for itself or for users.")
    @click.option("--all", "everybody", is_flag=True, help="Every token there is.")
    @click.option("--yes", "agreed", is_flag=True, help="With --all: do not ask.")
    @json_option
    def revoke(user: str | None, client: str | None, everybody: bool, agreed: bool, as_json: bool) -> None:
        if [user is not None, client is not None, everybody].count(True) != 1:
            raise click.UsageError("Expected exactly one of --user, --client and --all.")
        if everybody and not agreed:
            click.confirm("End every token of everybody?", abort=True, err=True)

        valid_from = do(lambda on: on(user, client))
        named = {"user": user} if user is not None else {"client": client} if client is not None else {"all": True}
        if as_json:
            print_json({**named, "valid_from": valid_from.isoformat() if valid_from is not None else None})
        else:
            whose = "everybody" if everybody else " ".join(f"the {kind} {name}" for kind, name in named.items())
            click.echo(f"The tokens of {whose} have ended.")

    return tokens
