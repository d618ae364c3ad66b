"""What the house stands on: memory adapters that know of each other, a clock to set, and what notes what it is told."""

from __future__ import annotations

from datetime import timedelta

from attrs import Factory, field, frozen

from adapters.fetching.key_sets import FetchedKeySets
from adapters.jose.assertions import JoseAssertions
from adapters.jose.key_pair import KeyPairTokens
from adapters.jose.pseudonyms import SealedPseudonyms
from adapters.jose.sealing import Sealer, fresh_key
from adapters.jose.shared_secret import SharedSecretDeriver, SharedSecretTokens
from adapters.memory.authorization import MemoryAuthorizationRequests, MemoryConnections
from adapters.memory.clients import MemoryClients, MemoryResources, MemorySpentAssertions
from adapters.memory.codes import MemoryCodes
from adapters.memory.epoch import Epoch
from adapters.memory.expired import MemoryExpiredRows
from adapters.memory.granted import Granted
from adapters.memory.keys import MemorySealedSecrets, MemorySigningKeys
from adapters.memory.sessions import MemorySessions
from adapters.memory.throttle import MemoryTallies
from adapters.memory.tokens import MemoryAccessTokens, MemoryRefreshFamilies
from adapters.memory.users import MemoryUsers
from adapters.system import SystemEntropy
from core.authorization.model import SessionPolicy
from core.authorization.request import RequestPolicy
from core.clients.authenticate import AssertionPolicy
from core.clients.dynamic import RegistrationPolicy
from core.identity.id_token import IdTokenPolicy
from core.keys.model import KeyPolicy
from core.protocol.secret import Secret
from core.tokens.model import AccessTokenPolicy, RefreshPolicy
from tests.support import SetClock
from tests.unit.noting import Documents, NotingAudit, NotingHasher

ISSUER = "https://auth.example.com"
AUDIENCE = "https://api.example.com"
POLICY = AccessTokenPolicy(issuer=ISSUER, audience=AUDIENCE, lifetime=timedelta(minutes=30))
KEY_POLICY = KeyPolicy(
    algorithms=("ES256",), ahead=timedelta(minutes=5), period=timedelta(days=90), token_lifetime=timedelta(minutes=30)
)
ASSERTIONS = AssertionPolicy(frozenset({ISSUER, f"{ISSUER}/api/v1/auth/token"}))
SHARED = Secret("k" * 32)
UNUSED_CLIENTS = timedelta(days=30)
ID_TOKENS = IdTokenPolicy(ISSUER)
REGISTRATION = RegistrationPolicy("open")


@frozen(kw_only=True)
class Ground:
    """What is kept, and what outlives a call.

    Signs with a shared secret, so that there are no ID tokens, unless `tokens` are others.
    """

    hasher: NotingHasher
    clock: SetClock = field(factory=SetClock)
    entropy: SystemEntropy = field(factory=SystemEntropy)
    audit: NotingAudit = field(factory=NotingAudit)
    documents: Documents = field(factory=Documents)

    policy: AccessTokenPolicy = POLICY
    refresh_policy: RefreshPolicy = field(factory=RefreshPolicy)
    key_policy: KeyPolicy = KEY_POLICY
    session_policy: SessionPolicy = field(factory=SessionPolicy)
    request_policy: RequestPolicy = field(factory=RequestPolicy)
    id_token_policy: IdTokenPolicy = ID_TOKENS
    registration_policy: RegistrationPolicy = REGISTRATION
    refresh_without_client: bool = False

    names: set[str] = field(factory=set)
    epoch: Epoch = field(factory=Epoch)
    granted: Granted = field(factory=Granted)
    users: MemoryUsers = Factory(lambda on: MemoryUsers(on.names, on.epoch), takes_self=True)
    resources: MemoryResources = field(factory=MemoryResources)
    clients: MemoryClients = Factory(
        lambda on: MemoryClients(on.resources, on.names, AUDIENCE, on.epoch), takes_self=True
    )
    spent: MemorySpentAssertions = Factory(lambda on: MemorySpentAssertions(on.clock), takes_self=True)
    families: MemoryRefreshFamilies = Factory(
        lambda on: MemoryRefreshFamilies(on.epoch, on.users, on.granted), takes_self=True
    )
    ledger: MemoryAccessTokens = Factory(
        lambda on: MemoryAccessTokens(on.users, on.clients, on.families, on.epoch, on.granted), takes_self=True
    )
    requests: MemoryAuthorizationRequests = field(factory=MemoryAuthorizationRequests)
    connections: MemoryConnections = Factory(
        lambda on: MemoryConnections(on.granted, on.users, on.clients, on.families), takes_self=True
    )
    sessions: MemorySessions = Factory(
        lambda on: MemorySessions(on.users, on.families, on.requests, on.granted), takes_self=True
    )
    codes: MemoryCodes = Factory(
        lambda on: MemoryCodes(
            on.users, on.clients, on.sessions, on.requests, on.granted, on.families, on.ledger, on.epoch
        ),
        takes_self=True,
    )
    tallies: MemoryTallies = field(factory=MemoryTallies)
    expired: MemoryExpiredRows = Factory(
        lambda on: MemoryExpiredRows(
            on.families,
            on.ledger,
            on.tallies,
            on.clients,
            on.sessions,
            on.requests,
            on.codes,
            on.clock,
            UNUSED_CLIENTS,
        ),
        takes_self=True,
    )
    signing_keys: MemorySigningKeys = field(factory=MemorySigningKeys)
    sealed_secrets: MemorySealedSecrets = field(factory=MemorySealedSecrets)

    sealer: Sealer = field(factory=lambda: Sealer(fresh_key()))
    assertions: JoseAssertions = field(factory=JoseAssertions)
    key_sets: FetchedKeySets = Factory(
        lambda on: FetchedKeySets(on.documents, on.assertions, lambda: on.clock.now().timestamp()), takes_self=True
    )
    tokens: SharedSecretTokens | KeyPairTokens = field(factory=lambda: SharedSecretTokens(SHARED, "HS256"))
    deriver: SharedSecretDeriver = field(factory=lambda: SharedSecretDeriver(SHARED))
    pseudonyms: SealedPseudonyms = Factory(lambda on: SealedPseudonyms(on.deriver), takes_self=True)
