"""psycopg over a headless Service of PostgreSQL: writes to the primary, reads from the replicas.

    db = Balancer(Dns("db.default.svc.cluster.local.", port=5432), roles=Roles(role_by(dbname="app", user="app")),
                  failures=is_failure)
    with connect(db, "primary", wait=30, dbname="app", user="app") as connection:
        connection.execute("insert into …")

A server that says that it recovers is a replica, whatever its name. After a failover the next probe finds the new
primary. An old one that is back as a replica refuses writes, and that refusal has it probed again too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from fairlead.client import Balancer, Endpoint

PROBE_SECONDS = 2  # libpq's connect_timeout, whose least is 2
# SQLSTATEs that tell of the server rather than of the statement (PostgreSQL, appendix A): it is lost, full, ending, or
# no longer the primary. An error without one is the connection's.
SERVER_STATES = ("08", "53", "57P01", "57P02", "57P03", "25006")


def is_failure(error: Exception) -> bool:
    """Whether an exception counts against the server that it came from."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(SERVER_STATES)


def role_by(**options: Any) -> Callable[[Endpoint], str]:
    """A probe that connects with these options and asks whether the server recovers: "primary" or "replica"."""

    def probe(endpoint: Endpoint) -> str:
        with psycopg.connect(**at(endpoint), **{"connect_timeout": PROBE_SECONDS, **options}) as connection:
            row = connection.execute("select pg_is_in_recovery()").fetchone()
            return "replica" if row and row[0] else "primary"

    return probe


@contextmanager
def connect(db: Balancer, target: str, *, wait: float = 0.0, **options: Any) -> Iterator[psycopg.Connection]:
    """A connection to a server that has the role, committed at the end as ``psycopg.Connection`` does.

    Raises:
        NoEndpoints: no server has that role. psycopg.Error: as usual; the server is doubted when it is to blame.
    """
    with db.pick(role=target, wait=wait) as endpoint, psycopg.connect(**at(endpoint), **options) as connection:
        yield connection


def at(endpoint: Endpoint) -> dict[str, Any]:
    """Where to connect, in libpq's words."""
    return {"host": endpoint.address, "port": endpoint.port}
