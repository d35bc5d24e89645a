"""Whom to ask about names outside the zones: the route of a name, and the order in which its servers are tried.

A server that fails ``FAILURES_MAX`` times in a row is held to be down until a probe is answered. When all servers of a
route are down they are all tried, since a wrong verdict must not be worse than none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.clusterdns.names import Name, is_within

FAILURES_MAX = 2  # in a row, upstream's max_fails


@dataclass(frozen=True)
class Server:
    """An upstream server."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Route:
    """The servers for the names below ``zone``; the root's are asked about everything else."""

    zone: Name
    servers: tuple[Server, ...]


def route_of(name: Name, routes: Sequence[Route]) -> Route | None:
    """The route with the longest zone that holds the name."""
    return max((r for r in routes if is_within(name, r.zone)), key=lambda r: len(r.zone), default=None)


class Health:
    """Which servers answer."""

    def __init__(self) -> None:
        self._failures: dict[Server, int] = {}

    def succeeded(self, server: Server) -> None:
        self._failures.pop(server, None)

    def failed(self, server: Server) -> bool:
        """Note a failure; says whether the server is held to be down from now on."""
        self._failures[server] = self._failures.get(server, 0) + 1
        return self._failures[server] == FAILURES_MAX

    def is_down(self, server: Server) -> bool:
        return self._failures.get(server, 0) >= FAILURES_MAX

    def order(self, servers: Sequence[Server], turn: int) -> list[Server]:
        """Servers to try, the first another one each turn; those that are down only when all are."""
        start = turn % len(servers)
        rotated = [*servers[start:], *servers[:start]]
        return [server for server in rotated if not self.is_down(server)] or rotated
