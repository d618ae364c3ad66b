"""A hasher and an audit that note what they are told, and documents of others that need no network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import Factory, define

from core.clients.ports import Fetcher, FetchFailed
from core.ports import Audit
from core.users.password import Password
from core.users.ports import PasswordHasher


async def nothing() -> None:
    return None


@define
class NotingHasher:
    """The real hasher. It notes what it was asked, and lets a test act right after the next answer."""

    inner: PasswordHasher
    calls: list[str] = Factory(list)
    after_verify: Callable[[], Awaitable[None]] = nothing

    async def hash(self, password: Password) -> str:
        self.calls.append("hash")
        return await self.inner.hash(password)

    async def verify(self, password: Password, hashed: str | None) -> bool:
        self.calls.append("verify")
        answer = await self.inner.verify(password, hashed)
        then, self.after_verify = self.after_verify, nothing
        await then()
        return answer

    def outdated(self, hashed: str) -> bool:
        return self.inner.outdated(hashed)


@define
class NotingAudit:
    """Keeps what happened where a test can look."""

    notes: list[tuple[str, dict[str, str]]] = Factory(list)

    def note(self, event: str, **facts: str) -> None:
        self.notes.append((event, facts))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.notes]


@define
class Documents:
    """What others published, by URL. There is nothing else to be had."""

    published: dict[str, object] = Factory(dict)

    async def json(self, url: str) -> object:
        if url not in self.published:
            raise FetchFailed("there is no such document")
        return self.published[url]


_hasher: type[PasswordHasher] = NotingHasher
_audit: type[Audit] = NotingAudit
_fetcher: type[Fetcher] = Documents
