"""core/clients"""

from __future__ import annotations

from adapters.registration import AuthlibMetadataRules
from core.clients.authenticate import AuthenticateClient
from core.clients.dynamic import (
    CheckRegistration,
    DeleteRegistration,
    ReadRegistration,
    RegisterClient,
    ReplaceRegistration,
)
from core.clients.metadata import ReadMetadata
from core.clients.narrowing import Narrow
from core.clients.register import (
    CreateClient,
    CreateResource,
    DeleteClient,
    DeleteResource,
    EndClientsTokens,
    FindClient,
    ListClients,
    ListResources,
    Registry,
    RotateSecret,
    UpdateClient,
    UpdateResource,
)
from tests.unit.house.ground import ASSERTIONS
from tests.unit.house.users import Users


class Clients(Users):
    @property
    def registry(self) -> Registry:
        return Registry(self.resources, self.assertions)

    @property
    def create_client(self) -> CreateClient:
        return CreateClient(self.clients, self.registry, self.clock, self.entropy, self.audit)

    @property
    def find_client(self) -> FindClient:
        return FindClient(self.clients)

    @property
    def list_clients(self) -> ListClients:
        return ListClients(self.clients)

    @property
    def update_client(self) -> UpdateClient:
        return UpdateClient(self.clients, self.registry, self.clock, self.audit)

    @property
    def rotate_secret(self) -> RotateSecret:
        return RotateSecret(self.clients, self.clock, self.entropy, self.audit)

    @property
    def end_clients_tokens(self) -> EndClientsTokens:
        return EndClientsTokens(self.clients, self.clock, self.audit)

    @property
    def delete_client(self) -> DeleteClient:
        return DeleteClient(self.clients, self.audit)

    @property
    def create_resource(self) -> CreateResource:
        return CreateResource(self.resources, self.clock)

    @property
    def list_resources(self) -> ListResources:
        return ListResources(self.resources)

    @property
    def update_resource(self) -> UpdateResource:
        return UpdateResource(self.resources)

    @property
    def delete_resource(self) -> DeleteResource:
        return DeleteResource(self.resources)

    @property
    def authenticate_client(self) -> AuthenticateClient:
        return AuthenticateClient(
            self.clients, self.assertions, self.key_sets, self.spent, self.throttle, self.clock, ASSERTIONS
        )

    @property
    def narrow(self) -> Narrow:
        return Narrow(self.policy.audience)

    # Clients that register themselves

    @property
    def read_metadata(self) -> ReadMetadata:
        return ReadMetadata(AuthlibMetadataRules())

    @property
    def check_registration(self) -> CheckRegistration:
        return CheckRegistration(self.registry, self.documents, self.throttle, self.registration_policy)

    @property
    def register_client(self) -> RegisterClient:
        return RegisterClient(
            self.clients,
            self.read_metadata,
            self.check_registration,
            self.throttle,
            self.clock,
            self.entropy,
            self.audit,
            self.registration_policy,
        )

    @property
    def read_registration(self) -> ReadRegistration:
        return ReadRegistration(self.clients, self.registration_policy)

    @property
    def replace_registration(self) -> ReplaceRegistration:
        return ReplaceRegistration(
            self.clients, self.read_registration, self.read_metadata, self.check_registration, self.clock, self.audit
        )

    @property
    def delete_registration(self) -> DeleteRegistration:
        return DeleteRegistration(self.clients, self.read_registration, self.audit)
