"""What the outside may see, alike over HTTP and on the command line."""

from __future__ import annotations

from core.clients.model import Client, Resource
from core.keys.model import NEVER
from core.keys.rotate import ListedKey
from core.users.model import User


def user_view(user: User) -> dict[str, object]:
    """The schema `User` of openapi.yaml: never the hash."""
    return {
        "id": str(user.id),
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "profile": dict(user.profile),
        "is_active": user.is_active,
        "roles": list(user.roles),
        "created_at": user.created_at.isoformat(),
        "updated_at": user.updated_at.isoformat(),
    }


def client_view(client: Client) -> dict[str, object]:
    """The schema `Client` of openapi.yaml, in the words of RFC 7591 where it has some: never a secret's digest."""
    until = client.secret.previous_until if client.secret is not None else None
    return {
        "client_id": client.client_id,
        "name": client.name,
        "token_endpoint_auth_method": str(client.auth_method),
        "grant_types": list(client.grant_types),
        "scopes": list(client.scopes),
        "resources": list(client.resources),
        "serves": list(client.serves),
        **({"jwks": dict(client.jwks)} if client.jwks is not None else {}),
        **client.application.members(),
        "first_party": client.first_party,
        "self_registered": not client.vouched_for,
        "is_active": client.is_active,
        "previous_secret_until": until.isoformat() if until is not None else None,
        "created_at": client.created_at.isoformat(),
        "updated_at": client.updated_at.isoformat(),
    }


def resource_view(resource: Resource) -> dict[str, object]:
    created = resource.created_at
    return {
        "identifier": resource.identifier,
        "scopes": list(resource.scopes),
        "created_at": created.isoformat() if created is not None else None,
    }


def key_view(listed: ListedKey) -> dict[str, object]:
    """`signs_from` and `published_until` are null while no instant is set for them. Nothing of the key itself."""
    begins, ends = listed.key.signs_from, listed.published_until
    return {
        "kid": listed.key.kid,
        "algorithm": listed.key.algorithm,
        "state": str(listed.state),
        "signs_from": begins.isoformat() if begins < NEVER else None,
        "published_until": ends.isoformat() if ends < NEVER else None,
    }
