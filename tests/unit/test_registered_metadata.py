"""Clients that register themselves: what of their metadata goes together, and which documents are fetched for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.clients.model import LONGEST_NAME
from core.clients.ports import FetchFailed
from core.protocol.refusals import TooManyAttempts
from core.users.throttle import REGISTRATIONS
from tests.unit.desk import CALLBACK, INITIAL, Desk
from tests.unit.strangers import refused as fetch_refused
from tests.unit.strangers import stranger, whole

BY_KEY: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


# What goes together

CODE, REFRESH, OWN = "authorization_code", "refresh_token", "client_credentials"


@pytest.mark.parametrize(
    ("grants", "responses", "at_fault"),
    [
        (None, None, None),
        ([CODE], ["code"], None),
        ([CODE, REFRESH], None, None),
        ([REFRESH, CODE, CODE], ["code", "code"], None),
        ([REFRESH], None, "grant_types"),
        (["implicit"], None, "grant_types"),
        ([CODE, "password"], None, "grant_types"),
        ([CODE, "urn:ietf:params:oauth:grant-type:jwt-bearer"], None, "grant_types"),
        (["AUTHORIZATION_CODE"], None, "grant_types"),
        ([CODE], ["token"], "response_types"),
        (None, ["code id_token"], "response_types"),
        (None, ["code", "id_token"], "response_types"),
        (None, ["none"], "response_types"),
    ],
)
async def test_grants_and_response_types_go_together(
    desk: Desk, grants: list[str] | None, responses: list[str] | None, at_fault: str | None
) -> None:
    """RFC 7591 §2.1."""
    said: dict[str, Any] = {"grant_types": grants, "response_types": responses}
    if at_fault is None:
        assert (await desk.register(**said)).client.grant_types == tuple(dict.fromkeys(grants or [CODE]))
    else:
        refusal = await desk.refused(**said)
        assert (refusal.code, refusal.description.partition(":")[0]) == ("invalid_client_metadata", at_fault)


async def test_a_stranger_gets_no_tokens_without_a_person_who_was_asked(desk: Desk) -> None:
    """By client credentials anybody would have every scope that any API defines."""
    for grants in ([OWN], [CODE, OWN]):
        refusal = await desk.refused(grant_types=grants)
        assert refusal.description.startswith("grant_types: client_credentials is for")


async def test_whoever_was_let_in_may_act_for_itself_if_it_can_keep_a_secret() -> None:
    desk = Desk("token")
    made = await desk.register(token=INITIAL, grant_types=[OWN], redirect_uris=[])
    assert made.client.grant_types == (OWN,)
    assert (await desk.register(token=INITIAL, grant_types=[CODE, OWN])).client.grant_types == (CODE, OWN)
    public_one = await desk.refused(token=INITIAL, grant_types=[OWN], token_endpoint_auth_method="none")
    assert public_one.description.startswith("grant_types: ")
    with_response = await desk.refused(token=INITIAL, grant_types=[OWN], response_types=["code"])
    assert with_response.description.startswith("response_types: ")


@pytest.mark.parametrize(
    ("said", "at_fault"),
    [
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "token_endpoint_auth_method"),
        ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
        ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "id_token_encrypted_response_alg"),
        ({"userinfo_encrypted_response_alg": "dir"}, "userinfo_encrypted_response_alg"),
        ({"userinfo_encrypted_response_enc": "A128GCM"}, "userinfo_encrypted_response_enc"),
        ({"scope": "a  b"}, "scope"),
        ({"scope": 'a "b"'}, "scope"),
        ({"scope": "é"}, "scope"),
        ({"scope": " ".join(map(str, range(65)))}, "scope"),
        ({"client_name": "a" * (LONGEST_NAME + 1)}, "client_name"),
        ({"client_name": "Good\u202eyppaH"}, "client_name"),
        ({"client_name": "a\nb"}, "client_name"),
        ({"client_name": "\ud800"}, "client_name"),
        ({"client_uri": "javascript:alert(1)"}, "client_uri"),
        ({"client_uri": "https://app.example.com/#/about"}, "client_uri"),  # by Authlib's rule
        ({"request_uris": ["nowhere"]}, "request_uris"),  # likewise, and otherwise of no use
        ({"logo_uri": "data:image/svg+xml,x"}, "logo_uri"),
        ({"jwks_uri": "http://app.example.com/jwks", **BY_KEY}, "jwks_uri"),
        ({"post_logout_redirect_uris": ["https://a.example/#x"]}, "post_logout_redirect_uris"),
        ({"contacts": ["\0"]}, "contacts"),
    ],
)
async def test_metadata_that_nobody_can_act_upon_are_refused_by_name(
    desk: Desk, said: dict[str, Any], at_fault: str
) -> None:
    refusal = await desk.refused(**said)
    assert (refusal.code, refusal.description.partition(":")[0]) == ("invalid_client_metadata", at_fault)


@pytest.mark.parametrize("uris", [[], None, ["x"], [CALLBACK, "http://app.example.com/"], ["https://a/#"], ["a:/b"]])
async def test_redirect_uris_have_a_code_of_their_own(desk: Desk, uris: Any) -> None:
    assert (await desk.refused(redirect_uris=uris)).code == "invalid_redirect_uri"
    assert (await desk.refused(redirect_uris=uris, logo_uri="x")).code == "invalid_redirect_uri"


@pytest.mark.parametrize(
    ("uris", "said", "registered"),
    [
        (["http://localhost:33418/callback"], None, "web"),
        (["http://127.0.0.1/callback", "https://editor.example/redirect"], None, "web"),
        (["com.example.app:/callback"], None, "native"),
        (["com.example.app:/callback", CALLBACK, "http://[::1]/"], None, "native"),
        (["http://127.0.0.1:6274/oauth/callback"], "native", "native"),
        ([CALLBACK], "native", "native"),
        (["com.example.app:/callback"], "web", None),
        (["editor:/callback"], None, None),
        (["editor:/callback"], "native", None),
    ],
)
async def test_an_mcp_client_registers_as_it_is(
    desk: Desk, uris: list[str], said: str | None, registered: str | None
) -> None:
    """Public, on this machine or with a scheme of its own, and mostly without a word about its type."""
    document: dict[str, Any] = {
        "client_name": "An MCP client",
        "redirect_uris": uris,
        "grant_types": [CODE, REFRESH],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": "mcp:tools offline_access",
        "client_uri": "https://example.com",
        **({"application_type": said} if said else {}),
    }
    if registered is None:
        assert (await desk.refused(**document)).code == "invalid_redirect_uri"
    else:
        made = await desk.register(**document)
        assert made.secret is None
        assert (made.client.public, made.client.application.application_type) == (True, registered)
        assert made.client.application.redirect_uris == tuple(uris)


# Sectors

PAIRWISE: dict[str, Any] = {"subject_type": "pairwise"}


@pytest.mark.parametrize("listed", [[CALLBACK], ["https://other.example/", CALLBACK, 1, None]])
async def test_a_sector_document_lists_every_redirect_uri(desk: Desk, listed: list[object]) -> None:
    """OpenID Connect Registration §5."""
    async with stranger(whole(json.dumps(listed).encode())) as there:
        made = await desk.register(**PAIRWISE, sector_identifier_uri=there.url())
        assert made.client.application.sector == "127.0.0.1"


@pytest.mark.parametrize("subject", [PAIRWISE, {}])
@pytest.mark.parametrize(
    "answer",
    [
        whole(b"[]"),
        whole(json.dumps([CALLBACK + "/"]).encode()),
        whole(json.dumps([CALLBACK.upper()]).encode()),
        whole(json.dumps({CALLBACK: 1}).encode()),
        whole(json.dumps(CALLBACK).encode()),
        whole(b"null"),
        whole(b"the-secret-of-a-neighbour"),
        whole(json.dumps([CALLBACK]).encode(), "302 Found", "Location: http://127.0.0.1/"),
        whole(json.dumps([CALLBACK]).encode(), "404 Not Found"),
        b"",
    ],
    ids=range(10),
)
async def test_a_sector_document_without_them_is_refused_and_nothing_of_it_is_told(
    desk: Desk, answer: bytes, subject: dict[str, Any]
) -> None:
    async with stranger(answer) as there:
        refusal = await desk.refused(**subject, sector_identifier_uri=there.url())
    assert refusal.code == "invalid_client_metadata"
    assert refusal.description in {
        "sector_identifier_uri: it could not be fetched",
        "sector_identifier_uri: expected there a JSON array with every redirect URI",
    }


async def test_a_sector_document_of_this_machine_is_not_fetched_unless_that_is_said(desk: Desk) -> None:
    desk.fetcher = type(desk.fetcher)()
    async with stranger(whole(json.dumps([CALLBACK]).encode())) as there:
        for host in ("127.0.0.1", "localhost"):
            refusal = await desk.refused(**PAIRWISE, sector_identifier_uri=there.url(host=host, scheme="https"))
            assert refusal.description == "sector_identifier_uri: it could not be fetched"
            assert isinstance(refusal.__cause__, FetchFailed)  # which says to the operator why
        assert "public" in await fetch_refused(there.url(scheme="https"), desk.fetcher)
    assert there.connections == 0


async def test_nothing_is_fetched_for_who_is_refused_anyway(desk: Desk) -> None:
    async with stranger(whole(json.dumps([CALLBACK]).encode())) as there:
        for wrong in ({"logo_uri": "x"}, {"grant_types": [OWN]}, {"redirect_uris": ["x"]}, {"scope": "é"}):
            await desk.refused(**{**PAIRWISE, **wrong}, sector_identifier_uri=there.url())
    assert there.connections == 0


async def test_a_fetch_counts_as_a_registration_whoever_let_the_client_in() -> None:
    desk = Desk("token")
    async with stranger(whole(json.dumps([CALLBACK]).encode())) as there:
        for _ in range(REGISTRATIONS.free):
            await desk.register(token=INITIAL, sector_identifier_uri=there.url())
        with pytest.raises(TooManyAttempts):
            await desk.register(token=INITIAL, sector_identifier_uri=there.url())
    assert there.connections == REGISTRATIONS.free
