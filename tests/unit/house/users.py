"""core/users"""

from __future__ import annotations

from core.users.accounts import (
    ChangeEmail,
    ChangePassword,
    ChangeProfile,
    CreateUser,
    DeleteUser,
    EndUsersTokens,
    FindUser,
    ListUsers,
    UpdateUser,
)
from core.users.authenticate import AuthenticateUser
from core.users.throttle import Throttle
from tests.unit.house.ground import Ground


class Users(Ground):
    @property
    def throttle(self) -> Throttle:
        return Throttle(self.tallies, self.clock)

    @property
    def authenticate(self) -> AuthenticateUser:
        return AuthenticateUser(self.users, self.hasher, self.throttle, self.clock)

    @property
    def create_user(self) -> CreateUser:
        return CreateUser(self.users, self.hasher, self.clock, self.entropy)

    @property
    def find_user(self) -> FindUser:
        return FindUser(self.users)

    @property
    def list_users(self) -> ListUsers:
        return ListUsers(self.users)

    @property
    def update_user(self) -> UpdateUser:
        return UpdateUser(self.users, self.hasher, self.clock)

    @property
    def change_email(self) -> ChangeEmail:
        return ChangeEmail(self.users, self.clock)

    @property
    def change_profile(self) -> ChangeProfile:
        return ChangeProfile(self.users, self.clock)

    @property
    def change_password(self) -> ChangePassword:
        return ChangePassword(self.users, self.hasher, self.throttle, self.clock, self.audit)

    @property
    def end_users_tokens(self) -> EndUsersTokens:
        return EndUsersTokens(self.users, self.clock, self.audit)

    @property
    def delete_user(self) -> DeleteUser:
        return DeleteUser(self.users)
