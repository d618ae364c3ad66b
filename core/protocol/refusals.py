"""Every way in which Watchword says no.

    Refusal
    ├── OAuthRefusal                     answered as RFC 6749 §5.2 says
    │   ├── InvalidRequest               invalid_request
    │   ├── InvalidClient                invalid_client
    │   ├── InvalidGrant                 invalid_grant
    │   │   └── WrongCredentials         a username and password that do not match
    │   ├── InvalidScope                 invalid_scope
    │   ├── InvalidTarget                invalid_target (RFC 8707 §2)
    │   ├── UnauthorizedClient           unauthorized_client
    │   ├── UnsupportedGrantType         unsupported_grant_type
    │   ├── AuthorizationRefused         one of the codes of the authorization endpoint alone
    │   └── RegistrationRefused          one of the codes of RFC 7591 §3.2.2
    ├── PageRefusal                      told to the person, as there is no client that may be told (RFC 6749 §4.1.2.1)
    ├── TooManyAttempts                  whoever keeps guessing has to wait
    ├── InvalidToken                     a bearer token that is not acceptable (RFC 6750 §3.1)
    │   └── TokenMissing                 no bearer token at all
    ├── InsufficientRole                 who you are is known, and it is not enough
    │   ├── InsufficientScope            the token was not given for this
    │   └── NotFirstParty                the token is one of a client that may not manage accounts
    ├── InvalidFields                    values that break the domain's rules, each by name
    ├── NotFound
    │   ├── UserNotFound
    │   ├── ClientNotFound
    │   ├── ResourceNotFound
    │   ├── SessionNotFound
    │   ├── ConnectionNotFound
    │   └── KeyNotFound
    ├── Conflict
    │   ├── UsernameTaken
    │   ├── EmailTaken
    │   ├── ClientIdTaken
    │   ├── ResourceTaken
    │   ├── NoSecret                     a client that has none was to get a new one
    │   ├── KeyTooYoung                  a key was to sign before others can know it
    │   ├── KeysAreFixed                 tokens are signed with a shared secret
    │   └── ChangedMeanwhile
    └── Unavailable                      nobody's fault but ours: try again
        └── Overloaded

A refusal carries words for whoever sent the request; they never hold a secret. HTTP is decided elsewhere.
"""

from __future__ import annotations

from attrs import frozen


class Refusal(Exception):
    """A request that is turned down, with a sentence for whoever sent it."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description


class OAuthRefusal(Refusal):
    """Carries an error code of RFC 6749 §5.2."""

    code: str


class InvalidRequest(OAuthRefusal):
    code = "invalid_request"


class InvalidClient(OAuthRefusal):
    code = "invalid_client"


class InvalidGrant(OAuthRefusal):
    code = "invalid_grant"


class WrongCredentials(InvalidGrant):
    """One and the same for a wrong password, an unknown user and an inactive one."""

    def __init__(self) -> None:
        super().__init__("Incorrect username or password")


class InvalidScope(OAuthRefusal):
    code = "invalid_scope"


class InvalidTarget(OAuthRefusal):
    code = "invalid_target"


class UnauthorizedClient(OAuthRefusal):
    code = "unauthorized_client"


class UnsupportedGrantType(OAuthRefusal):
    code = "unsupported_grant_type"


class AuthorizationRefused(OAuthRefusal):
    """RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6 and its like: `code` is said when it is raised."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class RegistrationRefused(OAuthRefusal):
    """`invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 §3.2.2)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class PageRefusal(Refusal):
    """Nothing may be redirected: `description` says what is wrong, `remedy` how to go on."""

    def __init__(self, description: str, remedy: str = "Go back to the application and start again.") -> None:
        super().__init__(description)
        self.remedy = remedy


class TooManyAttempts(Refusal):
    """Too many failed before. `wait` is in seconds, at least 1."""

    def __init__(self, wait: int) -> None:
        self.wait = max(wait, 1)
        super().__init__(f"Too many failed attempts; try again in {self.wait} s")


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
    def __init__(self, description: str = "Insufficient permissions") -> None:
        super().__init__(description)


class InsufficientScope(InsufficientRole):
    def __init__(self, scope: str) -> None:
        super().__init__(f"The token was not granted the scope {scope}")
        self.scope = scope


class NotFirstParty(InsufficientRole):
    def __init__(self) -> None:
        super().__init__("This token is one of a client that is not first-party: it may not manage accounts")


@frozen
class FieldError:
    """One field that breaks a rule: its name as the sender wrote it, and what is expected of it."""

    field: str
    message: str


class InvalidFields(Refusal):
    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


class NotFound(Refusal):
    """What was named is not there."""


class UserNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No such user")


class ClientNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No such client")


class ResourceNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No such resource")


class SessionNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No such session, or it has ended")


class ConnectionNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No such application is connected")


class KeyNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("No such key, or it was retired before")


class Conflict(Refusal):
    """What was asked for contradicts what is stored."""


class UsernameTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This username is taken, or was once and is never given out again")


class EmailTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This e-mail address belongs to another user")


class ClientIdTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This name belongs to a client or a user, or once did, and is never given out again")


class ResourceTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This resource is registered already")


class NoSecret(Conflict):
    def __init__(self) -> None:
        super().__init__("This client has no secret: it authenticates in another way, or not at all")


class KeyTooYoung(Conflict):
    def __init__(self, seconds: int) -> None:
        super().__init__(f"Not everybody can know the next key yet; it may sign in {seconds} s")


class KeysAreFixed(Conflict):
    def __init__(self) -> None:
        super().__init__("Tokens are signed with JWT_SECRET_KEY; there are no key pairs")


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
