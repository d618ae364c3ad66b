"""Documents that strangers name: where nobody may send us, by whatever spelling, name, or change of mind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from adapters.fetching.addresses import is_loopback, is_name, is_public, literal
from adapters.fetching.guarded import LONGEST_URL, GuardedFetcher
from tests.unit.certificates import authority
from tests.unit.strangers import DOCUMENT, Reader, Stranger, Writer, fetcher, refused, stranger, whole

ANY = "0.0.0.0"  # noqa: S104 - nobody listens there

PRIVATE = [
    *(ANY, "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.8.9.10"),
    *("169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::2", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254"),
    *("fe80::1", "fe80::1%eth0", "2606:4700:4700::1111%eth0", "febf::1", "fec0::1", "ff02::1", "ffff::1"),
]

PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.169.0.1", "223.255.255.254"]
PUBLIC_6 = [
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:200::1",
    "2001:4860:4860::8888",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
async def test_an_address_that_not_everybody_reaches_is_refused_wherever_it_comes_from(address: str) -> None:
    assert not is_public(ip_address(address))
    found = await refused("https://app.test/", fetcher(address, loopback=False))
    assert found == "the host has no address, or one that is not public"
    host = f"[{address}]" if ":" in address else address
    assert await refused(f"https://{host}/", fetcher(loopback=False))


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_6])
def test_other_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))
    assert not is_loopback(ip_address(address))


@pytest.mark.parametrize(
    "addresses", [(), ("8.8.8.8", "127.0.0.1"), ("10.0.0.1", "8.8.8.8"), ("8.8.8.8", "::1"), ("8.8.8.8", "nonsense")]
)
async def test_one_bad_address_among_good_ones_is_enough(addresses: tuple[str, ...]) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return addresses

    found = await refused("https://app.test/", GuardedFetcher(resolve=resolve))
    assert found == "the host has no address, or one that is not public"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.0.0.1"),
        *("0X7F.1", "127.0.0.01", "127.0.0.1.", "0", ANY, "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "localhost", "LOCALHOST"),
        *("localhost.", "localhost.localdomain.", "①②⑦.0.0.1", "127。0。0。1", "%31%32%37.0.0.1", "127.0.0.1%00.com"),
        *("127.0.0.1#@app.test", "app.test@127.0.0.1", "app.test:x@127.0.0.1", "app.test\\@127.0.0.1", "127.0.0.1 "),
        *("127.0.0.1\t", "127.0.0.1\n", "[", "[::1", "]", "*.test", "a..b", "-a.test", "a_b.test", "a" * 64 + ".test"),
        *("a." * 127 + "test", "", ":443", "app.test:0", "app.test:65536", "app.test:x", "app.test:-1"),
    ],
)
async def test_this_machine_is_not_reached_by_any_spelling(host: str) -> None:
    """The resolver is the machine's own: nothing depends on what it makes of these."""
    async with stranger(whole()) as there:
        for url in (f"https://{host}/", f"https://{host}:{there.port}/", f"http://{host}:{there.port}/"):
            await refused(url, fetcher(loopback=False))
    assert there.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        *("", "https", "https:", "https:/app.test/", "https:app.test", "//app.test/", "/etc/passwd", "app.test"),
        *("http://app.test/", "HTTP://app.test/", "ftp://app.test/", "file:///etc/passwd", "gopher://app.test/_x"),
        *("data:application/json,[]", "javascript:1", "unix:///run/docker.sock", "ws://app.test/", "jar:https://a.test/"),
        *("https://app.test/#x", "https://app.test/a b", "https://app.test/\r\nX: y", "https://app.test/\0", "https://é.test"),
        *(" https://app.test/", "https://app.test/{x}", "https://app.test/<", "https://app.test/é", "ht\ntps://app.test/"),
        *("https://user@app.test/", "https://user:password@app.test/", "https://@app.test/", "https://:@app.test/"),
        "https://app.test/" + "a" * LONGEST_URL,
    ],
)  # fmt: skip
async def test_only_an_https_url_that_everybody_reads_alike_will_do(url: str) -> None:
    asked: list[str] = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    await refused(url, GuardedFetcher(resolve=resolve))
    assert asked == []


@pytest.mark.parametrize("host", ["1", "a.1", "0x1", "a.0x", "1.2.3.4", "a.", ".a", "A.test", "a b", "", "a" * 254])
def test_what_is_no_name(host: str) -> None:
    assert not is_name(host)


@pytest.mark.parametrize("host", ["a", "localhost", "1a", "3.example", "a-b.c0", "xn--bcher-kva.example", "x" * 63])
def test_what_is_a_name_is_no_address(host: str) -> None:
    assert is_name(host)
    assert literal(host) is None


# The address that was checked, and no other


async def test_a_name_is_resolved_once_and_the_connection_goes_where_it_was_checked() -> None:
    """An answer that changes at the second question (DNS rebinding) finds nobody to ask it."""
    asked: list[str] = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    async with stranger(whole(), host="127.0.0.2") as there:
        one = GuardedFetcher(loopback=True, resolve=resolve)
        assert await one.json(there.url(host="app.test")) == DOCUMENT
    assert asked == ["app.test"]
    assert f"Host: app.test:{there.port}" in there.requests[0].decode()


async def test_names_of_the_machine_itself_are_not_looked_at_again() -> None:
    """`localhost` is this machine to every resolver; to the connection it is what was found."""
    async with stranger(whole(), host="127.0.0.3") as there:
        assert await fetcher("127.0.0.3").json(there.url(host="localhost")) == DOCUMENT


async def test_of_several_addresses_the_next_is_tried() -> None:
    async with stranger(whole(), host="127.0.0.2") as there:
        assert await fetcher("127.0.0.9", "127.0.0.2").json(there.url(host="app.test")) == DOCUMENT
        assert "Connect" in await refused(there.url(host="app.test"), fetcher("127.0.0.9"))


async def test_a_real_resolver_finds_this_machine() -> None:
    async with stranger(whole()) as there:
        assert await fetcher().json(there.url(host="localhost")) == DOCUMENT


async def test_a_name_that_does_not_exist_is_refused() -> None:
    assert "gaierror" in await refused("https://nothing.invalid/", fetcher(loopback=False))


# This machine, in development


async def test_this_machine_is_for_development_alone_and_without_tls_nothing_else_is() -> None:
    async with stranger(whole()) as there:
        assert await fetcher().json(there.url()) == DOCUMENT
        assert await refused(there.url(), fetcher(loopback=False)) == "no https URL"
        reason = await refused(there.url(scheme="https"), fetcher(loopback=False))
        assert reason == "the host has no address, or one that is not public"
    for address in ("8.8.8.8", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"):
        reason = await refused("http://app.test/", fetcher(address))
        assert reason == "the host has no address, or one that is not public"
    for address in ("10.0.0.1", "169.254.169.254", ANY, "::", "::ffff:127.0.0.1"):
        reason = await refused("https://app.test/", fetcher(address))
        assert reason == "the host has no address, or one that is not public"


# TLS


@asynccontextmanager
async def secured(*names: str, ended: bool = False, by: str = "somebody known") -> AsyncIterator[Stranger]:
    async with stranger(whole(), tls=authority(by).server(*names, ended=ended)) as there:
        yield there


def trusting() -> GuardedFetcher:
    return fetcher("127.0.0.1", tls=authority("somebody known").trusted())


async def test_a_certificate_is_that_of_the_name_and_not_of_the_address() -> None:
    async with secured("app.test") as there:
        assert await trusting().json(there.url(host="app.test", scheme="https")) == DOCUMENT
        assert await trusting().json(there.url(host="APP.test", scheme="https")) == DOCUMENT
        assert "SSLCertVerificationError" in await refused(there.url(host="other.test", scheme="https"), trusting())
        assert "SSLCertVerificationError" in await refused(there.url(scheme="https"), trusting())
    async with secured("127.0.0.1") as there:
        assert await trusting().json(there.url(scheme="https")) == DOCUMENT
        assert "SSLCertVerificationError" in await refused(there.url(host="app.test", scheme="https"), trusting())


async def test_a_certificate_has_to_be_good_and_of_somebody_known() -> None:
    async with secured("app.test", ended=True) as there:
        assert "expired" in await refused(there.url(host="app.test", scheme="https"), trusting())
    async with secured("app.test", by="somebody else") as there:
        assert "SSLCertVerificationError" in await refused(there.url(host="app.test", scheme="https"), trusting())
    async with secured("app.test") as there:  # and what the machine trusts is what counts unless a test says otherwise
        assert "SSLCertVerificationError" in await refused(
            there.url(host="app.test", scheme="https"), fetcher("127.0.0.1")
        )


async def test_no_request_goes_to_whoever_does_not_speak_tls() -> None:
    async def hello(reader: Reader, writer: Writer) -> None:
        received.append(await reader.read(3))
        writer.write(whole())
        writer.close()

    received: list[bytes] = []
    async with await asyncio.start_server(hello, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "SSL" in await refused(f"https://127.0.0.1:{port}/secret-path")
    assert [hello[:1] for hello in received] == [b"\x16"]  # a handshake (RFC 8446 §5.1)
