"""watchword clients create and update for applications that sign people in: what is said, kept, refused and told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from tests.cli.conftest import ISSUER, Watchword

SHOP = "https://shop.example.com/callback"
CREATE = ("clients", "create", "shop", "--redirect-uri", SHOP)


def told(text: str) -> dict[str, list[str]]:
    """The fields that are printed, by name."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if re.match(r"[a-z_]+ {2,}\S", line)}


def test_an_application_gets_what_its_author_needs_next(on_database: Watchword) -> None:
    said = on_database.here.ok(*CREATE, "--redirect-uri", "http://127.0.0.1/callback")
    assert said.startswith("Created shop.\n")
    fields = told(said)
    assert len(re.findall(r"wws_[\w-]{43}", said)) == 1
    assert fields["issuer"] == [ISSUER]
    assert fields["discovery"] == [f"{ISSUER}/.well-known/openid-configuration"]
    assert fields["authorization"] == [f"{ISSUER}/authorize"]
    assert fields["token"] == [f"{ISSUER}/api/v1/auth/token"]
    assert fields["client_id"] == ["shop"]
    assert fields["redirect_uri"] == [SHOP, "http://127.0.0.1/callback"]
    assert fields["scope"] == ["openid", "profile", "email", "address", "phone", "offline_access"]
    shown = on_database.here.json("clients", "show", "shop")
    assert shown["grant_types"] == ["authorization_code", "refresh_token"]
    assert shown["redirect_uris"] == [SHOP, "http://127.0.0.1/callback"]
    assert SHOP in on_database.here.ok("clients", "show", "shop")
    row = on_database.here.ok("clients", "list").splitlines()[1]
    assert row.split()[-3:] == ["yes", SHOP, "http://127.0.0.1/callback"]


def test_one_that_keeps_no_secret_is_told_the_rest(on_database: Watchword) -> None:
    said = on_database.here.ok(*CREATE, "--public")
    assert "wws_" not in said
    assert told(said)["client_id"] == ["shop"]
    json_ = on_database.here.json("clients", "create", "spa", "--public", "--redirect-uri", SHOP)
    assert json_["token_endpoint_auth_method"] == "none"


def test_with_a_shared_secret_there_is_no_openid_connect(on_database: Watchword) -> None:
    said = on_database.here.ok(*CREATE, JWT_SECRET_KEY="s" * 32)
    assert told(said)["discovery"] == [f"{ISSUER}/.well-known/oauth-authorization-server"]
    assert "openid" not in told(said)["scope"]
    assert "no ID tokens" in said


OPTIONS = {
    "--client-uri": ("client_uri", "https://shop.example.com/"),
    "--policy-uri": ("policy_uri", "https://shop.example.com/policy"),
    "--tos-uri": ("tos_uri", "https://shop.example.com/terms"),
    "--subject-type": ("subject_type", "pairwise"),
    "--sector-identifier-uri": ("sector_identifier_uri", "https://shop.example.com/sector"),
    "--id-token-alg": ("id_token_signed_response_alg", "ES256"),
    "--userinfo-alg": ("userinfo_signed_response_alg", "RS256"),
}


def test_whatever_is_said_is_kept_and_an_empty_text_takes_it_away(on_database: Watchword) -> None:
    after = "https://shop.example.com/bye"
    options = [part for option, (_, value) in OPTIONS.items() for part in (option, value)]
    made = on_database.here.json(
        *CREATE, *options, "--post-logout-redirect-uri", after, "--no-require-pkce", "--require-par", "--first-party"
    )
    assert {name: made[name] for name, _ in OPTIONS.values()} == dict(OPTIONS.values())
    assert made["post_logout_redirect_uris"] == [after]
    assert (made["require_pkce"], made["require_pushed_authorization_requests"]) == (False, True)
    assert made["first_party"] is True

    same = on_database.here.json("clients", "update", "shop", "--name", "Shop")
    assert {**same, "name": "", "updated_at": ""} == {
        **{name: value for name, value in made.items() if name != "client_secret"},
        "name": "",
        "updated_at": "",
    }

    emptied = [part for option in OPTIONS for part in (option, "")]
    left = on_database.here.json(
        "clients", "update", "shop", *emptied, "--post-logout-redirect-uri", "",
        "--require-pkce", "--no-require-par", "--no-first-party",
    )  # fmt: skip
    gone = {*(name for name, _ in OPTIONS.values()), "post_logout_redirect_uris"}
    assert not gone & left.keys()
    assert "require_pushed_authorization_requests" not in left
    assert (left["require_pkce"], left["first_party"], left["redirect_uris"]) == (True, False, [SHOP])

    moved = on_database.here.json("clients", "update", "shop", "--redirect-uri", after, "--redirect-uri", SHOP)
    assert moved["redirect_uris"] == [after, SHOP]
    service = on_database.here.json("clients", "update", "shop", "--redirect-uri", "", "--grant-type", "")
    assert (service.get("redirect_uris"), service["grant_types"]) == (None, [])


def test_a_scheme_of_its_own_makes_it_native_when_nothing_else_is_said(on_database: Watchword) -> None:
    own = "com.example.notes:/callback"
    create = ("clients", "create", "--public", "--redirect-uri", own)
    assert on_database.here.json(*create, "notes")["application_type"] == "native"
    assert "application_type" not in on_database.here.json(*CREATE)
    assert on_database.here.json("clients", "update", "shop", "--native")["application_type"] == "native"
    assert "application_type" not in on_database.here.json("clients", "update", "shop", "--web")
    changed = on_database.here.json("clients", "update", "shop", "--post-logout-redirect-uri", own)
    assert changed["application_type"] == "native"
    refused = on_database.here.run(*create, "other", "--web")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "redirect_uris: " in refused.stderr


def test_keys_are_here_or_behind_a_url(on_database: Watchword, tmp_path: Path) -> None:
    url = "https://shop.example.com/jwks.json"
    keys = {"keys": [ECKey.generate_key("P-256", private=True).as_dict(private=False)]}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    behind = on_database.here.json(*CREATE, "--jwks-uri", url)
    assert (behind["token_endpoint_auth_method"], behind["jwks_uri"]) == ("private_key_jwt", url)
    file = str(tmp_path / "keys.json")
    here = on_database.here.json("clients", "update", "shop", "--jwks", file, "--jwks-uri", "")
    assert (here["jwks"], here.get("jwks_uri")) == (keys, None)
    there = on_database.here.json("clients", "update", "shop", "--jwks-uri", url)
    assert (there.get("jwks"), there["jwks_uri"]) == (None, url)
    both = on_database.here.run("clients", "update", "shop", "--jwks", file)
    assert (both.returncode, both.stdout) == (1, "")
    assert "jwks: " in both.stderr


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--redirect-uri", "http://shop.example.com/callback"), "redirect_uris: "),
        (("--redirect-uri", "https://shop.example.com/a#b"), "redirect_uris: "),
        (("--redirect-uri", "http://["), "redirect_uris: "),
        (("--redirect-uri", "notes:/callback"), "redirect_uris: "),
        (("--post-logout-redirect-uri", "//shop.example.com"), "post_logout_redirect_uris: "),
        (("--grant-type", "authorization_code"), "redirect_uris: "),
        (("--redirect-uri", SHOP, "--client-uri", "shop"), "client_uri: "),
        (("--redirect-uri", SHOP, "--policy-uri", "javascript:alert(1)"), "policy_uri: "),
        (("--redirect-uri", SHOP, "--tos-uri", "ftp://x/"), "tos_uri: "),
        (("--redirect-uri", SHOP, "--subject-type", "secret"), "subject_type: "),
        (("--redirect-uri", SHOP, "--sector-identifier-uri", "http://x.example/"), "sector_identifier_uri: "),
        (
            ("--subject-type", "pairwise", "--redirect-uri", SHOP, "--redirect-uri", "https://b.example/"),
            "sector_identifier_uri: ",
        ),
        (("--redirect-uri", SHOP, "--id-token-alg", "HS256"), "id_token_signed_response_alg: "),
        (("--redirect-uri", SHOP, "--userinfo-alg", "none"), "userinfo_signed_response_alg: "),
        (("--redirect-uri", SHOP, "--jwks-uri", "http://x.example/"), "jwks_uri: "),
        (("--redirect-uri", SHOP, "--public", "--jwks-uri", "https://x.example/"), "jwks_uri: "),
    ],
    ids=str,
)
def test_mistakes_are_named_and_nothing_is_made(shared: Watchword, options: tuple[str, ...], named: str) -> None:
    done = shared.here.run("clients", "create", "x", *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert named in done.stderr
    assert "x" not in [client["client_id"] for client in shared.here.json("clients", "list")["clients"]]
