"""ClientRepository: what a client says of itself that signs people in, and who vouches for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import product

import pytest
from attrs import evolve, fields

from core.authorization.ports import NewCode
from core.clients.application import Application
from core.clients.model import AuthMethod, Client, Resource, client_errors
from core.clients.ports import ClientChanges, ClientRepository, ResourceRepository
from core.housekeeping import Prune
from core.protocol.refusals import ClientIdTaken
from tests.contract.conftest import AUDIENCE, NOW, UNUSED_CLIENTS_STAY, Stores
from tests.contract.test_access_tokens import a_token
from tests.contract.test_clients import LATER, ORDERS, PUBLIC, STOCK, TEXTS, a_client, a_public_client
from tests.contract.test_codes import API, a_code
from tests.contract.test_sessions import cookie, signed_in

TICK = timedelta(microseconds=1)
BEHIND = "https://app.example.com/jwks"

FULL = Application(
    application_type="native",
    redirect_uris=("https://app.example.com/cb?x=ü'\"\\", "com.example.app:/cb", "http://127.0.0.1/cb"),
    post_logout_redirect_uris=("https://app.example.com/bye",),
    id_token_signed_response_alg="ES256",
    userinfo_signed_response_alg="RS256",
    subject_type="pairwise",
    sector_identifier_uri="https://app.example.com/sector",
    default_max_age=0,
    require_auth_time=True,
    default_acr_values=("1",),
    initiate_login_uri="https://app.example.com/start",
    client_uri="https://app.example.com/",
    logo_uri="https://app.example.com/logo.png",
    tos_uri="https://app.example.com/tos",
    policy_uri="https://app.example.com/policy",
    contacts=("a@example.com", "Zoë"),
    software_id="x",
    software_version="1.0",
    jwks_uri=BEHIND,
    token_endpoint_auth_signing_alg="ES256",
    require_pushed_authorization_requests=True,
    require_pkce=False,
)


def asserting(client_id: str = "reports", **others: object) -> Client:
    return a_client(client_id, auth_method=AuthMethod.PRIVATE_KEY_JWT, secret=None, **others)


def registered(client_id: str = "app", **others: object) -> Client:
    """A client that registered itself."""
    return a_public_client(client_id, registration=b"\x07" * 32, **others)


def test_the_full_application_has_something_of_everything() -> None:
    assert [
        one.name for one in fields(Application) if getattr(FULL, one.name) == getattr(Application(), one.name)
    ] == []


async def test_an_application_is_kept_as_it_was_given(clients: ClientRepository) -> None:
    made = (
        asserting("full", application=FULL),
        a_public_client("plain"),
        a_public_client("some", application=Application(redirect_uris=("https://a.example/",), require_pkce=True)),
        a_public_client("own", first_party=True),
        registered("itself", used_at=NOW),
        registered("unused"),
    )
    for client in made:
        await clients.create(client)
        assert await clients.get(client.client_id) == client
        assert await clients.recent(client.client_id) == client
    page = await clients.page(after=None, limit=9)
    assert page.clients == tuple(sorted(made, key=lambda client: client.client_id))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"client_uri": "https://other.example/"},
        {"client_uri": None},
        {"redirect_uris": ["https://b.example/", "https://a.example/"]},
        {"redirect_uris": ("https://b.example/",), "contacts": None},
        {"contacts": []},
        {"default_max_age": 60, "require_pkce": True},
        {"default_max_age": None, "require_pkce": None},
        {"require_auth_time": False, "require_pushed_authorization_requests": None},
        {"subject_type": "public", "application_type": "web", "id_token_signed_response_alg": "RS256"},
        {"subject_type": None, "application_type": None},
        {"software_id": "ü'\"\\ %s 🔑"},
    ],
)
async def test_members_that_change_leave_all_others(clients: ClientRepository, change: dict[str, object]) -> None:
    client, other = asserting(application=FULL), a_public_client(application=FULL)
    for one in (client, evolve(other, application=evolve(FULL, jwks_uri=None))):
        await clients.create(one)
    kept = Application.stored({**FULL.members(), **change})
    for _ in range(2):
        changed = await clients.update("reports", ClientChanges(at=LATER, application=change))
        assert changed == evolve(client, updated_at=LATER, application=kept)
        assert await clients.get("reports") == changed
    assert await clients.get("app") == evolve(other, application=evolve(FULL, jwks_uri=None))


async def test_a_change_of_something_else_leaves_the_application(clients: ClientRepository) -> None:
    client = asserting(application=FULL, first_party=True)
    await clients.create(client)
    changed = await clients.update("reports", ClientChanges(at=LATER, name="Other"))
    assert changed == evolve(client, updated_at=LATER, name="Other")


async def test_members_that_change_at_once_all_last(clients: ClientRepository) -> None:
    await clients.create(a_public_client(application=evolve(FULL, jwks_uri=None)))
    names = ("client_uri", "logo_uri", "tos_uri", "policy_uri", "initiate_login_uri")
    changes: list[dict[str, object]] = [{name: f"https://new.example/{name}"} for name in names]
    changes += [{"software_id": None}, {"contacts": None}, {"default_max_age": 7}]
    await asyncio.gather(*(clients.update("app", ClientChanges(at=LATER, application=change)) for change in changes))
    found = await clients.get("app")
    assert found is not None
    said = {name: value for change in changes for name, value in change.items()}
    assert found.application == evolve(Application.stored({**FULL.members(), **said}), jwks_uri=None)


async def test_first_party_is_changed(clients: ClientRepository) -> None:
    await clients.create(a_public_client())
    for first_party in (True, False):
        changed = await clients.update("app", ClientChanges(at=LATER, first_party=first_party))
        assert changed.first_party == first_party
        assert await clients.get("app") == changed


async def test_keys_move_behind_a_url_and_back(clients: ClientRepository) -> None:
    keys = {"keys": [PUBLIC]}
    client = asserting(jwks=keys)
    await clients.create(client)
    behind = await clients.update("reports", ClientChanges(at=LATER, no_jwks=True, application={"jwks_uri": BEHIND}))
    assert behind == evolve(client, updated_at=LATER, jwks=None, application=Application(jwks_uri=BEHIND))
    assert await clients.get("reports") == behind
    back = await clients.update("reports", ClientChanges(at=LATER, jwks=keys, application={"jwks_uri": None}))
    assert back == evolve(client, updated_at=LATER)
    assert await clients.get("reports") == back


async def test_only_the_first_use_is_noted(clients: ClientRepository) -> None:
    client, other = registered(), a_client()
    for one in (client, other):
        await clients.create(one)
    assert await clients.recent("app") == client
    for at in (LATER, LATER - TICK, LATER + TICK):
        await clients.used("app", at=at)
        assert await clients.recent("app") == await clients.get("app") == evolve(client, used_at=LATER)
    await clients.used("nobody", at=NOW)
    assert await clients.get("reports") == other


async def test_a_client_that_registered_itself_is_told_of_every_resource(
    clients: ClientRepository, resources: ResourceRepository
) -> None:
    await clients.create(registered(resources=(ORDERS,)))
    await clients.create(a_client(resources=(ORDERS,)))
    for identifier, scopes in ((ORDERS, ("a",)), (STOCK, ()), (AUDIENCE, ("b", "c"))):
        await resources.create(Resource(identifier, scopes, NOW))
    for client_id, expected in (
        ("app", {ORDERS: ("a",), STOCK: (), AUDIENCE: ("b", "c")}),
        ("reports", {ORDERS: ("a",), AUDIENCE: ("b", "c")}),
    ):
        found, changed = await clients.get(client_id), await clients.update(client_id, ClientChanges(at=LATER))
        assert found is not None
        assert found.definitions == changed.definitions == expected


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (a_public_client(), False),
        (a_public_client(first_party=True), True),
        (a_public_client(grant_types=("refresh_token", "password")), True),
        (a_public_client(grant_types=("authorization_code",), first_party=True), True),
        (a_public_client(grant_types=("passwords",)), False),
        (registered(), False),
    ],
)
async def test_tokens_of_first_party_clients_may_manage_accounts(
    stores: Stores, client: Client, expected: bool
) -> None:
    await stores.clients.create(client)
    assert (await stores.ledger.standing(a_token(client_id="app"))).first_party == expected
    assert not (await stores.ledger.standing(a_token(client_id="other"))).first_party
    assert not (await stores.ledger.standing(a_token())).first_party  # of Watchword itself, whom nobody asks


@pytest.mark.parametrize(
    ("client", "goes"),
    [
        (registered(), True),
        (registered(used_at=NOW), False),
        (registered(grant_types=("authorization_code",), is_active=False), True),
        (a_public_client(), False),
        (a_client("app"), False),
    ],
)
async def test_a_client_that_registered_itself_and_was_never_used_goes(
    stores: Stores, client: Client, goes: bool
) -> None:
    await stores.clients.create(client)
    for late, gone in ((timedelta(0), False), (TICK, goes)):
        stores.clock.instant = NOW + UNUSED_CLIENTS_STAY + late
        assert await stores.expired.count() == gone
        assert await Prune(stores.expired)() == gone
        assert await stores.clients.get("app") == (None if gone else client)
    with pytest.raises(ClientIdTaken):
        await stores.clients.create(client)


async def test_with_an_unused_client_go_its_connections(stores: Stores) -> None:
    """Somebody agreed, and the application never came for the code."""
    await signed_in(stores)
    for client in (registered(), a_client()):
        await stores.clients.create(client)
        code = a_code(client_id=client.client_id, number=1 if client.client_id == "app" else 2)
        await stores.codes.issue(NewCode(code, allows=(API,)))
    stores.clock.instant = NOW + UNUSED_CLIENTS_STAY + TICK
    await Prune(stores.expired)()
    assert [one.client_id for one in await stores.connections.of_user("alice")] == ["reports"]
    assert not await stores.connections.end("alice", "app", valid_from=NOW, at=NOW)
    assert await stores.sessions.look(cookie(1), client_id="reports") is None  # it has expired by then, too


@pytest.mark.parametrize("used", ["before", "meanwhile"])
async def test_a_client_in_use_is_not_taken_away(stores: Stores, used: str) -> None:
    for number in range(10):
        await stores.clients.create(registered(f"app{number}"))
    stores.clock.instant = NOW + UNUSED_CLIENTS_STAY + TICK
    using = [stores.clients.used(f"app{number}", at=stores.clock.now()) for number in range(10)]
    if used == "before":
        await asyncio.gather(*using)
        assert await Prune(stores.expired)() == 0
    else:
        pruning = [stores.expired.prune(2) for _ in range(3)]
        await asyncio.gather(*using[:5], *pruning, *using[5:])
    for number in range(10):
        found = await stores.clients.get(f"app{number}")
        assert found is None or found.used_at == stores.clock.now()
        assert used == "meanwhile" or found is not None


@pytest.mark.parametrize("moment", [None, NOW])
async def test_times_come_back_aware(clients: ClientRepository, moment: datetime | None) -> None:
    await clients.create(registered(used_at=moment))
    found = await clients.get("app")
    assert found is not None
    assert (found.used_at, found.used_at and found.used_at.utcoffset()) == (moment, moment and timedelta(0))


async def test_what_the_rules_let_through_every_store_keeps(clients: ClientRepository) -> None:
    """PostgreSQL knows no NUL and no half of a surrogate pair, and has constraints of its own."""
    with_keys = partial(asserting, jwks={"keys": [PUBLIC]})
    kinds: tuple[Callable[..., Client], ...] = (asserting, with_keys, a_public_client, a_client, registered)
    trust: list[dict[str, object]] = [{}, {"first_party": True}, {"grant_types": ("password",)}]
    said = [Application(software_id=text, contacts=(text,)) for text in TEXTS]
    said += [Application(client_uri=f"https://a.example/{text}") for text in TEXTS]
    said += [Application(redirect_uris=(f"https://a.example/{text}",)) for text in TEXTS]
    candidates = [a_public_client(f"c{number}", application=one) for number, one in enumerate(said)]
    candidates += [
        kind(f"k{number}", application=application, **own)
        for number, (kind, own, application) in enumerate(
            product(kinds, trust, (Application(), Application(jwks_uri=BEHIND)))
        )
    ]
    kept = [client for client in candidates if not client_errors(client)]
    for client in kept:
        await clients.create(client)
        assert await clients.get(client.client_id) == client
    assert len(candidates) / 4 < len(kept) < len(candidates)
