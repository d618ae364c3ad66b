from __future__ import annotations

import sys

import pytest

from adapters.hashing.heap import keep_blocks_until_trimmed


def test_elsewhere_than_on_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_blocks_until_trimmed()()
    monkeypatch.setattr(sys, "platform", "darwin")
    keep_blocks_until_trimmed()()
