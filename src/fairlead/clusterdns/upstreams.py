"""Which upstream servers there are, and in which order they are tried.

A server that fails ``max_fails`` times in a row counts as down until it answers a probe. If all servers are down they
are all tried, so that a wrong verdict does no harm.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.clusterdns.names import Name

KEPT_MAX = 16  # idle connections to one server
FAILURES_MAX = 2  # in a row, upstream's max_fails


class ServerPolicy(enum.StrEnum):
    """Which server is tried first."""

    RANDOM = "random"
    ROUND_ROBIN = "round_robin"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True)
class UpstreamServer:
    """An upstream server; ``tls``: it is asked over TLS (RFC 7858), and its certificate must have the name
    ``tls_name``."""

    address: str
    port: int = 53
    tls: bool = False
    tls_name: str = ""

    def __str__(self) -> str:
        where = f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
        return f"tls://{where}" if self.tls else where


@dataclass(frozen=True)
class TlsIdentity:
    """The authorities and the client certificate for TLS: paths of files; empty for the system's authorities and for no
    certificate."""

    certificate: str = ""
    key: str = ""
    authorities: str = ""


@dataclass(frozen=True)
class Upstream:
    """A group of servers, and how they are queried.

    Attributes:
        timeout: seconds for one exchange with one server.
        deadline: seconds after which a client gets SERVFAIL; below the 5 s at which resolvers ask again.
        concurrent: exchanges at once; more are refused. None for no bound.
        force_tcp: never ask over UDP.
        follow_client: ask over TCP when the client did.
        max_fails: failures in a row after which a server is down; 0 for never.
        probe: seconds between probes of a server that is down.
        probe_name, probe_recursion: what a probe asks.
        failover: response codes that send on to the next server.
        fail_fast: answer SERVFAIL at once when all servers are down.
        idle, kept: seconds that a connection is kept without use, and how many to one server.
        attempts: servers tried for one question at most; 0 for all.
        finds_loops: look at start whether these servers ask us.
    """

    servers: tuple[UpstreamServer, ...]
    policy: ServerPolicy = ServerPolicy.RANDOM
    timeout: float = 2.0
    deadline: float = 4.5
    concurrent: int | None = None
    force_tcp: bool = False
    follow_client: bool = False
    max_fails: int = FAILURES_MAX
    probe: float = 0.5
    probe_name: Name = ()
    probe_recursion: bool = True
    failover: frozenset[int] = frozenset((2,))
    fail_fast: bool = False
    attempts: int = 0
    idle: float = 10.0
    kept: int = KEPT_MAX
    identity: TlsIdentity = TlsIdentity()
    finds_loops: bool = False


class UpstreamHealth:
    """Which servers answer."""

    def __init__(self, max_fails: int = FAILURES_MAX) -> None:
        self._failures: dict[UpstreamServer, int] = {}
        self._max_fails = max_fails

    def succeeded(self, server: UpstreamServer) -> None:
        self._failures.pop(server, None)

    def failed(self, server: UpstreamServer) -> bool:
        """Note a failure; returns whether the server counts as down from now on."""
        self._failures[server] = self._failures.get(server, 0) + 1
        return self._failures[server] == self._max_fails

    def is_down(self, server: UpstreamServer) -> bool:
        return 0 < self._max_fails <= self._failures.get(server, 0)

    def order(self, servers: Sequence[UpstreamServer], turn: int) -> list[UpstreamServer]:
        """Servers to try, from number ``turn`` on; those that are down only when all are."""
        start = turn % len(servers)
        rotated = [*servers[start:], *servers[:start]]
        return [server for server in rotated if not self.is_down(server)] or rotated
