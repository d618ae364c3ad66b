"""Serve the floor with the server's own uvicorn settings. What it has to know comes by the environment."""

from __future__ import annotations

import json
import os

import uvicorn

from bench.floors.app import Floor
from bench.floors.given import Given
from entrypoints.http import server


def main() -> None:
    listener = server.listen("127.0.0.1", 0)
    print(json.dumps({"address": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    app = Floor(os.environ["DATABASE_URL"], Given.from_environment(os.environ))
    server.settle()
    uvicorn.Server(server.config(app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
