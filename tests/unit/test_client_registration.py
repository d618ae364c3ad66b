"""The verbs of a client and of a resource."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

import pytest
from attrs import evolve

from core.clients.model import AuthMethod
from core.clients.ports import ClientChanges
from core.clients.register import LONGEST_OVERLAP, changed
from core.protocol.refusals import (
    ClientIdTaken,
    ClientNotFound,
    InvalidFields,
    NoSecret,
    ResourceNotFound,
    ResourceTaken,
    UsernameTaken,
)
from core.users.accounts import LARGEST_PAGE
from tests.unit.house import House
from tests.unit.jws import a_key, public

API = "https://api.example.com/v1"
OTHER = "https://other.example.com"
JWKS: dict[str, object] = {"keys": [public(a_key())]}


def named(refusal: InvalidFields) -> list[str]:
    return [error.field for error in refusal.errors]


async def test_a_new_client_is_kept_with_the_digest_of_a_secret_that_is_shown_once(house: House) -> None:
    made = await house.client(name="Reports", scopes=("a", "b"))
    assert made.secret is not None
    text = made.secret.reveal()
    assert text.startswith("wws_")
    assert len(base64.urlsafe_b64decode(text.removeprefix("wws_") + "=")) == 32
    client = await house.find_client("reports")
    assert client == made.client
    assert client.secret is not None
    assert client.secret.current == hashlib.sha256(text.encode()).digest()
    assert client.created_at == client.updated_at == house.clock.now()
    assert text not in repr(made)
    assert text not in repr(house.audit.notes)
    assert house.audit.notes == [("client created", {"client_id": "reports"})]


async def test_every_secret_is_another(house: House) -> None:
    made = [await house.client(f"c{number}") for number in range(20)]
    assert len({each.secret.reveal() for each in made if each.secret is not None}) == 20


async def test_a_client_has_a_secret_where_its_method_needs_one(house: House) -> None:
    for method in AuthMethod:
        jwks = JWKS if method is AuthMethod.PRIVATE_KEY_JWT else None
        made = await house.client(method.replace("_", "-"), auth_method=method, jwks=jwks)
        assert (made.secret is not None) == (made.client.secret is not None) == method.by_secret


async def test_a_client_without_a_name_is_called_by_its_id(house: House) -> None:
    assert (await house.client()).client.name == "reports"


async def test_a_creation_names_every_field_at_fault_and_keeps_nothing(house: House) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.create_client(client_id="A", grant_types=("x",), scopes=("a b",), resources=("x",), jwks=JWKS)
    assert named(caught.value) == ["client_id", "grant_types", "scopes", "resources", "jwks"]
    assert (await house.list_clients()).clients == ()
    assert house.audit.notes == []


async def test_a_resource_must_be_registered_before_a_client_may_have_it(house: House) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.client(resources=(API,), serves=(OTHER,))
    assert named(caught.value) == ["resources", "serves"]
    await house.create_resource(API)
    with pytest.raises(InvalidFields) as caught:
        await house.client(resources=(API,), serves=(OTHER,))
    assert named(caught.value) == ["serves"]
    await house.create_resource(OTHER)
    client = (await house.client(resources=(API,), serves=(OTHER,))).client
    assert (client.resources, client.serves) == ((API,), (OTHER,))


async def test_keys_that_cannot_verify_anything_are_refused(house: House) -> None:
    off_the_curve = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
    for key in ({"kty": "EC"}, off_the_curve, {"kty": "RSA", "n": "AQ", "e": "AQ"}):
        with pytest.raises(InvalidFields) as caught:
            await house.client(auth_method=AuthMethod.PRIVATE_KEY_JWT, jwks={"keys": [public(a_key()), key]})
        assert named(caught.value) == ["jwks"]


async def test_clients_and_users_share_their_names_which_are_never_given_out_again(house: House) -> None:
    alice = await house.alice()
    with pytest.raises(ClientIdTaken):
        await house.client("alice")
    await house.delete_user(alice.id)
    with pytest.raises(ClientIdTaken):
        await house.client("alice")
    await house.client("reports")
    await house.delete_client("reports")
    with pytest.raises(ClientIdTaken):
        await house.client("reports")
    with pytest.raises(UsernameTaken):
        await house.users.create(evolve(alice, username="reports"))


@pytest.mark.parametrize("client_id", ["", "nobody", "Reports", "a\0", "\ud800"])
async def test_nobody_is_found_changed_or_deleted_under_another_id(house: House, client_id: str) -> None:
    await house.client()
    for verb in (
        house.find_client,
        house.update_client,
        house.rotate_secret,
        house.end_clients_tokens,
        house.delete_client,
    ):
        with pytest.raises(ClientNotFound):
            await verb(client_id)
    assert house.audit.events == ["client created"]


async def test_pages_follow_each_other_without_gap_or_overlap(house: House) -> None:
    for name in ["b", "a", "d", "c", "e"]:
        await house.client(name)
    first = await house.list_clients(limit=2)
    second = await house.list_clients(limit=2, after=first.next)
    third = await house.list_clients(limit=2, after=second.next)
    assert [client.client_id for page in (first, second, third) for client in page.clients] == list("abcde")
    assert [first.next, second.next, third.next] == ["b", "d", None]


@pytest.mark.parametrize(
    ("after", "limit", "at_fault"),
    [(None, 0, ["limit"]), (None, LARGEST_PAGE + 1, ["limit"]), ("A", 1, ["after"]), ("A", -1, ["limit", "after"])],
)
async def test_a_page_outside_the_bounds_is_refused(
    house: House, after: str | None, limit: int, at_fault: list[str]
) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.list_clients(after=after, limit=limit)
    assert named(caught.value) == at_fault
    assert (await house.list_clients(limit=LARGEST_PAGE)).clients == ()


async def test_an_update_changes_what_it_names_and_nothing_else(house: House) -> None:
    before = (await house.client(scopes=("a",))).client
    house.clock.forward(seconds=5)
    after = await house.update_client("reports", name="New", scopes=("b", "a", "b"))
    assert after == evolve(before, name="New", scopes=("b", "a"), updated_at=house.clock.now())
    assert await house.find_client("reports") == after
    assert (await house.update_client("reports")) == after
    emptied = await house.update_client("reports", scopes=(), grant_types=(), resources=(), serves=())
    assert (emptied.scopes, emptied.grant_types) == ((), ())
    assert house.audit.events == ["client created", *["client changed"] * 3]


async def test_an_update_names_every_field_at_fault_and_changes_nothing(house: House) -> None:
    before = (await house.client()).client
    with pytest.raises(InvalidFields) as caught:
        await house.update_client("reports", name="\n", grant_types=("x",), scopes=("",), serves=(API,), jwks=JWKS)
    assert named(caught.value) == ["name", "grant_types", "scopes", "jwks"]
    with pytest.raises(InvalidFields) as caught:
        await house.update_client("reports", serves=(API,))
    assert named(caught.value) == ["serves"]
    assert await house.find_client("reports") == before


async def test_a_client_gets_other_keys_and_never_none(house: House) -> None:
    await house.client("robot", auth_method=AuthMethod.PRIVATE_KEY_JWT, jwks=JWKS)
    other: dict[str, object] = {"keys": [public(a_key(name="other"))]}
    assert (await house.update_client("robot", jwks=other)).jwks == other
    with pytest.raises(InvalidFields):
        await house.update_client("robot", jwks={"keys": []})


async def test_a_deactivation_ends_tokens_and_a_reactivation_does_not_bring_them_back(house: House) -> None:
    await house.client()
    whole = house.clock.now()
    house.clock.forward(milliseconds=250)
    assert (await house.update_client("reports", is_active=True)).tokens_valid_from is None
    idle = await house.update_client("reports", is_active=False)
    assert (idle.is_active, idle.tokens_valid_from) == (False, whole + timedelta(seconds=1))
    back = await house.update_client("reports", is_active=True)
    assert (back.is_active, back.tokens_valid_from) == (True, whole + timedelta(seconds=1))


async def test_tokens_end_without_any_other_change_and_the_instant_only_moves_forward(house: House) -> None:
    before = (await house.client()).client
    at = house.clock.now()
    ended = await house.end_clients_tokens("reports")
    assert ended == evolve(before, updated_at=at, tokens_valid_from=at + timedelta(seconds=1))
    house.clock.forward(seconds=-10)
    assert (await house.end_clients_tokens("reports")).tokens_valid_from == at + timedelta(seconds=1)
    assert house.audit.events[1:] == ["client's tokens ended"] * 2


async def test_a_new_secret_replaces_the_old_one(house: House) -> None:
    old = await house.client()
    new = await house.rotate_secret("reports")
    assert new.secret is not None
    assert new.secret != old.secret
    assert new.client.secret is not None
    assert (new.client.secret.previous, new.client.secret.previous_until) == (None, None)
    assert house.audit.events == ["client created", "client secret rotated"]


async def test_an_overlap_is_kept_with_the_digest_of_the_old_secret(house: House) -> None:
    old = await house.client()
    new = await house.rotate_secret("reports", overlap=LONGEST_OVERLAP)
    assert old.client.secret is not None
    assert new.client.secret is not None
    assert new.client.secret.previous == old.client.secret.current
    assert new.client.secret.previous_until == house.clock.now() + LONGEST_OVERLAP


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), LONGEST_OVERLAP + timedelta(seconds=1), timedelta.max])
async def test_an_overlap_has_bounds(house: House, overlap: timedelta) -> None:
    await house.client()
    with pytest.raises(InvalidFields) as caught:
        await house.rotate_secret("reports", overlap=overlap)
    assert named(caught.value) == ["overlap_seconds"]


@pytest.mark.parametrize("method", [AuthMethod.NONE, AuthMethod.PRIVATE_KEY_JWT])
async def test_a_client_without_a_secret_does_not_get_one(house: House, method: AuthMethod) -> None:
    await house.client(auth_method=method, jwks=JWKS if method is AuthMethod.PRIVATE_KEY_JWT else None)
    with pytest.raises(NoSecret):
        await house.rotate_secret("reports")


async def test_a_deleted_client_is_gone_and_a_second_deletion_says_so(house: House) -> None:
    await house.client()
    await house.delete_client("reports")
    for verb in (house.find_client, house.delete_client):
        with pytest.raises(ClientNotFound):
            await verb("reports")
    assert house.audit.events == ["client created", "client deleted"]


async def test_a_resource_is_registered_changed_and_forgotten(house: House) -> None:
    made = await house.create_resource(API, ("b", "a", "b"))
    assert (made.identifier, made.scopes, made.created_at) == (API, ("b", "a"), house.clock.now())
    await house.create_resource(OTHER)
    assert [each.identifier for each in await house.list_resources()] == [API, OTHER]
    with pytest.raises(ResourceTaken):
        await house.create_resource(API)
    assert (await house.update_resource(API, ("c", "c"))).scopes == ("c",)
    await house.delete_resource(API)
    for verb in (house.delete_resource(API), house.update_resource(API, ())):
        with pytest.raises(ResourceNotFound):
            await verb
    assert [each.identifier for each in await house.list_resources()] == [OTHER]


async def test_a_resource_that_breaks_a_rule_is_refused_by_name(house: House) -> None:
    with pytest.raises(InvalidFields) as caught:
        await house.create_resource("api", ("a b",))
    assert named(caught.value) == ["identifier", "scopes"]
    with pytest.raises(InvalidFields) as caught:
        await house.update_resource("https://a#x", ("a b",))
    assert named(caught.value) == ["identifier", "scopes"]
    assert await house.list_resources() == ()


async def test_a_client_knows_what_its_resources_define_at_this_moment(house: House) -> None:
    await house.create_resource(API, ("read",))
    await house.create_resource(OTHER, ("write",))
    client = (await house.client(resources=(API,), serves=(OTHER,))).client
    assert (await house.find_client("reports")).definitions == {API: ("read",)}
    await house.update_resource(API, ("read", "more"))
    assert (await house.find_client("reports")).definitions == {API: ("read", "more")}
    await house.delete_resource(API)
    found = await house.find_client("reports")
    assert (found.definitions, found.resources) == ({}, (API,))
    assert found == client


async def test_a_client_whose_resource_is_gone_can_be_changed_and_deactivated(house: House) -> None:
    await house.create_resource(API)
    await house.client(resources=(API,), serves=(API,))
    await house.delete_resource(API)
    assert not (await house.update_client("reports", is_active=False)).is_active
    assert (await house.update_client("reports", resources=(API,))).resources == (API,)
    with pytest.raises(InvalidFields) as caught:
        await house.update_client("reports", resources=(API, OTHER), serves=(OTHER,))
    assert named(caught.value) == ["resources", "serves"]
    assert (await house.update_client("reports", resources=(), serves=())).resources == ()
    with pytest.raises(InvalidFields):
        await house.update_client("reports", resources=(API,))


async def test_a_change_is_shown_before_it_is_made(house: House) -> None:
    client = (await house.client()).client
    house.clock.forward(seconds=1)
    at = house.clock.now()
    assert changed(client, ClientChanges(at=at)) == evolve(client, updated_at=at)
