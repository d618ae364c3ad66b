"""Every way in which Watchword says no.

    Refusal
    ├── OAuthRefusal                     answered as RFC 6749 §5.2 says
    │   ├── InvalidRequest               invalid_request
    │   ├── InvalidClient                invalid_client
    │   ├── InvalidGrant                 invalid_grant
    │   ├── InvalidScope                 invalid_scope
    │   └── UnsupportedGrantType         unsupported_grant_type
    ├── InvalidToken                     a bearer token that is not acceptable (RFC 6750 §3.1)
    │   └── TokenMissing                 no bearer token at all
    ├── InsufficientRole                 who you are is known, and it is not enough
    ├── InvalidFields                    values that break the domain's rules, each by name
    ├── UserNotFound
    ├── Conflict
    │   ├── UsernameTaken
    │   ├── EmailTaken
    │   └── ChangedMeanwhile
    └── Unavailable                      nobody's fault but ours: try again
        └── Overloaded

A refusal carries words for whoever sent the request; they never hold a secret. HTTP is decided elsewhere.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen


class Refusal(Exception):
    """A request that is turned down, with a sentence for whoever sent it."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class OAuthRefusal(Refusal):
    """Carries an error code of RFC 6749 §5.2."""

    code: ClassVar[str]


class InvalidRequest(OAuthRefusal):
    code = "invalid_request"


class InvalidClient(OAuthRefusal):
    code = "invalid_client"


class InvalidGrant(OAuthRefusal):
    code = "invalid_grant"


class InvalidScope(OAuthRefusal):
    code = "invalid_scope"


class UnsupportedGrantType(OAuthRefusal):
    code = "unsupported_grant_type"


class InvalidToken(Refusal):
    """The one answer to every bearer token that does not hold (RFC 6750 §3.1).

    `reason` says which check failed. It is for the operator, never for whoever sent the token.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("Could not validate credentials")
        self.reason = reason


class TokenMissing(InvalidToken):
    def __init__(self) -> None:
        super().__init__("no bearer token was sent")


class InsufficientRole(Refusal):
    def __init__(self) -> None:
        super().__init__("Insufficient permissions")


@frozen
class FieldError:
    """One field that breaks a rule: its name as the sender wrote it, and what is expected of it."""

    field: str
    message: str


class InvalidFields(Refusal):
    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


class UserNotFound(Refusal):
    def __init__(self) -> None:
        super().__init__("No such user")


class Conflict(Refusal):
    """What was asked for contradicts what is stored."""


class UsernameTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This username is taken, or was once and is never given out again")


class EmailTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This e-mail address belongs to another user")


class ChangedMeanwhile(Conflict):
    def __init__(self) -> None:
        super().__init__("Another request changed this at the same time; look again before you repeat yours")


class Unavailable(Refusal):
    """Something that Watchword needs does not answer. The same request may succeed soon."""

    def __init__(self, description: str = "Watchword cannot reach its database at the moment") -> None:
        super().__init__(description)


class Overloaded(Unavailable):
    def __init__(self) -> None:
        super().__init__("Too many passwords are being checked at the moment")
