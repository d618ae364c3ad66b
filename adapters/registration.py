"""Client metadata by Authlib's claims classes: RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2."""

from __future__ import annotations

from collections.abc import Mapping

from joserfc.errors import JoseError

from core.clients.ports import MetadataRules
from core.protocol.refusals import FieldError


class AuthlibMetadataRules:
    """Imported with the first document: most servers register nobody, and Authlib's part takes a tenth of a second."""

    def problem(self, document: Mapping[str, object]) -> FieldError | None:
        from authlib.oauth2.rfc7591 import ClientMetadataClaims
        from authlib.oidc.registration import ClientMetadataClaims as OpenIDClaims

        for claims, source in ((ClientMetadataClaims, "RFC 7591"), (OpenIDClaims, "OpenID Connect Registration")):
            try:
                # Without a header, as this is no JWT. Defaults are filled into a copy, which is thrown away.
                claims(_understood(document), {}).validate()
            except JoseError as error:
                return FieldError(_member(error, document), f"not as section 2 of {source} has it")
        return None


def _understood(document: Mapping[str, object]) -> dict[str, object]:
    """What these classes can read. Core has stricter rules for the rest: they take a URI without an authority
    (RFC 8252 §7.1) for none at all, a set without keys for none, and read keys that nobody uses here.
    """
    return {name: value for name, value in document.items() if name not in {"redirect_uris", "jwks"}}


def _member(error: JoseError, document: Mapping[str, object]) -> str:
    """Authlib says which member it is by the claim of its error."""
    claim = getattr(error, "claim", None)
    return claim if isinstance(claim, str) and claim in document else "metadata"


_: type[MetadataRules] = AuthlibMetadataRules
