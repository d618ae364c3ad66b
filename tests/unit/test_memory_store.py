"""Watchword without a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from container import DEV_PASSWORD, DEV_USER, Settings
from tests.support import CHEAP, running


def settings(folder: Path, host: str) -> Settings:
    own = {"issuer": "http://127.0.0.1:8000", "audience": "http://127.0.0.1:8000", "jwt_algorithm": "ES256"}
    return Settings(storage="memory", data_dir=folder, host=host, **own, **CHEAP)  # type: ignore[arg-type]


def test_the_development_user_is_there_and_nothing_is_written(tmp_path: Path) -> None:
    with running(settings(tmp_path / "data", "127.0.0.1")) as live:
        with live.client(live.token(DEV_USER, DEV_PASSWORD)) as client:
            assert client.get("/api/v1/users/me").json()["username"] == DEV_USER
        with live.client() as client:
            assert client.get("/readyz").status_code == 200
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - what is tested
def test_whoever_can_come_from_elsewhere_finds_no_development_user(tmp_path: Path, host: str) -> None:
    with running(settings(tmp_path, host)) as live, live.client() as client:
        answer = client.post("/api/v1/auth/token", data={"username": DEV_USER, "password": DEV_PASSWORD})
    assert answer.status_code == 401
