"""Names that one sector alone knows (OpenID Connect Core §8.1), and that only this server can open."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.jose.derivation import SealedDeriver
from adapters.jose.pseudonyms import SealedPseudonyms
from adapters.jose.sealing import Sealer, fresh_key
from adapters.jose.shared_secret import SharedSecretDeriver
from adapters.memory.keys import MemorySealedSecrets
from core.protocol.secret import Secret
from core.tokens.model import PSEUDONYM
from core.users.model import USERNAME
from tests.unit.house import House

OURS = SealedPseudonyms(SharedSecretDeriver(Secret("k" * 32)))
OTHERS = SealedPseudonyms(SharedSecretDeriver(Secret("o" * 32)))
SECTOR = "app.example.com"


@given(st.from_regex(USERNAME, fullmatch=True), st.text(max_size=300))
async def test_every_name_comes_back_in_every_sector(username: str, sector: str) -> None:
    hidden = await OURS.hide(sector, username)
    assert await OURS.username_of(hidden) == username
    assert re.fullmatch(r"P[A-Za-z0-9_-]+", hidden)
    assert len(hidden) <= 255  # OpenID Connect Core §2
    assert not USERNAME.fullmatch(hidden)  # so that no sub is two parties'


async def test_the_same_two_give_the_same_name_and_others_another() -> None:
    names = [await OURS.hide(sector, user) for sector in (SECTOR, "b.example.com") for user in ("alice", "bob")]
    assert len(set(names)) == 4
    assert await OURS.hide(SECTOR, "alice") == names[0]
    assert await OTHERS.hide(SECTOR, "alice") not in names


async def test_nothing_tells_how_long_a_name_is_nor_what_two_have_in_common() -> None:
    names = [await OURS.hide(SECTOR, user) for user in ("a", "a" * 64, "a" * 63 + "b")]
    assert len({len(name) for name in names}) == 1
    # The first bytes are a checksum over all: no two names begin alike, though what they hide does.
    assert len({name[:8] for name in names}) == 3


async def test_of_another_server_it_is_nobodys() -> None:
    assert await OURS.username_of(await OTHERS.hide(SECTOR, "alice")) is None


async def test_changed_in_any_place_it_is_nobodys() -> None:
    hidden = await OURS.hide(SECTOR, "alice")
    for at in range(1, len(hidden) - 1):  # of the last character some bits count for nothing
        changed = hidden[:at] + ("A" if hidden[at] != "A" else "B") + hidden[at + 1 :]
        assert await OURS.username_of(changed) is None
    for cut in (hidden[:-1], hidden[:-4], hidden + "A", hidden + "AAAA", PSEUDONYM, ""):
        assert await OURS.username_of(cut) is None


@pytest.mark.parametrize("text", ["Palice", "P" + "A" * 128, "P" + "=" * 8, "Pé", "P\ud800", "P\0", "P ", "alice"])
async def test_anything_else_is_nobodys(text: str) -> None:
    assert await OURS.username_of(text) is None


@given(st.text(max_size=300))
async def test_no_text_is_too_strange(text: str) -> None:
    assert await OURS.username_of(text) is None


async def test_it_has_one_spelling() -> None:
    """What others would keep as two subjects is no two of ours."""
    hidden = await OURS.hide(SECTOR, "alice")
    last = hidden[-1]
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/":
        if other != last:
            assert await OURS.username_of(hidden[:-1] + other) is None
    assert await OURS.username_of(hidden + "=") is None


async def test_all_workers_give_the_same_names() -> None:
    store, sealer = MemorySealedSecrets(), Sealer(fresh_key())
    one, other = (SealedPseudonyms(SealedDeriver(store, sealer)) for _ in range(2))
    assert await one.hide(SECTOR, "alice") == await other.hide(SECTOR, "alice")


async def test_each_sector_has_names_of_its_own_for_sessions_too(house: House) -> None:
    """Or two that compare what they were told would know that their users are one."""
    session = uuid4()
    await house.app()
    await house.app("pairwise", subject_type="pairwise")
    await house.app("neighbour", subject_type="pairwise", redirect_uris=("https://app.example.com/other",))
    await house.app("elsewhere", subject_type="pairwise", redirect_uris=("https://b.example.com/cb",))
    names = ("app", "pairwise", "neighbour", "elsewhere")
    app, one, same, other = [await house.subjects.session(await house.find_client(name), session) for name in names]
    assert app == session
    assert one == same
    assert len({app, one, other}) == 3
    assert await house.subjects.session(await house.find_client("pairwise"), uuid4()) != one


async def test_a_client_knows_a_user_by_name_unless_it_registered_for_pseudonyms(house: House) -> None:
    await house.app()
    await house.app("pairwise", subject_type="pairwise")
    await house.app("neighbour", subject_type="pairwise", redirect_uris=("https://app.example.com:8443/other",))
    await house.app("elsewhere", subject_type="pairwise", redirect_uris=("https://b.example.com/cb",))
    named = [await house.subjects(await house.find_client(one), "alice") for one in ("app", "pairwise")]
    assert named[0] == "alice"
    assert named[1].startswith(PSEUDONYM)
    neighbour, elsewhere = [
        await house.subjects(await house.find_client(one), "alice") for one in ("neighbour", "elsewhere")
    ]
    assert neighbour == named[1]  # one host is one sector
    assert elsewhere not in {named[1], "alice"}
