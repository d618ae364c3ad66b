"""Documents that strangers name (RFC 7591 §5, OpenID Connect Core §16), by HTTP/1.1 over asyncio and h11.

Whoever names a URL must not get us to go where they cannot go, nor to wait, nor to hold more than a little: a name is
resolved once, all of its addresses have to be public, the connection goes to one of these and to nothing else, nothing
is followed, and everything has a bound.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

import h11
from attrs import frozen

from adapters.fetching.addresses import Address, is_loopback, is_name, is_public, literal
from core.clients.ports import Fetcher, FetchFailed

LARGEST = 64 * 1024  # bytes of a document
LARGEST_HEAD = 16 * 1024  # bytes of a status line and its headers
MOST_ON_THE_WIRE = 3 * LARGEST  # bytes of all that is sent: chunks may add to a document
SLOWEST = 5.0  # seconds for all of it, the wait for a turn among it
SLOWEST_CONNECT = 2.0  # seconds for one address
MOST_AT_ONCE = 16
MOST_ADDRESSES = 4
LONGEST_URL = 2048  # characters

# The addresses of a host, as texts.
Resolve = Callable[[str], Awaitable[Sequence[str]]]


@frozen
class Target:
    host: str
    port: int
    tls: bool
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


class GuardedFetcher:
    def __init__(
        self,
        *,
        loopback: bool = False,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        slowest: float = SLOWEST,
    ) -> None:
        """With `loopback`, for development, documents may be on this machine, there without TLS as well."""
        self._loopback = loopback
        self._tls = tls
        self._slowest = slowest
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        # Of its own: a name that takes long keeps a thread for longer than anybody waits for it.
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "fetching")
        self._resolve = resolve or self._look_up

    async def json(self, url: str) -> object:
        try:
            async with asyncio.timeout(self._slowest), self._turns:
                return _parsed(await self._document(_target(url, loopback=self._loopback)))
        except TimeoutError:
            raise FetchFailed("it took too long") from None
        except OSError as error:
            raise FetchFailed(f"{type(error).__name__}: {error}"[:200]) from error
        except h11.ProtocolError:  # whose message repeats what was received
            raise FetchFailed("the answer is not HTTP/1.1") from None

    async def _document(self, target: Target) -> bytes:
        reader, writer = await self._connect(target, await self._addresses(target))
        try:
            return await _exchange(reader, writer, target)
        finally:
            writer.transport.abort()  # a polite end would wait for the other side

    async def _addresses(self, target: Target) -> list[Address]:
        """Where to go. Raises `FetchFailed` if any of the addresses is none that we go to."""
        own = literal(target.host)
        found = [own] if own is not None else [literal(text) for text in await self._resolve(target.host)]
        addresses = list(dict.fromkeys(found))
        if not addresses or not all(address is not None and self._may_go(address, target) for address in addresses):
            raise FetchFailed("the host has no address, or one that is not public")
        return [address for address in addresses if address is not None][:MOST_ADDRESSES]

    def _may_go(self, address: Address, target: Target) -> bool:
        if self._loopback and is_loopback(address):
            return True
        return target.tls and is_public(address)

    async def _look_up(self, host: str) -> Sequence[str]:
        find = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, find)
        return [str(address[4][0]) for address in found]

    async def _connect(
        self, target: Target, addresses: Sequence[Address]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the first that answers. The certificate has to be that of the name."""
        tls = await self._context() if target.tls else None
        failed: OSError = ConnectionError()
        for address in addresses:
            try:
                async with asyncio.timeout(SLOWEST_CONNECT):
                    return await asyncio.open_connection(
                        str(address), target.port, ssl=tls, server_hostname=target.host if tls else None, limit=LARGEST
                    )
            except OSError as error:
                failed = error
        raise failed

    async def _context(self) -> ssl.SSLContext:
        """Reading the system's certificates takes long: once, when there is something to fetch."""
        if self._tls is None:
            self._tls = await asyncio.get_running_loop().run_in_executor(self._threads, ssl.create_default_context)
        return self._tls


def _target(url: str, *, loopback: bool) -> Target:
    """Raises `FetchFailed` for what is no https URL, or is one that programs read in different ways."""
    plain = 0 < len(url) <= LONGEST_URL and url.isascii() and url.isprintable()
    if not plain or any(character in url for character in ' "#<>\\^`{|}'):
        raise FetchFailed("no URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise FetchFailed("no URL") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise FetchFailed("no https URL")
    if "@" in parts.netloc or port == 0 or (literal(host) is None and not is_name(host)):
        raise FetchFailed("no host that everybody reads alike")
    tls = parts.scheme == "https"
    query = f"?{parts.query}" if parts.query else ""
    return Target(host, port or (443 if tls else 80), tls, (parts.path or "/") + query)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> bytes:
    """One request, and the body of its answer. Raises `FetchFailed`, `h11.ProtocolError`, `OSError`."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
    headers = [
        ("Host", target.authority),
        ("User-Agent", "Watchword"),
        ("Accept", "application/json, */*;q=0.1"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    request = h11.Request(method="GET", target=target.path, headers=headers)
    writer.write((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
    body, received = bytearray(), 0
    while True:
        match http.next_event():
            case h11.NEED_DATA:
                data = await reader.read(LARGEST_HEAD)
                received += len(data)
                if received > MOST_ON_THE_WIRE:
                    raise FetchFailed("the answer is too large")
                http.receive_data(data)
            case h11.Response() as response:
                _check(response)
            case h11.Data(data=data):
                body += data
                if len(body) > LARGEST:
                    raise FetchFailed("the document is too large")
            case h11.EndOfMessage():
                return bytes(body)
            case h11.InformationalResponse():
                pass
            case _:
                raise FetchFailed("there was no answer")


def _check(response: h11.Response) -> None:
    """Raises `FetchFailed`, also for a redirect: it would lead past every check."""
    if response.status_code != 200:
        raise FetchFailed(f"status {response.status_code}")
    for name, value in response.headers:
        if name == b"content-encoding" and value.lower() != b"identity":
            raise FetchFailed("an encoding that was not asked for")
        if name == b"content-length" and int(value) > LARGEST:
            raise FetchFailed("the document is too large")


def _parsed(body: bytes) -> object:
    """Raises `FetchFailed` for what is no JSON in UTF-8, or reads differently elsewhere (RFC 8259 §4, §6)."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_number, parse_float=_number)
    except (ValueError, RecursionError):
        raise FetchFailed("the document is no JSON") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name that is there twice")
    return found


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number that JSON does not have")
    return number


_: type[Fetcher] = GuardedFetcher
