"""What Watchword needs inside the server: a role of few privileges, and a database it owns."""

from __future__ import annotations

import psycopg
from psycopg import sql

from adapters.embedded.cluster import SUPERUSER
from adapters.embedded.layout import DATABASE, PORT, ROLE, Layout
from core.protocol.secret import Secret


def provision(layout: Layout, password: Secret) -> None:
    """Make the role and the database where missing. Raises psycopg.Error while the server does not answer.

    The role is no superuser: a superuser may start programs, and an injected statement would too. It shares
    its password with the superuser, since whoever reads the file may as well read the data.
    """
    with _connect(layout, SUPERUSER, SUPERUSER, password) as connection:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).rowcount:
            # The verifier, not the password: statements may end up in logs.
            secret = password.reveal().encode()
            verifier = connection.pgconn.encrypt_password(secret, ROLE.encode(), b"scram-sha-256").decode()
            role = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
            connection.execute(role.format(sql.Identifier(ROLE), sql.Literal(verifier)))
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            database = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0")  # template1 may be in use
            connection.execute(database.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))


def check(layout: Layout, password: Secret) -> None:
    """Connect as Watchword will. Raises psycopg.Error while the server, role or database is not there."""
    _connect(layout, ROLE, DATABASE, password).close()


def _connect(layout: Layout, role: str, database: str, password: Secret) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(layout.sockets),
        port=PORT,
        user=role,
        password=password.reveal(),
        dbname=database,
        connect_timeout=5,
        autocommit=True,
    )
