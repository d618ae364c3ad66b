"""What the outside may see, alike over HTTP and on the command line."""

from __future__ import annotations

from core.users.model import User


def user_view(user: User) -> dict[str, object]:
    """The schema `User` of openapi.yaml: never the hash."""
    return {
        "id": str(user.id),
        "username": user.username,
        "email": user.email,
        "is_active": user.is_active,
        "roles": list(user.roles),
        "created_at": user.created_at.isoformat(),
        "updated_at": user.updated_at.isoformat(),
    }
