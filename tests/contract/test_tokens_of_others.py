"""AccessTokenLedger and UserRepository, asked about tokens of whoever else has the shared secret."""

from __future__ import annotations

import secrets

import pytest

from adapters.jose.pseudonyms import SealedPseudonyms
from adapters.jose.shared_secret import SharedSecretDeriver, SharedSecretTokens
from core.protocol.refusals import InvalidToken, UserNotFound
from core.protocol.secret import Secret
from core.tokens.model import ACCESS_TOKEN_TYP, LONGEST_JTI, AccessTokenPolicy
from core.tokens.ports import AccessTokenLedger
from core.tokens.verify import CurrentUser, VerifyToken
from core.users.accounts import FindUser
from core.users.model import User
from core.users.ports import UserRepository
from tests.contract.test_users import a_user
from tests.support import SetClock

SHARED = Secret("s" * 32)
HOSTILE = ["P", "Palice", "PAAAA", "P" + "A" * 128, "nobody", "alice\0", "\0", "\ud800", "a" * 5000, "' OR 1=1 --"]


async def current_user(ledger: AccessTokenLedger, **others: str) -> User:
    """Whoever a token is about that somebody else made."""
    tokens, clock = SharedSecretTokens(SHARED, "HS256"), SetClock()
    pseudonyms = SealedPseudonyms(SharedSecretDeriver(SHARED))
    now = int(clock.now().timestamp())
    claims = {"iss": "iss", "sub": "alice", "aud": "aud", "exp": now + 9, "iat": now, "jti": "x", **others}
    token = await tokens.sign({"client_id": "watchword", **claims}, typ=ACCESS_TOKEN_TYP)
    return await CurrentUser(VerifyToken(tokens, pseudonyms, clock, AccessTokenPolicy("iss", "aud")), ledger)(token)


@pytest.mark.parametrize("sub", HOSTILE)
async def test_a_sub_that_nobody_can_have_is_an_invalid_token_on_every_store(
    users: UserRepository, ledger: AccessTokenLedger, sub: str
) -> None:
    with pytest.raises(InvalidToken):
        await current_user(ledger, sub=sub)
    with pytest.raises(UserNotFound):
        await FindUser(users)(sub)


@pytest.mark.parametrize("client_id", HOSTILE)
async def test_a_client_that_nobody_can_be_is_an_invalid_token_on_every_store(
    users: UserRepository, ledger: AccessTokenLedger, client_id: str
) -> None:
    await users.create(a_user())
    with pytest.raises(InvalidToken):
        await current_user(ledger, client_id=client_id)


@pytest.mark.parametrize("jti", ["nobody", "' OR 1=1 --", secrets.token_hex(LONGEST_JTI // 2), "🔑" * LONGEST_JTI])
async def test_an_identifier_of_any_text_holds_until_it_is_revoked_on_every_store(
    users: UserRepository, ledger: AccessTokenLedger, jti: str
) -> None:
    await users.create(a_user())
    assert (await current_user(ledger, jti=jti)).username == "alice"
    await ledger.revoke(jti, until=SetClock().now())
    with pytest.raises(InvalidToken):
        await current_user(ledger, jti=jti)
    with pytest.raises(InvalidToken):
        await current_user(ledger, jti="x" * (LONGEST_JTI + 1))
