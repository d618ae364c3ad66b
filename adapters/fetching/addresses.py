"""Which hosts and addresses a stranger may send us to: those that the stranger can reach without us."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Everything that is not unicast between strangers (IANA's registries for special purposes), spelled out: what
# `is_global` holds differs between versions of Python. The last is where Azure's machines reach their host.
SPECIAL_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    )
)  # fmt: skip

# The rest of the address space is special: mapped and compatible IPv4, unique local, link local, multicast.
GLOBAL_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
# Protocol assignments with Teredo among them, documentation, 6to4: the last and Teredo lead to an IPv4 address inside.
SPECIAL_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1: how hosts without IPv6 look from a network without IPv4

LOOPBACK_4 = ipaddress.IPv4Network("127.0.0.0/8")
LOOPBACK_6 = ipaddress.IPv6Address("::1")

LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")
# What some programs read as an address: 2130706433, 0x7f.1, 127.0.0.01.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not _within(address, SPECIAL_4)
    if address.scope_id is not None:
        return False
    if address in NAT64:
        return is_public(ipaddress.IPv4Address(address.packed[-4:]))
    return address in GLOBAL_UNICAST_6 and not _within(address, SPECIAL_6)


def is_loopback(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address in LOOPBACK_4
    return address == LOOPBACK_6


def literal(host: str) -> Address | None:
    """The address that a host is, as RFC 3986 §3.2.2 spells one; without the brackets."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_name(host: str) -> bool:
    """A name of the DNS in lower case, without a dot at its end, and nothing that looks like a number."""
    return NAME.fullmatch(host) is not None and NUMBER.fullmatch(host.rpartition(".")[2]) is None


def _within(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address in network for network in networks)
