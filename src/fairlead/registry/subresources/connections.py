"""Connections into Pods, and through the API server: what of them is shown to those who judge requests.

Upstream: k8s.io/api ``core/v1/types.go`` (PodExecOptions and the others).
"""

from collections.abc import Callable
from urllib.parse import parse_qsl

from fairlead.model.document import Doc
from fairlead.registry.requests import Request, RequestTarget

# Subresources that are connections -> the kind of their options.
CONNECTIONS = {
    "nodes/proxy": "NodeProxyOptions",
    "pods/attach": "PodAttachOptions",
    "pods/exec": "PodExecOptions",
    "pods/portforward": "PodPortForwardOptions",
    "pods/proxy": "PodProxyOptions",
    "services/proxy": "ServiceProxyOptions",
}


def connection_options(request: Request, target: RequestTarget) -> Doc:
    """The options of a requested connection, as a document of their kind."""
    kind = CONNECTIONS[target.plural_with_subresource]
    document: Doc = {"kind": kind, "apiVersion": "v1"}
    if kind.endswith("ProxyOptions"):
        return {**document, "path": f"/{target.rest}"}
    given = parse_qsl(request.query_string, keep_blank_values=True)
    for name, read in _FIELDS[kind].items():
        if found := [value for key, value in given if key == name]:
            document[name] = read(found)
    return document


def _flag(values: list[str]) -> bool:
    return values[0] in ("1", "t", "T", "true", "TRUE", "True")


def _text(values: list[str]) -> str:
    return values[0]


def _numbers(values: list[str]) -> list[int]:
    return [int(port) for value in values for port in value.split(",") if port.isascii() and port.isdigit()]


_STREAMS: dict[str, Callable[[list[str]], object]] = {
    **dict.fromkeys(("stdin", "stdout", "stderr", "tty"), _flag),
    "container": _text,
}
_FIELDS: dict[str, dict[str, Callable[[list[str]], object]]] = {
    "PodAttachOptions": _STREAMS,
    "PodExecOptions": {**_STREAMS, "command": list},
    "PodPortForwardOptions": {"ports": _numbers},
}
