"""RFC 9207, OAuth 2.0 Authorization Server Issuer Identification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.clients import METADATA
from tests.http.signing_in import App, Browser, add_app, in_memory, read, told
from tests.http.support import ISSUER, Watched


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with in_memory(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def app(live: Watched) -> App:
    return add_app(live, "app")


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_section_2_every_answer_says_who_gave_it(app: App, mode: str) -> None:
    """ "In authorization responses to the client, including error responses, an authorization server supporting this
    specification MUST indicate its identity by including the "iss" parameter in the response."
    """
    browser = Browser(app.live)
    answers = [
        browser.agree(browser.open(app.url(response_mode=mode))),
        browser.open(app.url(response_mode=mode)),
        browser.open(app.url(response_mode=mode, response_type="token")),
        browser.open(app.url(response_mode=mode, scope="unheard-of")),
        Browser(app.live).open(app.url(response_mode=mode, prompt="none")),
        browser.press(browser.open(app.url(response_mode=mode, prompt="consent")), "deny"),
        browser.follow(browser.send("POST", "/authorize", app.parameters(response_mode=mode, nonce="x" * 3000))),
    ]
    assert [told(answer)["iss"] for answer in answers] == [ISSUER] * len(answers)


def test_section_2_3_the_metadata_announce_it(live: Watched) -> None:
    """ "authorization_response_iss_parameter_supported: Boolean parameter indicating whether the authorization server
    provides the "iss" parameter in the authorization response". Section 2.4: it is compared with the issuer there.
    """
    with live.client() as client:
        document = client.get(METADATA).json()
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["issuer"] == ISSUER


@pytest.mark.parametrize(
    "issuer", ["https://id.example.com/", "https://id.example.com/tenant", "https://id.example.com"]
)
def test_section_2_it_is_the_issuer_character_by_character(tmp_path: Path, issuer: str) -> None:
    """Section 2.4: "Clients MUST then decode the value ... and compare the result to the issuer identifier ... by using
    simple string comparison".
    """
    with in_memory(tmp_path, issuer=issuer, audience=issuer) as live:
        app, browser = add_app(live, "app"), Browser(live)
        assert told(browser.get(app.url(prompt="none")))["iss"] == issuer


def test_section_2_a_page_that_is_no_answer_names_nobody(app: App) -> None:
    """Section 2 is about answers to the client alone."""
    page = read(Browser(app.live).open(app.url(redirect_uri="https://evil.example")))
    assert "iss" not in {name for form in page.forms for name in form.fields}
