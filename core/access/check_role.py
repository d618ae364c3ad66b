"""May this bearer do that? Decided by role."""

from __future__ import annotations

from typing import TypeVar

from attrs import field, frozen

from core.access.model import ROLE, ROLE_RULE, Bearer
from core.protocol.refusals import InsufficientRole

B = TypeVar("B", bound=Bearer)


@frozen
class CheckRole:
    """Lets a bearer pass who has any of the required roles.

    Raises `ValueError` when it is built without a role, or with one that nobody can have: a check that
    refuses everyone is a mistake in the program and shows at its start.
    """

    any_of: tuple[str, ...] = field()

    @any_of.validator
    def _some_role_that_can_exist(self, _attribute: object, names: tuple[str, ...]) -> None:
        if not names:
            raise ValueError("name at least one role")
        for name in names:
            if not ROLE.fullmatch(name):
                raise ValueError(f"{name!r} is not a role: {ROLE_RULE}")

    def __call__(self, bearer: B) -> B:
        """The bearer, who has one of the roles. Raises `InsufficientRole`."""
        if not set(self.any_of).intersection(bearer.roles):
            raise InsufficientRole
        return bearer
