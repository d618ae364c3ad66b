"""core/tokens and core/identity"""

from __future__ import annotations

from core.identity.id_token import IssueIdToken, ReadHint
from core.identity.userinfo import TellUserInfo
from core.tokens.explain import ExplainToken
from core.tokens.introspect import Introspect, LookAtRefreshToken
from core.tokens.issue import IssueAccessToken
from core.tokens.refresh import RefreshTokens, RotateFamily, StartFamily
from core.tokens.revoke import EndAllTokens, RevokeToken
from core.tokens.subjects import Subjects
from core.tokens.verify import CurrentUser, VerifyToken
from tests.unit.house.keys import Keys


class Tokens(Keys):
    @property
    def issue(self) -> IssueAccessToken:
        return IssueAccessToken(self.tokens, self.clock, self.entropy, self.policy)

    @property
    def verify(self) -> VerifyToken:
        return VerifyToken(self.tokens, self.pseudonyms, self.clock, self.policy)

    @property
    def current_user(self) -> CurrentUser:
        return CurrentUser(self.verify, self.ledger)

    @property
    def account_user(self) -> CurrentUser:
        return CurrentUser(self.verify, self.ledger, first_party_only=True)

    @property
    def subjects(self) -> Subjects:
        return Subjects(self.pseudonyms)

    @property
    def refresh_tokens(self) -> RefreshTokens:
        return RefreshTokens(self.deriver, self.entropy)

    @property
    def start_family(self) -> StartFamily:
        return StartFamily(self.families, self.refresh_tokens, self.entropy, self.clock, self.refresh_policy)

    @property
    def rotate_family(self) -> RotateFamily:
        return RotateFamily(self.families, self.refresh_tokens, self.clock, self.refresh_policy, self.audit)

    @property
    def look_at_refresh_token(self) -> LookAtRefreshToken:
        return LookAtRefreshToken(
            self.families, self.refresh_tokens, self.ledger, self.users, self.clock, self.refresh_policy
        )

    @property
    def introspect(self) -> Introspect:
        return Introspect(self.verify, self.ledger, self.look_at_refresh_token, self.subjects, self.policy)

    @property
    def revoke(self) -> RevokeToken:
        return RevokeToken(self.families, self.refresh_tokens, self.verify, self.ledger, self.clock, self.audit)

    @property
    def end_all_tokens(self) -> EndAllTokens:
        return EndAllTokens(self.ledger, self.clock, self.audit)

    @property
    def explain(self) -> ExplainToken:
        return ExplainToken(self.verify, self.ledger, self.look_at_refresh_token, self.clients, self.clock)

    # core/identity

    @property
    def issue_id_token(self) -> IssueIdToken:
        return IssueIdToken(self.tokens, self.subjects, self.clock, self.id_token_policy)

    @property
    def read_hint(self) -> ReadHint:
        return ReadHint(self.tokens, self.id_token_policy)

    @property
    def tell_user_info(self) -> TellUserInfo:
        return TellUserInfo(self.verify, self.ledger, self.clients, self.tokens, self.request_policy.openid)
