"""Whose word counts for where a request comes from."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from entrypoints.http.oauth import address
from entrypoints.http.proxies import behind_proxies
from tests.unit.asgi import Answer, call, chunks, scope

PEER = "192.0.2.1"  # as the scope has it


async def app(sent: Scope, receive: Receive, send: Send) -> None:
    await Response(address(Request(sent)))(sent, receive, send)


async def seen(trusted: tuple[str, ...], *forwarded: str) -> str:
    """The address that the application sees."""
    headers = [("x-forwarded-for", each) for each in forwarded]
    answer: Answer = await call(behind_proxies(app, trusted), scope(headers), chunks(b""))
    return answer.body.decode()


def test_without_proxies_nothing_stands_in_between() -> None:
    assert behind_proxies(app, ()) is app


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        ((), ("203.0.113.9",), PEER),
        (("198.51.100.1",), ("203.0.113.9",), PEER),  # trusted, and somebody else than who connects
        ((PEER,), (), PEER),
        ((PEER,), ("",), PEER),
        ((PEER,), ("203.0.113.9",), "203.0.113.9"),
        (("192.0.2.0/24",), ("203.0.113.9",), "203.0.113.9"),
        ((PEER,), ("2001:db8::1",), "2001:db8::1"),
        # Whatever stands before the last address that is no proxy of ours, anybody may have written.
        ((PEER,), ("10.9.9.9, 203.0.113.9",), "203.0.113.9"),
        ((PEER,), ("10.9.9.9", "203.0.113.9"), "203.0.113.9"),
        ((PEER, "10.0.0.0/8"), ("198.51.100.7, 203.0.113.9, 10.1.2.3",), "203.0.113.9"),
        ((PEER, "10.0.0.0/8"), ("203.0.113.9", "10.1.2.3, 10.3.2.1"), "203.0.113.9"),
    ],
)
async def test_the_last_address_that_is_no_proxy_of_ours_is_the_clients(
    trusted: tuple[str, ...], forwarded: tuple[str, ...], expected: str
) -> None:
    assert await seen(trusted, *forwarded) == expected


@pytest.mark.parametrize("name", ["forwarded", "x-real-ip", "client-ip", "x-client-ip", "true-client-ip", "via"])
async def test_no_other_header_counts(name: str) -> None:
    for value in ("203.0.113.9", "for=203.0.113.9"):
        answer = await call(behind_proxies(app, (PEER,)), scope([(name, value)]), chunks(b""))
        assert answer.body.decode() == PEER


@pytest.mark.parametrize("text", ["nonsense", "unix:", "' OR 1=1", "[", "203.0.113.9:port"])
async def test_what_is_no_address_is_whatever_the_proxy_said(text: str) -> None:
    assert await seen((PEER,), text)
