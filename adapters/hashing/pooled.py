"""Password hashes by pwdlib, in a bounded pool of threads."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from adapters.hashing.heap import keep_blocks_until_trimmed
from core.protocol.refusals import Overloaded
from core.users.password import Password
from core.users.ports import PasswordHasher

T = TypeVar("T")

# Hashing takes every core it gets. On Linux a thread has a niceness of its own, so the event loop goes first.
NICENESS = 10

# How many may wait per thread before the next one is told to come back: at 40 ms a hash, about five seconds.
WAITING_PER_THREAD = 128

PAUSE = 0.5  # seconds without a hash, after which their memory goes back to the system

BCRYPT_LONGEST = 72  # bytes; bcrypt itself looks no further


class PooledPasswordHasher:
    """New hashes are Argon2id at the given costs; bcrypt hashes verify, and count as outdated."""

    def __init__(self, *, memory_kib: int, time_cost: int, parallelism: int, threads: int | None = None) -> None:
        self._hashes = PasswordHash(
            (
                Argon2Hasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism),
                BcryptHasher(),
            )
        )
        self._threads = threads or available_cores()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="hashing", initializer=_step_back)
        self._waiting = 0
        self._trim_heap = keep_blocks_until_trimmed()
        self._trimming: asyncio.TimerHandle | None = None
        self._decoy = self._hashes.hash(secrets.token_urlsafe())

    async def hash(self, password: Password) -> str:
        return await self._in_pool(lambda: self._hashes.hash(password.secret.reveal()))

    async def verify(self, password: Password, hashed: str | None) -> bool:
        return await self._in_pool(lambda: self._verify(password, hashed))

    def outdated(self, hashed: str) -> bool:
        return self._hashes.current_hasher.check_needs_rehash(hashed) if Argon2Hasher.identify(hashed) else True

    def close(self) -> None:
        if self._trimming is not None:
            self._trimming.cancel()
        self._pool.shutdown(cancel_futures=True)

    def _verify(self, password: Password, hashed: str | None) -> bool:
        text = password.secret.reveal()
        cut_off = hashed is not None and hashed.startswith("$2") and len(text.encode()) > BCRYPT_LONGEST
        if hashed is None or not password.possible or cut_off:
            self._hashes.verify(text, self._decoy)
            return False
        try:
            return self._hashes.verify(text, hashed)
        except (PwdlibError, ValueError):  # a stored text that is no hash of ours: nobody's password
            self._hashes.verify(text, self._decoy)
            return False

    async def _in_pool(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._threads * WAITING_PER_THREAD:
            raise Overloaded
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            return await loop.run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                if self._trimming is not None:
                    self._trimming.cancel()
                self._trimming = loop.call_later(PAUSE, self._pool.submit, self._trim_heap)


def available_cores() -> int:
    """The cores this process may use, which in a container are often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _step_back() -> None:
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_: type[PasswordHasher] = PooledPasswordHasher
