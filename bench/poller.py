"""A process that asks for /healthz every ten milliseconds, so that nothing in the load generator delays it.

It reads a number of seconds, polls for so long, and writes the latencies in milliseconds as a line of JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import time

EVERY = 0.010  # seconds
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n"
ANSWER = b'{"status":"ok"}'


def poll(port: int, seconds: float) -> list[float]:
    """A request that was due while the one before it still waited counts from when it was due."""
    latencies: list[float] = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due = answered = time.perf_counter()
        end = due + seconds
        while due < end:
            late = answered > due
            if not late:
                time.sleep(due - answered)
            started = due if late else time.perf_counter()
            connection.sendall(REQUEST)
            received = b""
            while not received.endswith(ANSWER):
                part = connection.recv(4096)
                received += part
                if not part or not received.startswith(b"HTTP/1.1 200 "[: len(received)]):
                    raise SystemExit(f"/healthz answered {received[:200]!r}")
            answered = time.perf_counter()
            latencies.append((answered - started) * 1000)
            due += EVERY
    return latencies


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(poll(int(sys.argv[1]), float(line))), flush=True)


if __name__ == "__main__":
    main()
