"""What comes next: the whole table of a sign-in, a choice, a question, an answer, or a refusal."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve, field, frozen

from core.authorization.model import (
    CONSENT,
    LOGIN,
    NONE,
    SELECT_ACCOUNT,
    AuthorizationRequest,
    Connection,
    ReturnTo,
    Seen,
    grant_of,
    permissions,
)
from core.authorization.proceed import CODE_LIFETIME, USED, Answer, Step
from core.clients.application import Application
from core.clients.model import AuthMethod, Client
from core.protocol.refusals import AuthorizationRefused, InvalidScope
from core.protocol.secret import Secret
from tests.unit.house import AUDIENCE, CALLBACK, CHALLENGE, ISSUER, House, code_in, said

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
LOOPBACK = "http://127.0.0.1:1234/cb"
OWN_SCHEME = "com.example.app:/cb"

REQUEST = AuthorizationRequest(
    to=ReturnTo(client_id="app", redirect_uri=CALLBACK, state="a state"),
    scope=("openid", "email"),
    audience=(AUDIENCE,),
    challenge=CHALLENGE,
)
ALL = permissions(REQUEST.scope, REQUEST.audience)

# When somebody signed in: nobody did, some seconds before the request came, or for it.
NOBODY, BEFORE, AFTER = None, 100, -5


@frozen
class Row:
    """One case, and what comes of it: a step, None for the answer, or the code of a refusal."""

    then: Step | str | None
    signed_in: int | None = BEFORE
    prompt: str = ""
    max_age: int | None = None
    allowed: tuple[str, ...] = field(default=ALL, repr=False)
    answered: tuple[str, ...] = ()
    expected: str | None = None
    first_party: bool = False
    method: AuthMethod = AuthMethod.NONE
    uri: str = CALLBACK
    request: AuthorizationRequest = field(default=REQUEST, repr=False)


SIGN_IN, SELECT, ASK = Step.SIGN_IN, Step.SELECT_ACCOUNT, Step.CONSENT

ROWS = [
    # Nobody is there.
    Row(SIGN_IN, NOBODY),
    Row(SIGN_IN, NOBODY, "login"),
    Row(SIGN_IN, NOBODY, "consent"),
    Row(SIGN_IN, NOBODY, "select_account"),
    Row(SIGN_IN, NOBODY, max_age=0),
    Row(SIGN_IN, NOBODY, first_party=True),
    Row(SIGN_IN, NOBODY, expected="alice"),
    Row("login_required", NOBODY, "none"),
    Row("login_required", NOBODY, "none", first_party=True),
    # Somebody is, and has allowed everything.
    Row(None),
    Row(None, AFTER),
    Row(None, prompt="none"),
    # Sign in again.
    Row(SIGN_IN, prompt="login"),
    Row(SIGN_IN, prompt="login", first_party=True),
    Row(SIGN_IN, prompt="login", answered=("login", "consent", "select_account")),
    Row(None, AFTER, "login"),
    # How long ago somebody signed in.
    Row(None, max_age=BEFORE),
    Row(SIGN_IN, max_age=BEFORE - 1),
    Row(SIGN_IN, max_age=0),
    Row(None, AFTER, max_age=0),
    Row(None, AFTER, max_age=1),  # however long the rest takes
    Row(None, prompt="none", max_age=BEFORE),
    Row("login_required", prompt="none", max_age=BEFORE - 1),
    Row("login_required", prompt="none", max_age=0),
    # Choose.
    Row(SELECT, prompt="select_account"),
    Row(None, prompt="select_account", answered=("select_account",)),
    Row(None, AFTER, "select_account"),  # by signing in
    Row(SIGN_IN, prompt="login select_account"),
    Row(SIGN_IN, prompt="login select_account", answered=("select_account",)),
    Row(SELECT, prompt="select_account consent"),
    Row(ASK, prompt="select_account consent", answered=("select_account",)),
    Row(SELECT, prompt="select_account", allowed=()),
    # Allow.
    Row(ASK, allowed=()),
    Row(ASK, AFTER, allowed=()),
    Row(ASK, allowed=ALL[:-1]),
    Row(ASK, allowed=tuple(text.replace(AUDIENCE, "https://other.example.com") for text in ALL)),
    Row(ASK, allowed=("openid", "email")),
    Row(None, allowed=(*ALL, "more")),
    Row("consent_required", prompt="none", allowed=()),
    # Who is signed in is no business of an application that was never allowed anything.
    Row("login_required", prompt="none", allowed=(), expected="alice"),
    Row("login_required", prompt="none", allowed=(), expected="bob"),
    Row("consent_required", prompt="none", allowed=ALL[:-1], expected="alice"),
    Row("consent_required", prompt="none", allowed=ALL[:-1]),
    Row(ASK, prompt="consent"),
    Row(ASK, AFTER, "consent"),
    Row(ASK, prompt="consent", answered=("consent",)),  # by that a person finishes, and nothing else does
    Row(ASK, AFTER, "login consent"),
    Row(SIGN_IN, prompt="login consent"),
    # Claims are allowed by the scopes that open them.
    Row(ASK, request=evolve(REQUEST, userinfo_claims=("phone_number",))),
    Row(ASK, request=evolve(REQUEST, id_token_claims=("phone_number",))),
    Row(None, request=evolve(REQUEST, id_token_claims=("email_verified",))),
    # Our own applications are not asked about.
    Row(None, allowed=(), first_party=True),
    Row(None, allowed=(), first_party=True, prompt="none"),
    Row(ASK, allowed=(), first_party=True, prompt="consent"),
    Row(None, allowed=(), first_party=True, method=AuthMethod.SECRET_BASIC, uri=LOOPBACK),
    # Whoever could be anybody is asked about every time (RFC 8252 §8.6).
    Row(ASK, uri=LOOPBACK),
    Row(ASK, uri=OWN_SCHEME),
    Row("consent_required", uri=LOOPBACK, prompt="none"),
    Row(None, uri=LOOPBACK, method=AuthMethod.SECRET_BASIC),
    Row(None, uri=OWN_SCHEME, method=AuthMethod.PRIVATE_KEY_JWT),
    Row(ASK, uri=LOOPBACK, first_party=True),  # what is our own may do most, so it most of all
    Row("consent_required", uri=OWN_SCHEME, first_party=True, prompt="none"),
    # Somebody in particular.
    Row(None, expected="alice"),
    Row(None, expected="alice", prompt="none"),
    Row(SIGN_IN, expected="bob"),
    Row("login_required", expected="bob", prompt="none"),
    Row("login_required", AFTER, expected="bob"),  # who signed in for this is another
    Row(SIGN_IN, expected="Alice"),
    Row(SIGN_IN, expected=""),
    Row(SIGN_IN, expected="bob", prompt="select_account", answered=("select_account",)),
    Row(SIGN_IN, expected="bob", allowed=()),
    # Whom somebody allows nothing hears by no guess who is there.
    Row("login_required", expected="alice", allowed=(), prompt="none"),
    Row("login_required", expected="bob", allowed=(), prompt="none"),
    Row("consent_required", expected="alice", allowed=ALL[:-1], prompt="none"),
    Row("consent_required", allowed=(), prompt="none"),
    Row(None, expected="alice", allowed=(), prompt="none", first_party=True),
]


@pytest.fixture
async def home(house: House) -> House:
    await house.alice()
    return house


def client(row: Row) -> Client:
    """As it is registered; nothing of it is kept."""
    native = Application(redirect_uris=(row.uri,), application_type="native")
    return Client("app", row.method, LONG_AGO, LONG_AGO, application=native, first_party=row.first_party)


@pytest.fixture
async def there(home: House) -> Seen:
    return await home.seen(await home.signed_in())


def seen(there: Seen, row: Row, since: datetime) -> Seen | None:
    if row.signed_in is None:
        return None
    session = evolve(there.session, authenticated_at=since - timedelta(seconds=row.signed_in))
    connection = Connection("alice", "app", row.allowed, since, since)  # what was taken back leaves an empty one
    return evolve(there, session=session, connection=connection)


async def outcome(home: House, there: Seen, row: Row) -> Step | str | None:
    request = evolve(
        row.request,
        to=evolve(row.request.to, redirect_uri=row.uri),
        prompt=tuple(row.prompt.split()),
        max_age=row.max_age,
        subject=row.expected,
    )
    since = home.clock.now()
    if row.signed_in is not None and row.signed_in < 0:
        home.clock.forward(minutes=5)  # a slow person
    who = seen(there, row, since)
    try:
        return await home.proceed.step(request, client(row), who, since=since, answered=row.answered)
    except AuthorizationRefused as refusal:
        return refusal.code


@pytest.mark.parametrize("row", ROWS, ids=repr)
async def test_what_comes_next(home: House, there: Seen, row: Row) -> None:
    assert await outcome(home, there, row) == row.then


PROMPTS = ["", "none", "login", "consent", "select_account", "login consent", "login select_account consent"]


async def test_what_holds_of_every_case(home: House, there: Seen) -> None:
    """All combinations of all that counts, and what none of them may ever do."""
    for signed_in, prompt, max_age, allowed, expected, first_party, method, uri, answered in itertools.product(
        (NOBODY, BEFORE, AFTER),
        PROMPTS,
        (None, 0, 50, 1000),
        ((), ALL),
        (None, "alice", "bob"),
        (True, False),
        (AuthMethod.NONE, AuthMethod.SECRET_BASIC),
        (CALLBACK, LOOPBACK),
        ((), ("select_account",)),
    ):
        row = Row(None, signed_in, prompt, max_age, allowed, answered, expected, first_party, method, uri)
        then = await outcome(home, there, row)
        names = set(prompt.split())
        if NONE in names:
            assert not isinstance(then, Step), row  # nobody is shown a page
        if then is not None:
            continue
        assert signed_in is not None, row
        assert expected in {None, "alice"}, row
        if LOGIN in names or max_age == 0:
            assert signed_in == AFTER, row
        if max_age == 50:
            assert signed_in == AFTER, row
        assert CONSENT not in names, row
        assert allowed or first_party, row
        assert not (method is AuthMethod.NONE and uri == LOOPBACK), row
        if SELECT_ACCOUNT in names:
            assert answered or signed_in == AFTER, row


async def test_somebody_is_expected_by_the_name_that_the_client_knows(home: House, there: Seen) -> None:
    await home.app("pairwise", subject_type="pairwise")
    known = await home.find_client("pairwise")
    own = await home.subjects(known, "alice")
    since = home.clock.now()
    here = seen(there, Row(None), since)
    assert await home.proceed.step(evolve(REQUEST, subject=own), known, here, since=since) is None
    assert await home.proceed.step(evolve(REQUEST, subject="alice"), known, here, since=since) is Step.SIGN_IN


# The answer


async def answered(home: House, request: AuthorizationRequest = REQUEST, **changes: Any) -> Answer:
    now = home.clock.now()
    here = await home.seen(await home.signed_in())
    connection = Connection("alice", "app", ALL, now, now)
    client = Client("app", AuthMethod.NONE, LONG_AGO, LONG_AGO)
    answer = await home.proceed.answer(request, client, evolve(here, **{"connection": connection, **changes}), at=now)
    assert answer is not None
    return answer


async def test_an_answer_has_a_code_the_state_and_who_we_are(home: House) -> None:
    answer = await answered(home)
    assert [name for name, _ in answer.parameters] == ["code", "state", "iss"]
    assert (said(answer)["state"], said(answer)["iss"]) == ("a state", ISSUER)
    assert answer.to == REQUEST.to
    assert "state" not in said(await answered(home, evolve(REQUEST, to=evolve(REQUEST.to, state=None))))


async def test_a_code_is_like_no_other_and_hides_what_it_is_good_for(home: House) -> None:
    codes = [code_in(await answered(home)) for _ in range(20)]
    assert len({code.reveal() for code in codes}) == len({grant_of(code) for code in codes}) == 20
    assert all(code.reveal().startswith("wwc_") and len(code.reveal()) == 68 for code in codes)


async def test_an_answer_is_not_shown_where_things_are_logged(home: House) -> None:
    answer = await answered(home)
    assert said(answer)["code"] not in repr(answer)
    assert "a state" not in repr(answer)


@pytest.mark.parametrize(
    "text",
    [
        *("", "wwc_", "A" * 68, "wwr_" + "A" * 64, "WWC_" + "A" * 64, "wwc_" + "A" * 63, "wwc_" + "A" * 65),
        *("wwc_" + "A" * 63 + strange for strange in ("=", "\n", "+", "/", "é", "\ud800", "\0", "Ａ")),
    ],
)
def test_what_is_no_code_names_no_grant(text: str) -> None:
    assert grant_of(Secret(text)) is None


async def test_a_refusal_says_why_and_who_we_are(home: House) -> None:
    answer = home.proceed.refusal(REQUEST.to, InvalidScope("no such scope"))
    assert answer.parameters == (
        ("error", "invalid_scope"),
        ("error_description", "no such scope"),
        ("state", "a state"),
        ("iss", ISSUER),
    )


async def test_what_the_answer_is_for_is_kept_as_allowed(home: House) -> None:
    await home.app()
    await answered(home, evolve(REQUEST, userinfo_claims=("phone_number",)), connection=None)
    (connection,) = await home.list_connections("alice")
    assert set(connection.granted) == {*ALL, f"{AUDIENCE} phone"}
    assert (connection.since, connection.used_at) == (home.clock.now(), home.clock.now())


async def test_a_use_is_noted_now_and_then(home: House) -> None:
    await home.app()
    await answered(home, connection=None)
    began = home.clock.now()
    for after, noted in ((USED / 2, began), (USED, began + USED), (USED * 1.5, began + USED)):
        home.clock.instant = began + after
        (known,) = await home.list_connections("alice")
        await answered(home, connection=known)
        assert (await home.list_connections("alice"))[0].used_at == noted


def test_a_code_is_for_as_long_as_a_redirect_takes() -> None:
    assert timedelta(seconds=60) == CODE_LIFETIME
