"""Give the memory of password hashes back to the system (glibc; elsewhere nothing is done).

Each hash takes one block of some 20 MiB and frees it. By itself glibc then keeps such a block for every thread. Told
to map each block anew it would not, but every hash would pay for the page faults. So blocks are kept while hashing goes
on, in one heap for all threads, and the heap is trimmed when hashing pauses.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

# <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8

MOST_KEPT = 64 << 20  # bytes at the top of the heap; the blocks of three hashes
LARGEST_KEPT_BLOCK = 32 << 20  # bytes; the most that glibc takes for M_MMAP_THRESHOLD


def keep_blocks_until_trimmed() -> Callable[[], None]:
    """Set the heap up, once for the process. What is returned trims it; call it when no hash is under way."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "malloc_trim"):
        return lambda: None
    libc.mallopt(M_ARENA_MAX, 1)
    libc.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BLOCK)
    libc.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
    return lambda: libc.malloc_trim(0)
