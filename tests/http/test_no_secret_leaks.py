"""Runs last: no secret that this suite used stands in its log or in an error body."""

from __future__ import annotations

import logging

import pytest

from tests.http.support import Record, Watched, record


def test_a_secret_in_the_log_or_in_an_error_body_would_be_found() -> None:
    """Or else the search below would prove nothing."""
    found = Record()
    found.keep('a "quoted" sécret', "a plain secret", "never seen", "short")
    found.keep_token("header.payload.signature-part")
    assert found.leaks() == []
    found.setFormatter(record.formatter)
    for text in ('a "quoted" sécret', "signature-part"):
        found.handle(logging.LogRecord("watchword", logging.INFO, __file__, 1, "said %s", (text,), None))
    found.errors.append('{"detail": "a+plain+secret is short"}')
    assert found.leaks() == ['a "quoted" sécret', "a plain secret", "signature-part"]


def test_a_traceback_and_extra_fields_are_searched_too() -> None:
    found = Record()
    found.setFormatter(record.formatter)
    found.keep("in an exception", "in an extra field")
    try:
        raise ValueError("in an exception")
    except ValueError as error:
        told = logging.LogRecord("x", logging.ERROR, __file__, 1, "x", (), (ValueError, error, error.__traceback__))
    told.detail = "in an extra field"
    found.handle(told)
    assert found.leaks() == ["in an exception", "in an extra field"]


def test_what_a_client_sends_and_gets_is_known_to_the_search(live: Watched) -> None:
    live.add_user("searched", password="kept by the record")
    token = live.token("searched", "kept by the record")
    with live.client(token) as client:
        body = {"current_password": "a guess at the current", "new_password": "a wish for another"}
        client.put("/api/v1/users/me/password", json=body)
    assert {token, "kept by the record", "a guess at the current", "a wish for another"} <= record.secrets


def test_no_secret_stands_in_any_log_line_or_error_body(request: pytest.FixtureRequest) -> None:
    assert request.session.items[-1] is request.node
    assert record.lines
    assert record.secrets
    leaks = record.leaks()
    assert leaks == [], f"{len(leaks)} of {len(record.secrets)} secrets were found"
