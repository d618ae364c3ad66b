"""What a setting may look like: texts of the environment to values."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import field

from core.protocol.secret import Secret

LARGEST_PICTURE = 1024 * 1024  # bytes

Parse = Callable[[str], Any]


class Malformed(ValueError):
    """What a setting expects."""


def setting(name: str, parse: Parse, default: Any, about: str) -> Any:
    """A field that the environment variable `name` fills."""
    return field(default=default, metadata={"name": name, "parse": parse, "about": about})


def text(value: str) -> str:
    return value


def secret(value: str) -> Secret:
    return Secret(value)


def encryption_key(value: str) -> Secret:
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}=?", value):
        raise Malformed("expected 32 random bytes in base64url; `openssl rand -base64 32 | tr '+/' '-_'` makes them")
    return Secret(value)


def encryption_keys(value: str) -> tuple[Secret, ...]:
    return tuple(encryption_key(one) for one in value.split(","))


def bearer(value: str) -> Secret:
    """RFC 6750 §2.1, and as hard to guess as any secret here."""
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]{32,512}=*", value):
        raise Malformed("expected at least 32 characters of A-Z a-z 0-9 - . _ ~ + /; `openssl rand -hex 32` makes 64")
    return Secret(value)


def title(value: str) -> str:
    if len(value) > 60 or not value.isprintable():
        raise Malformed("expected at most 60 printable characters")
    return value


def colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise Malformed("expected a colour such as #2f5bd7")
    return value.lower()


def picture(value: str) -> Path:
    path = folder(value)
    try:
        if path.suffix.lower() not in {".svg", ".png", ".jpg", ".jpeg", ".webp"} or not path.is_file():
            raise Malformed("expected a file whose name ends in .svg, .png, .jpg, .jpeg or .webp")
        with path.open("rb") as file:
            fits = len(file.read(LARGEST_PICTURE + 1)) <= LARGEST_PICTURE
    except OSError as error:
        raise Malformed(f"the file cannot be read ({type(error).__name__})") from None
    if not fits:
        raise Malformed(f"expected a file of at most {LARGEST_PICTURE // 1024} KiB")
    return path


def switch(value: str) -> bool:
    if value not in {"on", "off"}:
        raise Malformed("expected on or off")
    return value == "on"


def networks(value: str) -> tuple[str, ...]:
    """Addresses and networks, such as 10.0.0.0/8, separated by commas."""
    found = [one.strip() for one in value.split(",")]
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise Malformed("expected IP addresses and networks such as 10.0.0.0/8, separated by commas") from None
    return tuple(found)


def whole_number(least: int, most: int) -> Parse:
    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):
            raise Malformed(f"expected a whole number from {least} to {most}")
        return int(value)

    return parse


def one_of(*choices: str) -> Parse:
    def parse(value: str) -> str:
        if value not in choices:
            raise Malformed(f"expected one of {', '.join(choices)}")
        return value

    return parse


def issuer(value: str) -> str:
    """RFC 8414 §2: a URL without query and fragment, kept byte for byte."""
    expected = "expected a URL such as https://auth.example.com"
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        raise Malformed(expected) from None
    spelled = value.isascii() and value.isprintable() and not set(value) & set(' "<>\\^`{|}')
    if not spelled or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise Malformed(expected)
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise Malformed("expected a URL without a query or a fragment")
    return value


def postgres_url(value: str) -> Secret:
    """An address that asyncpg and libpq read alike; several hosts are separated by commas."""
    expected = Malformed(
        "expected postgresql://user:password@host:5432/database, "
        "with : / ? # @ in user and password written as %3A %2F %3F %23 %40"
    )
    try:
        parts = urlsplit(value)
    except ValueError:
        raise expected from None
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if parts.scheme not in {"postgres", "postgresql"} or parts.fragment or parts.netloc.count("@") > 1:
        raise expected
    if not all(re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]*)(:\d{1,5})?", host) for host in hosts):
        raise expected
    return Secret(value)


def address(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", value):
        raise Malformed("expected an IP address or the name of this machine")
    return value


def folder(value: str) -> Path:
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise Malformed("expected a folder; there is no such account to have one") from None


def default_data_dir() -> Path:
    """Where data goes when nobody says so. Root's lies where the account that runs PostgreSQL can reach it."""
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/watchword")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Watchword"
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "watchword"
