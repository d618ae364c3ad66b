"""A client as it was a moment ago is good enough for a yes, and never for a no."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.clients import MemoryClients, MemoryResources
from core.clients.authenticate import ClientCredential
from core.clients.model import Client
from core.grants.contract import ClientCredentialsRequest, PasswordRequest
from core.protocol.refusals import InvalidClient, InvalidScope, InvalidTarget, UnauthorizedClient
from core.protocol.secret import Secret
from core.tokens.introspect import IntrospectionEndpoint
from core.users.password import Password
from tests.support import PASSWORD
from tests.unit.house import ADDRESS, House, basic

API = "https://files.example.com"
ITSELF = ClientCredentialsRequest()


class Worker(MemoryClients):
    """Remembers every client as it first saw it. What others change it learns only from `get`."""

    def __init__(self, resources: MemoryResources, names: set[str]) -> None:
        super().__init__(resources, names)
        self.seen: dict[str, Client] = {}
        self.asked = 0

    async def get(self, client_id: str) -> Client | None:
        self.asked += 1
        found = await super().get(client_id)
        if found is not None:
            self.seen.setdefault(client_id, found)
        return found

    def forget_all(self) -> None:
        self.seen.clear()

    async def recent(self, client_id: str) -> Client | None:
        return self.seen.get(client_id) or await self.get(client_id)


@pytest.fixture
def clients(house: House) -> Worker:
    return Worker(house.resources, house.names)


@pytest.fixture
async def home(house: House, clients: Worker) -> House:
    others = {"resources": house.resources, "names": house.names, "clients": clients}
    made = House.over(house.hasher.inner, **others)
    await made.alice()
    await made.create_resource(API, ("read",))
    return made


async def remembered(house: House, **others: Any) -> ClientCredential:
    """What a client presents whom this worker has seen."""
    made = await house.client(**others)
    await house.ask(ITSELF, basic(made))
    return basic(made)


async def asked(house: House, credential: ClientCredential, token: Secret) -> dict[str, object]:
    endpoint = IntrospectionEndpoint(house.authenticate_client, house.introspect)
    return dict(await endpoint(credential, token, address=ADDRESS))


async def test_whoever_was_seen_a_moment_ago_is_not_looked_up_again(home: House, clients: Worker) -> None:
    credential = await remembered(home)
    before = clients.asked
    for _ in range(5):
        await home.ask(ITSELF, credential)
    assert clients.asked == before
    proof = await home.authenticate_client(credential, address=ADDRESS)
    assert proof.remembered
    assert not (await home.authenticate_client(credential, address=ADDRESS, fresh=True)).remembered


async def test_a_new_secret_counts_at_once(home: House) -> None:
    await remembered(home)
    new = await home.rotate_secret("reports")
    assert await home.ask(ITSELF, basic(new))


async def test_a_client_that_was_activated_counts_at_once(home: House, clients: Worker) -> None:
    credential = await remembered(home)
    await home.update_client("reports", is_active=False)
    clients.forget_all()
    with pytest.raises(InvalidClient):
        await home.ask(ITSELF, credential)
    await home.update_client("reports", is_active=True)
    assert await home.ask(ITSELF, credential)


async def test_a_grant_that_was_added_counts_at_once(home: House) -> None:
    credential = await remembered(home, grant_types=("client_credentials",))
    login = PasswordRequest("alice", Password.typed(PASSWORD))
    with pytest.raises(UnauthorizedClient):
        await home.ask(login, credential)
    await home.update_client("reports", grant_types=("client_credentials", "password"))
    assert await home.ask(login, credential)


async def test_a_scope_and_a_resource_that_were_added_count_at_once(home: House) -> None:
    credential = await remembered(home)
    scope, resource = ClientCredentialsRequest(scope=("read",)), ClientCredentialsRequest(resources=(API,))
    with pytest.raises(InvalidScope):
        await home.ask(scope, credential)
    with pytest.raises(InvalidTarget):
        await home.ask(resource, credential)
    await home.update_client("reports", scopes=("read",), resources=(API,))
    assert (await home.ask(scope, credential)).scope == ("read",)
    assert (await home.verify.for_anybody((await home.ask(resource, credential)).access_token)).aud == (API,)


async def test_without_a_client_there_is_nothing_to_look_up_again(home: House, clients: Worker) -> None:
    before = clients.asked
    with pytest.raises(InvalidScope):
        await home.ask(PasswordRequest("alice", Password.typed(PASSWORD), scope=("read",)))
    assert clients.asked == before


async def test_a_resource_that_a_client_serves_by_now_is_its_concern_at_once(home: House) -> None:
    credential = await remembered(home)
    made = await home.client("worker", resources=(API,))
    token = (await home.ask(ClientCredentialsRequest(resources=(API,)), basic(made))).access_token
    assert await asked(home, credential, token) == {"active": False}
    await home.update_client("reports", serves=(API,))
    assert (await asked(home, credential, token))["active"]


async def test_a_token_that_has_ended_is_dead_to_everybody_at_once(home: House) -> None:
    credential = await remembered(home)
    token = (await home.ask(ITSELF, credential)).access_token
    assert (await asked(home, credential, token))["active"]
    home.clock.forward(minutes=1)
    await home.end_clients_tokens("reports")
    assert await asked(home, credential, token) == {"active": False}


async def test_a_client_that_was_deactivated_gets_tokens_that_count_nowhere(home: House) -> None:
    credential = await remembered(home)
    await home.update_client("reports", is_active=False)
    token = (await home.ask(ITSELF, credential)).access_token
    await home.create_resource(home.policy.audience)
    api = await home.client("api", serves=(home.policy.audience,))
    assert await asked(home, basic(api), token) == {"active": False}


async def test_a_login_right_after_an_end_of_tokens_waits_for_the_next_whole_second(
    home: House, clients: Worker
) -> None:
    credential = await remembered(home)
    home.clock.forward(milliseconds=250)
    at = home.clock.now()
    await home.end_clients_tokens("reports")
    clients.forget_all()
    token = (await home.ask(PasswordRequest("alice", Password.typed(PASSWORD)), credential)).access_token
    assert home.clock.now() - at == timedelta(milliseconds=750)
    assert (await home.current_user(token)).username == "alice"
