"""watchword token explain: would this token be accepted, and if not, why not?"""

from __future__ import annotations

import getpass
import re
import sys

import click

from core.access.model import ROLE, ROLE_RULE
from core.protocol.secret import Secret
from core.tokens.explain import ExplainToken
from entrypoints.cli.output import json_option, print_fields, print_json, printable
from entrypoints.cli.runner import Run

# A line that is longer holds no token of ours, whatever else it is.
LONGEST_LINE = 64 * 1024  # bytes


def token_commands(do: Run[ExplainToken]) -> click.Group:
    @click.group("token", help="Look into a token.")
    def token() -> None:
        pass

    @token.command(
        help="Say whether a token is accepted, and if not, which check fails. Reads it from the first line of standard "
        "input and never prints it. The exit status is 0 when it is accepted, 1 when it is refused."
    )
    @click.option("--audience", help="Ask as an API with this audience.  [default: Watchword's own]")
    @click.option("--role", callback=_possible_role, help="Ask as an endpoint that demands this role.")
    @json_option
    @click.pass_context
    def explain(context: click.Context, audience: str | None, role: str | None, as_json: bool) -> None:
        text = _token_on_standard_input()
        found = do(lambda on: on(text, audience=audience, role=role))
        if as_json:
            print_json({"accepted": found.accepted, "verdict": found.verdict, "facts": dict(found.facts)})
        else:
            click.echo(printable(found.verdict))
            if found.facts:
                click.echo()
                print_fields(dict(found.facts))
        context.exit(0 if found.accepted else 1)

    return token


def _possible_role(_context: click.Context, _parameter: click.Parameter, role: str | None) -> str | None:
    if role is not None and not ROLE.fullmatch(role):
        raise click.BadParameter(ROLE_RULE)
    return role


def _token_on_standard_input() -> Secret:
    """Without white space around it, and without the `Bearer` of a header. Bytes that are no text stand for none."""
    if sys.stdin.isatty():
        text = getpass.getpass("Paste a token and press Enter; it is not shown: ", stream=sys.stderr)
    else:
        text = sys.stdin.buffer.readline(LONGEST_LINE).decode(errors="replace")
    text = re.sub(r"^bearer(\s+|$)", "", text.strip(), flags=re.IGNORECASE)
    if not text:
        raise click.UsageError("Expected a token on the first line of standard input.")
    return Secret(text)
