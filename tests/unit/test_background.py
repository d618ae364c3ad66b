"""Work that nobody waits for: done again and again, whatever becomes of it, until the server ends."""

from __future__ import annotations

import asyncio
import logging

import pytest
from attrs import define, field

from core.protocol.refusals import Unavailable
from entrypoints.http.background import Chore, in_background


@define
class Work:
    """Does as it is told, each time one thing, and says when it has been done so many times."""

    outcomes: list[Exception | None] = field(factory=list)
    done: int = 0
    enough: int = 1
    reached: asyncio.Event = field(factory=asyncio.Event)

    async def __call__(self) -> None:
        self.done += 1
        if self.done >= self.enough:
            self.reached.set()
        if self.outcomes and (outcome := self.outcomes.pop(0)) is not None:
            raise outcome


def stopped(name: str) -> bool:
    return all(task.get_name() != name for task in asyncio.all_tasks())


async def test_a_chore_is_done_at_the_start_and_then_again_and_again() -> None:
    once, often = Work(), Work(enough=5)
    async with in_background([Chore("once", once, every=3600), Chore("often", often, every=0.001)]):
        await once.reached.wait()
        await often.reached.wait()
    assert once.done == 1
    assert stopped("once")
    assert stopped("often")
    done = often.done
    await asyncio.sleep(0.01)
    assert often.done == done


async def test_one_that_fails_is_tried_again_and_noted(caplog: pytest.LogCaptureFixture) -> None:
    work = Work([Unavailable("the database is away"), ValueError("a mistake"), None], enough=4)
    with caplog.at_level(logging.WARNING, "watchword"):
        async with in_background([Chore("work", work, every=0.001)]):
            await work.reached.wait()
    away, mistake = caplog.records
    assert (away.levelname, away.__dict__["chore"], away.__dict__["reason"]) == (
        "WARNING",
        "work",
        "the database is away",
    )
    assert away.exc_info is None
    assert (mistake.levelname, mistake.__dict__["chore"]) == ("ERROR", "work")
    assert mistake.exc_info is not None


async def test_one_that_fails_does_not_stop_another() -> None:
    bad, good = Work([ValueError("a mistake")] * 3, enough=3), Work(enough=3)
    async with in_background([Chore("bad", bad, every=0.001), Chore("good", good, every=0.001)]):
        await bad.reached.wait()
        await good.reached.wait()


async def test_the_end_does_not_wait_for_what_is_under_way() -> None:
    began, ended = asyncio.Event(), list[str]()

    async def endless() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with in_background([Chore("endless", endless, every=1)]):
        await began.wait()
    assert ended == ["cancelled"]


async def test_a_mistake_inside_the_block_ends_the_chores_as_well() -> None:
    work = Work()

    async def block() -> None:
        async with in_background([Chore("work", work, every=3600)]):
            await work.reached.wait()
            raise KeyError

    with pytest.raises(KeyError):
        await block()
    assert stopped("work")


async def test_nothing_to_do_is_no_trouble() -> None:
    async with in_background([]):
        await asyncio.sleep(0)
