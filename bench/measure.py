"""The rounds. In each, what is compared runs back to back, and the next round turns the order around."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench import loads
from bench.parts import Part
from bench.parts.endpoint import Endpoint
from bench.parts.growth import Growth
from bench.parts.passwords import Logins, Meanwhile
from bench.parts.process import Process
from bench.stage import Stage

LETTERS = "abcdefghij"


def parts(letters: Sequence[str], stage: Stage, seconds: float) -> list[Part]:
    """In the order of a round; (d) comes last, because it looks at what the others leave."""
    by_letter: dict[str, list[Part]] = {
        "a": [Logins(stage, seconds)],
        "b": [_fresh_tokens(stage, seconds)],
        "c": [Meanwhile(stage, seconds)],
        "e": [_client_credentials(stage, seconds)],
        "f": [_refresh(stage, seconds)],
        "g": [_introspection(stage, seconds), _own_account(stage, seconds)],
        "h": [_jwks(stage, seconds)],
        "i": [Growth(stage, stage.grown, seconds)] if stage.grown is not None else [],
        "j": [_code_flow(stage, seconds)],
        "d": [Process(stage)],
    }
    return [part for letter, own in by_letter.items() if letter in letters for part in own]


async def run(parts: Sequence[Part], rounds: int, progress: Callable[[str], None]) -> None:
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for part in parts:
            for side in part.sides() if number % 2 == 0 else reversed(part.sides()):
                await side()


def _fresh_tokens(stage: Stage, seconds: float) -> Endpoint:
    floor, server = (loads.own_accounts(child, stage.furniture.unseen) for child in (stage.floor, stage.server))
    return Endpoint("(b) GET /users/me, another token each time", 0.6, floor, server, stage, seconds)


def _client_credentials(stage: Stage, seconds: float) -> Endpoint:
    floor, server = (loads.client_credentials(child, stage.furniture) for child in (stage.floor, stage.server))
    return Endpoint("(e) client credentials", 0.75, floor, server, stage, seconds, tail=True)


def _refresh(stage: Stage, seconds: float) -> Endpoint:
    service, tokens = stage.furniture.service, stage.furniture.refresh
    floor, server = (loads.rotations(child, service, tokens) for child in (stage.floor, stage.server))
    return Endpoint("(f) refresh", 0.6, floor, server, stage, seconds, tail=True)


def _introspection(stage: Stage, seconds: float) -> Endpoint:
    floor, server = (loads.introspections(child, stage.furniture) for child in (stage.floor, stage.server))
    return Endpoint("(g) introspection of a token seen before", 1, floor, server, stage, seconds, tail=True)


def _own_account(stage: Stage, seconds: float) -> Endpoint:
    floor, server = (loads.own_account(child, stage.token) for child in (stage.floor, stage.server))
    return Endpoint("(g) GET /users/me with a token seen before", 1, floor, server, stage, seconds)


def _jwks(stage: Stage, seconds: float) -> Endpoint:
    floor, server = (loads.key_sets(child) for child in (stage.floor, stage.server))
    return Endpoint("(h) JWKS / the same bytes", None, floor, server, stage, seconds)


def _code_flow(stage: Stage, seconds: float) -> Endpoint:
    floor, server = (loads.code_flows(child, stage.furniture) for child in (stage.floor, stage.server))
    return Endpoint("(j) code flow of somebody signed in", 0.5, floor, server, stage, seconds, tail=True)
