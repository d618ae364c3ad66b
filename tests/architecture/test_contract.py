"""openapi.yaml says what the table of routes says, and has the words that the code has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from container import CONTRACT, Container, Settings
from core.access.model import MOST_ROLES
from core.clients.model import (
    CLIENT_ID,
    FIRST_PARTY_CLIENT,
    GRANT_TYPES,
    LONGEST_NAME,
    MOST_KEYS,
    AuthMethod,
)
from core.clients.register import LONGEST_OVERLAP
from core.discovery import ASSERTION_ALGORITHMS
from core.protocol.refusals import OAuthRefusal
from core.protocol.scope import LONGEST_RESOURCE, MOST_RESOURCES, MOST_SCOPES
from core.users.accounts import LARGEST_PAGE
from entrypoints.http.app import use_cases
from entrypoints.http.docs import ASSETS
from entrypoints.http.routes import ENDPOINTS, build_routes, open_to_browsers
from entrypoints.http.token import NAMES as TOKEN_NAMES
from entrypoints.http.token import PARSERS
from entrypoints.http.token_status import NAMES as STATUS_NAMES
from tests.support import CHEAP

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}  # OpenAPI 3.1 §4.8.9

Operation = tuple[str, str]

CONTENT: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = CONTENT["components"]["schemas"]


def served(data_dir: Path, **settings: str) -> set[Operation]:
    """What is offered, but for HEAD, which follows from GET, and the files that only the page `/docs` asks for."""
    box = Container(settings=Settings(storage="memory", data_dir=data_dir, **CHEAP, **settings))  # type: ignore[arg-type]
    try:
        routes = build_routes(use_cases(box), contract=b"")
    finally:
        box.hasher().close()
    assets = {path for path, _, _ in ASSETS}
    return {
        (route.path_format, method) for route in routes for method in route.methods or () if route.path not in assets
    } - {(route.path_format, "HEAD") for route in routes}


def operations() -> Iterator[tuple[Operation, dict[str, Any]]]:
    for path, item in CONTENT["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield (path, method.upper()), operation


def promised() -> set[Operation]:
    return {operation for operation, _ in operations()}


def test_whatever_is_promised_is_served_and_nothing_else(tmp_path: Path) -> None:
    assert served(tmp_path) == promised()


def test_an_issuer_with_a_path_has_its_metadata_at_one_more_place(tmp_path: Path) -> None:
    more = served(tmp_path, issuer="https://example.com/auth") - promised()
    assert more == {("/.well-known/oauth-authorization-server/auth", "GET")}


def test_every_path_has_one_route_so_that_allow_is_complete(tmp_path: Path) -> None:
    box = Container(settings=Settings(storage="memory", data_dir=tmp_path, **CHEAP))  # type: ignore[arg-type]
    paths = [route.path for route in build_routes(use_cases(box), contract=b"")]
    box.hasher().close()
    assert len(paths) == len(set(paths))


def test_the_endpoints_of_the_metadata_and_those_open_to_browsers_are_promised() -> None:
    paths = {path for path, _ in promised()}
    assert set(ENDPOINTS.values()) | open_to_browsers("https://example.com") <= paths


def test_every_operation_has_a_name_of_its_own_and_tags_that_are_explained() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in CONTENT["tags"]}
    assert {tag for _, operation in operations() for tag in operation["tags"]} == tags


def test_what_needs_somebody_says_how_it_refuses_nobody() -> None:
    for name, operation in operations():
        if operation["security"] and {} not in operation["security"]:
            assert "401" in operation["responses"], name


def test_the_error_codes_are_those_of_the_refusals() -> None:
    def codes(kind: type[OAuthRefusal]) -> Iterator[str]:
        for inner in kind.__subclasses__():
            yield inner.code
            yield from codes(inner)

    waiting = "temporarily_unavailable"  # with a status of 429
    assert set(SCHEMAS["OAuthError"]["properties"]["error"]["enum"]) == {*codes(OAuthRefusal), waiting}


def test_the_grants_are_those_that_are_parsed() -> None:
    request = SCHEMAS["TokenRequest"]
    assert request["properties"]["grant_type"]["enum"] == list(PARSERS)
    assert [one["properties"]["grant_type"]["const"] for one in request["anyOf"]] == list(PARSERS)
    assert set(SCHEMAS["GrantTypes"]["items"]["enum"]) == set(GRANT_TYPES) == set(PARSERS)
    assert set(SCHEMAS["Metadata"]["properties"]["grant_types_supported"]["items"]["enum"]) == set(PARSERS)


@pytest.mark.parametrize(("schema", "names"), [("TokenRequest", TOKEN_NAMES), ("TokenReference", STATUS_NAMES)])
def test_the_parameters_of_a_form_are_those_that_are_read(schema: str, names: tuple[str, ...]) -> None:
    assert SCHEMAS[schema]["properties"].keys() == set(names)


def test_clients_authenticate_in_the_ways_and_with_the_algorithms_that_the_code_has() -> None:
    assert SCHEMAS["AuthMethod"]["enum"] == list(AuthMethod)
    assert SCHEMAS["AssertionAlgorithms"]["items"]["enum"] == list(ASSERTION_ALGORITHMS)


def test_limits_are_those_of_the_code() -> None:
    assert SCHEMAS["ClientId"]["pattern"] == f"^{CLIENT_ID.pattern}$"
    assert SCHEMAS["NewClientId"]["not"]["const"] == FIRST_PARTY_CLIENT
    assert SCHEMAS["ClientName"]["maxLength"] == LONGEST_NAME
    assert f"at most {MOST_SCOPES} different" in SCHEMAS["Scopes"]["description"]
    assert f"At most {MOST_ROLES} different" in SCHEMAS["Roles"]["description"]
    for name in ("Resources", "Serves"):
        assert (SCHEMAS[name]["maxItems"], SCHEMAS[name]["items"]["maxLength"]) == (MOST_RESOURCES, LONGEST_RESOURCE)
    assert f"at most {MOST_RESOURCES}" in SCHEMAS["TokenRequest"]["properties"]["resource"]["description"]
    assert SCHEMAS["ClientKeys"]["properties"]["keys"]["maxItems"] == MOST_KEYS
    overlap = SCHEMAS["SecretRotation"]["properties"]["overlap_seconds"]
    assert overlap["maximum"] == LONGEST_OVERLAP.total_seconds()
    limit = CONTENT["paths"]["/api/v1/clients"]["get"]["parameters"][0]["schema"]
    assert limit["maximum"] == LARGEST_PAGE
