"""Form tokens: each follows from one cookie, and fits no other."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from adapters.jose.shared_secret import SharedSecretDeriver
from core.authorization.csrf import FormTokens
from core.authorization.model import random_text
from core.protocol.secret import Secret
from tests.unit.house import House

OURS = FormTokens(SharedSecretDeriver(Secret("k" * 32)))
OTHERS = FormTokens(SharedSecretDeriver(Secret("o" * 32)))
ANY = st.text(st.characters(codec=None))


async def test_a_token_fits_the_cookie_that_it_was_given_to_and_no_other(house: House) -> None:
    one, other = random_text(house.entropy), random_text(house.entropy)
    token = await house.form_tokens.of(one)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert await house.form_tokens.fits(one, token)
    assert await house.form_tokens.of(one) == token
    assert not await house.form_tokens.fits(other, token)
    assert not await house.form_tokens.fits(None, token)


async def test_it_tells_nothing_of_the_cookie(house: House) -> None:
    cookie = random_text(house.entropy)
    assert await house.form_tokens.of(cookie) != cookie.reveal()


async def test_that_of_another_server_does_not_fit(house: House) -> None:
    cookie = random_text(house.entropy)
    assert not await OURS.fits(cookie, await OTHERS.of(cookie))


async def test_nearly_is_not_enough(house: House) -> None:
    cookie = random_text(house.entropy)
    token = await house.form_tokens.of(cookie)
    for nearly in ("", token[:-1], token[1:], f"{token}A", f"{token}=", f" {token}", token.swapcase(), token[::-1]):
        assert not await house.form_tokens.fits(cookie, nearly)


@given(ANY, ANY)
async def test_whatever_is_sent_is_compared(cookie: str, given_: str) -> None:
    """Lone surrogates and all: nobody hears more than no."""
    assert not await OURS.fits(Secret(cookie), given_)
    assert await OURS.fits(Secret(cookie), await OURS.of(Secret(cookie)))
