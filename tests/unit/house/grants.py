"""core/grants and core/housekeeping"""

from __future__ import annotations

from typing import Any

from core.grants.client_credentials import ClientCredentialsGrant
from core.grants.code import CodeGrant
from core.grants.contract import (
    ClientCredentialsRequest,
    CodeRequest,
    Grant,
    PasswordRequest,
    RefreshRequest,
    TokenRequest,
)
from core.grants.identify import Identify
from core.grants.password import PasswordGrant
from core.grants.refresh import RefreshGrant
from core.grants.token_endpoint import TokenEndpoint
from core.housekeeping import Prune
from tests.unit.house.authorization import Authorization


class Grants(Authorization):
    @property
    def identify(self) -> Identify:
        return Identify(self.subjects)

    @property
    def password_grant(self) -> PasswordGrant:
        return PasswordGrant(
            self.authenticate, self.narrow, self.start_family, self.identify, self.refresh_without_client
        )

    @property
    def client_credentials_grant(self) -> ClientCredentialsGrant:
        return ClientCredentialsGrant(self.narrow, self.clock)

    @property
    def refresh_grant(self) -> RefreshGrant:
        return RefreshGrant(self.rotate_family, self.narrow, self.identify, self.clock)

    @property
    def code_grant(self) -> CodeGrant:
        return CodeGrant(
            self.codes,
            self.refresh_tokens,
            self.narrow,
            self.identify,
            self.clock,
            self.audit,
            self.refresh_policy,
        )

    @property
    def token_endpoint(self) -> TokenEndpoint:
        grants: dict[type[TokenRequest], Grant[Any]] = {
            PasswordRequest: self.password_grant,
            ClientCredentialsRequest: self.client_credentials_grant,
            RefreshRequest: self.refresh_grant,
            CodeRequest: self.code_grant,
        }
        without_client = {"password", "refresh_token"} if self.refresh_without_client else {"password"}
        return TokenEndpoint(
            grants, self.authenticate_client, self.clock, self.issue, self.issue_id_token, frozenset(without_client)
        )

    @property
    def prune(self) -> Prune:
        return Prune(self.expired)
