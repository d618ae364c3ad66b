"""The instant at which somebody's tokens end, so that none of before survives and none of after is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from core.ports import Clock
from core.protocol.refusals import Unavailable
from core.users.model import next_whole_second

T = TypeVar("T")

# After an end of tokens, new ones wait for the next whole second. A longer wait means that clocks disagree.
LONGEST_WAIT = timedelta(seconds=2)


async def end_tokens(
    clock: Clock, store: Callable[[datetime], Awaitable[T]], *, move: Callable[[datetime], Awaitable[T]] | None = None
) -> T:
    """Store the next whole second as the instant from which tokens count again.

    Until that was stored, others issued tokens as ever. If it took into the second in which tokens were to count again,
    some of theirs would: the instant moves on behind all of them. `move` does that where `store` does more, once.
    """
    valid_from = next_whole_second(clock.now())
    stored = await store(valid_from)
    now = clock.now()
    return stored if now < valid_from else await (move or store)(next_whole_second(now))


async def settled(valid_from: datetime | None, at: datetime, clock: Clock) -> bool:
    """Whether a token of the instant `at` would count. If not, one of now does on return: within the second in which
    tokens were ended, a new one would be cut off with the old ones. Raises `Unavailable`.
    """
    if valid_from is None or at >= valid_from:
        return True
    if valid_from - at > LONGEST_WAIT:
        raise Unavailable("The clocks of Watchword's servers disagree; try again later")
    await clock.sleep_until(valid_from)
    return False
