"""Work that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from attrs import frozen

from core.protocol.refusals import Unavailable

log = logging.getLogger("watchword")


@frozen
class Chore:
    """Done at the start and then every so many seconds, give or take a tenth, so that workers spread out."""

    name: str
    do: Callable[[], Awaitable[object]]
    every: float


@asynccontextmanager
async def in_background(chores: Iterable[Chore]) -> AsyncIterator[None]:
    """Chores go on until the block ends. One that fails is tried again at its next time."""
    tasks = [asyncio.create_task(_again_and_again(chore), name=chore.name) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(chore: Chore) -> None:
    while True:
        try:
            await chore.do()
        except Unavailable as refusal:
            log.warning("not done, and tried again later", extra={"chore": chore.name, "reason": refusal.description})
        except Exception:  # whatever it is, the next time may go well, and nobody else would hear of it
            log.exception("a chore failed", extra={"chore": chore.name})
        await asyncio.sleep(chore.every * random.uniform(0.9, 1.1))  # noqa: S311 - spreads work, keeps no secret
