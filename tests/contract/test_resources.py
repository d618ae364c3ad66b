"""ResourceRepository: the APIs that tokens are for."""

from __future__ import annotations

import pytest

from core.clients.model import Resource
from core.clients.ports import ResourceRepository
from core.protocol.refusals import ResourceNotFound, ResourceTaken
from tests.contract.conftest import NOW
from tests.contract.test_clients import ORDERS, STOCK


async def test_resources_come_back_in_the_order_of_code_points(resources: ResourceRepository) -> None:
    made = [Resource(name, ("b", "a"), NOW) for name in ("urn:b", "https://a.example.com/x", "urn:B", "urn:a?b=c%20")]
    assert await resources.all() == ()
    for resource in made:
        await resources.create(resource)
    kept = await resources.all()
    assert kept == tuple(sorted(made, key=lambda resource: resource.identifier))
    assert {resource.created_at for resource in kept} == {NOW}


async def test_an_identifier_is_compared_byte_for_byte(resources: ResourceRepository) -> None:
    names = ["https://a.example.com", "https://a.example.com/", "https://A.example.com", "https://a.example.com:443"]
    for name in names:
        await resources.create(Resource(name, (), NOW))
    with pytest.raises(ResourceTaken):
        await resources.create(Resource(names[0], ("x",), NOW))
    assert await resources.all() == tuple(Resource(name) for name in sorted(names))


async def test_scopes_of_a_resource_are_replaced_as_a_whole(resources: ResourceRepository) -> None:
    await resources.create(Resource(ORDERS, ("a", "b"), NOW))
    await resources.create(Resource(STOCK, ("s",), NOW))
    assert await resources.replace_scopes(ORDERS, ("c",)) == Resource(ORDERS, ("c",))
    assert await resources.all() == (Resource(ORDERS, ("c",)), Resource(STOCK, ("s",)))
    assert await resources.replace_scopes(ORDERS, ()) == Resource(ORDERS)


async def test_a_resource_that_is_not_there_is_neither_changed_nor_deleted(resources: ResourceRepository) -> None:
    await resources.create(Resource(STOCK, ("s",), NOW))
    for refused in (resources.replace_scopes(ORDERS, ("a",)), resources.delete(ORDERS)):
        with pytest.raises(ResourceNotFound):
            await refused
    assert await resources.all() == (Resource(STOCK, ("s",)),)


async def test_a_deleted_resource_may_come_again(resources: ResourceRepository) -> None:
    await resources.create(Resource(ORDERS, ("a",), NOW))
    await resources.delete(ORDERS)
    assert await resources.all() == ()
    await resources.create(Resource(ORDERS, ("b",), NOW))
    assert await resources.all() == (Resource(ORDERS, ("b",)),)
