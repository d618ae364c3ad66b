"""watchword token explain: which check fails, for tokens with which something is the matter."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import AsyncIterator

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from container import Container
from core.clients.authenticate import SecretCredential
from core.clients.model import AuthMethod
from core.grants.contract import ClientCredentialsRequest, PasswordRequest, Presented, TokenResponse
from core.keys.model import KeyRing
from core.protocol.secret import Secret
from core.users.password import Password
from tests.cli.conftest import ISSUER, Completed, Watchword, inside
from tests.support import PASSWORD

EXPLAIN = ("token", "explain")
ACCEPTED = "Accepted: signature, issuer, audience, time and standing are as they should be."
ASKED = "Paste a token and press Enter; it is not shown: "
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "theirs"}

Tokens = dict[str, str]  # by what is the matter with them


async def log_in(house: Container, username: str) -> TokenResponse:
    request = PasswordRequest(username=username, password=Password.typed(PASSWORD))
    response: TokenResponse = await house.token_endpoint()(Presented(request, None, "127.0.0.1"))
    return response


async def signed(house: Container, **changes: object) -> str:
    """As Watchword would make it for alice, but for the changes."""
    now = int(time.time())
    own = {"iss": ISSUER, "sub": "alice", "aud": ISSUER, "iat": now, "exp": now + 600, "jti": "j", "roles": []}
    token: Secret = await house.tokens().sign({**own, "client_id": "watchword", **changes}, typ="at+jwt")
    return token.reveal()


async def of_a_retired_key(house: Container) -> str:
    """And nobody signs with it any more, when this is done."""
    token = await signed(house)
    active = KeyRing(await house.signing_keys().all()).active("ES256", house.clock().now())
    assert active is not None
    await house.retire_key()(active.kid)
    return token


async def of_users(house: Container) -> Tokens:
    users = {}
    for name in ("alice", "inactive", "deleted", "ended", "revoked"):
        users[name] = await house.create_user()(
            username=name, email=f"{name}@example.com", password=Password.typed(PASSWORD), roles=("reader",)
        )
    issued = {name: await log_in(house, name) for name in users}
    await house.update_user()(users["inactive"].id, is_active=False)
    await house.delete_user()(users["deleted"].id)
    await house.end_users_tokens()("ended")
    refresh = {f"{name} refresh": token.refresh_token for name, token in issued.items()}
    for token in (issued["revoked"].access_token, refresh["revoked refresh"]):
        assert token is not None
        await house.revoke_token()(None, token)
    access = {name: token.access_token for name, token in issued.items()}
    return {name: token.reveal() for name, token in {**access, **refresh}.items() if token is not None}


async def of_clients(house: Container) -> Tokens:
    tokens = {}
    for name in ("client", "idle-client"):
        made = await house.create_client()(client_id=name, grant_types=("client_credentials",), scopes=("a", "b"))
        assert made.secret is not None
        shown = SecretCredential(name, made.secret, AuthMethod.SECRET_BASIC)
        answer = await house.token_endpoint()(Presented(ClientCredentialsRequest(), shown, "127.0.0.1"))
        tokens[name] = answer.access_token.reveal()
    await house.update_client()("idle-client", is_active=False)
    return tokens


@pytest.fixture(scope="module")
async def tokens(shared: Watchword) -> AsyncIterator[Tokens]:
    async with inside(shared) as house:
        retired = await of_a_retired_key(house)
    async with inside(shared, password_grant_refresh=True) as house:
        now = int(time.time())
        good = await signed(house, roles=["admin"], iat=now - 1)
        head, body, signature = good.split(".")
        foreign = ECKey.generate_key("P-256", private=True)
        yield {
            **await of_users(house),
            **await of_clients(house),
            "retired key": retired,
            "bad signature": f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
            "their key": jwt.encode(HEADER, {"sub": "alice"}, foreign),
            "expired": await signed(house, iat=now - 4000, exp=now - 210),
            "their audience": await signed(house, aud=["https://a.example", "https://b.example"]),
            "their issuer": await signed(house, iss="https://elsewhere.example"),
            "of tomorrow": await signed(house, nbf=now + 86400),
            "no claims": await signed(house, jti=""),
            "escapes": await signed(house, sub="a\x1b[2Jb"),
            "another typ": (await house.tokens().sign({"sub": "alice"}, typ="JWT")).reveal(),
            "no token": "garbage\ufffd",
            "no refresh token": "wwr_" + "A" * 86,
        }


def explained(shared: Watchword, token: str, *options: str, **settings: str) -> Completed:
    done = shared.here.run(*EXPLAIN, *options, input=f"{token}\n", **settings)
    assert done.stderr == ""
    assert token not in done.stdout
    assert token.rpartition(".")[2] not in done.stdout
    return done


def test_a_token_that_is_accepted_is_told_of_and_never_printed(shared: Watchword, tokens: Tokens) -> None:
    done = shared.run(*EXPLAIN, "--role", "reader", input=f"  Bearer  {tokens['alice']} \nanother line\n")
    assert (done.returncode, done.stderr) == (0, "")
    verdict, _, facts = done.stdout.partition("\n\n")
    assert verdict == ACCEPTED
    told = dict(line.split(maxsplit=1) for line in facts.splitlines())
    assert list(told) == ["kind", "sub", "client_id", "aud", "scope", "roles", "issued", "expires", "jti"]
    assert (told["kind"], told["sub"], told["aud"], told["roles"]) == ("access token", "alice", ISSUER, "reader")
    assert tokens["alice"].rpartition(".")[2] not in done.stdout


def test_programs_get_json_and_the_exit_status(shared: Watchword, tokens: Tokens) -> None:
    told = shared.here.json(*EXPLAIN, input=tokens["client"])
    assert (told["accepted"], told["verdict"]) == (True, ACCEPTED)
    assert (told["facts"]["sub"], told["facts"]["client_id"], told["facts"]["scope"]) == ("client", "client", "a b")
    refused = shared.run(*EXPLAIN, "--json", input=tokens["expired"])
    assert (refused.returncode, refused.stderr) == (1, "")
    assert '"accepted": false' in refused.stdout


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("bad signature", "bad signature"),
        ("their key", "signed by a key that is not ours"),
        ("retired key", "signed by a key that was retired"),
        ("expired", "expired 3 min ago"),
        ("of tomorrow", "not valid yet"),
        ("their audience", "it is for another audience (https://a.example https://b.example)"),
        ("their issuer", "another issuer"),
        ("another typ", "another typ"),
        ("no claims", "claim jti: missing or not a text"),
        ("inactive", "the user is inactive"),
        ("deleted", "no such user"),
        ("ended", "the user's earlier tokens were ended"),
        ("revoked", "revoked"),
        ("idle-client", "the client is inactive"),
        ("no token", "not a compact JWS"),
        ("no refresh token", "not a refresh token of ours, or one that ended long ago"),
        ("revoked refresh", "revoked"),
        ("inactive refresh", "the user is gone or inactive"),
        ("ended refresh", "earlier tokens were ended"),
    ],
)
def test_a_refusal_names_the_check_that_fails(shared: Watchword, tokens: Tokens, name: str, verdict: str) -> None:
    done = explained(shared, tokens[name])
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, f"Refused: {verdict}.")


def test_a_role_that_is_missing_is_named_whatever_the_token_says(shared: Watchword, tokens: Tokens) -> None:
    """The roles are those that the user has now."""
    done = explained(shared, tokens["alice"], "--role", "admin")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "Refused: the role admin is missing.")
    impossible = shared.here.run(*EXPLAIN, "--role", "Not A Role", input=tokens["alice"])
    assert impossible.returncode == 2
    assert "a role is 1 to 64 characters" in impossible.stderr


def test_it_is_asked_as_an_api_with_its_own_audience(shared: Watchword, tokens: Tokens) -> None:
    theirs = explained(shared, tokens["their audience"], "--audience", "https://b.example")
    assert (theirs.returncode, theirs.stdout.splitlines()[0]) == (0, ACCEPTED)
    ours = explained(shared, tokens["alice"], "--audience", "https://b.example")
    assert (ours.returncode, ours.stdout.splitlines()[0]) == (1, f"Refused: it is for another audience ({ISSUER}).")


def test_a_refresh_token_is_known_as_one_and_not_used_up(shared: Watchword, tokens: Tokens) -> None:
    for _ in range(2):
        done = explained(shared, tokens["alice refresh"])
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Accepted: it would be exchanged for new tokens.")
    assert "refresh token" in done.stdout


def test_what_a_token_says_does_not_steer_the_terminal(shared: Watchword, tokens: Tokens) -> None:
    done = explained(shared, tokens["escapes"])
    assert "\x1b" not in done.stdout
    assert "a\N{REPLACEMENT CHARACTER}[2Jb" in done.stdout


@pytest.mark.parametrize("text", ["", "\n", "  \t\n", "Bearer\n", "\nthe-second-line\n"])
def test_without_a_token_it_says_what_is_expected(shared: Watchword, text: str) -> None:
    done = shared.here.run(*EXPLAIN, input=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a token on the first line of standard input" in done.stderr


def test_bytes_that_are_no_text_are_no_token(shared: Watchword) -> None:
    done = subprocess.run(
        shared.command(*EXPLAIN),
        env=shared.environment({}),
        cwd=shared.folder,
        input=b"\xff\xfe\x00." * 20_000,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"Refused: too large.\n", b"")


def test_at_a_terminal_it_says_what_it_waits_for_and_does_not_show_it(shared: Watchword, tokens: Tokens) -> None:
    keyboard, terminal = pty.openpty()
    with subprocess.Popen(
        shared.command(*EXPLAIN),
        env=shared.environment({}),
        cwd=shared.folder,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that there is no other terminal to ask at
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read(len(ASKED)) == ASKED
        os.write(keyboard, f"{tokens['alice']}\n".encode())
        told, _ = process.communicate(timeout=60)
    os.set_blocking(keyboard, False)
    try:
        echoed = os.read(keyboard, 65536)
    except BlockingIOError:
        echoed = b""
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert told.startswith(ACCEPTED)
    assert tokens["alice"].encode() not in echoed
