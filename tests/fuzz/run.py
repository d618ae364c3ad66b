"""schemathesis against a running server, once as a user and once as an administrator. Arguments go to schemathesis.

The last line says how many test cases passed, and how many failed. Whatever else is wrong counts as one that failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from attrs import define
from joserfc.jwk import ECKey

HERE = Path(__file__).resolve().parent
CONTRACT = HERE.parents[1] / "openapi.yaml"
PASSWORD = "correct horse battery"
ASKING = "fuzz.asking"
# Stands for the token of whichever registration is there.
REGISTRATION = "wwt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
RESOURCE, SCOPES = "https://api.example.com/v1", ["reports:read", "reports:write"]
IDENTITY = ["openid", "profile", "email", "address", "phone", "offline_access"]
# Where applications have their answers, and where they go on after a sign-out.
CALLBACK, LEFT = "https://app.example.com/callback", "https://app.example.com/left"
# What pages and applications are answered has nothing to do with roles.
ROLES_ALONE = [f"--exclude-tag={tag}" for tag in ("Account page", "Registration", "Server", "Signing people in")]
# Whose sessions stay, and whose end; who changes the password, and who disconnects applications.
WALKERS = ["walker", "leaver", "changer", "connected"]
# Who runs schemathesis: with these roles, and how. A user differs in being refused, which needs no long search.
RUNS: dict[str, tuple[list[str], list[str]]] = {
    "user": ([], ["--phases", "examples,coverage", "--warnings", "off", *ROLES_ALONE]),
    "admin": (["admin"], []),
}
# Whatever is set for a Watchword of one's own must not lead the fuzzing there.
OURS = ("ACCESS_TOKEN_", "DATABASE_URL", "JWT_", "WATCHWORD_")
WATCHWORD = [sys.executable, "-m", "entrypoints.cli"]

Json = dict[str, Any]


@define
class Outcome:
    """How many test cases there were."""

    passed: int = 0
    failed: int = 0

    def problem(self, text: str) -> None:
        print(text, flush=True)
        self.failed += 1


@contextmanager
def server(environment: dict[str, str], folder: str, outcome: Outcome) -> Iterator[str]:
    """The address of a server as users run it. What it logs as an error is a problem."""
    command = [*WATCHWORD, "serve", "--port", "0", "--json"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()
            process.wait(30)
            log.seek(0)
            broken = [line for line in log.read().decode().splitlines() if '"level": "ERROR"' in line]
            for line in broken[:5]:
                outcome.problem(f"the server logged an error: …{line[-1000:]}")


def answer(url: str, data: bytes | None = None, **headers: str) -> Json:
    """What our own server answers. Raises `OSError` for a refusal."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with urlopen(Request(url, data, named)) as response:  # noqa: S310 - our own server
        found: Json = json.load(response)
    return found


def token(address: str, username: str) -> str:
    form = urlencode({"username": username, "password": PASSWORD}).encode()
    found: str = answer(f"{address}/api/v1/auth/token", form)["access_token"]
    return found


def guess(address: str, username: str, network: str) -> None:
    form = urlencode({"username": username, "password": "wrong"}).encode()
    with suppress(OSError):
        answer(f"{address}/api/v1/auth/token", form, X_Forwarded_For=network)


def post(url: str, admin: str, body: Json) -> Json:
    return answer(url, json.dumps(body).encode(), Authorization=f"Bearer {admin}", Content_Type="application/json")


def add_user(address: str, admin: str, name: str, roles: list[str]) -> str:
    """The id of a new user."""
    body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD, "roles": roles}
    found: str = post(f"{address}/api/v1/users", admin, body)["id"]
    return found


def add_clients(address: str, admin: str) -> Json:
    """A client of each kind, by the way it authenticates: its id, and what it authenticates with.

    Nobody is asked what these may do. Another client asks, and one is there to be changed.
    """
    key = ECKey.generate_key("P-256", private=True)
    own_keys: Json = {"jwks": {"keys": [key.as_dict(private=False)]}}
    everything = ["authorization_code", "client_credentials", "password", "refresh_token"]
    kinds: dict[str, tuple[list[str], list[str], Json]] = {
        "client_secret_basic": (everything, [RESOURCE], {}),
        "client_secret_post": (everything, [], {"subject_type": "pairwise", "userinfo_signed_response_alg": "ES256"}),
        "private_key_jwt": (everything, [], own_keys),
        "none": (["authorization_code", "password", "refresh_token"], [], {}),
    }
    signs_in = {"redirect_uris": [CALLBACK], "post_logout_redirect_uris": [LEFT]}
    clients: Json = {}
    for method, (grant_types, serves, more) in kinds.items():
        body = {"client_id": f"fuzz.{method}".replace("_", "-"), "token_endpoint_auth_method": method, **more}
        may = {"grant_types": grant_types, "scopes": [*SCOPES, *IDENTITY], "resources": [RESOURCE], "serves": serves}
        made = post(f"{address}/api/v1/clients", admin, body | may | signs_in | {"first_party": True})
        clients[method] = {"client_id": made["client_id"], "secret": made.get("client_secret")}
    clients["private_key_jwt"]["key"] = key.as_dict(private=True)
    post(f"{address}/api/v1/clients", admin, {"client_id": "fuzz.target", **signs_in})
    asking = {"client_id": ASKING, "name": "Fuzz & <b>Co</b>", "token_endpoint_auth_method": "none"}
    may = {"scopes": [*SCOPES, *IDENTITY], "resources": [RESOURCE]}
    post(f"{address}/api/v1/clients", admin, asking | may | signs_in)
    return clients


def prepared(address: str, environment: dict[str, str]) -> Json:
    """What there has to be for requests to succeed, for the hooks to know."""
    create_admin = ["users", "create", "keeper", "--email", "keeper@example.com", "--role", "admin", "--password-stdin"]
    create_api = ["resources", "create", RESOURCE, "--scope", " ".join(SCOPES)]
    for command in ([*WATCHWORD, *create_admin], [*WATCHWORD, *create_api]):
        subprocess.run(command, env=environment, cwd=tempfile.gettempdir(), input=PASSWORD, text=True, check=True)
    admin = token(address, "keeper")
    accounts: dict[str, list[str]] = {"owner": [], **{name: [] for name in WALKERS}}
    for name, (roles, _) in RUNS.items():
        accounts |= {name: roles, f"{name}.changing": []}
    # One account is guessed at, from one network. From here on whoever does so has to wait now and then.
    guessed = {"username": "guessed-at", "network": "192.0.2.1"}
    for _ in range(5):
        guess(address, **guessed)
    return {
        "address": address,
        "issuer": answer(f"{address}/.well-known/oauth-authorization-server")["issuer"],
        "resource": RESOURCE,
        "scopes": SCOPES,
        "users": [add_user(address, admin, name, roles) for name, roles in accounts.items()],
        "somebody": add_user(address, admin, "somebody", []),
        "username": "owner",
        "password": PASSWORD,
        "clients": add_clients(address, admin),
        "target": "fuzz.target",
        "asking": ASKING,
        "callback": CALLBACK,
        "left": LEFT,
        "walkers": WALKERS,
        "registration": REGISTRATION,
        "guessed": guessed,
    }


def fuzz(address: str, name: str, known: Json, folder: str, outcome: Outcome) -> None:
    """Run schemathesis, logged in as this user."""
    print(f"\n== as {name} ==", flush=True)
    roles, options = RUNS[name]
    bearer = token(address, name)
    report, statuses = Path(folder, f"{name}.json"), Path(folder, f"{name}.statuses.json")
    own = {"changing": token(address, f"{name}.changing"), "is_admin": bool(roles), "statuses": str(statuses)}
    environment = {
        "WATCHWORD_TOKEN": bearer,
        "WATCHWORD_REGISTRATION_ACCESS": REGISTRATION,
        "WATCHWORD_CLIENT_ID": known["clients"]["client_secret_basic"]["client_id"],
        "WATCHWORD_CLIENT_SECRET": known["clients"]["client_secret_basic"]["secret"],
        "WATCHWORD_KNOWN": json.dumps({**known, **own, "whole": not sys.argv[1:]}),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "PYTHONPATH": str(CONTRACT.parent),
    }
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "config.toml"), "run"]
    reporting = ["--report", "json", "--report-json-path", str(report)]
    command += [str(CONTRACT), "-u", address, "--checks", "all", *reporting, *options, *sys.argv[1:]]
    run = subprocess.run(command, env=os.environ | environment, check=False)
    if statuses.exists():
        show(json.loads(statuses.read_text()))
    count(json.loads(report.read_text()) if report.exists() else {}, run.returncode, outcome)
    # Had a run ended its own credentials, all that came after would have been refused, and proved nothing.
    try:
        answer(f"{address}/api/v1/users/me", Authorization=f"Bearer {bearer}")
    except OSError as error:
        outcome.problem(f"the token of {name} does not hold any more: {error}")


def show(statuses: dict[str, dict[str, int]]) -> None:
    """How often each operation gave which answer."""
    for operation, counts in sorted(statuses.items()):
        print(f"{operation:20}", *(f"{status}: {count}" for status, count in sorted(counts.items())))


def count(report: Json, status: int, outcome: Outcome) -> None:
    """Cases that nothing was checked of (schemathesis looks at what the server can take) are none."""
    cases = report.get("test_cases", {"generated": 0, "with_failures": 0, "errored": 0, "without_checks": 0})
    failed = cases["with_failures"] + cases["errored"]
    outcome.failed += failed
    outcome.passed += cases["generated"] - cases["without_checks"] - failed
    if not failed and (status or not report):
        outcome.problem(f"schemathesis ended with {status}")


def main() -> int:
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="watchword-fuzz-") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs under another account
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(OURS)},
            "WATCHWORD_DATA_DIR": f"{folder}/data",
            # Fuzzing creates users by the hundred; what a guess costs is not what is tested here.
            "WATCHWORD_ARGON2_MEMORY_KIB": "64",
            "WATCHWORD_ARGON2_TIME_COST": "1",
            "WATCHWORD_PASSWORD_GRANT_REFRESH": "on",
            "WATCHWORD_REGISTRATION": "open",
            # The hooks send requests from many networks, so that the wrong passwords of one do not shut out all.
            "WATCHWORD_TRUSTED_PROXIES": "127.0.0.1",
        }
        with server(environment, folder, outcome) as address:
            known = prepared(address, environment)
            for name in RUNS:
                fuzz(address, name, known, folder, outcome)
    print(f"fuzz: {outcome.passed} passed, {outcome.failed} failed")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
