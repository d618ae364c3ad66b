"""PasswordHasher: verifies what it made and what others made, and never blocks the event loop."""

from __future__ import annotations

import asyncio
import threading

import bcrypt
import pytest
from argon2 import PasswordHasher as Argon2
from argon2 import Type
from hypothesis import given
from hypothesis import strategies as st

from adapters.hashing import pooled
from adapters.hashing.pooled import PooledPasswordHasher
from core.protocol.refusals import Overloaded
from core.users.password import LONGEST, Password

TYPED = Password.typed("correct horse battery")
WRONG = Password.typed("correct horse batterz")

GARBAGE = [
    "", " ", "x", "$", "$2b$", "$2b$12$", "$2b$12$" + "a" * 53, "$2b$04$" + "!" * 53, "$2b$04$" + "." * 52,
    "$2b$99$" + "." * 53,
    "$2b$00$" + "." * 53, "$2b$31", "$2x$04$" + "a" * 53, "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA",
    "$argon2id$v=19$m=8,t=1,p=1$",
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAA$", "$argon2id$v=99$m=8,t=1,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAA", "$5$rounds=5000$a$b", "correct horse battery",
    "\0", "é", "\ud800",
    "pbkdf2_sha256$260000$a$b", "5f4dcc3b5aa765d61d8327deb882cf99",
]  # fmt: skip


async def test_a_password_verifies_against_its_own_hash_alone(hasher: PooledPasswordHasher) -> None:
    hashed = await hasher.hash(TYPED)
    assert await hasher.verify(TYPED, hashed) is True
    assert await hasher.verify(WRONG, hashed) is False
    assert await hasher.verify(TYPED, await hasher.hash(WRONG)) is False


async def test_hashes_are_salted(hasher: PooledPasswordHasher) -> None:
    assert await hasher.hash(TYPED) != await hasher.hash(TYPED)


@pytest.mark.parametrize("text", ["x" * LONGEST, "\U0001f511" * LONGEST, "пароль-пароль", " \t\n\r\x01\x7f  "])
async def test_every_password_that_may_be_kept_verifies(hasher: PooledPasswordHasher, text: str) -> None:
    assert await hasher.verify(Password.typed(text), await hasher.hash(Password.typed(text)))


async def test_no_character_of_a_long_password_is_cut_off(hasher: PooledPasswordHasher) -> None:
    hashed = await hasher.hash(Password.typed("x" * (LONGEST - 1) + "a"))
    assert not await hasher.verify(Password.typed("x" * (LONGEST - 1) + "b"), hashed)
    assert not await hasher.verify(Password.typed("x" * (LONGEST - 1)), hashed)


async def test_nobodys_hash_is_no_match(hasher: PooledPasswordHasher) -> None:
    assert await hasher.verify(TYPED, None) is False


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "password\0"])
async def test_an_impossible_password_matches_nothing(hasher: PooledPasswordHasher, text: str) -> None:
    impossible = Password.typed(text)
    for stored in (impossible.secret.reveal(), "x", "correct horse battery"):
        kept = Argon2(memory_cost=8, time_cost=1, parallelism=1).hash(stored)
        assert await hasher.verify(impossible, kept) is False


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_a_bcrypt_hash_verifies_and_is_outdated(hasher: PooledPasswordHasher, prefix: bytes) -> None:
    hashed = bcrypt.hashpw(b"correct horse battery", bcrypt.gensalt(4, prefix)).decode()
    assert await hasher.verify(TYPED, hashed) is True
    assert await hasher.verify(WRONG, hashed) is False
    assert hasher.outdated(hashed)


async def test_bcrypt_never_takes_the_first_72_bytes_for_the_whole(hasher: PooledPasswordHasher) -> None:
    for short, long in (("x" * 72, "x" * 73), ("é" * 36, "é" * 37)):
        hashed = bcrypt.hashpw(short.encode(), bcrypt.gensalt(4)).decode()
        assert await hasher.verify(Password.typed(short), hashed) is True
        assert await hasher.verify(Password.typed(long), hashed) is False


@pytest.mark.parametrize("stored", GARBAGE)
async def test_a_stored_text_that_is_no_hash_is_nobodys(hasher: PooledPasswordHasher, stored: str) -> None:
    assert await hasher.verify(TYPED, stored) is False
    assert isinstance(hasher.outdated(stored), bool)


@given(st.text(alphabet="$2aby01./argon=,idvmtp9é\0 ", max_size=80))
async def test_whatever_is_stored_verifies_or_does_not(hasher: PooledPasswordHasher, stored: str) -> None:
    assert await hasher.verify(TYPED, stored) is False


async def test_new_hashes_have_the_costs_they_were_given() -> None:
    costly = PooledPasswordHasher(memory_kib=32, time_cost=3, parallelism=2, threads=1)
    hashed = await costly.hash(TYPED)
    costly.close()
    assert hashed.startswith("$argon2id$v=19$m=32,t=3,p=2$")
    assert costly.outdated(hashed) is False


@pytest.mark.parametrize(
    "other",
    [
        Argon2(memory_cost=16, time_cost=1, parallelism=1),
        Argon2(memory_cost=8, time_cost=2, parallelism=1),
        Argon2(memory_cost=16, time_cost=1, parallelism=2),
        Argon2(memory_cost=8, time_cost=1, parallelism=1, type=Type.I),
        Argon2(memory_cost=8, time_cost=1, parallelism=1, type=Type.D),
        Argon2(memory_cost=8, time_cost=1, parallelism=1, hash_len=16),
    ],
    ids=["memory", "time", "lanes", "argon2i", "argon2d", "length"],
)
async def test_a_hash_of_other_costs_or_type_verifies_and_is_outdated(
    hasher: PooledPasswordHasher, other: Argon2
) -> None:
    hashed = other.hash("correct horse battery")
    assert await hasher.verify(TYPED, hashed) is True
    assert hasher.outdated(hashed) is True
    assert hasher.outdated(await hasher.hash(TYPED)) is False


async def test_when_too_many_wait_the_next_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled, "WAITING_PER_THREAD", 4)
    one = PooledPasswordHasher(memory_kib=8, time_cost=1, parallelism=1, threads=1)
    done = await asyncio.gather(*(one.verify(TYPED, None) for _ in range(10)), return_exceptions=True)
    assert [type(outcome) for outcome in done] == [bool] * 4 + [Overloaded] * 6
    assert await one.verify(TYPED, await one.hash(TYPED))
    one.close()


async def test_whoever_gives_up_waiting_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled, "WAITING_PER_THREAD", 2)
    one = PooledPasswordHasher(memory_kib=8, time_cost=1, parallelism=1, threads=1)
    for _ in range(5):
        waiting = [asyncio.ensure_future(one.verify(TYPED, None)) for _ in range(2)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert await one.verify(TYPED, None) is False
    one.close()


async def test_the_event_loop_runs_on_while_a_password_is_hashed() -> None:
    # The one thread is held until the loop has had its turns: were the work done on the loop, this would never end.
    one = PooledPasswordHasher(memory_kib=8, time_cost=1, parallelism=1, threads=1)
    release = threading.Event()
    one._pool.submit(release.wait)
    hashing = asyncio.ensure_future(one.hash(TYPED))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not hashing.done()
    release.set()
    assert await one.verify(TYPED, await hashing)
    one.close()


async def test_hashes_are_made_on_the_pools_threads(hasher: PooledPasswordHasher) -> None:
    name = await hasher._in_pool(lambda: threading.current_thread().name)
    assert name.startswith("hashing")
