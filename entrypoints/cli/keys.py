"""watchword keys …: the key pairs that sign tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import click
from attrs import frozen

from core.keys.model import NEVER, KeyState
from core.keys.rotate import ListedKey, ListKeys, ResealKeys, RetireKey, RotateKeys
from core.protocol.refusals import KeysAreFixed, KeyTooYoung
from entrypoints.cli.output import json_option, minute, print_json, print_table
from entrypoints.cli.runner import Run
from entrypoints.views import key_view


@frozen
class Keys:
    """The use cases that these commands call.

    `check`: the encryption key is the one that servers have, or nobody could open the keys that are made here.
    `fixed`: a shared secret signs, and none of this applies.
    """

    list: ListKeys
    rotate: RotateKeys
    retire: RetireKey
    reseal: ResealKeys
    check: Callable[[], Awaitable[None]]
    fixed: bool


def keys_commands(do: Run[Keys]) -> click.Group:
    @click.group("keys", help="Show and change the key pairs that sign tokens.")
    def keys() -> None:
        pass

    @keys.command("list", help="List the keys that are published, in the order in which they sign.")
    @click.option("--all", "everything", is_flag=True, help="Those that are no longer published, too.")
    @json_option
    def list_(everything: bool, as_json: bool) -> None:
        found = do(_listed)
        shown = [one for one in found if everything or one.state is not KeyState.GONE]
        if as_json:
            _print_json(shown)
        elif found:
            print_table(("KEY", "ALGORITHM", "STATE", "SIGNS FROM", "PUBLISHED UNTIL"), map(_row, shown))
        else:
            click.echo("There is no key yet: `watchword serve` makes the first ones.")

    @keys.command(help="Let the next keys sign from now on, and announce those after them.")
    @click.option(
        "--now",
        "at_once",
        is_flag=True,
        help="Even if whoever keeps our public keys may not have heard of the next ones yet.",
    )
    @json_option
    def rotate(at_once: bool, as_json: bool) -> None:
        async def work(on: Keys) -> list[ListedKey]:
            _refuse_fixed(on)
            await on.check()
            try:
                await on.rotate(at_once=at_once)
            except KeyTooYoung as refusal:
                raise click.ClickException(f"{refusal.description}; --now does not wait") from None
            return await _listed(on)

        found = do(work)
        if as_json:
            _print_json([one for one in found if one.state is not KeyState.GONE])
        else:
            _print_active(found)

    # One key in 64 has a name that begins as an option does.
    @keys.command(
        context_settings={"ignore_unknown_options": True},
        help="Withdraw a key that was exposed. Whatever it signed is refused from now on.",
    )
    @click.argument("kid")
    @click.option("--yes", "agreed", is_flag=True, help="Do not ask.")
    @json_option
    def retire(kid: str, agreed: bool, as_json: bool) -> None:
        if not agreed:
            click.confirm(f"Retire {kid}? Every token that it signed ends at once.", abort=True, err=True)

        async def work(on: Keys) -> list[ListedKey]:
            _refuse_fixed(on)
            await on.check()
            await on.retire(kid)
            return await _listed(on)

        found = do(work)
        if as_json:
            _print_json([one for one in found if one.state is not KeyState.GONE])
        else:
            click.echo(f"Retired {kid}: whatever it signed is refused.")
            _print_active(found)

    @keys.command(
        help="Encrypt the kept keys anew. What is under one of WATCHWORD_PREVIOUS_ENCRYPTION_KEYS comes under "
        "WATCHWORD_ENCRYPTION_KEY."
    )
    @json_option
    def reseal(as_json: bool) -> None:
        async def work(on: Keys) -> int:
            _refuse_fixed(on)
            return await on.reseal()

        done = do(work)
        if as_json:
            print_json({"resealed": done})
        else:
            click.echo(f"Encrypted anew: {done}." if done else "Nothing to do: all is under the current key.")

    return keys


async def _listed(on: Keys) -> list[ListedKey]:
    _refuse_fixed(on)
    return list(await on.list())


def _refuse_fixed(on: Keys) -> None:
    if on.fixed:
        raise KeysAreFixed


def _row(one: ListedKey) -> tuple[str, ...]:
    begins = minute(one.key.signs_from) if one.key.signs_from < NEVER else "when rotated"
    ends = minute(one.published_until) if one.published_until < NEVER else ""
    return one.key.kid, one.key.algorithm, str(one.state), begins, ends


def _print_json(keys: Sequence[ListedKey]) -> None:
    print_json({"keys": [key_view(one) for one in keys]})


def _print_active(keys: Sequence[ListedKey]) -> None:
    for one in keys:
        if one.state is KeyState.ACTIVE:
            click.echo(f"{one.key.algorithm}: {one.key.kid} signs.")
