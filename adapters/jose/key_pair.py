"""Tokens by key pairs: private halves sign here, public halves are published."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic

from adapters.jose import signatures
from adapters.jose.making import MAKERS, imported, unsealed
from adapters.jose.sealing import Sealer
from core.keys.model import NEVER, KeyPolicy, KeyRing, SigningKey
from core.keys.ports import PublicKeys, SigningKeyStore
from core.keys.rotate import MaintainKeys
from core.ports import Clock
from core.protocol.refusals import InvalidToken, Unavailable
from core.protocol.secret import Secret
from core.tokens.ports import TokenSigner, TokenVerifier

FRESH = 0.7  # seconds for which the keys that were read are good without another look
PATIENCE = 0.25  # seconds that a request waits for that look, while there are older keys to go by

REMEMBERED = 4096  # tokens


class KeyPairTokens:
    """Signs with the active key of one algorithm, or of another that is named, and verifies by every key that is
    published, each of a type that has one algorithm: tokens outlive a change of `JWT_ALGORITHM`.

    Keys are read from the store again when those at hand are not fresh, so a rotation needs no restart. A token that
    verified is remembered for as long as its key counts: its signature does not change, and everything else about it
    is asked anew each time.
    """

    def __init__(
        self,
        store: SigningKeyStore,
        sealer: Sealer,
        maintain: MaintainKeys,
        clock: Clock,
        policy: KeyPolicy,
        algorithm: str,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._maintain = maintain
        self._clock = clock
        self._policy = policy
        self._algorithm = algorithm
        self._rules = signatures.registry(*MAKERS)
        self._ring = KeyRing(())
        # By algorithm: the key, and between which instants nothing else signs.
        self._signing: dict[str, tuple[SigningKey, datetime, datetime]] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._public: dict[str, signatures.Key] = {}
        self._signers: dict[tuple[str, str], signatures.Signer] = {}
        self._verified: OrderedDict[bytes, tuple[str, Mapping[str, object]]] = OrderedDict()

    async def prepare(self) -> None:
        """Read the keys now, or make them, rather than with the first token. Raises `Unavailable`, `SealError`."""
        self._signer(await self._active(self._algorithm), "at+jwt")

    async def sign(self, claims: Mapping[str, object], *, typ: str, algorithm: str | None = None) -> Secret:
        return self._signer(await self._active(algorithm or self._algorithm), typ)(claims)

    async def verify(self, token: Secret, *, typ: str, by_old: bool = False) -> Mapping[str, object]:
        await self._look()
        name = hashlib.sha256(f"{typ} {token.reveal()}".encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(name)
        if known is not None and self._find(known[0], by_old=by_old) is not None:
            self._verified.move_to_end(name)
            return known[1]
        used: list[str] = []

        def find(kid: str | None) -> signatures.Key | None:
            used.append(kid or "")
            return self._find(kid or "", by_old=by_old)

        claims = signatures.verify(token, typ=typ, find_key=find, rules=self._rules)
        self._verified[name] = (used[0], claims)
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return claims

    async def jwks(self) -> Sequence[Mapping[str, str]]:
        await self._active(self._algorithm)
        return [key.public_jwk for key in self._ring.published(self._clock.now(), self._policy.keep)]

    async def _active(self, algorithm: str) -> SigningKey:
        """The key that signs now. Looked up again when the keys at hand change, or the next one's time has come."""
        await self._look()
        now = self._clock.now()
        known = self._signing.get(algorithm)
        if known is not None and known[1] <= now < known[2]:
            return known[0]
        active = self._ring.active(algorithm, now)
        if active is None:
            await self._maintain.active_of(algorithm)
            await self._read()
            active = self._ring.active(algorithm, now)
        if active is None:
            raise Unavailable("There is no key to sign with at the moment")
        coming = self._ring.next(algorithm, now)
        self._signing[algorithm] = active, now, coming.signs_from if coming is not None else NEVER
        return active

    async def _look(self) -> None:
        """The keys at hand are fresh, or as fresh as can be had. Raises `Unavailable` when there are none."""
        if monotonic() - self._read_at < FRESH:
            return
        # All who wait share one attempt, and its failure: in turn, each would wait as long as the store is silent.
        reading = self._reading
        if reading is None or reading.done():
            reading = self._reading = asyncio.create_task(self._read())
            reading.add_done_callback(_heard)
        if not self._ring.keys:
            await asyncio.shield(reading)
            return
        done, _ = await asyncio.wait({reading}, timeout=PATIENCE)
        if not done or reading.exception() is not None:
            self._read_at = monotonic()  # not for every request; the next look is a while off

    async def _read(self) -> None:
        ring = KeyRing(await self._store.all())
        if ring != self._ring:
            self._ring, self._signing = ring, {}
            kept = {key.kid for key in ring.keys}
            self._public = {kid: key for kid, key in self._public.items() if kid in kept}
            self._signers = {at: signer for at, signer in self._signers.items() if at[0] in kept}
        self._read_at = monotonic()

    def _find(self, kid: str, *, by_old: bool) -> signatures.Key | None:
        """The public key by this name that counts now. Raises `InvalidToken` for one that counted once."""
        key = next((key for key in self._ring.keys if key.kid == kid), None)
        if key is None:
            return None
        if self._ended(key, self._clock.now()) and (key.withdrawn_at is not None or not by_old):
            raise InvalidToken("signed by a key that was retired")
        if kid not in self._public:
            self._public[kid] = imported(dict(key.public_jwk))
        return self._public[kid]

    def _ended(self, key: SigningKey, at: datetime) -> bool:
        return self._ring.published_until(key, self._policy.keep) <= at

    def _signer(self, key: SigningKey, typ: str) -> signatures.Signer:
        if (key.kid, typ) not in self._signers:
            private = unsealed(self._sealer.open(key.sealed_private_key, name=key.kid))
            header = {"alg": key.algorithm, "typ": typ, "kid": key.kid}
            self._signers[key.kid, typ] = signatures.Signer(header, private, self._rules)
        return self._signers[key.kid, typ]


def _heard(task: asyncio.Task[None]) -> None:
    """A look that failed while nobody waited for it any more is no news to anybody."""
    if not task.cancelled():
        task.exception()


_signer: type[TokenSigner] = KeyPairTokens
_verifier: type[TokenVerifier] = KeyPairTokens
_public: type[PublicKeys] = KeyPairTokens
