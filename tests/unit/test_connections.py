"""Connected applications: what a person allowed, since when, and how all of it is taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.authorization.authorize import Waiting
from core.authorization.model import permissions
from core.authorization.proceed import Answer
from core.authorization.sessions import Browser
from core.clients.authenticate import PublicCredential
from core.protocol.refusals import ConnectionNotFound, InvalidGrant
from tests.unit.house import AUDIENCE, House, code_in
from tests.unit.test_code_grant import accepted, refreshed, refused

API = "https://files.example.com"
OTHER = PublicCredential("other")


@pytest.fixture
async def home(openid: House) -> House:
    await openid.alice()
    await openid.person("bob")
    await openid.create_resource(API, ("read", "write"))
    await openid.app(scopes=("openid", "email", "offline_access", "read", "write"), resources=(API,))
    await openid.app("other")
    return openid


@pytest.fixture
async def alice(home: House) -> Browser:
    return await home.signed_in()


def test_each_scope_at_each_resource_is_a_permission_of_its_own() -> None:
    assert permissions(("a", "b"), ("x", "y")) == ("x", "x a", "x b", "y", "y a", "y b")
    assert permissions((), ("x",)) == ("x",)
    assert permissions(("a",), ()) == ()


def test_no_permission_is_spelled_like_another() -> None:
    """Neither a scope nor a resource holds a space, so that none can be put together from parts of two."""
    assert not set(permissions(("b c",), ("a",))) & set(permissions(("c",), ("a b",))) - {"a b c"}


async def test_people_see_what_they_allowed_and_nobody_elses(home: House, alice: Browser) -> None:
    assert await home.list_connections("alice") == ()
    await home.code(alice, scope="openid email")
    began = home.clock.now()
    home.clock.forward(hours=1)
    await home.code(alice, scope="read", resources=(API,))
    await home.code(alice, client_id="other")
    await home.code(await home.signed_in("bob"), client_id="other", scope="openid")
    app, other = await home.list_connections("alice")
    assert (app.client_id, app.client_name, app.since, app.used_at) == ("app", "app", began, home.clock.now())
    assert set(app.granted) == {AUDIENCE, f"{AUDIENCE} openid", f"{AUDIENCE} email", API, f"{API} read"}
    assert (other.client_id, other.granted) == ("other", (AUDIENCE,))


async def test_a_resource_is_asked_for_apart(home: House, alice: Browser) -> None:
    await home.code(alice, scope="read", resources=(API,))
    for request in (
        {"scope": "read"},
        {"scope": "write", "resources": (API,)},
        {"scope": "read", "resources": (API, AUDIENCE)},
    ):
        assert isinstance(await home.begin(alice, **request), Waiting)
    assert isinstance(await home.begin(alice, scope="read", resources=(API,)), Answer)


async def test_what_is_taken_back_ends_at_once(home: House, alice: Browser) -> None:
    responses = [
        await home.exchange(await home.code(alice, scope=scope)) for scope in ("openid", "openid offline_access")
    ]
    code = await home.code(alice)
    await home.end_connection("alice", "app")
    for response in responses:
        assert not await accepted(home, response.access_token)
        with pytest.raises(InvalidGrant):
            await refreshed(home, response.refresh_token)
    assert await refused(home, code) == "invalid_grant"
    assert await home.list_connections("alice") == ()
    assert home.audit.notes[-1] == ("application disconnected", {"username": "alice", "client_id": "app"})
    assert await home.seen(alice)  # who stays signed in


async def test_and_stays_so(home: House, alice: Browser) -> None:
    response = await home.exchange(await home.code(alice))
    await home.end_connection("alice", "app")
    for _ in range(3):
        home.clock.forward(seconds=1)
        assert not await accepted(home, response.access_token)
    assert isinstance(await home.begin(alice), Waiting)
    await home.code(alice)
    assert not await accepted(home, response.access_token)


async def test_nobody_elses_and_no_other_application_is_touched(home: House, alice: Browser) -> None:
    bob = await home.signed_in("bob")
    bobs = await home.exchange(await home.code(bob))
    others = await home.exchange(await home.code(alice, client_id="other"), OTHER)
    await home.code(alice)
    await home.end_connection("alice", "app")
    for response, credential in ((bobs, PublicCredential("app")), (others, OTHER)):
        assert await accepted(home, response.access_token)
        assert (await refreshed(home, response.refresh_token, credential)).access_token
    assert [one.client_id for one in await home.list_connections("alice")] == ["other"]
    assert isinstance(await home.begin(bob), Answer)


async def test_within_the_same_second_people_may_allow_it_anew(home: House, alice: Browser) -> None:
    for part in (0.0, 0.3, 0.999999):
        home.clock.instant = home.clock.instant.replace(microsecond=0) + timedelta(seconds=1 + part)
        old = await home.exchange(await home.code(alice))
        await home.end_connection("alice", "app")
        new = await home.exchange(code_in(await home.answered(alice)))
        for _ in range(2):
            assert await accepted(home, new.access_token)
            assert not await accepted(home, old.access_token)
            home.clock.forward(seconds=2)
        assert (await refreshed(home, new.refresh_token)).access_token


@pytest.mark.parametrize("client_id", ["other", "nobody", "", "app "])
async def test_what_was_never_allowed_cannot_be_taken_back(home: House, alice: Browser, client_id: str) -> None:
    await home.code(alice)
    with pytest.raises(ConnectionNotFound):
        await home.end_connection("alice", client_id)
    with pytest.raises(ConnectionNotFound):
        await home.end_connection("bob", "app")
    assert len(await home.list_connections("alice")) == 1
    assert "application disconnected" not in home.audit.events


@pytest.mark.parametrize("pause", [0, 0.5, 5])
async def test_an_answer_that_was_under_way_does_not_bring_it_back(home: House, alice: Browser, pause: float) -> None:
    """Whoever asks without end, and without a person, would win this race in the end."""
    await home.code(alice, scope="openid")
    home.clock.forward(minutes=10)
    request = (await home.waiting(alice, scope="openid", prompt="consent")).request
    client, before = await home.find_client("app"), home.clock.now()
    seen = await home.seen(alice, "app")
    home.clock.forward(seconds=pause)
    await home.end_connection("alice", "app")
    home.clock.forward(seconds=pause)
    answer = await home.proceed.answer(request, client, seen, at=before)
    assert answer is not None
    assert await home.list_connections("alice") == ()
    home.clock.forward(seconds=1)
    assert await refused(home, code_in(answer)) == "invalid_grant"
    assert isinstance(await home.begin(alice, scope="openid"), Waiting)


async def test_what_was_refreshed_counts_as_a_use(home: House, alice: Browser) -> None:
    response = await home.exchange(await home.code(alice))
    home.clock.forward(days=3)
    await refreshed(home, response.refresh_token)
    (connection,) = await home.list_connections("alice")
    assert connection.used_at == home.clock.now()
