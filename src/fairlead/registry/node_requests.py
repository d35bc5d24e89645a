"""Requests that a Pod's node answers: logs, exec, attach and port-forward, as the API server passes them on.

Decides which node, which container and which path; the bytes that follow are between client and node. Paths and
parameters on the node's side are the kubelet's (upstream: ``pkg/kubelet/server/server.go``,
``pkg/registry/core/pod/strategy.go``).
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from fairlead.registry.requests import Request, Target
from fairlead.registry.status import bad_request, not_found
from fairlead.registry.store import State

Doc = dict[str, Any]
Query = list[tuple[str, str]]

_TRUE = ("1", "true", "True")
# kubectl's names of the streams of a command -> the kubelet's.
_STREAMS = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}
_LOG_OPTIONS = ("follow", "previous", "timestamps", "sinceSeconds", "sinceTime", "tailLines", "limitBytes")
# Subresource -> the kubelet's first path segment.
_PATHS = {"log": "containerLogs", "exec": "exec", "attach": "attach", "portforward": "portForward"}
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True)
class NodeRequest:
    """What to ask of which node; ``path`` includes the query."""

    node: str
    path: str


def node_request(request: Request, target: Target, state: State) -> NodeRequest:
    """The request to the node that runs the Pod.

    Raises:
        ApiError: 404 no such Pod; 400 it has no node yet, or the container cannot be told.
    """
    assert target.subresource is not None
    stored = state.get("pods", target.key)
    if stored is None:
        raise not_found("pods", target.name)
    pod: Doc = msgspec.json.decode(stored.document)
    node = pod["spec"].get("nodeName")
    if not node:
        raise bad_request(f"pod {target.name} does not have a host assigned")
    options = parse_qsl(request.raw_query, keep_blank_values=True)
    kind = target.subresource.name
    path = f"/{_PATHS[kind]}/{quote(target.namespace)}/{quote(target.name)}"
    if kind == "portforward":
        return NodeRequest(node, _with_query(path, [(name, value) for name, value in options if name == "ports"]))
    container = _container(pod, dict(options).get("container", ""))
    query = _log_query(options) if kind == "log" else _stream_query(options)
    return NodeRequest(node, _with_query(f"{path}/{quote(container)}", query))


def _with_query(path: str, query: Query) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _stream_query(options: Query) -> Query:
    streams = [(_STREAMS[name], "1") for name, value in options if name in _STREAMS and value in _TRUE]
    return streams + [(name, value) for name, value in options if name == "command"]


def _log_query(options: Query) -> Query:
    return [(name, value) for name, value in options if name in _LOG_OPTIONS]


def _container(pod: Doc, wanted: str) -> str:
    spec, name = pod["spec"], pod["metadata"]["name"]
    containers = [container["name"] for container in spec.get("containers") or []]
    others = [c["name"] for field in ("initContainers", "ephemeralContainers") for c in spec.get(field) or []]
    default = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    wanted = wanted or (default if default in containers else "") or (containers[0] if len(containers) == 1 else "")
    if not wanted:
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]"
            + (f" or one of the init containers: [{' '.join(others)}]" if others else "")
        )
    if wanted not in (*containers, *others):
        raise bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted
