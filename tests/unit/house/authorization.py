"""core/authorization"""

from __future__ import annotations

from core.authorization.authorize import Authorize, PushRequest
from core.authorization.connections import EndConnection, ListConnections
from core.authorization.csrf import FormTokens
from core.authorization.logout import LogOut
from core.authorization.proceed import Proceed
from core.authorization.request import CheckRequest
from core.authorization.sessions import CurrentSession, EndSessions, ListSessions, SignIn, SignInAgain, StartSession
from tests.unit.house.tokens import Tokens


class Authorization(Tokens):
    @property
    def check_request(self) -> CheckRequest:
        return CheckRequest(self.clients, self.narrow, self.read_hint, self.request_policy)

    @property
    def proceed(self) -> Proceed:
        return Proceed(self.codes, self.subjects, self.clock, self.entropy, self.policy.issuer)

    @property
    def authorize(self) -> Authorize:
        return Authorize(
            self.check_request, self.requests, self.current_session, self.proceed, self.clock, self.entropy, self.audit
        )

    @property
    def push_request(self) -> PushRequest:
        return PushRequest(self.authenticate_client, self.check_request, self.requests, self.clock, self.entropy)

    @property
    def current_session(self) -> CurrentSession:
        return CurrentSession(self.sessions, self.clock, self.session_policy)

    @property
    def start_session(self) -> StartSession:
        return StartSession(self.sessions, self.clock, self.entropy, self.session_policy)

    @property
    def sign_in(self) -> SignIn:
        return SignIn(self.authenticate, self.start_session, self.audit)

    @property
    def sign_in_again(self) -> SignInAgain:
        return SignInAgain(self.users, self.start_session, self.clock, self.audit)

    @property
    def end_sessions(self) -> EndSessions:
        return EndSessions(self.sessions, self.clock, self.audit)

    @property
    def list_sessions(self) -> ListSessions:
        return ListSessions(self.sessions, self.clock)

    @property
    def list_connections(self) -> ListConnections:
        return ListConnections(self.connections)

    @property
    def end_connection(self) -> EndConnection:
        return EndConnection(self.connections, self.clock, self.audit)

    @property
    def form_tokens(self) -> FormTokens:
        return FormTokens(self.deriver)

    @property
    def log_out(self) -> LogOut:
        return LogOut(self.clients, self.current_session, self.read_hint, self.subjects, self.end_sessions)
