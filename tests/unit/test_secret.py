"""Whatever holds a secret shows nothing of it."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from adapters.settings import Settings
from core.grants.contract import PasswordRequest, TokenResponse
from core.keys.model import SigningKey
from core.protocol.secret import Secret
from core.tokens.model import IssuedToken
from core.users.model import User
from core.users.password import Password
from core.users.ports import UserChanges

TEXT = "hunter2-hunter2"
SECRET = Secret(TEXT)
NOW = datetime(2026, 11, 23, tzinfo=UTC)

HOLDERS = [
    Password.typed(TEXT),
    IssuedToken(SECRET, 1800),
    TokenResponse(SECRET, 1800),
    PasswordRequest("alice", Password.typed(TEXT)),
    Settings(jwt_secret_key=SECRET, database_url=SECRET, encryption_key=SECRET, data_dir=Path("/x")),
    User(UUID(int=1), "alice", "a@example.com", TEXT, NOW, NOW),
    UserChanges(at=NOW, hashed_password=TEXT, expected_hash=TEXT),
    SigningKey("kid", "ES256", {}, TEXT, NOW, NOW),
]


@pytest.mark.parametrize("show", [repr, str, format, ascii, "{}".format, "{!r}".format, lambda s: "%s %r" % (s, s)])  # noqa: UP031
def test_no_way_of_showing_a_secret_shows_it(show: object) -> None:
    assert callable(show)
    shown = show(SECRET)
    assert "hunter" not in shown
    assert "Secret(***)" in shown


def test_a_format_specification_does_not_get_at_a_secret() -> None:
    with pytest.raises(TypeError) as caught:
        f"{SECRET:>40}"
    assert "hunter" not in str(caught.value)


def test_a_log_line_shows_no_secret() -> None:
    stream = io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("%s %r", SECRET, [SECRET])
    assert stream.getvalue() == "Secret(***) [Secret(***)]\n"


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_the_repr_of_a_holder_shows_no_secret(holder: object) -> None:
    assert "hunter" not in repr(holder)
    assert "hunter" not in str(holder)


def test_secrets_compare_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("ü") == Secret("ü")
    assert Secret("a") != "a"


def test_secrets_of_any_text_compare() -> None:
    # os.environ holds bytes that are not UTF-8 as lone surrogates (PEP 383).
    assert Secret("\udcff") == Secret("\udcff")
    assert Secret("\udcff") != Secret("\udcfe")


def test_a_secret_gives_its_text_only_by_name() -> None:
    assert SECRET.reveal() == TEXT


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_does_not_leave_the_process(leave: object) -> None:
    assert callable(leave)
    with pytest.raises(TypeError, match="a Secret does not pickle"):
        leave(SECRET)


def test_a_secret_is_no_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"secret": SECRET})


def test_a_secret_is_no_dictionary_key() -> None:
    with pytest.raises(TypeError):
        hash(SECRET)


def test_a_secret_does_not_change() -> None:
    with pytest.raises(AttributeError):
        SECRET._value = "other"  # type: ignore[misc]
