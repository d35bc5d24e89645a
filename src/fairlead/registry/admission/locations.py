"""The location of a server to call.

A Service's server is called at one of its ready endpoints, under the Service's name. Upstream: apiserver
``pkg/util/webhook/client.go``, ``pkg/util/proxy/proxy.go``.
"""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from fairlead.registry.backend import USUAL_CLUSTER
from fairlead.registry.questions import ReviewServer
from fairlead.registry.store import State
from fairlead.registry.strategy import ClusterConfig
from fairlead.registry.subresources.proxy import endpoint_of


class Location(NamedTuple):
    """Address, name in the certificate, and path of a server.

    Attributes:
        host: an address or a name.
        authority: of the URL, for the ``Host`` header.
        path: with the query.
    """

    host: str
    port: int
    name: str
    authority: str
    path: str


def locate(
    server: ReviewServer,
    seconds: int,
    state: State,
    choose: Callable[[int], int],
    cluster: ClusterConfig = USUAL_CLUSTER,
) -> Location:
    """The current address of a server.

    Raises:
        ApiError: its Service is not there, or has no endpoints.
    """
    if server.service is None:
        parts = urlsplit(server.url)
        name = parts.hostname or ""
        return Location(name, parts.port or 443, name, parts.netloc, f"{parts.path or '/'}?timeout={seconds}s")
    where = server.service
    address, port = endpoint_of(state, where.namespace, where.name, where.port, choose, cluster)
    name = f"{where.name}.{where.namespace}.svc"
    return Location(address, port, name, f"{name}:{where.port}", f"{where.path or '/'}?timeout={seconds}s")
