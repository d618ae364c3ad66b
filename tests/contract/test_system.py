"""Clock and Entropy, on the machine's own and on the clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.system import SystemClock, SystemEntropy
from core.ports import Clock
from tests.support import SetClock


@pytest.fixture(params=[SystemClock, SetClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_now_is_aware_and_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_the_machines_clock_tells_the_machines_time() -> None:
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)


def test_time_does_not_run_backwards(clock: Clock) -> None:
    assert clock.now() <= clock.now()


@pytest.mark.parametrize("milliseconds", [-1000, 0, 1, 20])
async def test_sleeping_ends_at_or_after_the_instant(clock: Clock, milliseconds: int) -> None:
    instant = clock.now() + timedelta(milliseconds=milliseconds)
    await clock.sleep_until(instant)
    assert clock.now() >= instant


def test_identifiers_are_random_and_differ() -> None:
    made = {SystemEntropy().uuid() for _ in range(1000)}
    assert len(made) == 1000
    assert {identifier.version for identifier in made} == {4}
