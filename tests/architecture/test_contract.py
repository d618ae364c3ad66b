"""openapi.yaml says what the table of routes says, and has the words that the code has."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
import yaml
from starlette.routing import Route

import core.authorization
from container import CONTRACT, Container, Settings
from core.access.model import MOST_ROLES
from core.authorization.model import PROMPTS
from core.authorization.proceed import REFUSALS
from core.authorization.request import DISPLAYS, LARGEST_AGE, LONG, LONGEST, LONGEST_OF_ALL, PARAMETERS
from core.clients.application import (
    ACR,
    APPLICATION_TYPES,
    ASSERTION_ALGORITHMS,
    LONGEST_AGE,
    MOST_CONTACTS,
    SIGNING_ALGORITHMS,
    SUBJECT_TYPES,
)
from core.clients.dynamic import TOKEN_PREFIX
from core.clients.metadata import GRANTS, MEMBERS, OWN
from core.clients.model import (
    CLIENT_ID,
    FIRST_PARTY_CLIENT,
    GRANT_TYPES,
    LONGEST_NAME,
    MOST_KEYS,
    AuthMethod,
)
from core.clients.register import LONGEST_OVERLAP
from core.identity.claims import CLAIMS
from core.protocol.redirects import LONGEST as LONGEST_URI
from core.protocol.redirects import MOST as MOST_URIS
from core.protocol.refusals import OAuthRefusal
from core.protocol.scope import LONGEST_RESOURCE, MOST_RESOURCES, MOST_SCOPES
from core.protocol.secret import Secret
from core.users import profile
from core.users.accounts import LARGEST_PAGE
from entrypoints.http.app import look, page_use_cases, use_cases
from entrypoints.http.applications import FIELDS
from entrypoints.http.clients import ClientPatch, NewClient
from entrypoints.http.docs import ASSETS
from entrypoints.http.oauth import CLIENT_NAMES
from entrypoints.http.routes import ENDPOINTS, build_routes, open_to_browsers
from entrypoints.http.token import NAMES as TOKEN_NAMES
from entrypoints.http.token import PARSERS
from entrypoints.http.token_status import NAMES as STATUS_NAMES
from entrypoints.http.users import NewUser, OwnPatch, UserPatch
from entrypoints.pages.logout import MEANT
from entrypoints.pages.routes import PAGE_ENDPOINTS, page_routes
from tests.support import CHEAP

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}  # OpenAPI 3.1 §4.8.9

Operation = tuple[str, str]

CONTENT: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = CONTENT["components"]["schemas"]


def all_routes(data_dir: Path, **settings: object) -> list[Route]:
    """Those of the API and those of the pages, as the application has them."""
    box = Container(settings=Settings(storage="memory", data_dir=data_dir, **CHEAP, **settings))  # type: ignore[arg-type]
    try:
        api = build_routes(use_cases(box), contract=b"", endpoints=PAGE_ENDPOINTS)
        return [*api, *page_routes(page_use_cases(box), look(box.settings()))]
    finally:
        box.hasher().close()


def served(data_dir: Path, **settings: object) -> set[Operation]:
    """What is offered, but for HEAD, which follows from GET, and the files that only the page `/docs` asks for."""
    routes = all_routes(data_dir, **settings)
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
    assert more == {
        ("/.well-known/oauth-authorization-server/auth", "GET"),
        ("/.well-known/openid-configuration/auth", "GET"),
        ("/auth/.well-known/openid-configuration", "GET"),
    }


def test_a_logo_is_served_where_the_settings_name_one(tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"a picture")
    assert served(tmp_path, logo=logo) - promised() == {("/assets/logo.png", "GET")}


def test_with_a_shared_secret_there_is_no_openid_connect_to_be_found(tmp_path: Path) -> None:
    offered = served(tmp_path, jwt_secret_key=Secret("k" * 32), jwt_algorithm="HS256")
    assert promised() - offered == {("/.well-known/openid-configuration", "GET")}


def test_every_path_has_one_route_so_that_allow_is_complete(tmp_path: Path) -> None:
    paths = [route.path for route in all_routes(tmp_path)]
    assert len(paths) == len(set(paths))


def test_the_endpoints_of_the_metadata_and_those_open_to_browsers_are_promised() -> None:
    paths = {path for path, _ in promised()}
    assert {*ENDPOINTS.values(), *PAGE_ENDPOINTS.values()} <= paths
    for path in open_to_browsers("https://example.com"):
        assert path in paths or (path.endswith("/") and any(one.startswith(path) for one in paths)), path


def test_every_operation_has_a_name_of_its_own_and_tags_that_are_explained() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in CONTENT["tags"]}
    assert {tag for _, operation in operations() for tag in operation["tags"]} == tags


def test_what_needs_somebody_says_how_it_refuses_nobody() -> None:
    for name, operation in operations():
        if operation["security"] and {} not in operation["security"]:
            assert "401" in operation["responses"], name


def test_what_a_page_answers_is_a_page() -> None:
    """Whatever has a cookie is for people, also where it says no."""
    for name, operation in operations():
        if {"browser": []} in operation["security"]:
            assert operation["responses"]["503"] == {"$ref": "#/components/responses/PageUnavailable"}, name
            assert "401" not in operation["responses"], name


def codes_of(kind: type[OAuthRefusal]) -> Iterator[str]:
    """Those that belong to a class. Two classes are told theirs when they are raised."""
    for inner in kind.__subclasses__():
        yield from [inner.code] if hasattr(inner, "code") else []
        yield from codes_of(inner)


def codes_said(package: ModuleType, kind: str) -> set[str]:
    """The codes with which a refusal is raised somewhere in a package: texts in calls of it, by their place."""
    found: set[str] = set()
    for path in Path(package.__path__[0]).glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == kind:
                first = call.args[0]
                texts = [first.value] if isinstance(first, ast.Constant) else []
                found.update(text for text in texts if isinstance(text, str))
    return found


def error_codes(schema: str) -> set[str]:
    return set(SCHEMAS[schema]["properties"]["error"]["enum"])


def test_the_error_codes_are_those_of_the_refusals() -> None:
    waiting = "temporarily_unavailable"  # with a status of 429
    assert error_codes("OAuthError") == {*codes_of(OAuthRefusal), waiting}
    said = codes_said(core.authorization, "AuthorizationRefused")
    assert {"access_denied", "request_not_supported"} <= said
    shared = {"invalid_request", "unauthorized_client", "invalid_scope", "invalid_target"}
    assert error_codes("AuthorizationError") == {*said, *(code for code, _ in REFUSALS.values()), *shared}
    assert error_codes("RegistrationError") == {"invalid_redirect_uri", "invalid_client_metadata"}


def test_the_grants_are_those_that_are_parsed() -> None:
    request = SCHEMAS["TokenRequest"]
    assert request["properties"]["grant_type"]["enum"] == list(PARSERS)
    assert [one["properties"]["grant_type"]["const"] for one in request["anyOf"]] == list(PARSERS)
    assert set(SCHEMAS["GrantTypes"]["items"]["enum"]) == set(GRANT_TYPES) == set(PARSERS)
    assert SCHEMAS["ClientMetadata"]["properties"]["grant_types"]["items"]["enum"] == list(GRANTS)
    assert set(SCHEMAS["Metadata"]["properties"]["grant_types_supported"]["items"]["enum"]) == set(PARSERS)


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ("TokenRequest", TOKEN_NAMES),
        ("TokenReference", STATUS_NAMES),
        ("AuthorizationParameters", PARAMETERS),
        ("PushedRequest", CLIENT_NAMES),
        ("LogoutForm", ("csrf", "choice", *MEANT)),
    ],
)
def test_the_parameters_of_a_form_are_those_that_are_read(schema: str, names: Iterable[str]) -> None:
    assert SCHEMAS[schema]["properties"].keys() == set(names)


def test_the_parameters_of_a_query_are_those_of_the_form() -> None:
    for path, names in (("/authorize", PARAMETERS), ("/logout", MEANT)):
        listed = [parameter["name"] for parameter in CONTENT["paths"][path]["get"]["parameters"]]
        assert sorted(listed) == sorted(names)


def test_a_profile_is_told_and_filled_in_by_the_members_that_it_has() -> None:
    assert SCHEMAS["Profile"]["properties"].keys() == set(profile.MEMBERS)
    assert SCHEMAS["Address"]["properties"].keys() == set(profile.ADDRESS)
    assert SCHEMAS["UserInfo"]["properties"].keys() == {"sub", *CLAIMS}
    typed = set(profile.MEMBERS) - {"phone_number_verified", "address"}
    assert SCHEMAS["ProfileForm"]["properties"].keys() == typed | {f"address_{part}" for part in profile.ADDRESS}


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        ("NewUser", NewUser),
        ("UserPatch", UserPatch),
        ("OwnPatch", OwnPatch),
        ("NewClient", NewClient),
        ("ClientPatch", ClientPatch),
    ],
)
def test_the_members_of_a_body_are_those_that_are_read(schema: str, shape: type[attrs.AttrsInstance]) -> None:
    shared = (part["$ref"].rpartition("/")[2] for part in SCHEMAS[schema].get("allOf", ()))
    members = {name for one in (schema, *shared) for name in SCHEMAS[one]["properties"]}
    assert members == {attribute.name for attribute in attrs.fields(shape)}


def test_an_application_says_what_the_code_knows_of_it() -> None:
    members = SCHEMAS["ApplicationMembers"]["properties"]
    assert members.keys() == set(MEMBERS) == FIELDS - OWN
    assert members["application_type"]["enum"] == list(APPLICATION_TYPES)
    assert members["subject_type"]["enum"] == list(SUBJECT_TYPES)
    assert SCHEMAS["SigningAlgorithm"]["enum"] == list(SIGNING_ALGORITHMS)
    assert members["default_acr_values"]["items"]["const"] == ACR
    assert members["default_max_age"]["maximum"] == LONGEST_AGE
    assert f"At most {MOST_CONTACTS} different" in members["contacts"]["description"]
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        assert f"At most {MOST_URIS} different" in members[name]["description"]
    for name in ("RedirectUri", "OptionalUrl", "OptionalHttpsUrl"):
        assert SCHEMAS[name]["maxLength"] == LONGEST_URI
    token = SCHEMAS["ClientInformation"]["properties"]["registration_access_token"]
    assert token["pattern"].startswith(f"^{TOKEN_PREFIX}")


def test_an_authorization_request_has_the_limits_of_the_code() -> None:
    parameters = SCHEMAS["AuthorizationParameters"]["properties"]
    for name, schema in parameters.items():
        if "maxLength" in schema:
            assert schema["maxLength"] == (LONGEST_OF_ALL if name in LONG else LONGEST), name
    assert parameters["max_age"]["pattern"].endswith(f"|{LARGEST_AGE})$")
    assert parameters["display"]["examples"] == list(DISPLAYS)
    assert all(prompt in parameters["prompt"]["pattern"] for prompt in PROMPTS)
    assert SCHEMAS["Metadata"]["properties"]["prompt_values_supported"]["items"]["enum"] == list(PROMPTS)
    assert SCHEMAS["Metadata"]["properties"]["display_values_supported"]["items"]["enum"] == list(DISPLAYS)


def test_clients_authenticate_in_the_ways_and_with_the_algorithms_that_the_code_has() -> None:
    assert SCHEMAS["AuthMethod"]["enum"] == list(AuthMethod)
    assert SCHEMAS["AssertionAlgorithm"]["enum"] == list(ASSERTION_ALGORITHMS)


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
