"""Clients that refresh and revoke all the time, and remember what they were promised."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2 as httpx
from attrs import Factory, define

from tests.support import PASSWORD, TLS

TOKEN = "/api/v1/auth/token"
REVOKE = "/api/v1/auth/revoke"
INTROSPECT = "/api/v1/auth/introspect"

USERNAME = "alice"
CLIENT_ID = "load"

# Longer than a server ever takes to say that it cannot. A client that gave up earlier, and went on, could overtake its
# own request, which would then look like somebody else's.
PATIENCE = 60  # seconds

PAUSE = 0.02  # seconds, after an answer that did not come


class PromiseBroken(Exception):
    """What no client should ever see."""


@define
class Load:
    """Several clients at once. `address` is where the server is at the moment; it may change at any time.

    `held` are the newest refresh tokens that came in a 200, one of each grant that was not revoked; `ended` are the
    tokens known of grants whose revocation was answered with a 200. `troubles` is what must never happen. `answers`
    counts what was answered, `lost` what was not.
    """

    http: httpx.AsyncClient
    address: str
    held: list[str] = Factory(list)
    ended: list[str] = Factory(list)
    troubles: list[str] = Factory(list)
    answers: int = 0
    lost: int = 0
    over: bool = False
    goal: int = 0
    reached: asyncio.Event = Factory(asyncio.Event)
    tasks: list[asyncio.Task[None]] = Factory(list)

    @classmethod
    @asynccontextmanager
    async def on(cls, address: str, secret: str, *, clients: int) -> AsyncIterator[Load]:
        async with (
            httpx.AsyncClient(auth=(CLIENT_ID, secret), timeout=PATIENCE, verify=TLS) as http,
            asyncio.TaskGroup() as group,
        ):
            load = cls(http, address)
            for number in range(clients):
                chance = random.Random(number)  # noqa: S311 - no secret comes of it
                load.tasks.append(group.create_task(load._live(chance)))
            yield load
            await load.end()

    async def end(self) -> None:
        """Let every client come to the end of its grant."""
        self.over = True
        await asyncio.gather(*self.tasks)

    async def goes_on(self, answers: int) -> None:
        """Return after so many more answers. Fails at the first trouble."""
        self.goal = self.answers + answers
        self.reached.clear()
        await self.reached.wait()
        assert self.troubles == []

    async def keeps_every_promise(self) -> None:
        """What was given in a 200 works, and what was ended by a 200 has ended. Raises `PromiseBroken`."""
        await asyncio.gather(*map(self._still_works, self.held), *map(self._has_ended, self.ended))

    async def _still_works(self, token: str) -> None:
        if not await self._active(token):
            raise PromiseBroken("introspection does not know a token that was given in a 200")
        await self._refreshed(token)

    async def _has_ended(self, token: str) -> None:
        if await self._active(token):
            raise PromiseBroken("introspection takes a revoked token for live")
        answer = await self._answer(TOKEN, grant_type="refresh_token", refresh_token=token)
        if (answer.status_code, answer.json().get("error")) != (400, "invalid_grant"):
            raise PromiseBroken(f"a revoked token was answered with {answer.status_code}")

    async def _live(self, chance: random.Random) -> None:
        """One client: grant after grant, each refreshed some times and then left alone, or revoked."""
        while not self.over:
            try:
                await self._use_a_grant(chance)
            except PromiseBroken as broken:
                self.troubles.append(str(broken))
                self.reached.set()

    async def _use_a_grant(self, chance: random.Random) -> None:
        token = await self._token(grant_type="password", username=USERNAME, password=PASSWORD)
        former = token
        for _ in range(chance.randrange(1, 20)):
            former, token = token, await self._refreshed(token)
            if chance.random() < 0.1 and await self._refreshed(former) != token:
                raise PromiseBroken("one token was exchanged for two successors")
        if chance.random() < 0.4:
            await self._answer(REVOKE, token=token)
            self.ended += [former, token]
        else:
            self.held.append(token)

    async def _refreshed(self, token: str) -> str:
        return await self._token(grant_type="refresh_token", refresh_token=token)

    async def _token(self, **form: str) -> str:
        """The refresh token of an answer, which is asked for again and again until there is one."""
        answer = await self._answer(TOKEN, **form)
        if answer.status_code != 200:
            raise PromiseBroken(f"a {form['grant_type']} grant was refused: {answer.status_code} {answer.text}")
        token: str = answer.json()["refresh_token"]
        return token

    async def _active(self, token: str) -> bool:
        answer = await self._answer(INTROSPECT, token=token)
        active: bool = answer.json()["active"]
        return active

    async def _answer(self, path: str, **form: str) -> httpx.Response:
        """Ask until there is an answer other than that the server, or its database, is away."""
        while True:
            try:
                answer = await self.http.post(self.address + path, data=form)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 500:
                raise PromiseBroken(f"{path} was answered with 500")
            if answer is not None and answer.status_code != 503:
                break
            self.lost += 1
            await asyncio.sleep(PAUSE)
        self.answers += 1
        if self.answers >= self.goal:
            self.reached.set()
        return answer
