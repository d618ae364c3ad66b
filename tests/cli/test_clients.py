"""watchword clients … and resources …: from a registration to a token, with a server beside the commands."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import httpx2 as httpx
import pytest
from joserfc.jwk import ECKey

from entrypoints.cli.clients import Duration
from tests.cli.conftest import ISSUER, Watchword, eventually

API = "https://api.example.com/v1"
CREATE = ("clients", "create", "--grant-type", "client_credentials")
TOKEN = "/api/v1/auth/token"


def asks(address: str, client_id: str, secret: str, **form: str) -> httpx.Response:
    data = {"grant_type": "client_credentials", **form}
    return httpx.post(f"{address}{TOKEN}", data=data, auth=(client_id, secret))


def outcome(answer: httpx.Response) -> Any:
    """The scope of the token, or the error."""
    body = answer.json()
    return body.get("scope") if answer.status_code == 200 else (answer.status_code, body["error"])


def test_the_life_of_a_client(shared: Watchword, address: str) -> None:
    made = shared.json(*CREATE, "reports", "--scope", "reports:read reports:write", "--name", "Report maker")
    secret = made.pop("client_secret")
    assert re.fullmatch(r"wws_[A-Za-z0-9_-]{43}", secret)
    assert (made["client_id"], made["name"], made["is_active"]) == ("reports", "Report maker", True)
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert shared.json("clients", "show", "reports") == made
    assert made in shared.json("clients", "list")["clients"]
    assert outcome(asks(address, "reports", secret)) == "reports:read reports:write"

    # What is left out stays as it is.
    changed = shared.json("clients", "update", "reports", "--scope", "reports:read", "--scope", "x")
    assert (changed["scopes"], changed["name"]) == (["reports:read", "x"], "Report maker")
    eventually(
        lambda: outcome(asks(address, "reports", secret, scope="reports:write")) == (400, "invalid_scope")
    )  # what was taken away

    second = shared.json("clients", "rotate-secret", "reports", "--overlap", "1h")
    assert second["previous_secret_until"] is not None
    assert outcome(asks(address, "reports", secret)) == outcome(asks(address, "reports", second["client_secret"]))
    third = shared.json("clients", "rotate-secret", "reports")["client_secret"]
    eventually(lambda: outcome(asks(address, "reports", secret)) == (401, "invalid_client"))
    eventually(lambda: outcome(asks(address, "reports", second["client_secret"])) == (401, "invalid_client"))
    assert outcome(asks(address, "reports", third)) == "reports:read x"

    assert shared.json("clients", "update", "reports", "--deactivate")["is_active"] is False
    eventually(lambda: outcome(asks(address, "reports", third)) == (401, "invalid_client"))
    assert shared.json("clients", "update", "reports", "--activate")["is_active"] is True
    assert outcome(asks(address, "reports", third)) == "reports:read x"

    assert shared.json("clients", "delete", "reports", "--yes")["client_id"] == "reports"
    eventually(lambda: outcome(asks(address, "reports", third)) == (401, "invalid_client"))
    again = shared.run(*CREATE, "reports")
    assert (again.returncode, again.stdout) == (1, "")
    assert "never given out again" in again.stderr


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_people_get_the_secret_once_and_a_command_that_works(shared: Watchword, address: str, method: str) -> None:
    name = method.replace("_", "-")
    shared.run("resources", "create", API, "--scope", "read write")  # by whichever of the two comes first
    done = shared.run(*CREATE, name, "--auth-method", method, "--scope", "read", "--resource", API)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Created {name}.\n")
    assert "shown only this once" in done.stdout
    (secret,) = re.findall(r"wws_\S+", done.stdout)
    (curl,) = re.findall(r"curl .*", done.stdout)
    assert ISSUER in curl
    said = subprocess.run(
        ["sh", "-c", curl.replace("curl", "curl -s", 1).replace(ISSUER, address)],
        env={**shared.environment({}), "SECRET": secret},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(said)["scope"] == "read"
    assert secret not in shared.ok("clients", "show", name) + shared.ok("clients", "list")
    table = shared.ok("clients", "list").splitlines()
    assert table[0].split() == ["CLIENT", "NAME", "AUTHENTICATION", "GRANTS", "SCOPES", "ACTIVE", "REDIRECT", "URIS"]
    assert [name, name, method, "client_credentials", "read", "yes"] in [line.split() for line in table]


def test_a_new_secret_is_shown_once_and_how_long_the_old_one_counts(on_database: Watchword) -> None:
    on_database.here.ok(*CREATE, "reports")
    at_once = on_database.here.ok("clients", "rotate-secret", "reports")
    assert at_once.startswith("reports has a new secret; the one before has ended.\n")
    assert len(re.findall(r"wws_\S+", at_once)) == 1
    later = on_database.here.ok("clients", "rotate-secret", "reports", "--overlap", "90")
    assert re.match(r"reports has a new secret; the one before counts until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n", later)


def test_a_resource_is_what_a_token_is_for(shared: Watchword, address: str) -> None:
    url = "https://api.example.com/Orders/"
    made = shared.json("resources", "create", url, "--scope", "orders:read orders:write")
    assert (made["identifier"], made["scopes"]) == (url, ["orders:read", "orders:write"])
    assert made in shared.json("resources", "list")["resources"]
    assert [url, "orders:read", "orders:write"] in [
        line.split() for line in shared.ok("resources", "list").splitlines()
    ]
    client = shared.json(*CREATE, "orders", "--resource", url, "--scope", "orders:read orders:write")
    secret = client["client_secret"]
    assert outcome(asks(address, "orders", secret, resource=url)) == "orders:read orders:write"
    assert outcome(asks(address, "orders", secret, resource=url.rstrip("/"))) == (400, "invalid_target")
    assert shared.json("resources", "update", url, "--scope", "orders:read")["scopes"] == ["orders:read"]
    eventually(lambda: outcome(asks(address, "orders", secret, resource=url)) == "orders:read")
    assert shared.ok("resources", "update", url, "--scope", "") == f"{url} has the scopes: none.\n"
    taken = shared.run("resources", "create", url)
    assert (taken.returncode, taken.stderr) == (1, "Error: This resource is registered already\n")
    assert shared.json("resources", "delete", url) == {"identifier": url}
    eventually(lambda: outcome(asks(address, "orders", secret, resource=url)) == (400, "invalid_target"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("create", "orders"), 1, "identifier: "),
        (("create", "https://api.example.com/#part"), 1, "identifier: "),
        (("create", "urn:y", "--scope", 'a"b'), 1, "scopes: "),
        (("update", "urn:x", "--scope", "a"), 1, "No such resource"),
        (("update", "urn:x"), 2, "--scope"),
        (("delete", "urn:x"), 1, "No such resource"),
    ],
)
def test_mistakes_with_a_resource_are_named(
    shared: Watchword, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = shared.here.run("resources", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_an_empty_text_takes_everything_away(on_database: Watchword) -> None:
    on_database.here.ok("resources", "create", API)
    on_database.here.ok(
        *CREATE, "orders", "--resource", API, "--serves", API, "--scope", "a", "--grant-type", "password"
    )
    options = ("--grant-type", "--resource", "--serves", "--scope")
    emptied = on_database.here.json(
        "clients", "update", "orders", *(part for option in options for part in (option, ""))
    )
    assert [emptied[name] for name in ("grant_types", "resources", "serves", "scopes")] == [[], [], [], []]


def test_clients_without_a_secret(on_database: Watchword, tmp_path: Path) -> None:
    keys = json.dumps({"keys": [ECKey.generate_key("P-256", private=True).as_dict(private=False)]})
    (tmp_path / "keys.json").write_text(keys)
    by_key = on_database.here.json(*CREATE, "signer", "--jwks", str(tmp_path / "keys.json"))
    assert by_key["token_endpoint_auth_method"] == "private_key_jwt"
    assert by_key["jwks"] == json.loads(keys)
    public = on_database.here.json("clients", "create", "app", "--public", "--grant-type", "refresh_token")
    assert public["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in by_key | public
    assert on_database.here.ok("clients", "create", "other", "--public") == "Created other.\n"
    refused = on_database.here.run("clients", "rotate-secret", "app")
    assert refused.returncode == 1
    assert "This client has no secret" in refused.stderr
    others = json.dumps({"keys": [ECKey.generate_key("P-256", private=True).as_dict(private=False)]})
    assert on_database.here.json("clients", "update", "signer", "--jwks", "-", input=others)["jwks"] == json.loads(
        others
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "nobody"), 1, "No such client"),
        (("delete", "nobody", "--yes"), 1, "No such client"),
        (("delete", "nobody"), 1, "Aborted"),
        (("rotate-secret", "nobody"), 1, "No such client"),
        (("rotate-secret", "nobody", "--overlap", "31d"), 1, "at most 30 days"),
        (("rotate-secret", "nobody", "--overlap", "soon"), 2, "1h, 30m or 7d"),
        (("update", "nobody", "--name", "x"), 1, "No such client"),
        (("update", "nobody"), 2, "Say what to change"),
        (("create", "Reports"), 1, "client_id: "),
        (("create", "watchword"), 1, "client_id: "),
        (("create", "x", "--grant-type", "code"), 1, "grant_types: "),
        (("create", "x", "--scope", 'a"b'), 1, "scopes: "),
        (("create", "x", "--resource", "urn:x"), 1, "resources: no such resource is registered"),
        (("create", "x", "--serves", "urn:x"), 1, "serves: no such resource is registered"),
        (("create", "x", "--public", "--grant-type", "client_credentials"), 1, "grant_types: "),
        (("create", "x", "--public", "--auth-method", "client_secret_post"), 2, "contradict each other"),
        (("create", "x", "--auth-method", "private_key_jwt"), 1, "jwks: "),
        (("create", "x", "--auth-method", "telepathy"), 2, "--auth-method"),
        (("create", "x", "--jwks", "/nonexistent"), 2, "--jwks"),
        (("create", "x", "--name", "two\nlines"), 1, "name: "),
        (("create", "x", "--name", "\udcff"), 1, "name: "),
    ],
)
def test_mistakes_are_named_and_nothing_is_printed_but_that(
    shared: Watchword, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = shared.here.run("clients", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 100_000, '{"keys": [NaN]}', '{"keys": []}', '{"keys": [{"kty": ["EC"]}]}', "\udcff"]
)
def test_a_key_set_that_is_none_is_refused(shared: Watchword, tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_bytes(text.encode(errors="surrogateescape"))
    done = shared.here.run(*CREATE, "x", "--jwks", str(tmp_path / "keys.json"))
    assert (done.returncode in {1, 2}, done.stdout) == (True, "")
    assert "jwks" in done.stderr


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("1h", 3600), ("7d", 604800)]
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "h", "-1", "1.5h", "1 h", "1H", "1w", "٣", "9999999999", "1h30m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)
