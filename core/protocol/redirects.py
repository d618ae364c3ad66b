"""Where answers may be sent: redirect URIs, as they are registered and compared (RFC 6749 §3.1.2, RFC 8252 §7)."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from core.protocol.refusals import FieldError

LONGEST = 1024
MOST = 32

# Names and addresses of this machine, as a URL has them.
LOOPBACK = ("127.0.0.1", "[::1]", "localhost")

# RFC 8252 §7.1: a scheme of one's own is a domain name in reverse, so that it has a dot.
_CUSTOM_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\]")
_PORT = re.compile(r"(:[1-9][0-9]{0,4})?")
_ESCAPES = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")

RULE = (
    "a redirect URI is an absolute https URL, an http one of this machine (127.0.0.1, [::1], localhost), or one of a "
    "scheme with a dot such as com.example.app:/callback; its host in lower case, without a user, a fragment, or dot "
    "segments"
)


def redirect_errors(uris: Collection[str], field: str, *, native: bool = True) -> list[FieldError]:
    """What keeps these from being registered. Schemes of one's own are for native applications."""
    if len(uris) > MOST:
        return [FieldError(field, f"at most {MOST} URIs")]
    if not all(map(is_redirect_uri, uris)):
        return [FieldError(field, RULE)]
    if not native and any(custom_scheme(uri) for uri in uris):
        return [FieldError(field, "a scheme of one's own is for application_type native")]
    return []


def is_redirect_uri(uri: str) -> bool:
    parts = _split(uri)
    if parts is None or parts.fragment or "#" in uri or not _plain(parts.path):
        return False
    if parts.scheme in {"https", "http"}:
        host, port = _host_and_port(parts)
        known = _HOST.fullmatch(host) is not None and _PORT.fullmatch(port) is not None
        return known and (parts.scheme == "https" or host in LOOPBACK) and uri.startswith(f"{parts.scheme}://")
    return _CUSTOM_SCHEME.fullmatch(parts.scheme) is not None and uri.startswith(f"{parts.scheme}:/")


def is_web_url(url: str) -> bool:
    """An absolute http or https URL, as people are shown it."""
    parts = _split(url)
    if parts is None or parts.scheme not in {"https", "http"}:
        return False
    return _HOST.fullmatch(_host_and_port(parts)[0].lower()) is not None


def custom_scheme(uri: str) -> bool:
    return uri.partition(":")[0] not in {"https", "http"}


def host_of(uri: str) -> str:
    """What people are shown of where an answer goes: the host, or the scheme of a native application.

    What follows a scheme of one's own may look like anybody's host, and leads nowhere but to the application.
    """
    parts = urlsplit(uri)
    return f"{parts.scheme}:" if custom_scheme(uri) else _host_and_port(parts)[0]


def is_assured(uri: str) -> bool:
    """Whether nobody but the owner of the host receives what is sent there (RFC 8252 §8.6)."""
    return urlsplit(uri).scheme == "https"


def is_registered(given: str, registered: Collection[str]) -> bool:
    """RFC 6749 §3.1.2.3, RFC 9700 §2.1: the very string, but for the port on this machine (RFC 8252 §7.3)."""
    if given in registered:
        return True
    without = _without_port(given)
    return without is not None and is_redirect_uri(given) and any(without == _without_port(uri) for uri in registered)


def _without_port(uri: str) -> str | None:
    """An http URI of this machine without its port; None for any other."""
    parts = _split(uri)
    if parts is None or parts.scheme != "http" or not uri.startswith("http://"):
        return None
    host, port = _host_and_port(parts)
    if host not in LOOPBACK or not _PORT.fullmatch(port):
        return None
    return f"http://{host}" + uri[len("http://") + len(host) + len(port) :]


def _split(uri: str) -> SplitResult | None:
    """None for what programs read in different ways."""
    if not 0 < len(uri) <= LONGEST or not uri.isascii() or not uri.isprintable() or not _ESCAPES.fullmatch(uri):
        return None
    if any(character in uri for character in ' "<>\\^`{|}') or not uri.startswith(uri.split(":", 1)[0].lower()):
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.password is not None or "@" in parts.netloc or port == 0:
        return None
    return parts


def _host_and_port(parts: SplitResult) -> tuple[str, str]:
    """`netloc` in two: the second part is empty, or begins with the colon."""
    if parts.netloc.startswith("["):
        host, bracket, port = parts.netloc.partition("]")
        return host + bracket, port
    host, colon, port = parts.netloc.partition(":")
    return host, colon + port


def _plain(path: str) -> bool:
    """No dot segments, encoded or not, which some would resolve before they go there."""
    decoded = re.sub("%2e", ".", path, flags=re.IGNORECASE)
    return not any(segment in {".", ".."} for segment in re.split(r"/|%2f|%5c", decoded, flags=re.IGNORECASE))
