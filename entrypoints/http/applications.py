"""What the JSON of the admin API says of an application, by the names of RFC 7591 and OpenID Connect Registration."""

from __future__ import annotations

import attrs
from attrs import frozen

from core.clients.application import Application
from core.protocol.unset import UNSET, Unset


@frozen(kw_only=True)
class ApplicationFields:
    """The members of `Application`, each of which may be left out. None is for one that is taken away."""

    application_type: str | Unset = UNSET
    redirect_uris: tuple[str, ...] | Unset = UNSET
    post_logout_redirect_uris: tuple[str, ...] | Unset = UNSET
    id_token_signed_response_alg: str | Unset = UNSET
    userinfo_signed_response_alg: str | Unset | None = UNSET
    subject_type: str | Unset = UNSET
    sector_identifier_uri: str | Unset | None = UNSET
    default_max_age: int | Unset | None = UNSET
    require_auth_time: bool | Unset = UNSET
    default_acr_values: tuple[str, ...] | Unset = UNSET
    initiate_login_uri: str | Unset | None = UNSET
    client_uri: str | Unset | None = UNSET
    logo_uri: str | Unset | None = UNSET
    tos_uri: str | Unset | None = UNSET
    policy_uri: str | Unset | None = UNSET
    contacts: tuple[str, ...] | Unset = UNSET
    software_id: str | Unset | None = UNSET
    software_version: str | Unset | None = UNSET
    jwks_uri: str | Unset | None = UNSET
    token_endpoint_auth_signing_alg: str | Unset | None = UNSET
    require_pushed_authorization_requests: bool | Unset = UNSET
    require_pkce: bool | Unset | None = UNSET

    def said(self) -> dict[str, object]:
        """The members that were not left out."""
        members = {attribute.name: getattr(self, attribute.name) for attribute in attrs.fields(Application)}
        return {name: value for name, value in members.items() if not isinstance(value, Unset)}


FIELDS = frozenset(attribute.name for attribute in attrs.fields(ApplicationFields))
