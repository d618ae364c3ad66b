"""Who is at the door? Answered by username and password."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from attrs import field, frozen

from core.ports import Clock
from core.protocol.refusals import Unavailable, WrongCredentials
from core.users.ending import settled
from core.users.model import USERNAME, User
from core.users.password import Password
from core.users.ports import PasswordHasher, UserRepository
from core.users.throttle import Attempt, Throttle


@frozen
class AuthenticatedUser:
    """Proof that a user gave the right password.

    `at` is the instant *before* the stored password was read. A token's `iat` is taken from it, so that a login which
    a password change overtakes yields a token that the change has already made unacceptable.
    """

    user: User
    at: datetime = field()


@frozen
class AuthenticateUser:
    users: UserRepository
    hasher: PasswordHasher
    throttle: Throttle
    clock: Clock

    async def __call__(self, username: str, password: Password, *, address: str) -> AuthenticatedUser:
        """Raises `WrongCredentials`, or `TooManyAttempts` with the password unread."""
        attempt = Attempt("password", username, address)
        await self.throttle.admit(attempt)
        try:
            proof = await self._settled(username, password)
        except WrongCredentials:
            await self.throttle.failed(attempt)
            raise
        await self.throttle.succeeded(attempt)
        return proof

    async def _settled(self, username: str, password: Password) -> AuthenticatedUser:
        proof = await self._check(username, password)
        if await settled(proof.user.tokens_valid_from, proof.at, self.clock):
            return proof
        return await self._check(username, password)

    async def _check(self, username: str, password: Password) -> AuthenticatedUser:
        at = self.clock.now()
        user = await self.users.get_by_username(username) if USERNAME.fullmatch(username) else None
        matches = await self.hasher.verify(password, user.hashed_password if user else None)
        if user is None or not matches or not user.is_active:
            raise WrongCredentials
        if self.hasher.outdated(user.hashed_password):
            with suppress(Unavailable):  # a better hash can wait until the next login; this one has succeeded
                await self.users.replace_hash(user.id, user.hashed_password, await self.hasher.hash(password))
        return AuthenticatedUser(user, at)
