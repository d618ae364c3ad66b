"""What a client that registers itself says, from a JSON document to values that may be acted upon (RFC 7591 §2, OpenID
Connect Dynamic Client Registration 1.0 §2). Members that nobody here knows are passed over, names in other languages
(`client_name#fr`) and software statements among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from attrs import frozen

from core.clients.application import LONGEST_AGE, Application, application_errors
from core.clients.model import AuthMethod
from core.clients.ports import MetadataRules
from core.protocol.redirects import custom_scheme
from core.protocol.refusals import FieldError, InvalidFields, RegistrationRefused
from core.protocol.scope import unique

# RFC 7592 §2.2: null and empty are the same as left out.
LEFT_OUT: tuple[object, ...] = (None, "", [], {})

TEXTS = frozenset(
    {"application_type", "client_name", "client_uri", "initiate_login_uri", "jwks_uri", "logo_uri", "policy_uri"}
    | {"scope", "sector_identifier_uri", "software_id", "software_version", "subject_type", "tos_uri"}
    | {"token_endpoint_auth_method", "token_endpoint_auth_signing_alg"}
    | {"id_token_signed_response_alg", "id_token_encrypted_response_alg", "id_token_encrypted_response_enc"}
    | {"userinfo_signed_response_alg", "userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc"}
    | {"request_object_signing_alg", "request_object_encryption_alg", "request_object_encryption_enc"}
)
LISTS = frozenset(
    {"contacts", "default_acr_values", "grant_types", "post_logout_redirect_uris", "redirect_uris", "request_uris"}
    | {"response_types"}
)
FLAGS = frozenset({"require_auth_time", "require_pushed_authorization_requests"})

# What would otherwise go over the wire in the clear, against what the client asked for.
ENCRYPTED = ("id_token_encrypted_response_alg", "userinfo_encrypted_response_alg")

CODE = ("code",)  # the only response type
CODE_GRANT = "authorization_code"
GRANTS = (CODE_GRANT, "refresh_token", "client_credentials")

# What the server alone decides of an application: nobody else's metadata know the name.
OWN = frozenset({"require_pkce"})

# Where a field has another name in the registry than in this house.
REGISTERED_AS = {"name": "client_name", "scopes": "scope"}


@frozen(kw_only=True)
class Metadata:
    """What was asked for, defaults filled in. `auth_method` and `name` are None where they were left out.

    Whatever has no use is not in it: keys of a client that does not authenticate by them, and keys to encrypt with.
    """

    name: str | None
    auth_method: AuthMethod | None
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    jwks: Mapping[str, object] | None
    application: Application


@frozen
class ReadMetadata:
    rules: MetadataRules

    def __call__(self, document: Mapping[str, object], current: AuthMethod | None = None) -> Metadata:
        """`current` is how the client authenticates that says all of this anew. Raises `RegistrationRefused`."""
        said, errors = _typed(document)
        _refuse(errors)
        method = said.get("token_endpoint_auth_method")
        by_key = (current if method is None else method) == AuthMethod.PRIVATE_KEY_JWT
        members = {name: said[name] for name in MEMBERS if name in said and (by_key or name != "jwks_uri")}
        application = Application.stored({**members, "application_type": _application_type(said)})
        _refuse([*_inconsistencies(said), *application_errors(application)])
        problem = self.rules.problem(said)
        _refuse([problem] if problem is not None else [])
        return Metadata(
            name=said.get("client_name"),
            auth_method=None if method is None else AuthMethod(method),
            grant_types=_grant_types(said),
            scopes=unique(said["scope"].split(" ")) if "scope" in said else (),
            jwks=_signature_keys(said["jwks"]) if by_key and "jwks" in said else None,
            application=application,
        )


MEMBERS = tuple(attribute.name for attribute in attrs.fields(Application) if attribute.name not in OWN)


def refused(*errors: FieldError) -> RegistrationRefused:
    """RFC 7591 §3.2.2: one code for redirect URIs, and one for all else."""
    named = [FieldError(REGISTERED_AS.get(error.field, error.field), error.message) for error in errors]
    at_fault = any(error.field == "redirect_uris" for error in named)
    code = "invalid_redirect_uri" if at_fault else "invalid_client_metadata"
    return RegistrationRefused(code, InvalidFields(*named).description.replace("§", "section "))  # which is ASCII


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        raise refused(*errors)


def _typed(document: Mapping[str, object]) -> tuple[dict[str, Any], list[FieldError]]:
    """The members that are known and not left out; and those of another type than they should have."""
    said: dict[str, Any] = {}
    errors: list[FieldError] = []
    for names, fits, expected in TYPES:
        for name in sorted(names & document.keys()):
            value = document[name]
            if value in LEFT_OUT:
                continue
            if fits(value):
                said[name] = int(value) if isinstance(value, float) else value
            else:
                errors.append(FieldError(name, f"expected {expected}"))
    return said, errors


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_age(value: object) -> bool:
    """JSON may write a whole number as 60.0 (RFC 8259 §6)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= LONGEST_AGE and value == int(value)


TYPES: tuple[tuple[frozenset[str], Callable[[object], bool], str], ...] = (
    (TEXTS, _is_text, "a text"),
    (LISTS, _is_list_of_texts, "a list of texts"),
    (FLAGS, _is_flag, "true or false"),
    (frozenset({"default_max_age"}), _is_age, f"a whole number of seconds from 0 to {LONGEST_AGE}"),
    (frozenset({"jwks"}), _is_object, "an object"),
)


def _inconsistencies(said: Mapping[str, Any]) -> list[FieldError]:
    """What this server does not offer, and what does not go together (RFC 7591 §2.1)."""
    errors = []
    if said.get("token_endpoint_auth_method", AuthMethod.NONE) not in set(AuthMethod):
        errors.append(FieldError("token_endpoint_auth_method", f"expected one of {', '.join(AuthMethod)}"))
    grant_types = _grant_types(said)
    if not set(grant_types) <= set(GRANTS):
        errors.append(FieldError("grant_types", f"expected some of {', '.join(GRANTS)}"))
    elif "refresh_token" in grant_types and CODE_GRANT not in grant_types:
        errors.append(FieldError("grant_types", f"refresh_token goes with {CODE_GRANT}"))
    if CODE_GRANT in grant_types and "redirect_uris" not in said:
        errors.append(FieldError("redirect_uris", f"{CODE_GRANT} needs at least one"))
    expected = CODE if CODE_GRANT in grant_types else ()
    if "response_types" in said and unique(said["response_types"]) != expected:
        wanted = f"expected {CODE[0]} alone" if expected else f"they go with {CODE_GRANT}"
        errors.append(FieldError("response_types", wanted))
    if "jwks" in said and "jwks_uri" in said:
        errors.append(FieldError("jwks", "expected either jwks or jwks_uri"))
    errors += [FieldError(name, "nothing is encrypted here") for name in ENCRYPTED if name in said]
    return errors


def _grant_types(said: Mapping[str, Any]) -> tuple[str, ...]:
    return unique(said.get("grant_types", (CODE_GRANT,)))


def _application_type(said: Mapping[str, Any]) -> str:
    """OAuth clients that know nothing of OpenID Connect do not say what they are: a scheme of their own says it."""
    uris = (*said.get("redirect_uris", ()), *said.get("post_logout_redirect_uris", ()))
    implied = "native" if any(map(custom_scheme, uris)) else "web"
    return str(said.get("application_type", implied))


def _signature_keys(jwks: Mapping[str, Any]) -> Mapping[str, object]:
    """Without those to encrypt with, which nobody needs here (RFC 7517 §4.2)."""
    keys = jwks.get("keys")
    if not isinstance(keys, list):
        return jwks
    return {"keys": [key for key in keys if not (isinstance(key, dict) and key.get("use") == "enc")]}
