"""What a key is follows from the clock: next, active, retired, gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from core.keys.model import NEVER, PICK_UP, KeyPolicy, KeyRing, KeyState, SigningKey

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEEP = timedelta(minutes=31)
TICK = timedelta(microseconds=1)


def a_key(kid: str, signs_from: datetime, predecessor: str | None = None, algorithm: str = "ES256") -> SigningKey:
    return SigningKey(kid, algorithm, {}, "sealed", NOON - HOUR, signs_from, predecessor)


FIRST, SECOND, THIRD = a_key("1", NOON), a_key("2", NOON + HOUR, "1"), a_key("3", NOON + 2 * HOUR, "2")
RSA = a_key("r", NOON + HOUR / 2, None, "RS256")
RING = KeyRing((FIRST, RSA, SECOND, THIRD))


def withdrawn(kid: str, at: datetime) -> KeyRing:
    return KeyRing(tuple(evolve(key, withdrawn_at=at) if key.kid == kid else key for key in RING.keys))


def states(ring: KeyRing, at: datetime) -> str:
    """The first letter of each key's state, and `-` for one that is gone."""
    letters = {KeyState.NEXT: "N", KeyState.ACTIVE: "A", KeyState.RETIRED: "R", KeyState.GONE: "-"}
    return "".join(letters[ring.state(key, at, KEEP)] for key in ring.keys if key.algorithm == "ES256")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOON - TICK, "NNN"),
        (NOON, "ANN"),
        (NOON + HOUR - TICK, "ANN"),
        (NOON + HOUR, "RAN"),
        (NOON + HOUR + KEEP - TICK, "RAN"),
        (NOON + HOUR + KEEP, "-AN"),
        (NOON + 2 * HOUR, "-RA"),
        (NOON + 2 * HOUR + KEEP, "--A"),
        (NOON + timedelta(days=10_000), "--A"),
    ],
)
def test_keys_take_over_from_each_other_by_the_clock(at: datetime, expected: str) -> None:
    assert states(RING, at) == expected
    published = [key.kid for key in RING.published(at, KEEP) if key.algorithm == "ES256"]
    assert published == [kid for kid, state in zip("123", expected, strict=True) if state != "-"]


@pytest.mark.parametrize(
    ("at", "active", "coming"),
    [
        (NOON - TICK, FIRST, FIRST),  # by a clock that is behind: somebody uses it already
        (NOON, FIRST, SECOND),
        (NOON + HOUR, SECOND, THIRD),
        (NOON + 2 * HOUR, THIRD, None),
        (NEVER, THIRD, None),
    ],
)
def test_one_key_signs_and_one_follows(at: datetime, active: SigningKey | None, coming: SigningKey | None) -> None:
    assert RING.active("ES256", at) == active
    assert RING.next("ES256", at) == coming


def test_every_algorithm_has_keys_of_its_own() -> None:
    assert RING.next("RS256", NOON) == RSA
    assert RING.active("RS256", NOON + HOUR) == RSA
    assert RING.active("EdDSA", NOON) is None
    assert RING.published_until(RSA, KEEP) == NEVER  # the keys of another algorithm do not follow it


def test_an_empty_ring_has_nothing() -> None:
    ring = KeyRing(())
    assert (ring.active("ES256", NOON), ring.next("ES256", NOON), ring.find("1")) == (None, None, None)
    assert ring.published(NOON, KEEP) == ()


@pytest.mark.parametrize(
    ("kid", "at", "when", "expected"),
    [
        # An active one, whose heir has not begun: whoever withdraws sees to that.
        ("1", NOON + HOUR / 2, NOON + HOUR / 2, "-NN"),
        ("1", NOON + HOUR / 2, NOON + HOUR, "-AN"),
        # A retired one is gone before its time.
        ("1", NOON + HOUR + TICK, NOON + HOUR + TICK, "-AN"),
        # One that was withdrawn before it began never took over: the one before goes on.
        ("2", NOON, NOON, "A-N"),
        ("2", NOON, NOON + HOUR + KEEP, "A-N"),
        ("2", NOON, NOON + 2 * HOUR, "R-A"),
        ("2", NOON, NOON + 2 * HOUR + KEEP, "--A"),
        # One that did take over retired the one before, whatever became of it.
        ("2", NOON + HOUR + TICK, NOON + HOUR + KEEP, "--N"),
    ],
)
def test_a_key_that_is_withdrawn_counts_for_nothing(kid: str, at: datetime, when: datetime, expected: str) -> None:
    ring = withdrawn(kid, at)
    assert states(ring, when) == expected
    assert ring.find(kid) is None
    assert kid not in {key.kid for key in ring.published(when, KEEP)}


def test_before_a_withdrawal_nothing_is_different() -> None:
    ring = withdrawn("1", NOON + HOUR / 2)
    assert ring.published_until(ring.keys[0], KEEP) == NOON + HOUR / 2
    assert "1" in {key.kid for key in ring.published(NOON + HOUR / 2 - TICK, KEEP)}


def test_a_key_that_nobody_schedules_ends_no_other() -> None:
    ring = KeyRing((FIRST, a_key("never", NEVER, "1")))
    assert ring.published_until(FIRST, KEEP) == NEVER
    assert states(ring, NOON + timedelta(days=10_000)) == "AN"


def test_a_key_is_found_by_its_name() -> None:
    assert RING.find("2") == SECOND
    assert RING.find("x") is None


def test_a_key_is_kept_until_the_last_token_it_signed_has_expired_on_every_worker() -> None:
    policy = KeyPolicy(("ES256",), ahead=HOUR, period=None, token_lifetime=timedelta(minutes=30))
    assert policy.keep == timedelta(minutes=30) + PICK_UP


INSTANTS = st.integers(min_value=0, max_value=20).map(lambda number: NOON + number * HOUR)
KEYS = st.lists(st.tuples(INSTANTS, st.none() | INSTANTS), max_size=6, unique_by=lambda pair: pair[0])


@given(keys=KEYS, at=INSTANTS)
def test_whatever_signs_is_published_and_nothing_that_was_withdrawn(
    keys: list[tuple[datetime, datetime | None]], at: datetime
) -> None:
    ring = KeyRing(
        tuple(evolve(a_key(str(number), begin), withdrawn_at=end) for number, (begin, end) in enumerate(keys))
    )
    active, coming = ring.active("ES256", at), ring.next("ES256", at)
    published = ring.published(at, KEEP)
    assert coming is None or coming in published
    assert all(key.withdrawn_at is None or key.withdrawn_at > at for key in published)
    took_over = [key for key in ring.keys if key.signs_from <= at]
    latest = max(took_over, key=lambda key: key.signs_from, default=None)
    if latest is not None and latest.withdrawn_at is None:  # whoever withdraws the one that signs sees to an heir
        assert active == latest
        assert [key for key in published if ring.state(key, at, KEEP) is KeyState.ACTIVE] == [latest]
