"""``pods/proxy``, ``services/proxy`` and ``nodes/proxy``: the target of a request.

Names are ``[scheme:]name[:port]``. A Service's request goes to one of its ready endpoints, evenly at random.
Source: ``pkg/registry/core/pod/strategy.go``, ``node/strategy.go`` and ``service/storage`` (ResourceLocation),
apimachinery ``pkg/util/net/port_split.go``.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.backend import USUAL_CLUSTER, BackendServer, api_of_node, find, proxyable
from fairlead.registry.requests import Request, RequestTarget
from fairlead.registry.status import ApiError, bad_request
from fairlead.registry.store import State
from fairlead.registry.strategy import ClusterConfig

_SLICES = "endpointslices.discovery.k8s.io"


class _Name(NamedTuple):
    scheme: str
    name: str
    port: str


def pod_proxy(
    request: Request, target: RequestTarget, state: State, cluster: ClusterConfig = USUAL_CLUSTER
) -> BackendServer:
    """The Pod's port: the one named, or its first container port, or that of the scheme."""
    wanted = _parse(target.name, "pod")
    pod = find(state, "pods", ObjectKey(target.namespace, wanted.name))
    address = pod.get("status", {}).get("podIP", "")
    if not address:
        raise bad_request(f"pod {wanted.name} does not have an address assigned")
    port = wanted.port or _first_port(pod) or ("443" if wanted.scheme == "https" else "80")
    return BackendServer(wanted.scheme or "http", proxyable(address, cluster), _number(port), _path(request, target))


def node_proxy(
    request: Request, target: RequestTarget, state: State, cluster: ClusterConfig = USUAL_CLUSTER
) -> BackendServer:
    """The node's own HTTP API, which is called with the API server's certificate; or another port of the node."""
    wanted = _parse(target.name, "node")
    address, own = api_of_node(find(state, "nodes", ObjectKey("", wanted.name)), cluster)
    if wanted.port in ("", str(own)):
        return BackendServer("https", address, own, _path(request, target), is_node=True)
    return BackendServer(wanted.scheme or "http", address, _number(wanted.port), _path(request, target))


def service_proxy(
    request: Request,
    target: RequestTarget,
    state: State,
    choose: Callable[[int], int],
    cluster: ClusterConfig = USUAL_CLUSTER,
) -> BackendServer:
    """A ready endpoint of the Service; raises ApiError 503 when there is none."""
    wanted = _parse(target.name, "service")
    address, port = endpoint_of(state, target.namespace, wanted.name, wanted.port, choose, cluster)
    return BackendServer(wanted.scheme or "http", address, port, _path(request, target))


def endpoint_of(
    state: State,
    namespace: str,
    service: str,
    port: str | int,
    choose: Callable[[int], int],
    cluster: ClusterConfig = USUAL_CLUSTER,
) -> tuple[str, int]:
    """Address and port of a ready endpoint of a Service, whose own port is given by name, by number, or not at all.

    Raises:
        ApiError: 404 no such Service, 503 no such port or no endpoint.
    """
    found = find(state, "services", ObjectKey(namespace, service))
    endpoints = list(_endpoints(state, namespace, service, _port_name(found, service, str(port))))
    if not endpoints:
        message = f'no endpoints available for service "{service}"'
        raise ApiError(503, "ServiceUnavailable", message)
    address, number = endpoints[choose(len(endpoints))]
    return proxyable(address, cluster), number


def _parse(text: str, kind: str) -> _Name:
    parts = text.split(":")
    match parts:
        case [name]:
            found = _Name("", name, "")
        case [name, port]:
            found = _Name("", name, port)
        case [scheme, name, port]:
            found = _Name(scheme, name, port)
        case _:
            found = _Name("", "", "")
    if not found.name or found.scheme not in ("", "http", "https"):
        raise bad_request(f'invalid {kind} request "{text}"')
    return found


def _path(request: Request, target: RequestTarget) -> str:
    path = "/" + quote(target.rest)
    if target.rest and request.path.endswith("/") and not path.endswith("/"):
        path += "/"
    return f"{path}?{request.query_string}" if request.query_string else path


def _first_port(pod: Doc) -> str:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            return str(port["containerPort"])
    return ""


def _number(port: str) -> int:
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= 0xFFFF):
        raise bad_request(f'"{port}" is not a port')
    return int(port)


def _port_name(service: Doc, name: str, wanted: str) -> str:
    """The name of the requested Service port, by name or number; of the only port if none is given."""
    ports = service["spec"].get("ports", ())
    for port in ports:
        if wanted in (port.get("name", ""), str(port["port"])) or (not wanted and len(ports) == 1):
            return str(port.get("name", ""))
    raise ApiError(503, "ServiceUnavailable", f'no service port "{wanted}" found for service "{name}"')


def _endpoints(state: State, namespace: str, service: str, port_name: str) -> Iterator[tuple[str, int]]:
    """Address and port of every ready endpoint."""
    for key, stored in state.of(_SLICES).items():
        if key.namespace != namespace or stored.labels.get("kubernetes.io/service-name") != service:
            continue
        document: Doc = msgspec.json.decode(stored.document)
        ports = [port["port"] for port in document.get("ports") or () if port.get("name", "") == port_name]
        for endpoint in document.get("endpoints") or ():
            if ports and endpoint.get("conditions", {}).get("ready", True):
                yield endpoint["addresses"][0], ports[0]
