"""What pages say in words."""

from __future__ import annotations

import pytest

from entrypoints.pages.words import wait_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "Try again in a second."),
        (2, "Try again in 2 seconds."),
        (119, "Try again in 119 seconds."),
        (120, "Try again in 2 minutes."),
        (121, "Try again in 3 minutes."),
        (900, "Try again in 15 minutes."),
    ],
)
def test_a_wait_is_never_told_too_short(seconds: int, words: str) -> None:
    assert wait_in_words(seconds) == words
