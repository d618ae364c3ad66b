"""The pages of docs/ that tell how to sign people in: their commands and their programs are run, as they stand there.

Only addresses are others: the server's, and the ports of the applications. What a page has pip or npm install is there
already, in the versions of the lock files.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import IO

import httpx2 as httpx
import pytest
from attrs import define, field

from core.protocol.secret import Secret
from tests.http.signing_in import Browser
from tests.http.support import Watched, record
from tests.interop.support import NODE, Node, issuing, signed_in_at
from tests.support import PASSWORD, TLS

DOCS = Path(__file__).resolve().parents[2] / "docs"
ADDRESS = "127.0.0.1:8000"  # of the server, in every page

FILE = re.compile(r"^`([\w.-]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECRET = re.compile(r"wws_[\w-]+")


@define
class Guide:
    """A page, followed in an empty folder."""

    live: Watched
    folder: Path
    text: str
    ports: Mapping[str, int]
    environment: dict[str, str]
    _stack: ExitStack
    outputs: dict[str, IO[str]] = field(factory=dict)

    def url(self, port: str) -> str:
        """The address of an application that has this port in the page."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def follow(self, *, until: str | None = None) -> None:
        """Files are written and commands run in their order; programs go on, `until` as well."""
        for name, content in FILE.findall(self.text):
            (self.folder / name).write_text(content, encoding="utf-8")
        for block in COMMANDS.findall(self.text):
            for command in block.splitlines():
                self.run(command)
                if command == until:
                    return

    def run(self, command: str) -> None:
        words = shlex.split(command)
        match words:
            case ["pip", "install", *requirements]:
                for requirement in requirements:
                    distribution(re.split(r"[\[>=]", requirement)[0])
            case ["npm", "install", *pinned]:
                known = json.loads((NODE / "package.json").read_text())["dependencies"]
                assert all(one in {f"{name}@{version}" for name, version in known.items()} for one in pinned)
            case ["WATCHWORD_REGISTRATION=open", "watchword", "serve"]:
                assert self.live.container.settings().registration == "open"
            case ["python", *_]:
                self.outputs[command] = self._start(words)
            case _:
                self._finish(words)

    def _finish(self, words: list[str]) -> None:
        ran = subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
        for secret in SECRET.findall(ran.stdout):
            record.keep(secret)
            self.environment["CLIENT_SECRET"] = secret

    def _start(self, words: list[str]) -> IO[str]:
        python = [sys.executable, "-u", "-W", "error", *words[1:]]
        errors = self._stack.enter_context((self.folder / "errors").open("a"))
        program = subprocess.Popen(
            python, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        self._stack.callback(_end, program)
        assert program.stdout is not None
        return program.stdout

    def said(self, command: str) -> str:
        """The next line of a program."""
        line = self.outputs[command].readline()
        assert line, (self.folder / "errors").read_text()
        return line.strip()

    def listens(self, port: str) -> str:
        """Waits for the application that has this port in the page. Its address."""
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.ports[port])) == 0:
                    return self.url(port)
            time.sleep(0.02)
        raise AssertionError((self.folder / "errors").read_text())

    def sign_in(self, said: str) -> httpx.Response:
        """What somebody does whose browser a program tried to open: the answer that it got back."""
        return httpx.get(signed_in_at(self.live, said.rpartition(" ")[2]), verify=TLS)


def _end(program: subprocess.Popen[str]) -> None:
    program.terminate()
    program.wait(20)
    if program.stdout is not None:
        program.stdout.close()


@contextmanager
def opened(live: Watched, folder: Path, page: str) -> Iterator[Guide]:
    text = (DOCS / page).read_text(encoding="utf-8")
    text = text.replace(ADDRESS, live.url.removeprefix("http://"))
    ports = {port: _free() for port in set(re.findall(r"\b800[1-9]\b", text))}
    text = re.sub(r"\b800[1-9]\b", lambda found: str(ports[found[0]]), text)
    settings = live.container.settings()
    assert settings.database_url is not None
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": settings.database_url.reveal(),
        "WATCHWORD_ISSUER": live.url,
        "WATCHWORD_DATA_DIR": str(settings.data_dir),
        "BROWSER": "true %s",  # opens nothing
    }
    with ExitStack() as stack:
        yield Guide(live, folder, text, ports, environment, stack)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def running(module_database_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with issuing(module_database_url, tmp_path_factory.mktemp("data"), registration="open") as watched:
        watched.add_user("alice")
        yield watched


def test_a_web_app(running: Watched, tmp_path: Path) -> None:
    with opened(running, tmp_path, "web-app.md") as guide:
        guide.follow()
        with httpx.Client(base_url=guide.listens("8001"), verify=TLS) as app:
            assert "Sign in" in app.get("/").text
            browser = Browser(running, origin=running.url)
            back = browser.agree(browser.open(app.get("/login").headers["location"])).headers["location"]
            assert app.get(back).headers["location"] == "/"
            assert "Hello alice" in app.get("/").text
            assert app.get(back).status_code == 400  # its state was good once
            leaving = browser.get(app.post("/logout").headers["location"]).headers["location"]
            assert leaving.startswith(f"{guide.url('8001')}/?state=")
            assert "Sign in" in app.get("/").text

            asked = browser.sign_in(browser.open(app.get("/login").headers["location"]), "alice")
            assert asked.status_code == 303  # what was allowed is remembered
            fresh = Browser(running, origin=running.url)
            login = app.get("/login").headers["location"] + "&prompt=consent"
            refused = fresh.press(fresh.sign_in(fresh.open(login), "alice"), "deny")
            answer = app.get(refused.headers["location"])
            assert (answer.status_code, "access_denied" in answer.text) == (400, True)


def test_a_native_app(running: Watched, tmp_path: Path) -> None:
    with opened(running, tmp_path, "native-app.md") as guide:
        guide.follow()
        assert "may close" in guide.sign_in(guide.said("python cli.py")).text
        assert guide.said("python cli.py") == "Hello alice"
        assert guide.said("python cli.py") == "Still alice"


def test_a_single_page_app(running: Watched, tmp_path: Path, node_packages: Node) -> None:
    shutil.copytree(node_packages.folder / "node_modules", tmp_path / "node_modules")
    with opened(running, tmp_path, "spa.md") as guide:
        guide.follow()
        page = guide.listens("8002") + "/"
        found = node_packages.run("spa.mjs", ISSUER=running.url, PAGE=page, USERNAME="alice", PASSWORD=PASSWORD)
    assert (found["first"], found["then"], found["again"]) == ("Nobody is signed in.", "Hello alice", "Hello alice")
    assert found["shown"] == "/"  # the code is gone from the address
    assert found["good_bye"].startswith(page)
    assert found["after"] == "Nobody is signed in."
    assert found["preflights"] == ["/api/v1/auth/userinfo"]


def test_an_mcp_server(running: Watched, tmp_path: Path) -> None:
    with opened(running, tmp_path, "mcp-server.md") as guide:
        guide.follow(until="python notes.py")
        guide.listens("8003")
        guide.run("python client.py")
        assert "may close" in guide.sign_in(guide.said("python client.py")).text
        assert guide.said("python client.py") == "alice: buy milk"


def test_what_there_is_to_know(running: Watched, tmp_path: Path) -> None:
    with opened(running, tmp_path, "signing-in.md") as guide:
        guide.follow()
    shop = running.run(running.container.find_client()("shop"))
    assert (shop.name, shop.grant_types) == ("The shop", ("authorization_code", "refresh_token"))
    assert (shop.application.policy_uri, shop.application.require_pkce) == ("https://shop.example.com/privacy", False)
