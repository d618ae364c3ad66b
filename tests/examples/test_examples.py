"""The applications in examples/, as the README tells of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import attrs
import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from container import Settings
from core.protocol.secret import Secret
from tests.support import Live, running, serving, settings_for

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def create_app(example: str) -> Callable[[Settings], Starlette]:
    spec = importlib.util.spec_from_file_location(f"example_{example}", EXAMPLES / f"{example}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast(Callable[[Settings], Starlette], module.create_app)


@pytest.fixture(scope="module")
def live(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Watchword in shared-secret mode, with somebody of no role, one that counts and one that does not."""
    settings = settings_for(module_database_url, tmp_path_factory.mktemp("data"))
    settings = attrs.evolve(settings, jwt_secret_key=Secret("s" * 32), jwt_algorithm="HS256")
    with running(settings) as watchword:
        watchword.add_user("plain")
        watchword.add_user("owner", roles=("project_owner",))
        watchword.add_user("editor", roles=("editor",))
        yield watchword


@pytest.fixture(scope="module", params=["protected_api", "shared_secret_api"])
def api(request: pytest.FixtureRequest, live: Live) -> Iterator[str]:
    with serving(create_app(request.param)(live.container.settings())) as (url, _):
        yield url


def get(url: str, token: str | None = None) -> httpx.Response:
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"} if token else {})


def test_a_route_that_requires_a_user(live: Live, api: str) -> None:
    assert get(f"{api}/profile", live.token("plain")).json() == {"hello": "plain"}
    refused = get(f"{api}/profile")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer ")


def test_a_route_that_requires_any_of_several_roles(live: Live, api: str) -> None:
    assert get(f"{api}/projects", live.token("owner")).json() == {"projects": [], "for": "owner"}
    for username in ("plain", "editor"):
        refused = get(f"{api}/projects", live.token(username))
        assert refused.status_code == 403
        assert refused.json()["detail"] == "Insufficient permissions"


def test_a_token_of_another_secret_is_refused(live: Live, api: str) -> None:
    token = live.token("owner")
    assert get(f"{api}/projects", token[:-4] + "AAAA").status_code == 401
    with running(attrs.evolve(live.container.settings(), jwt_secret_key=Secret("t" * 32))) as other:
        assert get(f"{api}/projects", other.token("owner")).status_code == 401
