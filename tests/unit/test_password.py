"""What a password is: 8 to 1,024 characters after normalisation, any but NUL, never cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.refusals import FieldError
from core.users.password import LONGEST, PASSWORD_RULE, SHORTEST, Password, password_errors


def may_be_chosen(text: str) -> bool:
    return not password_errors(Password.typed(text))


def test_composed_and_decomposed_are_one_password() -> None:
    composed, decomposed = "Caf\u00e9-Caf\u00e9", "Cafe\u0301-Cafe\u0301"
    assert composed != decomposed
    assert Password.typed(composed) == Password.typed(decomposed)
    assert Password.typed(decomposed).secret.reveal() == composed


def test_compatibility_forms_stay_different_passwords() -> None:
    assert Password.typed("\ufb01ligree-1") != Password.typed("filigree-1")


@pytest.mark.parametrize("length", [SHORTEST, SHORTEST + 1, LONGEST - 1, LONGEST])
def test_every_length_within_the_bounds_may_be_chosen(length: int) -> None:
    assert may_be_chosen("a" * length)


@pytest.mark.parametrize("length", [0, 1, SHORTEST - 1, LONGEST + 1, LONGEST * 100])
def test_every_length_outside_the_bounds_is_refused(length: int) -> None:
    assert not may_be_chosen("a" * length)


def test_a_short_password_may_be_tried_since_a_hash_from_elsewhere_may_be_of_one() -> None:
    assert Password.typed("short").possible
    assert not Password.typed("a" * (LONGEST + 1)).possible


def test_the_least_length_counts_after_normalisation() -> None:
    assert not may_be_chosen("e\u0301" * (SHORTEST - 1))
    assert may_be_chosen("e\u0301" * SHORTEST)


def test_the_greatest_length_counts_after_normalisation() -> None:
    assert Password.typed("\u00e9" * LONGEST).possible
    assert Password.typed("e\u0301" * LONGEST) == Password.typed("\u00e9" * LONGEST)


def test_a_password_that_grows_past_the_bound_is_refused() -> None:
    grows = "\u0958"  # normalises to two characters
    assert len(unicodedata.normalize("NFC", grows)) == 2
    assert Password.typed(grows * (LONGEST // 2)).possible
    assert not Password.typed(grows * (LONGEST // 2 + 1)).possible


def test_characters_outside_the_basic_plane_count_as_one() -> None:
    assert may_be_chosen("\U0001f511" * SHORTEST)
    assert not may_be_chosen("\U0001f511" * (SHORTEST - 1))


@pytest.mark.parametrize("text", ["password\0", "\0password", "pass\0word", "\0" * 20])
def test_a_nul_is_refused(text: str) -> None:
    assert not Password.typed(text).possible


@pytest.mark.parametrize("text", ["password\ud800", "\udfff" * 20, "\ud83d\udd11password"])
def test_a_lone_surrogate_is_refused(text: str) -> None:
    assert not Password.typed(text).possible


@pytest.mark.parametrize("marks", ["\u0316\u0301", "\u0301"])
def test_a_long_run_of_combining_marks_is_refused_before_it_is_normalised(marks: str) -> None:
    assert not Password.typed("a" + marks * 5_000_000).possible


def test_a_password_is_never_cut() -> None:
    long = "a" * 100
    assert Password.typed(long + "b").secret.reveal() == long + "b"
    assert Password.typed(long + "b") != Password.typed(long + "c")


def test_surrounding_white_space_belongs_to_the_password() -> None:
    assert Password.typed(" password ").secret.reveal() == " password "


def test_the_error_names_the_field_and_the_rule() -> None:
    assert password_errors(Password.typed("short")) == [FieldError("password", PASSWORD_RULE)]
    assert password_errors(Password.typed("short"), "new_password") == [FieldError("new_password", PASSWORD_RULE)]
    assert password_errors(Password.typed("long enough")) == []


@given(st.text(st.characters(), max_size=40))
def test_any_text_is_a_password_or_is_not_possible(text: str) -> None:
    password = Password.typed(text)
    normal = unicodedata.normalize("NFC", text)
    allowed = "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
    assert password.possible == (allowed and len(normal) <= LONGEST)
    assert may_be_chosen(text) == (password.possible and len(normal) >= SHORTEST)
    if password.possible:
        assert password.secret.reveal() == normal
        assert Password.typed(unicodedata.normalize("NFD", text)) == password
