"""What is encrypted at rest: by one key, opened by any that was in use, and kept in a file of the owner's alone."""

from __future__ import annotations

import base64
import hmac
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from adapters.jose.derivation import KEY_BYTES, SealedDeriver
from adapters.jose.sealing import FILE_NAME, Sealer, SealError, fresh_key, keys_in
from adapters.jose.shared_secret import SharedSecretDeriver
from adapters.memory.keys import MemorySealedSecrets
from core.protocol.secret import Secret
from core.tokens.ports import Deriver

OLD, OLDER, NEW = (fresh_key() for _ in range(3))

SEALER = Sealer(NEW)


def opens(sealer: Sealer, sealed: str, name: str = "name") -> bool:
    try:
        return sealer.open(sealed, name=name) == "text"
    except SealError:
        return False


@given(st.text(st.characters(codec="utf-8")))
def test_what_was_sealed_opens_as_it_was(text: str) -> None:
    sealed = SEALER.seal(text, name="name")
    assert SEALER.open(sealed, name="name") == text
    assert len(text) < 8 or text not in sealed


def test_what_is_sealed_twice_looks_different() -> None:
    assert len({SEALER.seal("text", name="name") for _ in range(20)}) == 20


def test_keys_that_were_in_use_open_and_seal_nothing_any_more() -> None:
    many = Sealer(NEW, OLD, OLDER)
    for key in (NEW, OLD, OLDER):
        assert opens(many, Sealer(key).seal("text", name="name"))
    fresh = many.seal("text", name="name")
    assert opens(Sealer(NEW), fresh)
    assert not opens(Sealer(OLD), fresh)
    assert not opens(many, Sealer(fresh_key()).seal("text", name="name"))


@pytest.mark.parametrize("key", [NEW, OLD, OLDER])
def test_whatever_key_sealed_it_the_name_counts(key: Secret) -> None:
    sealed = Sealer(key).seal("text", name="name")
    for other in ("", "Name", "name ", "another"):
        with pytest.raises(SealError):
            Sealer(NEW, OLD, OLDER).open(sealed, name=other)


def test_what_is_under_the_key_in_use_stays_as_it_is() -> None:
    assert Sealer(NEW, OLD).reseal(Sealer(NEW).seal("text", name="name"), name="name") is None


@pytest.mark.parametrize("key", [OLD, OLDER])
def test_what_is_under_a_key_of_before_is_sealed_anew_under_its_name(key: Secret) -> None:
    fresh = Sealer(NEW, OLD, OLDER).reseal(Sealer(key).seal("text", name="name"), name="name")
    assert fresh is not None
    assert opens(Sealer(NEW), fresh)
    assert not opens(Sealer(NEW), fresh, "other")


def test_what_is_under_an_unknown_key_is_not_sealed_anew() -> None:
    for name in ("name", "other"):
        with pytest.raises(SealError):
            Sealer(NEW, OLD).reseal(Sealer(OLDER).seal("text", name="name"), name=name)
    with pytest.raises(SealError):
        Sealer(NEW, OLD).reseal(Sealer(OLD).seal("text", name="name"), name="other")


DAMAGE: list[Callable[[str], str]] = [
    str.lower, lambda text: text[:-4] + "AAAA", lambda text: text[:-1], lambda text: text + "A", lambda text: text[1:],
    lambda _: "", lambda _: "a.b.c.d.e", lambda _: "....", lambda _: "é", lambda _: "\ud800",
    lambda text: text.replace(".", ""),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_does_not_open(damage: Callable[[str], str]) -> None:
    sealed = damage(Sealer(NEW).seal("text", name="name"))
    for sealer in (Sealer(NEW), Sealer(NEW, OLD)):
        assert not opens(sealer, sealed)


def test_no_other_algorithm_is_opened() -> None:
    key = OctKey.import_key(base64.urlsafe_b64decode(NEW.reveal()))
    rules = jwe.JWERegistry(algorithms=["A256KW", "dir", "A128CBC-HS256", "A256GCM"])
    for header in ({"alg": "A256KW", "enc": "A256GCM"}, {"alg": "A256KW", "enc": "A128CBC-HS256"}):
        sealed = jwe.encrypt_compact({**header, "kid": "name"}, b"text", key, registry=rules)
        assert not opens(Sealer(NEW), sealed)


@pytest.mark.parametrize("key", ["", "hunter2", "A" * 42, "A" * 45, "A" * 42 + "+", "A" * 43 + "==", "é" * 43])
def test_a_key_of_another_form_is_refused_without_a_word_of_it(key: str) -> None:
    for keys in ((key,), (NEW.reveal(), key)):
        with pytest.raises(SealError) as caught:
            Sealer(*map(Secret, keys))
        assert not key or key not in str(caught.value)


def test_a_key_counts_with_or_without_its_padding() -> None:
    bare = Secret(NEW.reveal().rstrip("="))
    assert opens(Sealer(bare), Sealer(NEW).seal("text", name="name"))


def test_every_fresh_key_is_another_of_256_bits() -> None:
    keys = {fresh_key().reveal() for _ in range(50)}
    assert len(keys) == 50
    assert {len(base64.urlsafe_b64decode(key)) for key in keys} == {32}


# The file


def test_the_first_look_makes_a_key_of_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    (key,) = keys_in(folder)
    assert (folder / FILE_NAME).read_text() == key.reveal()
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) & 0o066 == 0
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert keys_in(folder) == (key,)


def test_of_many_first_looks_at_once_one_makes_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(keys_in, [tmp_path / "data"] * 8))
    assert found == [found[0]] * 8
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE_NAME]


def test_a_file_holds_several_keys_the_one_in_use_first(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(f"{NEW.reveal()}\n\n  {OLD.reveal()}  \n{OLDER.reveal()}\n")
    path.chmod(0o600)
    assert keys_in(tmp_path) == (NEW, OLD, OLDER)


@pytest.mark.parametrize("text", ["", "\n", "hunter2", "\0"])
def test_a_file_without_a_key_is_no_reason_to_make_another(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SealError):
        Sealer(*keys_in(tmp_path))
    assert path.read_text() == text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    keys_in(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(SealError, match="this account's alone"):
        keys_in(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    keys_in(elsewhere)
    (tmp_path / FILE_NAME).symlink_to(elsewhere / FILE_NAME)
    with pytest.raises(OSError):  # noqa: PT011 - its words are the system's
        keys_in(tmp_path)


# The key by which refresh tokens follow from each other


@pytest.fixture(params=["sealed", "shared"])
def deriver(request: pytest.FixtureRequest) -> Deriver:
    if request.param == "sealed":
        return SealedDeriver(MemorySealedSecrets(), Sealer(NEW))
    return SharedSecretDeriver(Secret("k" * 32))


async def test_what_is_derived_is_32_bytes_and_the_same_each_time(deriver: Deriver) -> None:
    first = await deriver.derive("purpose", b"data")
    assert len(first) == 32
    assert await deriver.derive("purpose", b"data") == first


async def test_purpose_and_data_count_and_do_not_run_into_each_other(deriver: Deriver) -> None:
    asked = [("a", b"b"), ("a", b"c"), ("b", b"b"), ("", b"ab"), ("ab", b""), ("a", b""), ("", b"a"), ("", b"")]
    assert len({await deriver.derive(purpose, data) for purpose, data in asked}) == len(asked)


async def test_workers_on_one_store_derive_alike_and_strangers_do_not() -> None:
    store = MemorySealedSecrets()
    workers = [SealedDeriver(store, Sealer(NEW)) for _ in range(8)]
    assert len({await worker.derive("purpose", b"data") for worker in workers}) == 1
    rotated = SealedDeriver(store, Sealer(fresh_key(), NEW))
    assert await rotated.derive("purpose", b"data") == await workers[0].derive("purpose", b"data")
    stranger = SealedDeriver(MemorySealedSecrets(), Sealer(NEW))
    assert await stranger.derive("purpose", b"data") != await workers[0].derive("purpose", b"data")
    with pytest.raises(SealError):
        await SealedDeriver(store, Sealer(OLD)).derive("purpose", b"data")
    (sealed,) = (await store.all()).values()
    assert len(base64.b64decode(Sealer(NEW).open(sealed, name="derivation"))) == KEY_BYTES


async def test_a_shared_secret_derives_apart_from_what_it_signs() -> None:
    deriver = SharedSecretDeriver(Secret("k" * 32))
    assert await deriver.derive("purpose", b"data") != hmac.digest(b"k" * 32, b"purpose\0data", "sha256")
