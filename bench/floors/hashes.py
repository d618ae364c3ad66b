"""The floor of logins: verifications of one password by a plain pool of threads that do nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import argon2


def hash_rate(hashed: str, password: str, *, threads: int, seconds: float) -> float:
    """Verifications in a second."""
    verify = argon2.PasswordHasher().verify

    def work(_: int) -> float:
        started, done = perf_counter(), 0
        while perf_counter() - started < seconds:
            verify(hashed, password)
            done += 1
        return done / (perf_counter() - started)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)))
