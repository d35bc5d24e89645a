"""``pods/log``, ``exec``, ``attach`` and ``portforward``: the container, and the request to its node.

Refuses containers that the Pod does not have, and a missing choice between several. The node checks everything else.
Source: ``pkg/registry/core/pod/strategy.go`` (LogLocation, streamLocation).
"""

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode

from fairlead.model.document import Doc
from fairlead.registry.backend import USUAL_CLUSTER, BackendServer, find, node_of
from fairlead.registry.requests import Request, RequestTarget
from fairlead.registry.status import bad_request
from fairlead.registry.store import State
from fairlead.registry.strategy import ClusterConfig

# A stream's name in the options of a client -> in the kubelet's API.
_STREAMS = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}
_LOG_OPTIONS = ("follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes")

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


def pod_log(
    request: Request, target: RequestTarget, state: State, cluster: ClusterConfig = USUAL_CLUSTER
) -> BackendServer | None:
    """The location of the log; None while the Pod is on no node."""
    pod = find(state, "pods", target.key)
    container = _container(pod, request)
    if not pod["spec"].get("nodeName"):
        return None
    options = [(name, request.query[name]) for name in _LOG_OPTIONS if name in request.query]
    return _on_node(state, pod, cluster, ("containerLogs", container), options)


def pod_exec(
    request: Request, target: RequestTarget, state: State, cluster: ClusterConfig = USUAL_CLUSTER
) -> BackendServer:
    """The location for a command."""
    pod = find(state, "pods", target.key)
    return _on_node(state, pod, cluster, ("exec", _container(pod, request)), _stream_options(request))


def pod_attach(
    request: Request, target: RequestTarget, state: State, cluster: ClusterConfig = USUAL_CLUSTER
) -> BackendServer:
    """The location of the container's process."""
    pod = find(state, "pods", target.key)
    return _on_node(state, pod, cluster, ("attach", _container(pod, request)), _stream_options(request))


def pod_port_forward(
    request: Request, target: RequestTarget, state: State, cluster: ClusterConfig = USUAL_CLUSTER
) -> BackendServer:
    """The location for connections into the Pod; client libraries name the ports here, kubectl later."""
    options = parse_qsl(request.query_string)
    ports = [(name, value) for name, value in options if name == "ports"]
    return _on_node(state, find(state, "pods", target.key), cluster, ("portForward", ""), ports)


def _stream_options(request: Request) -> list[tuple[str, str]]:
    options = []
    for name, value in parse_qsl(request.query_string, keep_blank_values=True):
        if name == "command":
            options.append((name, value))
        elif name in _STREAMS and value in _TRUE:
            options.append((_STREAMS[name], "1"))
    return options


def _on_node(
    state: State, pod: Doc, cluster: ClusterConfig, what: tuple[str, str], options: Iterable[tuple[str, str]]
) -> BackendServer:
    host, port = node_of(state, pod, cluster)
    verb, container = what
    metadata = pod["metadata"]
    segments = (verb, metadata["namespace"], metadata["name"], container)
    path = "/" + "/".join(quote(segment, safe="") for segment in segments if segment)
    query = urlencode(list(options))
    return BackendServer("https", host, port, f"{path}?{query}" if query else path, is_node=True)


def _container(pod: Doc, request: Request) -> str:
    """The requested container, or the only one."""
    name, pod_name = request.query.get("container", ""), pod["metadata"]["name"]
    regular, init, ephemeral = (
        [container["name"] for container in pod["spec"].get(field, ())]
        for field in ("containers", "initContainers", "ephemeralContainers")
    )
    if name:
        if name not in (*regular, *init, *ephemeral):
            raise bad_request(f"container {name} is not valid for pod {pod_name}")
        return name
    if len(regular) == 1:
        return str(regular[0])
    message = f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(regular)}]"
    raise bad_request(message + (f" or one of the init containers: [{' '.join(init)}]" if init else ""))
