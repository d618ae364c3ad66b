"""schemathesis against a running server, once as a user and once as an administrator. Arguments go to schemathesis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

HERE = Path(__file__).resolve().parent
CONTRACT = HERE.parents[1] / "openapi.yaml"
PASSWORD = "correct horse battery"
ROLES: dict[str, list[str]] = {"user": [], "admin": ["--role", "admin"]}
# Whatever is set for a Watchword of one's own must not lead the fuzzing there.
OURS = ("ACCESS_TOKEN_", "DATABASE_URL", "JWT_", "WATCHWORD_")
WATCHWORD = [sys.executable, "-m", "entrypoints.cli"]


@contextmanager
def server(environment: dict[str, str], folder: str) -> Iterator[str]:
    """The address of a server as users run it."""
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
            if broken:
                sys.exit("the server logged errors:\n" + "\n".join(broken[:5]))


def token(address: str, username: str) -> str:
    body = urlencode({"username": username, "password": PASSWORD}).encode()
    with urlopen(f"{address}/api/v1/auth/token", body) as answer:  # noqa: S310 - our own server
        found: str = json.load(answer)["access_token"]
    return found


def own_id(address: str, bearer: str) -> str:
    """Fails when the token no longer holds.

    Had a run ended its own credentials, all that came after would have been refused, and proved nothing.
    """
    request = Request(f"{address}/api/v1/users/me", headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310 - our own server
        found: str = json.load(answer)["id"]
    return found


def fuzz(address: str, name: str, roles: list[str], environment: dict[str, str]) -> int:
    """The exit code of schemathesis, logged in as a new user of this name."""
    create = ["users", "create", name, "--email", f"{name}@example.com", *roles, "--password-stdin"]
    watchword = [*WATCHWORD, *create]
    subprocess.run(watchword, env=environment, cwd=tempfile.gettempdir(), input=PASSWORD, text=True, check=True)
    print(f"\n== as {name} ==", flush=True)
    bearer = token(address, name)
    credentials = {
        "WATCHWORD_TOKEN": bearer,
        "WATCHWORD_OWN_ID": own_id(address, bearer),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "PYTHONPATH": str(CONTRACT.parent),
    }
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "config.toml"), "run"]
    options = [str(CONTRACT), "-u", address, "--checks", "all", *sys.argv[1:]]
    run = subprocess.run([*command, *options], env=os.environ | credentials, check=False)
    own_id(address, bearer)
    return run.returncode


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="watchword-fuzz-") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs under another account
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(OURS)},
            "WATCHWORD_DATA_DIR": f"{folder}/data",
            # Fuzzing creates users by the hundred; what a guess costs is not what is tested here.
            "WATCHWORD_ARGON2_MEMORY_KIB": "64",
            "WATCHWORD_ARGON2_TIME_COST": "1",
        }
        with server(environment, folder) as address:
            results = [fuzz(address, name, roles, environment) for name, roles in ROLES.items()]
    return max(results)


if __name__ == "__main__":
    sys.exit(main())
