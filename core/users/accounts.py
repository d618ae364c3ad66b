"""The verbs of an account, shared by the command line, the admin API and the user's own page."""

from __future__ import annotations

from uuid import UUID

from attrs import evolve, frozen

from core.access.model import as_roles
from core.ports import Audit, Clock, Entropy
from core.protocol.refusals import FieldError, InvalidFields, InvalidToken, UserNotFound
from core.protocol.unset import UNSET, Unset
from core.users.ending import end_tokens
from core.users.model import (
    USERNAME,
    User,
    email_errors,
    refuse,
    role_errors,
    username_errors,
)
from core.users.password import Password, password_errors
from core.users.ports import Page, PasswordHasher, UserChanges, UserRepository
from core.users.profile import Profile, frozen_profile, profile_errors
from core.users.throttle import Attempt, Throttle

DEFAULT_PAGE = 50
LARGEST_PAGE = 200


@frozen
class CreateUser:
    users: UserRepository
    hasher: PasswordHasher
    clock: Clock
    entropy: Entropy

    async def __call__(
        self,
        *,
        username: str,
        email: str,
        password: Password,
        roles: tuple[str, ...] = (),
        is_active: bool = True,
        email_verified: bool = False,
        profile: Profile | None = None,
    ) -> User:
        """Raises `InvalidFields` naming every field at fault, `UsernameTaken`, `EmailTaken`."""
        refuse(
            *username_errors(username),
            *email_errors(email),
            *password_errors(password),
            *role_errors(roles),
            *profile_errors(profile or {}),
        )
        now = self.clock.now()
        user = User(
            id=self.entropy.uuid(),
            username=username,
            email=email,
            hashed_password=await self.hasher.hash(password),
            created_at=now,
            updated_at=now,
            is_active=is_active,
            roles=roles,
            email_verified=email_verified,
            profile=frozen_profile(profile or {}),
        )
        await self.users.create(user)
        return user


@frozen
class FindUser:
    users: UserRepository

    async def __call__(self, key: UUID | str) -> User:
        """The user with this id or this username. Raises `UserNotFound`."""
        if isinstance(key, UUID):
            user = await self.users.get_by_id(key)
        else:
            user = await self.users.get_by_username(key) if USERNAME.fullmatch(key) else None
        if user is None:
            raise UserNotFound
        return user


@frozen
class ListUsers:
    users: UserRepository

    async def __call__(self, *, after: str | None = None, limit: int = DEFAULT_PAGE) -> Page:
        """A page in the order of usernames, from behind the cursor `after`. Raises `InvalidFields`."""
        errors = []
        if not 1 <= limit <= LARGEST_PAGE:
            errors.append(FieldError("limit", f"a whole number from 1 to {LARGEST_PAGE}"))
        if after is not None and not USERNAME.fullmatch(after):
            errors.append(FieldError("after", "the `next` of an earlier page"))
        refuse(*errors)
        return await self.users.page(after=after, limit=limit)


@frozen
class UpdateUser:
    """What an administrator may change. A new password or a deactivation ends the access tokens given before."""

    users: UserRepository
    hasher: PasswordHasher
    clock: Clock

    async def __call__(
        self,
        user_id: UUID,
        *,
        email: str | Unset = UNSET,
        roles: tuple[str, ...] | Unset = UNSET,
        is_active: bool | Unset = UNSET,
        password: Password | Unset = UNSET,
        email_verified: bool | Unset = UNSET,
        profile: Profile | Unset = UNSET,
    ) -> User:
        """Raises `InvalidFields`, `UserNotFound`, `EmailTaken`."""
        errors = [] if isinstance(password, Unset) else password_errors(password)
        if not isinstance(email, Unset):
            errors += email_errors(email)
        if not isinstance(roles, Unset):
            errors += role_errors(roles)
        if not isinstance(profile, Unset):
            errors += profile_errors(profile)
        refuse(*errors)
        hashed = UNSET if isinstance(password, Unset) else await self.hasher.hash(password)
        changes = UserChanges(
            at=self.clock.now(),
            email=email,
            roles=roles if isinstance(roles, Unset) else as_roles(roles),
            is_active=is_active,
            hashed_password=hashed,
            email_verified=email_verified,
            profile=profile if isinstance(profile, Unset) else frozen_profile(profile),
        )
        if is_active is False or hashed is not UNSET:
            return await _change_and_end_tokens(self.users, self.clock, user_id, changes)
        return await self.users.update(user_id, changes)


@frozen
class ChangeEmail:
    """What a user may change of their own account without the password."""

    users: UserRepository
    clock: Clock

    async def __call__(self, user: User, email: str) -> User:
        """Raises `InvalidFields`, `EmailTaken`, `InvalidToken` (the user was deleted meanwhile)."""
        refuse(*email_errors(email))
        try:
            return await self.users.update(user.id, UserChanges(at=self.clock.now(), email=email))
        except UserNotFound:
            raise InvalidToken("the user was deleted meanwhile") from None


@frozen
class ChangeProfile:
    """What a user says of themselves. Whether a number was verified is not theirs to say."""

    users: UserRepository
    clock: Clock

    async def __call__(self, user: User, profile: Profile) -> User:
        """The user with this profile in place of the one before. Raises `InvalidFields`, `InvalidToken`."""
        refuse(*profile_errors(profile))
        said = {name: value for name, value in profile.items() if name != "phone_number_verified"}
        number, verified = said.get("phone_number"), user.profile.get("phone_number_verified")
        if verified is not None and number is not None and number == user.profile.get("phone_number"):
            said["phone_number_verified"] = verified
        try:
            return await self.users.update(user.id, UserChanges(at=self.clock.now(), profile=frozen_profile(said)))
        except UserNotFound:
            raise InvalidToken("the user was deleted meanwhile") from None


@frozen
class ChangePassword:
    """A user's own password change. It ends every access token given before, the present one included."""

    users: UserRepository
    hasher: PasswordHasher
    throttle: Throttle
    clock: Clock
    audit: Audit

    async def __call__(self, user: User, *, current_password: Password, new_password: Password, address: str) -> None:
        """Raises `InvalidFields` (also for a wrong current password), `TooManyAttempts`, `ChangedMeanwhile`,
        `InvalidToken`.
        """
        refuse(*password_errors(new_password, "new_password"))
        attempt = Attempt("password", user.username, address)  # of the same guesses as at the token endpoint
        await self.throttle.admit(attempt)
        if not await self.hasher.verify(current_password, user.hashed_password):
            await self.throttle.failed(attempt)
            raise InvalidFields(FieldError("current_password", "this is not the current password"))
        await self.throttle.succeeded(attempt)
        hashed = await self.hasher.hash(new_password)
        changes = UserChanges(at=self.clock.now(), hashed_password=hashed, expected_hash=user.hashed_password)
        try:
            await _change_and_end_tokens(self.users, self.clock, user.id, changes)
        except UserNotFound:
            raise InvalidToken("the user was deleted meanwhile") from None
        self.audit.note("password changed", username=user.username)


@frozen
class EndUsersTokens:
    """End every token that a user has, refresh tokens included. The password stays as it is."""

    users: UserRepository
    clock: Clock
    audit: Audit

    async def __call__(self, username: str) -> User:
        """Raises `UserNotFound`."""
        user = await FindUser(self.users)(username)
        ended = await _change_and_end_tokens(self.users, self.clock, user.id, UserChanges(at=self.clock.now()))
        self.audit.note("user's tokens ended", username=username)
        return ended


@frozen
class DeleteUser:
    users: UserRepository

    async def __call__(self, user_id: UUID) -> None:
        """Raises `UserNotFound`. The username is never given out again."""
        await self.users.delete(user_id)


async def _change_and_end_tokens(users: UserRepository, clock: Clock, user_id: UUID, changes: UserChanges) -> User:
    """The user after the change, who has no token of before."""
    return await end_tokens(
        clock,
        lambda instant: users.update(user_id, evolve(changes, tokens_valid_from=instant)),
        move=lambda instant: users.update(user_id, UserChanges(at=changes.at, tokens_valid_from=instant)),
    )
