"""OpenID Connect Dynamic Client Registration 1.0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from core.protocol.secret import Secret
from tests.http.clients import Keyholder, Timed, clocked, opened
from tests.http.registering import Newcomer, Site, assert_refused, register, site
from tests.http.signing_in import CALLBACK, Browser, assert_page, known_to, userinfo
from tests.http.support import Watched, unb64
from tests.support import SetClock, settings_for

OTHER = "https://other.example.com/cb"
PAIRWISE: dict[str, Any] = {"subject_type": "pairwise"}


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    with clocked(
        settings_for(module_database_url, tmp_path_factory.mktemp("data"), registration="open", fetch_loopback=True)
    ) as server:
        server.add_user("alice")
        yield server


@pytest.fixture(autouse=True)
def clock(live: Timed) -> SetClock:
    live.clock.forward(days=1, seconds=1)
    return live.clock


@pytest.fixture(scope="module")
def documents() -> Iterator[Site]:
    with site() as found:
        yield found


def refused(live: Watched, **said: Any) -> str:
    """What the developer of the client is told."""
    code = "invalid_redirect_uri" if "redirect_uris" in said else "invalid_client_metadata"
    answer = register(live, {"redirect_uris": [CALLBACK], **said})
    assert_refused(answer, code)
    description: str = answer.json()["error_description"]
    return description


# Section 2: client metadata


def test_section_2_the_defaults(live: Watched) -> None:
    """application_type: "The default, if omitted, is web." id_token_signed_response_alg: "The default, if omitted, is
    RS256." require_auth_time: "If omitted, the default value is false."
    """
    told = Newcomer.of(live).told
    assert (told["application_type"], told["id_token_signed_response_alg"]) == ("web", "RS256")
    assert told["require_auth_time"] is False


def test_section_2_redirect_uris_are_required(live: Watched) -> None:
    """ "redirect_uris REQUIRED. Array of Redirection URI values used by the Client."."""
    nothing: list[Any] = [[], None]
    for uris in nothing:
        assert refused(live, redirect_uris=uris).startswith("redirect_uris: ")


def test_section_2_web_applications(live: Watched) -> None:
    """What is said of https and localhost there is about "Web Clients using the OAuth Implicit Grant Type", which is
    not offered. A scheme of one's own is for native ones.
    """
    uris = [CALLBACK, "http://localhost:3000/cb"]
    assert Newcomer.of(live, application_type="web", redirect_uris=uris).told["redirect_uris"] == uris
    refused(live, application_type="web", redirect_uris=["com.example.app:/cb"])
    refused(live, application_type="web", redirect_uris=["http://app.example.com/cb"])


def test_section_2_native_applications(live: Watched) -> None:
    """ "Native Clients MUST only register redirect_uris using custom URI schemes or loopback URLs using the http
    scheme; loopback URLs use localhost or the IP loopback literals 127.0.0.1 or [::1] as the hostname." RFC 8252 §7.2
    adds https.
    """
    uris = ["com.example.app:/cb", "http://localhost/cb", "http://127.0.0.1/cb", "http://[::1]/cb", CALLBACK]
    assert Newcomer.of(live, application_type="native", redirect_uris=uris).told["redirect_uris"] == uris
    for uri in ("http://192.168.0.1/cb", "http://app.example.com/cb", "app:/cb"):
        refused(live, application_type="native", redirect_uris=[uri])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("application_type", "desktop"),
        ("subject_type", "private"),
        ("id_token_signed_response_alg", "none"),
        ("id_token_signed_response_alg", "HS256"),
        ("userinfo_signed_response_alg", "none"),
        ("id_token_encrypted_response_alg", "RSA-OAEP"),
        ("id_token_encrypted_response_enc", "A128CBC-HS256"),
        ("userinfo_encrypted_response_alg", "RSA-OAEP"),
        ("userinfo_encrypted_response_enc", "A128CBC-HS256"),
        ("token_endpoint_auth_signing_alg", "none"),
        ("default_acr_values", ["urn:mace:incommon:iap:gold"]),
        ("default_max_age", -1),
        ("initiate_login_uri", "http://app.example.com/login"),
        ("request_uris", ["not a url"]),
        ("logo_uri", "logo.png"),
    ],
)
def test_section_2_what_this_server_cannot_do_is_refused_and_not_passed_over(
    live: Watched, name: str, value: Any
) -> None:
    assert refused(live, **{name: value}).startswith(f"{name}: ")


def test_section_2_id_tokens_are_signed_as_registered(live: Watched) -> None:
    for algorithm in ("RS256", "ES256"):
        app = Newcomer.of(live, id_token_signed_response_alg=algorithm).app()
        token = app.tokens(Browser(live))["id_token"]
        assert json.loads(unb64(token.split(".")[0]))["alg"] == algorithm


def test_section_2_userinfo_is_signed_as_registered(live: Watched) -> None:
    app = Newcomer.of(live, userinfo_signed_response_alg="ES256").app()
    answer = userinfo(live, app.tokens(Browser(live))["access_token"])
    assert answer.headers["content-type"] == "application/jwt"
    assert opened(answer.text)["sub"] == "alice"


def test_section_2_the_time_of_the_sign_in_is_told_where_it_is_required(live: Watched) -> None:
    tokens = Newcomer.of(live, require_auth_time=True).app().tokens(Browser(live))
    assert "auth_time" in opened(tokens["id_token"])


@pytest.mark.parametrize("fits", [True, False])
def test_section_2_assertions_are_signed_as_registered(live: Watched, fits: bool) -> None:
    """ "All Token Requests using these authentication methods from this Client MUST be rejected, if the JWT is not
    signed with this algorithm."
    """
    keyholder = Keyholder.new()  # of ES256
    newcomer = Newcomer.of(
        live,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256" if fits else "ES384",
        jwks=keyholder.jwks,
    )
    newcomer.keyholder = keyholder
    app = newcomer.app()
    assert app.exchange(app.code(Browser(live))).status_code == (200 if fits else 401)


def test_section_2_keys_behind_a_url(live: Watched, documents: Site) -> None:
    """ "jwks_uri: URL for the Client's JWK Set document", and section 10.1 of Core: keys rotate there."""
    first, second = Keyholder.new("first"), Keyholder.new("second")
    uri = documents.put("/jwks.json", first.jwks)
    newcomer = Newcomer.of(live, token_endpoint_auth_method="private_key_jwt", jwks_uri=uri)
    assert newcomer.told["jwks_uri"] == uri
    assert documents.asked == []  # not before somebody needs it
    newcomer.keyholder = first
    newcomer.app().tokens(Browser(live))
    assert documents.asked == ["/jwks.json"]
    documents.put("/jwks.json", second.jwks)
    newcomer.keyholder = second
    newcomer.app().tokens(Browser(live))
    newcomer.keyholder = first
    app = newcomer.app()
    assert app.exchange(app.code(Browser(live))).status_code == 401
    assert documents.asked == ["/jwks.json"] * 2  # not for everybody who shows a wrong one, again and again


# Section 5: sector identifiers


def test_section_5_the_document_lists_every_redirect_uri(live: Watched, documents: Site) -> None:
    """ "The values of the registered redirect_uris MUST be included in the elements of the array, or registration MUST
    fail. This MUST be validated at registration time".
    """
    both = {"redirect_uris": [CALLBACK, OTHER], **PAIRWISE}
    assert register(live, both).status_code == 400  # of two hosts, without a sector identifier
    good = documents.put("/sector.json", [OTHER, CALLBACK, "https://third.example.com/"])
    first = Newcomer.of(live, **both, sector_identifier_uri=good)
    assert first.told["sector_identifier_uri"] == good
    for bad in ([CALLBACK], [], {CALLBACK: OTHER}, [CALLBACK, OTHER + "/"], None, " ".join([CALLBACK, OTHER])):
        answer = register(live, {**both, "sector_identifier_uri": documents.put("/bad.json", bad)})
        assert_refused(answer, "invalid_client_metadata", "sector_identifier_uri")
    answer = register(live, {**both, "sector_identifier_uri": documents.url + "/nothing.json"})
    assert_refused(answer, "invalid_client_metadata", "could not be fetched")


def test_section_5_one_sector_knows_a_person_by_one_name_and_another_by_another(live: Watched, documents: Site) -> None:
    """OpenID Connect Core §8.1."""
    sector = documents.put("/sector.json", [CALLBACK, OTHER])
    same = [
        Newcomer.of(live, **PAIRWISE, redirect_uris=[uri], sector_identifier_uri=sector) for uri in (CALLBACK, OTHER)
    ]
    alone, public = Newcomer.of(live, **PAIRWISE), Newcomer.of(live)
    names = [
        opened(newcomer.app().tokens(Browser(live))["id_token"])["sub"] for newcomer in (*same, alone, public)
    ]  # fmt: skip
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert names[3] == "alice"


def test_section_5_nobody_moves_into_the_sector_of_another(live: Watched) -> None:
    """With a refresh token in hand a client would learn by what name another knows the person."""
    spy = Newcomer.of(
        live, **PAIRWISE, redirect_uris=["https://spy.example/cb"], grant_types=["authorization_code", "refresh_token"]
    )
    app = spy.app()
    tokens = app.tokens(Browser(live), scope="openid offline_access")
    before = known_to(live, tokens["access_token"])["sub"]
    answer = spy.put(**PAIRWISE, redirect_uris=[CALLBACK], grant_types=["authorization_code", "refresh_token"])
    assert_refused(answer, "invalid_client_metadata", "sector")
    assert_refused(spy.put(redirect_uris=["https://spy.example/cb"]), "invalid_client_metadata", "subject_type")
    later = app.refresh(tokens["refresh_token"]).json()
    assert opened(later["id_token"])["sub"] == before


def test_section_9_nobody_sends_the_server_where_it_should_not_go(
    live: Watched, documents: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without the setting for development this machine is out of reach, by whatever name; and nothing is told of it."""
    with clocked(settings_for(None, tmp_path_factory.mktemp("data"), storage="memory", registration="open")) as strict:
        port = documents.url.rpartition(":")[2]
        documents.asked.clear()
        documents.put("/sector.json", [CALLBACK])
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0"):
            for scheme in ("https", "http"):
                answer = register(
                    strict,
                    {"redirect_uris": [CALLBACK], "sector_identifier_uri": f"{scheme}://{host}:{port}/sector.json"},
                )
                assert_refused(answer, "invalid_client_metadata", "sector_identifier_uri")
        for host in ("169.254.169.254", "10.0.0.1", "metadata.google.internal", "[fd00:ec2::254]"):
            answer = register(
                strict, {"redirect_uris": [CALLBACK], "sector_identifier_uri": f"https://{host}/latest/meta-data"}
            )
            assert_refused(answer, "invalid_client_metadata", "it could not be fetched")
        assert documents.asked == []


def test_section_9_1_impersonation_is_no_easier(live: Watched) -> None:
    """A name and a logo may be those of somebody else: what a client says of itself goes with the host that the answer
    goes to, and with who vouches for it, which is nobody.
    """
    app = Newcomer.of(live, client_name="Your Bank", logo_uri="https://bank.example/logo.png").app()
    browser = Browser(live)
    shown = browser.sign_in(browser.open(app.url()), "alice")
    assert "app.example.com" in shown.text
    assert "https://bank.example/logo.png" not in shown.text
    assert_page(browser.get(app.url(redirect_uri="https://bank.example/cb")))


def test_section_2_a_number_of_seconds_may_be_written_with_a_point(live: Watched) -> None:
    """ "default_max_age" is a number, and RFC 8259 §6 has one kind of these. It is kept as the whole number that it is:
    requests that wait with it are read back strictly.
    """
    told = Newcomer.of(live, default_max_age=60.0).told
    assert (told["default_max_age"], type(told["default_max_age"])) == (60, int)
    assert_refused(
        register(live, {"redirect_uris": [CALLBACK], "default_max_age": 60.5}),
        "invalid_client_metadata",
        "default_max_age",
    )
