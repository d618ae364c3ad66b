"""Slower and slower for whoever guesses; not for the owner elsewhere, nor for anybody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.refusals import TooManyAttempts, WrongCredentials
from core.users.password import Password
from core.users.ports import Tally
from core.users.throttle import ACCOUNT, LONGEST_WAIT, LONGEST_WINDOW, NETWORK, PAIR, Attempt, Limit, network_of
from tests.support import PASSWORD
from tests.unit.house import House

HERE = "198.51.100.7"
NEXT_DOOR = "198.51.100.200"
ELSEWHERE = "203.0.113.5"

WRONG = Password.typed("not the password")

# Waits after so many failures from one network, in seconds.
WAITS = {
    0: 0, 1: 0, 4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16, 10: 32, 11: 64, 12: 128, 13: 256, 14: 512, 15: 900, 16: 900,
    40: 900, 90: 900,
}  # fmt: skip


async def fail(house: House, times: int, attempt: Attempt) -> None:
    """As the use case does it: whoever has to wait waits."""
    for _ in range(times):
        house.clock.forward(seconds=await wait_of(house, attempt))
        await house.throttle.failed(attempt)


async def wait_of(house: House, attempt: Attempt) -> int:
    try:
        await house.throttle.admit(attempt)
    except TooManyAttempts as refusal:
        return refusal.wait
    return 0


def by(name: str, address: str = HERE, kind: str = "password") -> Attempt:
    return Attempt(kind, name, address)  # type: ignore[arg-type]  # one of the two kinds


@pytest.mark.parametrize(("failures", "wait"), WAITS.items())
async def test_the_wait_doubles_after_the_fifth_failure_up_to_a_quarter_of_an_hour(
    house: House, failures: int, wait: int
) -> None:
    await fail(house, failures, by("alice"))
    assert await wait_of(house, by("alice")) == wait


async def test_a_wait_ends_by_itself_and_is_told_in_whole_seconds(house: House) -> None:
    await fail(house, 7, by("alice"))
    assert await wait_of(house, by("alice")) == 4
    house.clock.forward(seconds=0.5)
    assert await wait_of(house, by("alice")) == 4
    house.clock.forward(seconds=3.4)
    assert await wait_of(house, by("alice")) == 1
    house.clock.forward(seconds=0.1)
    assert await wait_of(house, by("alice")) == 0


async def test_an_attempt_that_has_to_wait_is_not_counted(house: House) -> None:
    await fail(house, 5, by("alice"))
    for _ in range(20):
        with pytest.raises(TooManyAttempts):
            await house.throttle.failed(by("alice"))
    assert await wait_of(house, by("alice")) == 1


async def test_the_owner_elsewhere_can_log_in_and_neighbours_wait_along(house: House) -> None:
    await fail(house, 12, by("alice"))
    assert await wait_of(house, by("alice", NEXT_DOOR)) == 128
    assert await wait_of(house, by("alice", ELSEWHERE)) == 0
    assert await wait_of(house, by("bob")) == 0


async def test_a_hundred_failures_over_all_networks_make_everybody_wait_for_that_account(house: House) -> None:
    for number in range(ACCOUNT.free - 1):
        await fail(house, 1, by("alice", f"10.0.{number}.1"))
    assert await wait_of(house, by("alice", ELSEWHERE)) == 0
    await fail(house, 1, by("alice", "10.1.0.1"))
    assert await wait_of(house, by("alice", ELSEWHERE)) == 1
    assert await wait_of(house, by("bob", ELSEWHERE)) == 0
    await fail(house, 3, by("alice", "10.2.0.1"))
    assert await wait_of(house, by("alice", ELSEWHERE)) == 8


async def test_a_hundred_failures_from_one_network_make_it_wait_whomever_it_asks_for(house: House) -> None:
    for number in range(NETWORK.free - 1):
        await fail(house, 1, by(f"user{number}"))
    assert await wait_of(house, by("somebody", NEXT_DOOR)) == 0
    await fail(house, 1, by("another"))
    assert await wait_of(house, by("somebody", NEXT_DOOR)) == 1
    assert await wait_of(house, by("somebody", ELSEWHERE)) == 0


async def test_of_several_waits_the_longest_counts(house: House) -> None:
    for number in range(NETWORK.free - 8):
        await fail(house, 1, by(f"user{number}"))
    await fail(house, 8, by("alice"))
    assert await wait_of(house, by("somebody")) == 1
    assert await wait_of(house, by("alice")) == 8


# As many failures as are free, and somebody who is counted along with them by this limit alone.
UP_TO_THE_LIMIT = {
    PAIR: ([by("alice")] * PAIR.free, by("alice")),
    ACCOUNT: ([by("alice", f"10.0.{number}.1") for number in range(ACCOUNT.free)], by("alice", ELSEWHERE)),
    NETWORK: ([by(f"user{number}") for number in range(NETWORK.free)], by("somebody")),
}


@pytest.mark.parametrize("limit", UP_TO_THE_LIMIT, ids=["pair", "account", "network"])
async def test_a_count_starts_anew_when_its_first_failure_is_older_than_its_window(house: House, limit: Limit) -> None:
    attempts, who = UP_TO_THE_LIMIT[limit]
    began = house.clock.now()
    for attempt in attempts[:-1]:
        await house.throttle.failed(attempt)
    house.clock.instant = began + limit.window - timedelta(seconds=0.5)
    await house.throttle.failed(attempts[-1])
    assert await wait_of(house, who) == 1
    house.clock.instant = began + limit.window
    assert await wait_of(house, who) == 0
    await house.throttle.failed(attempts[-1])
    assert await wait_of(house, who) == 0


def test_the_longest_window_is_that_of_the_longest_limit() -> None:
    assert max(PAIR.window, ACCOUNT.window, NETWORK.window) == LONGEST_WINDOW
    assert timedelta(minutes=15) == LONGEST_WAIT


async def test_a_success_ends_the_counts_of_the_pair_and_the_account_and_not_of_the_network(house: House) -> None:
    for number in range(NETWORK.free - 4):
        await fail(house, 1, by(f"user{number}"))
    await fail(house, 4, by("alice"))
    await fail(house, 3, by("alice", ELSEWHERE))
    house.clock.forward(seconds=1)
    await house.throttle.succeeded(by("alice"))
    tallies = await house.tallies.read(list(by("alice").keys))
    assert [tally.failures for tally in tallies] == [NETWORK.free]
    elsewhere = by("alice", ELSEWHERE)
    assert sorted(tally.failures for tally in await house.tallies.read(list(elsewhere.keys))) == [3, 3]


async def test_a_success_that_comes_while_others_failed_too_often_is_refused_and_clears_nothing(house: House) -> None:
    await house.throttle.admit(by("alice"))
    await fail(house, 5, by("alice"))
    with pytest.raises(TooManyAttempts):
        await house.throttle.succeeded(by("alice"))
    assert len(await house.tallies.read(list(by("alice").keys))) == 3


async def test_a_success_without_failures_writes_nothing(house: House) -> None:
    assert await house.throttle.admit(by("alice")) is False
    await house.throttle.succeeded(by("alice"))
    assert await house.tallies.read(list(by("alice").keys)) == []
    await fail(house, 1, by("alice"))
    assert await house.throttle.admit(by("alice")) is True


async def test_unknown_names_wait_as_known_ones_do(house: House) -> None:
    await house.alice()
    for name in ("alice", "nobody", "no such form of a name!", "", "\ud800"):
        for _ in range(5):
            with pytest.raises(WrongCredentials):
                await house.authenticate(name, WRONG, address=ELSEWHERE)
        house.hasher.calls.clear()
        with pytest.raises(TooManyAttempts) as caught:
            await house.authenticate(name, Password.typed(PASSWORD), address=ELSEWHERE)
        assert caught.value.wait == 1
        assert house.hasher.calls == []  # the right password is not even looked at


async def test_a_right_password_after_the_wait_logs_in_and_ends_the_count(house: House) -> None:
    await house.alice()
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await house.authenticate("alice", WRONG, address=HERE)
    house.clock.forward(seconds=1)
    await house.authenticate("alice", Password.typed(PASSWORD), address=HERE)
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await house.authenticate("alice", WRONG, address=HERE)


async def test_a_right_password_among_too_many_guesses_at_once_is_refused(house: House) -> None:
    await house.alice()

    async def others_guess() -> None:
        await fail(house, 5, by("alice"))

    house.hasher.after_verify = others_guess
    with pytest.raises(TooManyAttempts):
        await house.authenticate("alice", Password.typed(PASSWORD), address=HERE)


async def test_users_and_clients_of_one_name_are_counted_apart(house: House) -> None:
    await fail(house, 9, by("reports"))
    assert await wait_of(house, by("reports", kind="client")) == 0
    await fail(house, 7, by("reports", kind="client"))
    assert await wait_of(house, by("reports", kind="client")) == 4


def test_a_key_tells_neither_name_nor_address_and_names_cannot_run_into_each_other() -> None:
    keys = [key for attempt in (by("a"), by("a\0pair"), by("pair\0a"), by("b", "a")) for key in attempt.keys]
    assert len(set(keys)) == len(keys) - 2  # three come from one network
    assert {len(key) for key in keys} == {32}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("192.0.3.1", "192.0.3.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),  # noqa: S104 - looked at, not listened on
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::1%25eth0", "fe80::/64"),
        ("fe80::1%", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.0/24"),
        ("::ffff:c000:2fe", "192.0.2.0/24"),
        ("", ""),
        ("unix:", "unix:"),
        ("testclient", "testclient"),
        ("192.0.2", "192.0.2"),
        ("192.0.2.1:80", "192.0.2.1:80"),
        ("192.0.2.01", "192.0.2.01"),
        ("\ud800", "\ud800"),
    ],
)
def test_one_party_is_likely_to_have_a_24_or_a_64_to_itself(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.text())
def test_any_text_is_somebodys_address(address: str) -> None:
    assert len(Attempt("password", address, address).keys) == 3


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_of_the_network_of_the_address_it_maps(address: object) -> None:
    assert network_of(f"::ffff:{address}") == network_of(str(address))


@pytest.mark.parametrize("failures", [0, 4, 5, 100, 10**9])
def test_a_wait_has_a_bound_however_many_failures_there_are(house: House, failures: int) -> None:
    now = house.clock.now()
    until = PAIR.until(Tally(b"", failures, now, now), now)
    assert (until is None) == (failures < 5)
    assert until is None or until <= now + LONGEST_WAIT


async def test_of_many_guesses_at_once_no_more_are_answered_than_of_many_in_turn(house: House) -> None:
    await house.alice()
    guesses = (house.authenticate("alice", WRONG, address=HERE) for _ in range(30))
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert Counter(map(type, outcomes)) == {WrongCredentials: PAIR.free, TooManyAttempts: 30 - PAIR.free}
