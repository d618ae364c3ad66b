"""/api/v1/users: a user's own account, and the administrator's view of all of them."""

from __future__ import annotations

from uuid import UUID

from attrs import asdict, frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.protocol.refusals import FieldError, InvalidFields
from core.protocol.unset import UNSET, Unset
from core.users.accounts import (
    ChangeEmail,
    ChangePassword,
    ChangeProfile,
    CreateUser,
    DeleteUser,
    FindUser,
    ListUsers,
    UpdateUser,
)
from core.users.model import User, refuse
from core.users.password import Password
from core.users.profile import profile_errors
from entrypoints.http.bodies import json_body
from entrypoints.http.oauth import address
from entrypoints.http.paging import page_query
from entrypoints.views import user_view

PATH = "/api/v1/users"


@frozen
class NewUser:
    username: str
    email: str
    password: Password
    roles: tuple[str, ...] = ()
    is_active: bool = True
    email_verified: bool = False
    profile: dict[str, object] | Unset = UNSET


@frozen
class UserPatch:
    email: str | Unset = UNSET
    email_verified: bool | Unset = UNSET
    profile: dict[str, object] | Unset = UNSET
    roles: tuple[str, ...] | Unset = UNSET
    is_active: bool | Unset = UNSET
    password: Password | Unset = UNSET


@frozen
class OwnPatch:
    email: str | Unset = UNSET
    profile: dict[str, object] | Unset = UNSET


@frozen
class PasswordChange:
    current_password: Password
    new_password: Password


@frozen
class OwnAccount:
    """What a user does with their own account. The user comes from the token, never from the request."""

    change_email: ChangeEmail
    change_profile: ChangeProfile
    change_password: ChangePassword

    async def show(self, _request: Request, user: User) -> Response:
        return JSONResponse(user_view(user))

    async def patch(self, request: Request, user: User) -> Response:
        body = await json_body(request, OwnPatch)
        if isinstance(body.email, Unset) and isinstance(body.profile, Unset):
            raise InvalidFields(FieldError("body", "expected at least one field to change"))
        if not isinstance(body.profile, Unset):
            refuse(*profile_errors(body.profile))  # before anything is changed
        if not isinstance(body.email, Unset):
            user = await self.change_email(user, body.email)
        if not isinstance(body.profile, Unset):
            user = await self.change_profile(user, body.profile)
        return JSONResponse(user_view(user))

    async def put_password(self, request: Request, user: User) -> Response:
        body = await json_body(request, PasswordChange)
        await self.change_password(
            user, current_password=body.current_password, new_password=body.new_password, address=address(request)
        )
        return Response(status_code=204)


@frozen
class AdminAccounts:
    """What an administrator does with the accounts of others."""

    create_user: CreateUser
    find_user: FindUser
    list_users: ListUsers
    update_user: UpdateUser
    delete_user: DeleteUser

    async def list(self, request: Request, _admin: User) -> Response:
        after, limit = page_query(request)
        page = await self.list_users(after=after, limit=limit)
        return JSONResponse({"users": [user_view(user) for user in page.users], "next": page.next})

    async def create(self, request: Request, _admin: User) -> Response:
        body = await json_body(request, NewUser)
        user = await self.create_user(
            username=body.username,
            email=body.email,
            password=body.password,
            roles=body.roles,
            is_active=body.is_active,
            email_verified=body.email_verified,
            profile=None if isinstance(body.profile, Unset) else body.profile,
        )
        return JSONResponse(user_view(user), 201, {"Location": f"{PATH}/{user.id}"})

    async def show(self, request: Request, _admin: User) -> Response:
        return JSONResponse(user_view(await self.find_user(_user_id(request))))

    async def patch(self, request: Request, _admin: User) -> Response:
        user_id = _user_id(request)
        body = await json_body(request, UserPatch)
        changes = asdict(body, recurse=False, filter=lambda _, value: not isinstance(value, Unset))
        if not changes:
            raise InvalidFields(FieldError("body", "expected at least one field to change"))
        return JSONResponse(user_view(await self.update_user(user_id, **changes)))

    async def delete(self, request: Request, _admin: User) -> Response:
        await self.delete_user(_user_id(request))
        return Response(status_code=204)


def _user_id(request: Request) -> UUID:
    """As the route has read it: what is no UUID is no path of ours."""
    user_id: UUID = request.path_params["id"]
    return user_id
