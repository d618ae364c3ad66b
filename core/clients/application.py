"""What a client says of itself that signs people in (RFC 7591 §2, OpenID Connect Dynamic Client Registration §2)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs
from attrs import field, frozen

from core.protocol.redirects import custom_scheme, is_redirect_uri, is_web_url, redirect_errors
from core.protocol.refusals import FieldError
from core.protocol.scope import unique

LONGEST_TEXT = 512
MOST_CONTACTS = 10
LONGEST_AGE = 10 * 365 * 86400  # seconds

SIGNING_ALGORITHMS = ("RS256", "ES256")  # of ID tokens and signed userinfo
# RFC 7523 §3, RFC 8725 §3.1: what client assertions may be signed with.
ASSERTION_ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA")
APPLICATION_TYPES = ("web", "native")
SUBJECT_TYPES = ("public", "pairwise")
ACR = "1"  # the one authentication context there is: a password


@frozen(kw_only=True)
class Application:
    """Members by their names in the registries. None and empty stand for what was left out.

    `require_pkce` is None where the server's own rule holds. `redirect_uris` compare as `core.protocol.redirects` says.
    """

    application_type: str = "web"
    redirect_uris: tuple[str, ...] = field(default=(), converter=unique)
    post_logout_redirect_uris: tuple[str, ...] = field(default=(), converter=unique)
    id_token_signed_response_alg: str = "RS256"
    userinfo_signed_response_alg: str | None = None
    subject_type: str = "public"
    sector_identifier_uri: str | None = None
    default_max_age: int | None = None
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = field(default=(), converter=unique)
    initiate_login_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    tos_uri: str | None = None
    policy_uri: str | None = None
    contacts: tuple[str, ...] = field(default=(), converter=unique)
    software_id: str | None = None
    software_version: str | None = None
    jwks_uri: str | None = None
    token_endpoint_auth_signing_alg: str | None = None
    require_pushed_authorization_requests: bool = False
    require_pkce: bool | None = None

    @property
    def sector(self) -> str:
        """The host by which pairwise subjects differ (OpenID Connect Core §8.1), without a port."""
        return urlsplit(self.sector_identifier_uri or next(iter(self.redirect_uris), "")).hostname or ""

    @classmethod
    def stored(cls, members: Mapping[str, object]) -> Application:
        """As it was kept: members that a later version knows are passed over."""
        known = {a.name for a in attrs.fields(cls)}
        return cls(**{name: value for name, value in members.items() if name in known and value is not None})  # type: ignore[arg-type]  # as they were written

    def members(self) -> dict[str, object]:
        """What is not left out, as it is kept and shown."""
        found = attrs.asdict(self, recurse=False, filter=lambda a, value: value != a.default)
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in found.items() if value != ()
        }


SHARED_HOSTS = frozenset({"", "127.0.0.1", "::1", "localhost"})  # of redirect URIs of many applications
WEB_URLS = ("client_uri", "logo_uri", "tos_uri", "policy_uri")
HTTPS_URLS = ("initiate_login_uri", "sector_identifier_uri", "jwks_uri")
CHOICES: Mapping[str, tuple[str | None, ...]] = {
    "application_type": APPLICATION_TYPES,
    "subject_type": SUBJECT_TYPES,
    "id_token_signed_response_alg": SIGNING_ALGORITHMS,
    "userinfo_signed_response_alg": (None, *SIGNING_ALGORITHMS),
    "token_endpoint_auth_signing_alg": (None, *ASSERTION_ALGORITHMS),
}


def application_errors(application: Application) -> list[FieldError]:
    """Everything that is wrong with it, by name."""
    native = application.application_type == "native"
    errors = [
        *redirect_errors(application.redirect_uris, "redirect_uris", native=native),
        *redirect_errors(application.post_logout_redirect_uris, "post_logout_redirect_uris", native=native),
    ]
    for name, choices in CHOICES.items():
        if getattr(application, name) not in choices:
            errors.append(FieldError(name, f"expected one of {', '.join(filter(None, choices))}"))
    for name in (*WEB_URLS, *HTTPS_URLS):
        url = getattr(application, name)
        if url is not None and not is_web_url(url):
            errors.append(FieldError(name, "expected a URL such as https://app.example.com/"))
        elif url is not None and name in HTTPS_URLS and not _is_guarded(url):
            errors.append(FieldError(name, "expected a URL with https"))
    age = application.default_max_age
    if age is not None and not 0 <= age <= LONGEST_AGE:
        errors.append(FieldError("default_max_age", f"expected a number of seconds from 0 to {LONGEST_AGE}"))
    if not set(application.default_acr_values) <= {ACR}:
        errors.append(FieldError("default_acr_values", f"expected none but {ACR}"))
    for name in ("software_id", "software_version"):
        text = getattr(application, name)
        if text is not None and not _is_text(text):
            errors.append(FieldError(name, f"expected 1 to {LONGEST_TEXT} printable characters"))
    if len(application.contacts) > MOST_CONTACTS or not all(map(_is_text, application.contacts)):
        errors.append(FieldError("contacts", f"at most {MOST_CONTACTS}, each of printable characters"))
    return errors + _sector_errors(application)


def _sector_errors(application: Application) -> list[FieldError]:
    """OpenID Connect Core §8.1: without a sector identifier all redirect URIs are on one host.

    What stands for a host in a scheme of one's own is anybody's word, and this machine is everybody's: either would
    open another's sector.
    """
    if application.subject_type != "pairwise" or application.sector_identifier_uri is not None:
        return []
    if not all(map(is_redirect_uri, application.redirect_uris)):  # which is said elsewhere
        return []
    hosts = {"" if custom_scheme(uri) else urlsplit(uri).hostname for uri in application.redirect_uris}
    if len(hosts) != 1 or hosts & SHARED_HOSTS:
        return [
            FieldError("sector_identifier_uri", "needed for pairwise, unless all redirect URIs have one https host")
        ]
    return []


def _is_guarded(url: str) -> bool:
    """https, or this machine in development, where the fetcher decides whether it goes there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in {"127.0.0.1", "::1", "localhost"}


def _is_text(text: str) -> bool:
    return 0 < len(text) <= LONGEST_TEXT and text.isprintable()
