"""What a person may say of themselves (OpenID Connect Core §5.1), and who may say it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol.refusals import InvalidFields, InvalidToken
from core.users.password import Password
from core.users.profile import ADDRESS, LONGEST, MEMBERS, frozen_profile, profile_errors
from tests.support import PASSWORD
from tests.unit.house import House

FULL: dict[str, object] = {
    "name": "Zoë Ünïcode-O'Brien 王",
    "given_name": "Zoë",
    "family_name": "O'Brien",
    "middle_name": "Ü.",
    "nickname": "zo",
    "gender": "female",
    "profile": "https://example.com/zoe",
    "picture": "https://example.com/zoe.jpg?size=1#top",
    "website": "http://zoe.example.com:8080/",
    "birthdate": "1990-12-31",
    "zoneinfo": "America/Argentina/Buenos_Aires",
    "locale": "en-US",
    "phone_number": "+1 (604) 555-1234;ext=5678",
    "phone_number_verified": True,
    "address": {
        "formatted": "1234 Main Street\r\nAnytown, MN 12345\nUSA",
        "street_address": "1234 Main Street",
        "locality": "Anytown",
        "region": "MN",
        "postal_code": "12345",
        "country": "USA",
    },
}


def at_fault(profile: dict[str, object]) -> list[str]:
    return [error.field for error in profile_errors(profile)]


def test_every_member_may_be_said() -> None:
    assert FULL.keys() == set(MEMBERS)
    assert at_fault(FULL) == []
    assert at_fault({}) == []
    for name, value in FULL.items():
        assert at_fault({name: value}) == []


@pytest.mark.parametrize(
    "name", ["sub", "email", "email_verified", "preferred_username", "updated_at", "roles", "", "é"]
)
def test_nothing_else_may(name: str) -> None:
    assert at_fault({name: "x"}) == [f"profile.{name}"]


def test_a_name_that_nobody_knows_is_not_repeated_at_length() -> None:
    (error,) = profile_errors({"x" * 10_000: "y"})
    assert len(error.field) <= 80


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in {"phone_number_verified", "address"}])
@pytest.mark.parametrize(
    "value",
    ["", " ", " x", "x ", "a\nb", "a\tb", "a\0b", "\ud800", "x" * (LONGEST + 1), None, 1, True, ["x"], {"x": "y"}],
)
def test_a_text_is_one_line_of_what_can_be_printed(name: str, value: object) -> None:
    assert at_fault({name: value}) == [f"profile.{name}"]


def test_a_text_may_be_as_long_as_is_said() -> None:
    assert at_fault({"name": "x" * LONGEST}) == []


@pytest.mark.parametrize("value", ["true", 1, 0, None, "", []])
def test_whether_a_number_was_verified_is_yes_or_no(value: object) -> None:
    assert at_fault({"phone_number_verified": value}) == ["profile.phone_number_verified"]
    assert at_fault({"phone_number_verified": False}) == []


WRONG = {
    "birthdate": [
        *("90-12-31", "1990-13-01", "1990-00-10", "1990-12-32", "1990-12", "1990/12/31", "19901231", "1990-1-1"),
        *("1990-12-31T00:00", "x", "１９９０-12-31", "1990-12-３1", "-990"),
    ],
    "zoneinfo": ["Europe Paris", "Europe//Paris", "/Europe", "Europe/", "../../etc/passwd", "Europe/Pàris"],
    "locale": ["e", "en US", "en-", "-US", "en--US", "en_123456789", "éé", "e1"],
    "phone_number": [
        *("604 555 1234", "++1604", "+", "+1", "+1 604 x", "+1604;ext=", "+1604;ext=x", "+" + "1" * 32, "+１６０４"),
    ],
    "profile": [
        *("example.com", "/zoe", "ftp://example.com", "javascript:alert(1)", "https://", "https://a b", "http://u:p@h/"),
    ],
    "picture": ["data:image/png;base64,AA", "https://exa mple.com", "//example.com/x.png"],
    "website": ["mailto:zoe@example.com", "https://exämple.com"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_has_a_form_keeps_to_it(name: str, value: str) -> None:
    assert at_fault({name: value}) == [f"profile.{name}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("birthdate", "0000-02-29"),
        ("birthdate", "1990"),
        ("zoneinfo", "UTC"),
        ("zoneinfo", "Etc/GMT+5"),
        ("locale", "de"),
        ("locale", "zh-Hant-TW"),
        ("locale", "en_US"),  # Core §5.1: some write it so
        ("phone_number", "+49301234567"),
    ],
)
def test_forms_that_people_use(name: str, value: str) -> None:
    assert at_fault({name: value}) == []


@pytest.mark.parametrize(
    "value",
    [
        *(None, "Main Street", [], {}, {"street": "x"}, {1: "x"}),
        *({"locality": part} for part in ("", " x", "x\n", "\n", None, 1, "a\0", "x" * (LONGEST + 1))),
        *({"formatted": part} for part in ("x\n", "\n", "a\0b", "a\u2028b", "x\n" * LONGEST)),
    ],
)
def test_an_address_is_an_object_of_its_own_fields(value: object) -> None:
    assert at_fault({"address": value}) == ["profile.address"]
    for name in ADDRESS:
        assert at_fault({"address": {name: "x"}}) == []


def test_every_fault_is_named_at_once() -> None:
    assert at_fault({"name": "", "locale": "e", "x": 1, "nickname": "fine"}) == [
        "profile.name",
        "profile.locale",
        "profile.x",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*MEMBERS, "other"]), JSON))
def test_whatever_json_it_is_it_is_judged_and_what_passes_can_be_kept(profile: dict[str, object]) -> None:
    if not profile_errors(profile):
        text = json.dumps(profile, allow_nan=False, ensure_ascii=False)
        text.encode()
        assert "\0" not in str(profile)
        assert frozen_profile(profile) == profile


def test_what_is_kept_is_a_copy() -> None:
    address = {"locality": "Anytown"}
    kept = frozen_profile({"address": address})
    address["locality"] = "Elsewhere"
    assert kept == {"address": {"locality": "Anytown"}}


# The use cases


async def test_somebody_may_be_created_with_a_profile(house: House) -> None:
    alice = await house.alice(profile=FULL, email_verified=True)
    assert (await house.find_user("alice")) == alice
    assert (alice.profile, alice.email_verified) == (FULL, True)
    with pytest.raises(InvalidFields) as caught:
        await house.person("bob", profile={"locale": "?"})
    assert [error.field for error in caught.value.errors] == ["profile.locale"]


async def test_an_administrator_may_say_everything(house: House) -> None:
    alice = await house.alice(profile={"name": "Alice"})
    changed = await house.update_user(alice.id, profile={"phone_number": "+1604555", "phone_number_verified": True})
    assert changed.profile == {"phone_number": "+1604555", "phone_number_verified": True}  # in place of the one before
    assert (await house.update_user(alice.id, email_verified=True)).email_verified
    with pytest.raises(InvalidFields):
        await house.update_user(alice.id, profile={"email_verified": True})
    assert (await house.find_user("alice")).profile == changed.profile


async def test_people_do_not_say_of_themselves_that_their_number_was_verified(house: House) -> None:
    alice = await house.alice()
    said = {"phone_number": "+1604555", "phone_number_verified": True, "name": "Alice"}
    alice = await house.change_profile(alice, said)
    assert alice.profile == {"phone_number": "+1604555", "name": "Alice"}


async def test_a_number_stays_verified_while_it_is_the_same(house: House) -> None:
    alice = await house.alice(profile={"phone_number": "+1604555", "phone_number_verified": True})
    alice = await house.change_profile(alice, {"phone_number": "+1604555", "name": "Alice"})
    assert alice.profile["phone_number_verified"] is True
    alice = await house.change_profile(alice, {"phone_number": "+1604556", "phone_number_verified": True})
    assert "phone_number_verified" not in alice.profile
    alice = await house.change_profile(alice, {"phone_number": "+1604555"})
    assert "phone_number_verified" not in alice.profile


async def test_without_a_number_nothing_is_verified(house: House) -> None:
    alice = await house.alice(profile={"phone_number_verified": True})
    assert (await house.change_profile(alice, {"name": "Alice"})).profile == {"name": "Alice"}


async def test_what_people_say_is_checked_and_the_rest_of_them_stays(house: House) -> None:
    alice = await house.alice(roles=("reader",), email_verified=True)
    with pytest.raises(InvalidFields) as caught:
        await house.change_profile(alice, {"website": "javascript:alert(1)"})
    assert [error.field for error in caught.value.errors] == ["profile.website"]
    house.clock.forward(minutes=1)
    changed = await house.change_profile(alice, {"name": "Alice"})
    assert (changed.roles, changed.email_verified, changed.tokens_valid_from) == (("reader",), True, None)
    assert changed.updated_at == house.clock.now()


async def test_somebody_who_was_deleted_meanwhile_says_nothing(house: House) -> None:
    alice = await house.alice()
    await house.delete_user(alice.id)
    with pytest.raises(InvalidToken):
        await house.change_profile(alice, {"name": "Alice"})


async def test_an_address_that_changes_is_not_verified_any_more(house: House) -> None:
    alice = await house.alice(email_verified=True)
    assert (await house.change_email(alice, alice.email)).email_verified
    assert not (await house.change_email(alice, "new@example.com")).email_verified
    changed = await house.update_user(alice.id, email="newer@example.com", email_verified=True)
    assert changed.email_verified


async def test_a_profile_is_not_shown_where_people_are_logged(house: House) -> None:
    alice = await house.alice(profile={"phone_number": "+1604555"}, password=Password.typed(PASSWORD))
    assert "1604555" not in repr(alice)
