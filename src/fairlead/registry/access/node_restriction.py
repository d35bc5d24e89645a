"""Writes that are refused to nodes, whatever else allows them: objects of other nodes, and fields that would attract
Pods. Upstream: ``plugin/pkg/admission/noderestriction``, ``k8s.io/kubelet/pkg/apis/well_known_labels.go``.
"""

from collections.abc import Callable, Mapping

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.access.rules import Attributes
from fairlead.registry.requests import RequestTarget
from fairlead.registry.status import forbidden
from fairlead.registry.store import PODS, State

# The labels in the domains kubernetes.io and k8s.io that a node may set itself.
_OWN_LABELS = frozenset(
    {
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
_OWN_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_RESERVED_DOMAINS = ("kubernetes.io", "k8s.io")
_NEVER_OWN = "node-restriction.kubernetes.io"


def restriction(asked: Attributes, node: str, state: State) -> str:
    """Why a node must not change an object; empty if it may."""
    if asked.resource == "nodes" and asked.group == "" and asked.verb not in ("get", "list", "watch", "create"):
        return "" if asked.name == node else f'node "{node}" is not allowed to modify node "{asked.name}"'
    detail = _OF_PODS.get((asked.subresource, asked.verb)) if (asked.group, asked.resource) == ("", PODS) else None
    key = ObjectKey(asked.namespace, asked.name)
    if detail is None or key in state.pods_on(node) or state.get(PODS, key) is None:
        return ""
    return f'node "{node}" can only {detail} with spec.nodeName set to itself'


_OF_PODS = {
    ("", "delete"): "delete pods",
    ("status", "update"): "update pod status for pods",
    ("status", "patch"): "update pod status for pods",
    ("eviction", "create"): "evict pods",
}


def check_written(node: str, state: State, target: RequestTarget, new: Doc, old: Doc | None) -> None:
    """Raises ApiError: a node must not write this.

    Args:
        old: the stored object; None for a creation.
    """
    name = target.name or new["metadata"].get("name", "")
    check = _CHECKS.get(target.resource.qualified)
    why = check(node, name, new, old) if check else ""
    if why:
        raise forbidden(target.resource.plural, name, why, target.resource.group)


def _node(node: str, name: str, new: Doc, old: Doc | None) -> str:
    if name != node:
        return f'node "{node}" is not allowed to modify node "{name}"'
    if old is not None and _taints(new) != _taints(old):
        return f'node "{node}" is not allowed to modify taints'
    changed = _changed(_labels(new), _labels(old or {}))
    refused = ", ".join(sorted(filter(is_refused_label, changed)))
    if not refused:
        return ""
    if old is None:
        return f'node "{node}" is not allowed to set the following labels: {refused}'
    return f"is not allowed to modify labels: {refused}"


def _pod(node: str, name: str, new: Doc, old: Doc | None) -> str:
    if old is None or _labels(new) == _labels(old):
        return ""
    return f'node "{node}" cannot update labels through pod status'


def _lease(node: str, name: str, new: Doc, old: Doc | None) -> str:
    return "" if name == node else "can only access node lease with the same name as the requesting node"


_CHECKS: dict[str, Callable[[str, str, Doc, Doc | None], str]] = {
    "nodes": _node,
    "pods": _pod,
    "leases.coordination.k8s.io": _lease,
}


def is_refused_label(label: str) -> bool:
    """Whether a node may not set, change or remove the label of its Node."""
    domain, slash, _ = label.partition("/")
    if not slash:
        return False
    if _is_within(domain, _NEVER_OWN):
        return True
    reserved = any(_is_within(domain, each) for each in _RESERVED_DOMAINS)
    return reserved and label not in _OWN_LABELS and not any(_is_within(domain, each) for each in _OWN_DOMAINS)


def _is_within(domain: str, other: str) -> bool:
    return domain == other or domain.endswith(f".{other}")


def _changed(new: Mapping[str, str], old: Mapping[str, str]) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}


def _labels(document: Doc) -> Mapping[str, str]:
    return (document.get("metadata") or {}).get("labels") or {}


def _taints(node: Doc) -> list[Doc]:
    return (node.get("spec") or {}).get("taints") or []


def check_token(node: str, account: RequestTarget, bound: Doc, state: State) -> None:
    """Raises ApiError: a node's request for a ServiceAccount's token must be bound to one of its own Pods.

    Args:
        bound: the BoundObjectReference of the TokenRequest.
    """
    if why := _token_refusal(node, account.namespace, bound, state):
        raise forbidden("serviceaccounts", account.name, why)


def _token_refusal(node: str, namespace: str, bound: Doc, state: State) -> str:
    name = bound.get("name", "")
    if (bound.get("apiVersion"), bound.get("kind")) != ("v1", "Pod") or not name:
        return "node requested token not bound to a pod"
    if not bound.get("uid"):
        return "node requested token with a pod binding without a uid"
    key = ObjectKey(namespace, name)
    if state.get(PODS, key) is not None and key not in state.pods_on(node):
        return "node requested token bound to a pod scheduled on a different node"
    return ""
