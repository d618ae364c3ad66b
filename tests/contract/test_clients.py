"""ClientRepository: what each store of clients keeps to."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from core.clients.model import AuthMethod, Client, Resource, SecretDigests, client_errors
from core.clients.ports import ClientChanges, ClientRepository, ResourceRepository
from core.protocol.refusals import ClientIdTaken, ClientNotFound, EmailTaken, UsernameTaken
from core.users.ports import UserRepository
from tests.contract.conftest import NOW
from tests.contract.test_users import a_user

LATER = NOW + timedelta(minutes=5)
SECOND = NOW.replace(microsecond=0) + timedelta(seconds=1)

ORDERS = "https://api.example.com/orders"
STOCK = "urn:example:stock"


def a_client(client_id: str = "reports", **others: object) -> Client:
    fields = {"auth_method": AuthMethod.SECRET_BASIC, "secret": SecretDigests(b"\x01" * 32), **others}
    return Client(client_id=client_id, created_at=NOW, updated_at=NOW, **fields)  # type: ignore[arg-type]


def a_public_client(client_id: str = "app", **others: object) -> Client:
    return a_client(client_id, auth_method=AuthMethod.NONE, secret=None, **others)


async def test_a_client_is_kept_as_it_was_given(clients: ClientRepository) -> None:
    full = a_client(
        "a.b_c-d",
        name="Berichte für Zoë '\" % \\",
        grant_types=("refresh_token", "client_credentials"),
        scopes=("b", "a", "x:y/z"),
        resources=(STOCK, ORDERS),
        serves=(ORDERS,),
        is_active=False,
        tokens_valid_from=SECOND,
    )
    keys = {"keys": [{"kty": "EC", "kid": "ü'\"\\", "x5c": ["a", "b"], "more": {"n": 1.5, "none": None}}], "note": []}
    asserting = a_client("asserting", auth_method=AuthMethod.PRIVATE_KEY_JWT, secret=None, jwks=keys)
    for client in (full, asserting, a_public_client()):
        await clients.create(client)
        assert await clients.get(client.client_id) == client


async def test_what_is_not_there_is_none(clients: ClientRepository) -> None:
    await clients.create(a_client())
    for other in ("report", "reports2", "REPORTS", ""):
        assert await clients.get(other) is None


async def test_times_come_back_to_the_microsecond_and_aware(clients: ClientRepository) -> None:
    await clients.create(a_client())
    kept = await clients.get("reports")
    assert kept is not None
    assert (kept.created_at, kept.created_at.utcoffset()) == (NOW, timedelta(0))


async def test_an_id_is_taken_once(clients: ClientRepository) -> None:
    await clients.create(a_client())
    with pytest.raises(ClientIdTaken):
        await clients.create(a_public_client("reports"))
    assert await clients.get("reports") == a_client()


async def test_an_id_is_never_taken_again(clients: ClientRepository, users: UserRepository) -> None:
    await clients.create(a_client())
    await clients.delete("reports")
    with pytest.raises(ClientIdTaken):
        await clients.create(a_client())
    with pytest.raises(UsernameTaken):
        await users.create(a_user("reports"))
    assert await clients.get("reports") is None


async def test_an_id_is_no_username_of_anybody_ever(clients: ClientRepository, users: UserRepository) -> None:
    alice = a_user("alice")
    await users.create(alice)
    await clients.create(a_client())
    with pytest.raises(ClientIdTaken):
        await clients.create(a_client("alice"))
    with pytest.raises(UsernameTaken):
        await users.create(a_user("reports"))
    await users.delete(alice.id)
    with pytest.raises(ClientIdTaken):
        await clients.create(a_client("alice"))
    assert await clients.get("alice") is None
    assert await users.get_by_username("reports") is None


async def test_a_user_that_was_refused_uses_no_id_up(clients: ClientRepository, users: UserRepository) -> None:
    await users.create(a_user("alice"))
    with pytest.raises(EmailTaken):
        await users.create(a_user("reports", email="alice@example.com"))
    await clients.create(a_client())


async def test_a_deleted_client_is_gone(clients: ClientRepository) -> None:
    await clients.create(a_client())
    await clients.delete("reports")
    for refused in (
        clients.delete("reports"),
        clients.update("reports", ClientChanges(at=LATER)),
        clients.replace_secret("reports", b"\x02" * 32, previous_until=None, at=LATER),
    ):
        with pytest.raises(ClientNotFound):
            await refused


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"name": ""},
        {"grant_types": ("password", "refresh_token")},
        {"grant_types": ()},
        {"scopes": ("z",)},
        {"scopes": ()},
        {"resources": ()},
        {"serves": (STOCK,)},
        {"is_active": False},
        {"tokens_valid_from": SECOND},
        {"name": "n", "scopes": ("s",), "is_active": False},
        {},
    ],
)
async def test_a_change_leaves_everything_else(clients: ClientRepository, change: dict[str, object]) -> None:
    own: dict[str, object] = {"name": "Reports", "grant_types": ("password",), "scopes": ("a", "b")}
    client, other = (a_client(name, resources=(ORDERS,), **own) for name in ("reports", "other"))
    await clients.create(client)
    await clients.create(other)
    changed = await clients.update("reports", ClientChanges(at=LATER, **change))  # type: ignore[arg-type]
    assert changed == evolve(client, updated_at=LATER, **change)  # type: ignore[arg-type]
    assert await clients.get("reports") == changed
    assert await clients.get("other") == other


async def test_the_keys_of_a_client_are_replaced(clients: ClientRepository) -> None:
    client = a_client(auth_method=AuthMethod.PRIVATE_KEY_JWT, secret=None, jwks={"keys": [{"kid": "1"}]})
    await clients.create(client)
    changed = await clients.update("reports", ClientChanges(at=LATER, jwks={"keys": [{"kid": "2"}]}))
    assert changed.jwks == {"keys": [{"kid": "2"}]}
    assert await clients.get("reports") == changed


async def test_an_inactive_client_is_made_active(clients: ClientRepository) -> None:
    await clients.create(a_client(is_active=False))
    assert (await clients.update("reports", ClientChanges(at=LATER, is_active=True))).is_active


@pytest.mark.parametrize(
    ("before", "after", "kept"), [(NOW, LATER, LATER), (LATER, NOW, LATER), (None, NOW, NOW), (NOW, None, NOW)]
)
async def test_the_instant_from_which_tokens_count_only_moves_forward(
    clients: ClientRepository, before: datetime | None, after: datetime | None, kept: datetime
) -> None:
    await clients.create(a_client(tokens_valid_from=before))
    changes = ClientChanges(at=LATER) if after is None else ClientChanges(at=LATER, tokens_valid_from=after)
    assert (await clients.update("reports", changes)).tokens_valid_from == kept


async def test_a_new_secret_leaves_exactly_the_one_before(clients: ClientRepository) -> None:
    first, second, third, fourth = (bytes([number]) * 32 for number in range(1, 5))
    await clients.create(a_client(secret=SecretDigests(first)))
    for new, old in ((second, first), (third, second)):
        until = LATER + timedelta(hours=1)
        changed = await clients.replace_secret("reports", new, previous_until=until, at=LATER)
        assert changed == evolve(a_client(), updated_at=LATER, secret=SecretDigests(new, old, until))
        assert await clients.get("reports") == changed
    changed = await clients.replace_secret("reports", fourth, previous_until=None, at=LATER)
    assert changed.secret == SecretDigests(fourth)
    assert await clients.get("reports") == changed


async def test_a_client_without_a_secret_gets_none(clients: ClientRepository) -> None:
    await clients.create(a_public_client())
    with pytest.raises(ClientNotFound):
        await clients.replace_secret("app", b"\x02" * 32, previous_until=None, at=LATER)
    assert await clients.get("app") == a_public_client()


async def test_definitions_are_those_of_the_resources_at_this_moment(
    clients: ClientRepository, resources: ResourceRepository
) -> None:
    await resources.create(Resource(ORDERS, ("orders:read", "orders:write"), NOW))
    await resources.create(Resource("https://other.example.com", ("other",), NOW))
    await clients.create(a_client(resources=(ORDERS, STOCK)))

    async def definitions() -> list[object]:
        """By every verb that returns a client."""
        changed = await clients.update("reports", ClientChanges(at=LATER))
        anew = await clients.replace_secret("reports", b"\x02" * 32, previous_until=None, at=LATER)
        (listed,) = (await clients.page(after=None, limit=9)).clients
        got = await clients.get("reports")
        assert got is not None
        assert got.definitions == changed.definitions == anew.definitions
        return [got.definitions, listed.definitions]

    assert await definitions() == [{ORDERS: ("orders:read", "orders:write")}] * 2
    await resources.create(Resource(STOCK, (), NOW))
    await resources.replace_scopes(ORDERS, ("orders:read",))
    assert await definitions() == [{ORDERS: ("orders:read",), STOCK: ()}] * 2
    await resources.delete(ORDERS)
    await resources.delete(STOCK)
    assert await definitions() == [{}] * 2


async def test_a_client_of_no_resource_has_no_definitions(
    clients: ClientRepository, resources: ResourceRepository
) -> None:
    await resources.create(Resource(ORDERS, ("orders:read",), NOW))
    await clients.create(a_client())
    kept = await clients.get("reports")
    assert kept is not None
    assert kept.definitions == {}


async def test_a_page_is_in_the_order_of_code_points(clients: ClientRepository) -> None:
    names = ["ab", "a-b", "a.b", "a_b", "a", "1", "b", "aa", "a1"]
    for name in names:
        await clients.create(a_client(name))
    page = await clients.page(after=None, limit=50)
    assert [client.client_id for client in page.clients] == sorted(names)
    assert page.next is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
async def test_pages_of_any_size_give_every_client_once(clients: ClientRepository, limit: int) -> None:
    for name in ["c", "a", "e", "b", "d"]:
        await clients.create(a_client(name))
    found: list[str] = []
    after: str | None = None
    while True:
        page = await clients.page(after=after, limit=limit)
        assert len(page.clients) <= limit
        found += [client.client_id for client in page.clients]
        after = page.next
        if after is None:
            break
    assert found == ["a", "b", "c", "d", "e"]


async def test_what_is_stored_does_not_change_with_what_was_given(clients: ClientRepository) -> None:
    scopes, key = ["a"], {"kid": "1"}
    await clients.create(
        a_client(auth_method=AuthMethod.PRIVATE_KEY_JWT, secret=None, scopes=scopes, jwks={"keys": [key]})
    )
    scopes.append("b")
    key["kid"] = "2"
    kept = await clients.get("reports")
    assert kept is not None
    assert (kept.scopes, kept.jwks) == (("a",), {"keys": [{"kid": "1"}]})


async def test_what_is_recent_is_what_is_stored_but_for_changes_elsewhere(clients: ClientRepository) -> None:
    assert await clients.recent("reports") is None
    await clients.create(a_client())
    assert await clients.recent("reports") == a_client()
    changed = await clients.update("reports", ClientChanges(at=LATER, is_active=False))
    assert await clients.recent("reports") == changed
    changed = await clients.replace_secret("reports", b"\x02" * 32, previous_until=None, at=LATER)
    assert await clients.recent("reports") == changed
    await clients.delete("reports")
    assert await clients.recent("reports") is None


TEXTS = (
    "",
    "a",
    "a\0b",
    "\ud800",
    "a\nb",
    "\u202e",
    "ü",
    "\U0001f600",
    "\\",
    '"',
    "'",
    "%s",
    "$1",
    "a" * 65,
    "a" * 201,
)
PUBLIC = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}


async def test_what_the_rules_let_through_every_store_keeps(clients: ClientRepository) -> None:
    """PostgreSQL knows no NUL, no half of a surrogate pair and no infinite number, in a text or in JSON."""
    members = (*TEXTS, *([text] for text in TEXTS), float("inf"), float("nan"), 10**400, None, True, {"\0": 1})
    candidates = [a_client(name, name="n") for name in TEXTS]
    candidates += [a_client(f"n{number}", name=text) for number, text in enumerate(TEXTS)]
    candidates += [a_client(f"s{number}", scopes=(text, "b")) for number, text in enumerate(TEXTS)]
    candidates += [a_client(f"r{number}", resources=(f"urn:{text}",)) for number, text in enumerate(TEXTS)]
    candidates += [
        a_client(
            f"k{number}", auth_method=AuthMethod.PRIVATE_KEY_JWT, secret=None, jwks={"keys": [{**PUBLIC, "kid": value}]}
        )
        for number, value in enumerate(members)
    ]
    kept = [client for client in candidates if not client_errors(client)]
    for client in kept:
        await clients.create(client)
        assert await clients.get(client.client_id) == client
    assert len(candidates) / 4 < len(kept) < len(candidates)
