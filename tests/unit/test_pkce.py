"""Proof Key for Code Exchange (RFC 7636)."""

from __future__ import annotations

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.pkce import CHALLENGE as FORM
from core.protocol.pkce import challenge_of
from core.protocol.secret import Secret
from tests.unit.house import CHALLENGE, VERIFIER

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def test_the_example_of_appendix_b() -> None:
    assert challenge_of(Secret(VERIFIER)) == CHALLENGE


@given(st.text(UNRESERVED, min_size=43, max_size=128))
def test_every_verifier_has_the_challenge_that_others_make_of_it(text: str) -> None:
    made = challenge_of(Secret(text))
    assert made is not None
    assert made == create_s256_code_challenge(text)
    assert FORM.fullmatch(made)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a" * 42, "a" * 129, "a" * 43 + "\n", "\n" + "a" * 43),
        *("a" * 42 + strange for strange in (" ", "+", "/", "=", "é", "\0", "\ud800", "１", "%41")),
    ],
)
def test_what_is_no_verifier_answers_no_challenge(text: str) -> None:
    assert challenge_of(Secret(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", CHALLENGE[:-1], CHALLENGE + "A", CHALLENGE + "=", CHALLENGE + "\n", "é" * 43),
        *(CHALLENGE[:-1] + strange for strange in "=+/.~ "),
    ],
)
def test_what_is_no_challenge_of_s256(text: str) -> None:
    assert not FORM.fullmatch(text)
