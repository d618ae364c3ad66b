"""Whether a form was filled in on a page that we gave to this very browser."""

from __future__ import annotations

import base64
import hmac

from attrs import frozen

from core.protocol.secret import Secret
from core.tokens.ports import Deriver


@frozen
class FormTokens:
    """A token follows from the browser's cookie, so nothing is kept: with another cookie it is another one."""

    deriver: Deriver

    async def of(self, cookie: Secret) -> str:
        derived = await self.deriver.derive("form token", cookie.reveal().encode("utf-8", "surrogatepass"))
        return base64.urlsafe_b64encode(derived).rstrip(b"=").decode("ascii")

    async def fits(self, cookie: Secret | None, given: str) -> bool:
        if cookie is None:
            return False
        return hmac.compare_digest((await self.of(cookie)).encode(), given.encode("utf-8", "surrogatepass"))
