"""Roles, grants and published keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from attrs import evolve, frozen

from core.access.check_role import CheckRole
from core.grants.contract import PasswordRequest, Presented
from core.keys.ports import PublicKeys
from core.keys.publish import PublishKeys
from core.protocol.refusals import InsufficientRole, UnsupportedGrantType, WrongCredentials
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, House


@frozen
class Someone:
    roles: tuple[str, ...]
    username: str = "someone"


@pytest.mark.parametrize("roles", [("admin",), ("owner",), ("admin", "owner"), ("a", "owner", "z")])
def test_whoever_has_any_of_the_roles_passes(roles: tuple[str, ...]) -> None:
    someone = Someone(roles)
    assert CheckRole(("admin", "owner"))(someone) is someone


@pytest.mark.parametrize("roles", [(), ("reader",), ("adm",), ("admins",), ("Admin",), ("admin ",)])
def test_whoever_has_none_of_the_roles_is_refused(roles: tuple[str, ...]) -> None:
    with pytest.raises(InsufficientRole, match=r"^Insufficient permissions$"):
        CheckRole(("admin", "owner"))(Someone(roles))


@pytest.mark.parametrize("any_of", [(), ("Admin",), ("admin", ""), ("a b",)])
def test_a_check_that_refuses_everyone_cannot_be_built(any_of: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="role"):
        CheckRole(any_of)


async def test_the_password_grant_yields_a_token_of_the_user(house: House) -> None:
    await house.alice()
    response = await house.ask(PasswordRequest("alice", Password.typed(PASSWORD)))
    assert (response.token_type, response.expires_in) == ("bearer", 1800)
    assert (await house.current_user(response.access_token)).username == "alice"


async def test_the_password_grant_refuses_as_authentication_does(house: House) -> None:
    with pytest.raises(WrongCredentials):
        await house.ask(PasswordRequest("alice", Password.typed(PASSWORD)))


async def test_a_grant_that_is_missing_is_switched_off(house: House) -> None:
    await house.alice()
    endpoint = evolve(house.token_endpoint, grants={})
    house.hasher.calls.clear()
    with pytest.raises(UnsupportedGrantType) as caught:
        await endpoint(Presented(PasswordRequest("alice", Password.typed(PASSWORD)), None, ADDRESS))
    assert caught.value.code == "unsupported_grant_type"
    assert house.hasher.calls == []


@frozen
class Keys:
    kept: tuple[Mapping[str, str], ...]

    async def jwks(self) -> Sequence[Mapping[str, str]]:
        return self.kept


_: type[PublicKeys] = Keys

EC = {"kty": "EC", "kid": "1", "use": "sig", "alg": "ES256", "crv": "P-256", "x": "x", "y": "y"}
RSA = {"kty": "RSA", "kid": "2", "n": "n", "e": "AQAB"}


async def test_public_members_are_published_as_they_are() -> None:
    assert await PublishKeys(Keys((EC, RSA)))() == {"keys": [EC, RSA]}


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "anything"])
async def test_no_other_member_is_published(member: str) -> None:
    assert await PublishKeys(Keys(({**EC, member: "private"},)))() == {"keys": [EC]}


@pytest.mark.parametrize("jwk", [{"kty": "oct", "k": "secret"}, {"k": "secret"}, {"kty": "EC2"}, {}])
async def test_a_symmetric_or_unknown_key_is_never_published(jwk: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="only the public half"):
        await PublishKeys(Keys((EC, jwk)))()


async def test_a_shared_secret_publishes_nothing(house: House) -> None:
    assert await PublishKeys(house.tokens)() == {"keys": []}
