"""The values of the library: an endpoint, the requirements of a request, an update of the set."""

from dataclasses import dataclass
from typing import NamedTuple

Place = tuple[str, int]  # address and port


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address and port of one Pod.

    Attributes:
        address: an IP address.
        name: the endpoint's own name, which it keeps when it comes back elsewhere (a StatefulSet's Pod); None where
            only addresses are known.
        zone: its topology zone, if known.
        priority: lower ones are used first (RFC 2782); Kubernetes gives all of them 0.
    """

    address: str
    port: int
    name: str | None = None
    zone: str | None = None
    priority: int = 0

    @property
    def place(self) -> Place:
        return self.address, self.port

    @property
    def identity(self) -> str:
        """The most stable identity of the endpoint: its name, or its address if it has no name."""
        return self.name or str(self)

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


class Wanted(NamedTuple):
    """The requirements of a request on its endpoint.

    Attributes:
        key: requests with the same key belong together.
        role: only endpoints that have this role.
        tried: where the request has failed already; these are avoided while there are others.
    """

    key: str | None = None
    role: str | None = None
    tried: frozenset[Endpoint] = frozenset()


class Update(NamedTuple):
    """An update of the set from a source.

    Attributes:
        endpoints: the whole set; None when nothing could be learned, so that the last known set stays.
        reason: why it is empty or unknown, for people.
    """

    endpoints: tuple[Endpoint, ...] | None
    reason: str = ""


class NoEndpoints(Exception):
    """No endpoint is available for a request; the message says why."""
