"""Two servers that differ in one thing: how many refresh families their database holds.

The families whose tokens are known lie evenly among the others, so that a rotation finds its row anywhere in the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from attrs import frozen
from psycopg import sql

from bench.furnish import SCOPES, SERVICE, USERNAME, basic, opened
from bench.processes import Child, serve
from container import DEV_MIGRATIONS, MIGRATIONS, apply_migrations
from core.protocol.secret import Secret
from core.tokens.refresh import RefreshToken

KNOWN = 10_000  # families whose tokens are used; also the size of the small table
ISSUER = "http://auth.example.com"

# The others came over twelve weeks, most were rotated since, and none has expired: nothing is to be pruned.
FILL = """
INSERT INTO refresh_families (
    id, client_id, username, scope, audience, granted_at, expires_at, idle_expires_at, current, previous, rotated_at
)
SELECT
    coalesce(known.id, gen_random_uuid()),
    %(client)s,
    CASE WHEN known.id IS NULL THEN 'user' || filler.n %% 1000000 ELSE %(username)s END,
    %(scope)s,
    %(audience)s,
    granted_at,
    granted_at + interval '90 days',
    least(now() + interval '30 days', granted_at + interval '90 days'),
    coalesce(known.digest, sha256(filler.n::text::bytea)),
    CASE WHEN known.id IS NULL AND filler.n %% 5 > 0 THEN sha256(('before ' || filler.n)::bytea) END,
    CASE WHEN known.id IS NULL AND filler.n %% 5 > 0 THEN now() - interval '1 hour' END
FROM (
    SELECT n, now() - interval '84 days' * (1 - n::float8 / %(size)s) AS granted_at
    FROM generate_series(1, %(size)s) AS n
) AS filler
LEFT JOIN known ON known.n = filler.n
"""


@frozen
class Sizes:
    small: int
    large: int


@frozen
class Held:
    """A server, and what its families need to be rotated."""

    server: Child
    service: Mapping[str, str]
    tokens: tuple[str, ...]


@frozen
class Grown:
    small: Held
    large: Held
    sizes: Sizes
    checkpoint_dsn: Secret

    @property
    def servers(self) -> list[Child]:
        return [self.small.server, self.large.server]

    def checkpoint(self) -> None:
        """Let both sides start from the same point: what a page costs the first time after it counts for both."""
        with psycopg.connect(self.checkpoint_dsn.reveal(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")


@contextmanager
def grown(
    dsn: Secret, environment: Mapping[str, str], folder: Path, sizes: Sizes, progress: Callable[[str], None]
) -> Iterator[Grown]:
    superuser = _other(dsn, "postgres", username="postgres")
    with ExitStack() as stack:
        held: dict[str, Held] = {}
        for name, size in {"small": sizes.small, "large": sizes.large}.items():
            with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            own = _other(dsn, name)
            apply_migrations(own, MIGRATIONS, DEV_MIGRATIONS)
            settings = {**environment, "DATABASE_URL": own.reveal(), "WATCHWORD_ISSUER": ISSUER}
            service, tokens = asyncio.run(_known(settings, folder))
            progress(f"filling a table with {size:,} refresh families")
            _fill(own, size, tokens)
            server = stack.enter_context(serve(settings, folder, f"server with the {name} table"))
            server.until_ready()
            held[name] = Held(server, service, tuple(token.text.reveal() for token in tokens))
        yield Grown(held["small"], held["large"], sizes, superuser)


async def _known(settings: Mapping[str, str], folder: Path) -> tuple[dict[str, str], list[RefreshToken]]:
    """A client, and the first tokens of families that are not there yet."""
    async with opened(settings, folder) as container:
        grants = ("password", "refresh_token")
        service = await container.create_client()(client_id=SERVICE, grant_types=grants, scopes=SCOPES)
        tokens, entropy = container.refresh_tokens(), container.entropy()
        return basic(service), [await tokens.first(entropy.uuid()) for _ in range(KNOWN)]


def _fill(dsn: Secret, size: int, tokens: Sequence[RefreshToken]) -> None:
    values = {
        "client": SERVICE,
        "username": USERNAME,
        "scope": list(SCOPES),
        "audience": [ISSUER],
        "size": size,
    }
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("CREATE TEMPORARY TABLE known (n BIGINT PRIMARY KEY, id UUID, digest BYTEA)")
        with connection.cursor().copy("COPY known FROM STDIN") as copy:
            for number, token in enumerate(tokens, start=1):
                copy.write_row((number * size // len(tokens), token.family, token.digest))
        connection.execute("ANALYZE known")
        connection.execute(FILL, values)
        connection.execute("VACUUM (ANALYZE) refresh_families")


def _other(dsn: Secret, database: str, *, username: str | None = None) -> Secret:
    """Another database of the same server. Its superuser has the same password."""
    parts = urlsplit(dsn.reveal())
    netloc = parts.netloc if username is None else username + parts.netloc[parts.netloc.index(":") :]
    return Secret(urlunsplit(parts._replace(netloc=netloc, path=f"/{database}")))
