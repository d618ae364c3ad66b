"""kill -9 under load: what was answered with a 200 holds, and nobody loses a grant.

A client that gets no answer asks again with the token at hand, which may have been exchanged already.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from tests.crash.conftest import Site
from tests.crash.load import Load

CLIENTS = 8
ANSWERS = 60
"""So many between two kills."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("order", ["the next is there", "nobody is there"])
async def test_nothing_is_lost_with_a_server_that_is_killed(site: Site, order: str) -> None:
    server = await asyncio.to_thread(site.start_server)
    try:
        async with Load.on(server.address, site.client_secret, clients=CLIENTS) as load:
            for _ in range(10):
                await load.goes_on(ANSWERS)
                if order == "nobody is there":
                    await asyncio.to_thread(server.kill)
                    server = await asyncio.to_thread(site.start_server)
                    load.address = server.address
                else:  # as behind a load balancer: the clients go elsewhere at once
                    former, server = server, await asyncio.to_thread(site.start_server)
                    load.address = server.address
                    await asyncio.to_thread(former.kill)
            await settled(load)
    finally:
        server.kill()


@pytest.mark.timeout(300)
async def test_nothing_is_lost_with_a_postgresql_that_is_killed(site: Site) -> None:
    kinds: list[Literal["everything", "postmaster", "backend"]] = ["backend", "everything", "backend", "postmaster"]
    with site.server() as server:
        async with Load.on(server.address, site.client_secret, clients=CLIENTS) as load:
            for _ in range(5):
                for which in kinds:
                    await load.goes_on(ANSWERS)
                    await asyncio.to_thread(site.cluster.kill, which)
                # It waits longer before every new attempt, and would wait longer and longer here.
                await asyncio.to_thread(site.cluster.stop)
                await asyncio.to_thread(site.cluster.start)
            await settled(load)


async def settled(load: Load) -> None:
    """The load ends, and everything is as the clients were told."""
    await load.goes_on(ANSWERS)
    await load.end()
    assert load.lost
    assert load.held
    assert load.ended
    await load.keeps_every_promise()
    assert load.troubles == []
