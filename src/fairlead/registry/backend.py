"""The target of a proxied request: a node, a Pod or a Service.

Refuses loopback, link-local and similar addresses: a Pod's status is written by its node, and must not make the API
server a way around a firewall.
Source: ``pkg/registry/core/pod/strategy.go``; apimachinery ``pkg/util/proxy`` (IsProxyableIP).
"""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fairlead.model.addresses import is_one_hosts, parse_ip
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.status import bad_request, not_found
from fairlead.registry.store import State
from fairlead.registry.strategy import ClusterConfig

KUBELET_PORT = 10250  # unless the Node says otherwise
USUAL_CLUSTER = ClusterConfig()


class ExtensionServer(NamedTuple):
    """A server that answers a part of the API.

    Attributes:
        name: that its certificate must have, by one of the authorities (PEM; empty for those that the machine trusts).
        is_unchecked: its certificate is not verified.
        headers: identify the user.
    """

    name: str
    authorities: bytes
    is_unchecked: bool
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BackendServer:
    """The server that answers, and the request to it.

    Attributes:
        scheme: http or https.
        path: of the request, quoted, with its query.
        is_node: it is a node's HTTP API, which is called with the API server's own certificate; otherwise it is a
            user's program, whose certificate cannot be verified.
        extension: it answers a part of the API.
    """

    scheme: str
    host: str
    port: int
    path: str
    is_node: bool = False
    extension: ExtensionServer | None = None


def find(state: State, storage: str, key: ObjectKey) -> Doc:
    """A stored object of the core group; raises ApiError 404."""
    stored = state.get(storage, key)
    if stored is None:
        raise not_found(storage, key.name)
    document: Doc = msgspec.json.decode(stored.document)
    return document


def node_of(state: State, pod: Doc, cluster: ClusterConfig = USUAL_CLUSTER) -> tuple[str, int]:
    """Address and port of the HTTP API of the node that a Pod is on; raises ApiError when it is on none."""
    name = pod.get("spec", {}).get("nodeName", "")
    if not name:
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    return api_of_node(find(state, "nodes", ObjectKey("", name)), cluster)


def api_of_node(node: Doc, cluster: ClusterConfig = USUAL_CLUSTER) -> tuple[str, int]:
    """Address and port of a node's HTTP API; raises ApiError when the Node does not say."""
    name, status = node["metadata"]["name"], node.get("status", {})
    address = next((entry["address"] for entry in status.get("addresses", ()) if entry["type"] == "InternalIP"), None)
    if address is None:
        raise bad_request(f"node {name} has no address")
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port") or KUBELET_PORT
    return proxyable(address, cluster), int(port)


def proxyable(address: str, cluster: ClusterConfig = USUAL_CLUSTER) -> str:
    """The address itself; raises ApiError if users' requests must not go there."""
    parsed = parse_ip(address)
    if parsed is None:
        raise bad_request(f'"{address}" is not an IP address')
    if not is_one_hosts(parsed) and not cluster.is_own(address):
        raise bad_request("address not allowed")
    return address
