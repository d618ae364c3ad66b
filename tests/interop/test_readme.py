"""What the README shows of services, run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.http.support import Watched
from tests.interop.support import register

README = Path(__file__).resolve().parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:8000"  # where the README's server is


def shown() -> list[str]:
    """The Python of the section, in its order: a service that asks for a token, an API that verifies it."""
    section = README.read_text(encoding="utf-8").partition("\n## Services\n")[2].partition("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)


def test_a_service_and_an_api_are_as_short_as_the_readme_says(live: Watched, tmp_path: Path) -> None:
    service, api = shown()
    secret = register(live, "reports", "client_credentials")
    script = tmp_path / "shown.py"
    answers = 'print(verified(token, "reports:read")["sub"])\ntry:\n    verified(token, "reports:delete")\n'
    script.write_text(f"{service}\n{api}\n{answers}except PermissionError as error:\n    print(error)\n")
    script.write_text(script.read_text().replace(ADDRESS, live.url))
    ran = subprocess.run(
        [sys.executable, "-W", "error", script],
        env={**os.environ, "SECRET": secret},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.stdout.split(), ran.stderr) == (["reports", "reports:delete"], "")
