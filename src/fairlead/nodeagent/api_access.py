"""The right that a request to a node's HTTP API needs, as the attributes of a SubjectAccessReview.

Each request is for a subresource of the Node: reads of metrics, logs or the list of Pods have their own one, and all
others use ``nodes/proxy``, which also includes the finer ones (KEP-2862). Upstream: ``pkg/kubelet/server/auth.go``.
"""

from collections.abc import Sequence

from fairlead.model.document import Doc

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_PROXY = "proxy"
_SUBRESOURCES = {
    "stats": ("stats",),
    "metrics": ("metrics",),
    "logs": ("log",),
    "checkpoint": ("checkpoint",),
    "pods": ("pods", _PROXY),
    "runningpods": ("pods", _PROXY),
    "healthz": ("healthz", _PROXY),
    "configz": ("configz", _PROXY),
}


def subresources_of(path: Sequence[str]) -> tuple[str, ...]:
    """The subresources of the Node of which one must be allowed, the narrowest first.

    Args:
        path: the segments of the request's path.
    """
    return _SUBRESOURCES.get(path[0] if path else "", (_PROXY,))


def verb_of(method: str) -> str:
    """The API's verb for an HTTP method; empty for one that the API has no verb for, which only ``*`` allows."""
    return _VERBS.get(method, "")


def node_attributes(node: str, verb: str, subresource: str) -> Doc:
    """The ``resourceAttributes`` of a SubjectAccessReview about a subresource of a Node."""
    return {"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource, "name": node}
