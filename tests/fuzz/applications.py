"""What no schema can say of profiles, clients and registrations: texts that print, URLs, and what goes together."""

from __future__ import annotations

import json

from tests.fuzz.cases import Chance, Likely, expected
from tests.fuzz.known import KNOWN, Body, Case
from tests.fuzz.people import CALLBACK, a_registration, registered

TEXTS = ("name", "given_name", "family_name", "middle_name", "nickname", "gender")
URLS = ("profile", "picture", "website")
GOOD = {
    "birthdate": "1990-12-31",
    "zoneinfo": "Europe/Paris",
    "locale": "en-US",
    "phone_number": "+1 604 555 1234",
    **dict.fromkeys(URLS, "https://example.com/alice?a=1#b"),
}

OWN_SCHEME = "com.example.app:/callback"
LOOPBACK = "http://[::1]:8080/callback"
PAGES = ("client_uri", "logo_uri", "tos_uri", "policy_uri", "initiate_login_uri")
WORDS = ("software_id", "software_version")
CODE = "authorization_code"

# What the configuration sends where a registration access token is asked for.
OURS = f"Bearer {KNOWN['registration']}"


def printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))


def profile_text(name: str, text: str) -> str:
    """What may stand in a field of the form; nothing takes the claim away."""
    return GOOD[name] if name in GOOD and text else printable(text).strip()[:512]


def told(profile: Body) -> Body:
    """A profile that is kept, of one that is well-formed."""
    kept = {**profile, **{name: GOOD[name] for name in URLS if name in profile}}
    kept |= {name: printable(kept[name]).strip() for name in TEXTS if name in kept}
    if "address" in kept:
        lines = {part: map(printable, text.splitlines()) for part, text in kept["address"].items()}
        parts = {part: "\n".join(line for line in several if line).strip() for part, several in lines.items()}
        kept["address"] = {part: text for part, text in parts.items() if text}
    return {name: value for name, value in kept.items() if value not in ("", {})}


def application(body: Body) -> None:
    """Its URIs are such as may be registered, and its texts print."""
    native = body.get("application_type") == "native" and body.get("subject_type") != "pairwise"
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        if body.get(name):
            body[name] = [CALLBACK, LOOPBACK, OWN_SCHEME] if native else [CALLBACK]
    if body.get("subject_type") == "pairwise":
        body["redirect_uris"] = [CALLBACK]
    for name in PAGES:
        if body.get(name) is not None:
            body[name] = "https://app.example.com/a?b=c"
    for name in WORDS:
        if body.get(name) is not None:
            body[name] = printable(body[name]) or "1"
    if "contacts" in body:
        body["contacts"] = [text for text in map(printable, body["contacts"]) if text][:10]


def own_keys(body: Body) -> None:
    """Keys that are keys, of what else there is."""
    if "jwks" in body:
        public = {name: value for name, value in KNOWN["clients"]["private_key_jwt"]["key"].items() if name != "d"}
        text = json.dumps(body["jwks"])
        shallow = text.count("{") + text.count("[") < 8 and "\\u0000" not in text
        body["jwks"] = (body["jwks"] if shallow else {}) | {"keys": [public]}


def register(case: Case, body: Body, chance: Chance) -> None:
    if not chance.one_in(10):
        _registrable(body)
        expected[case.id] = {201}


def _registrable(body: Body) -> None:
    application(body)
    own_keys(body)
    body["client_name"] = printable(body.get("client_name", ""))
    body["redirect_uris"] = body.get("redirect_uris") or [CALLBACK]
    body["grant_types"] = [CODE, *(grant for grant in body.get("grant_types", ()) if grant == "refresh_token")]
    body.pop("response_types", None)
    body.pop("sector_identifier_uri", None)
    by_key = body.get("token_endpoint_auth_method") == "private_key_jwt"
    if by_key and "jwks" not in body:
        body["jwks_uri"] = "https://app.example.com/jwks"
    else:
        body.pop("jwks_uri", None)


def _as_its_client(case: Case, client_id: str) -> None:
    case.path_parameters["client_id"] = client_id
    case.headers["Authorization"] = f"Bearer {registered[client_id]}"


def look_after(case: Case, _body: Body, _chance: Chance) -> None:
    """As the client, if somebody's token came along at all."""
    if case.headers.get("Authorization") == OURS:
        linked = case.path_parameters["client_id"]
        _as_its_client(case, linked if linked in registered else a_registration())
        expected[case.id] = {200, 204}


def with_a_token(case: Case, chance: Chance) -> None:
    if case.headers.get("Authorization") == OURS and chance.one_in(2):
        _as_its_client(case, a_registration())


def replace(case: Case, body: Body, chance: Chance) -> None:
    if case.headers.get("Authorization") != OURS or chance.one_in(10):
        return
    client_id = a_registration()
    _as_its_client(case, client_id)
    _registrable(body)
    for name in ("token_endpoint_auth_method", "subject_type", "jwks", "jwks_uri", "client_secret"):
        body.pop(name, None)
    body["client_id"] = client_id
    expected[case.id] = {200}


LIKELY: dict[str, Likely] = {
    "registerClient": register,
    "showRegistration": look_after,
    "replaceRegistration": replace,
    "deleteRegistration": look_after,
}
